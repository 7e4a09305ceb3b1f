/* One publish, many listeners, on any number of loops. Subscribers of one server form a room that
 * only its loop touches; the hub's lock guards the list of rooms and their counts, and is held for
 * a few instructions. An event is made once, counted, and posted to each room's loop, which copies
 * it into the streams of those who listen.
 *
 * A room lives while somebody is in it or an event is on its way to it; it is in the hub's list
 * only while somebody is in it, so its server is there whenever it is posted to. In the driver
 * there is no server to post to: the event is delivered at once. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "app/events/sse.h"
#include "rawhttp/method.h"
#include "rawhttp/server.h"
#include "server/door.h"
#include "util/assert.h"
#include "util/list.h"
#include "util/options.h"

struct rh_sse_hub {
    struct rh_sse_hub_options options;
    pthread_mutex_t lock;
    struct rh_link rooms; /* those in which somebody is */
    size_t subscribers;   /* of all */
    atomic_uint references;
};

struct room {
    struct rh_link link; /* in hub->rooms */
    struct rh_sse_hub *hub;
    struct rh_server *server;   /* NULL: the driver's */
    struct rh_link subscribers; /* the loop's */
    size_t pending;             /* deliveries under way; under the lock */
    struct rh_alarm alarm;      /* the next heartbeat */
};

/* In the exchange's arena. */
struct subscriber {
    struct rh_link link;
    struct room *room;
    struct rh_exchange *x;
};

struct event {
    atomic_uint references;
    size_t len;
    char bytes[];
};

struct delivery {
    struct room *room;
    struct event *event;
    struct delivery *next;
};

static void event_unref(struct event *event)
{
    if (atomic_fetch_sub_explicit(&event->references, 1, memory_order_acq_rel) == 1) {
        free(event);
    }
}

/* --- Life ----------------------------------------------------------------------------------- */

void rh_sse_hub_options_init_sized(struct rh_sse_hub_options *options, size_t size)
{
    static const struct rh_sse_hub_options defaults = {.heartbeat_ms = 15000, .retry_ms = 3000};
    rh_options_fill(options, size, &defaults, sizeof defaults);
}

struct rh_sse_hub *rh_sse_hub_create(const struct rh_sse_hub_options *options)
{
    struct rh_sse_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL || pthread_mutex_init(&hub->lock, NULL) != 0) {
        free(hub);
        return NULL;
    }
    rh_sse_hub_options_init(&hub->options);
    rh_options_take(&hub->options, sizeof hub->options, options);
    rh_list_init(&hub->rooms);
    atomic_init(&hub->references, 1);
    return hub;
}

static void hub_unref(struct rh_sse_hub *hub)
{
    if (atomic_fetch_sub_explicit(&hub->references, 1, memory_order_acq_rel) == 1) {
        RH_ASSERT(rh_list_is_empty(&hub->rooms));
        pthread_mutex_destroy(&hub->lock);
        free(hub);
    }
}

void rh_sse_hub_destroy(void *hub)
{
    if (hub != NULL) {
        hub_unref(hub);
    }
}

/* --- Rooms ---------------------------------------------------------------------------------- */

/* On the room's loop: gone where nobody is in it and nothing is on its way to it. */
static void room_leave(struct room *room, size_t left, size_t delivered)
{
    struct rh_sse_hub *hub = room->hub;
    pthread_mutex_lock(&hub->lock);
    hub->subscribers -= left;
    room->pending -= delivered;
    bool is_empty = rh_list_is_empty(&room->subscribers);
    bool is_over = is_empty && room->pending == 0;
    if (is_empty) {
        rh_list_remove(&room->link);
    }
    pthread_mutex_unlock(&hub->lock);
    if (is_empty) {
        rh_list_remove(&room->alarm.due.link);
    }
    if (is_over) {
        free(room);
        hub_unref(hub);
    }
}

/* Takes the subscriber out and ends its stream. The room may be gone after it, unless somebody
 * counts on it. */
static void subscriber_end(struct subscriber *subscriber)
{
    struct room *room = subscriber->room;
    struct rh_exchange *x = subscriber->x;
    subscriber->room = NULL;
    rh_list_remove(&subscriber->link);
    rh_stream_end(x);
    room_leave(room, 1, 0);
}

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    struct subscriber *subscriber = data;
    (void)x;
    (void)reason; /* also at an end of file: nobody sends half a request and listens */
    if (subscriber->room != NULL) {
        subscriber_end(subscriber);
    }
}

/* Those who listen come back spread over as long again, not all at once. */
static void on_drain(struct rh_exchange *x, void *data)
{
    struct subscriber *subscriber = data;
    if (subscriber->room == NULL) {
        return;
    }
    unsigned retry_ms = subscriber->room->hub->options.retry_ms;
    if (retry_ms > 0) {
        RH_IGNORE(rh_sse_retry(x, retry_ms + rh_request_peer_port(x) % retry_ms));
    }
    subscriber_end(subscriber);
}

/* A comment to all; one that has no room for it has bytes that wait for the peer, and they tell as
 * much. */
static void on_heartbeat(struct rh_alarm *alarm)
{
    struct room *room = RH_CONTAINER_OF(alarm, struct room, alarm);
    struct rh_exchange *x = NULL;
    for (struct rh_link *link = room->subscribers.next; link != &room->subscribers;
         link = link->next) {
        x = RH_CONTAINER_OF(link, struct subscriber, link)->x;
        RH_IGNORE(rh_sse_heartbeat(x));
    }
    if (x != NULL) {
        rh_exchange_alarm(x, alarm, room->hub->options.heartbeat_ms);
    }
}

/* The room of this exchange's server, with one more in its count; NULL when memory ran out. */
static struct room *room_enter(struct rh_sse_hub *hub, struct rh_exchange *x,
                               struct subscriber *subscriber)
{
    struct rh_server *server = rh_exchange_server(x);
    struct room *room = NULL;
    pthread_mutex_lock(&hub->lock);
    for (struct rh_link *link = hub->rooms.next; link != &hub->rooms && room == NULL;
         link = link->next) {
        struct room *other = RH_CONTAINER_OF(link, struct room, link);
        room = other->server == server ? other : NULL;
    }
    bool is_new = room == NULL;
    if (is_new && (room = calloc(1, sizeof *room)) != NULL) {
        room->hub = hub;
        room->server = server;
        room->alarm.fn = on_heartbeat;
        rh_list_init(&room->subscribers);
        rh_list_init(&room->alarm.due.link);
        rh_list_push_back(&hub->rooms, &room->link);
        atomic_fetch_add_explicit(&hub->references, 1, memory_order_relaxed);
    }
    if (room != NULL) {
        rh_list_push_back(&room->subscribers, &subscriber->link);
        hub->subscribers++;
    }
    pthread_mutex_unlock(&hub->lock);
    if (is_new && room != NULL && hub->options.heartbeat_ms > 0) {
        rh_exchange_alarm(x, &room->alarm, hub->options.heartbeat_ms);
    }
    return room;
}

/* The abort and the drain may be known already: then their callbacks run here and now, and end the
 * stream. */
static int listen(struct subscriber *subscriber)
{
    struct rh_exchange *x = subscriber->x;
    uint32_t retry_ms = subscriber->room->hub->options.retry_ms;
    rh_sse_open(x, NULL, NULL);
    if (retry_ms > 0) {
        RH_IGNORE(rh_sse_retry(x, retry_ms));
    }
    if (rh_exchange_on_abort(x, on_abort, subscriber) != 0 ||
        (subscriber->room != NULL && rh_exchange_on_drain(x, on_drain, subscriber) != 0)) {
        subscriber_end(subscriber); /* it would stay for ever, or hold a drain up */
    }
    return subscriber->room != NULL ? 0 : RH_ECUT;
}

int rh_sse_hub_subscribe(struct rh_sse_hub *hub, struct rh_exchange *x)
{
    if (rh_request_method(x) == RH_HEAD) { /* the head is all there is to say */
        rh_sse_open(x, NULL, NULL);
        rh_stream_end(x);
        return RH_ESTATE;
    }
    struct subscriber *subscriber = rh_exchange_alloc(x, sizeof *subscriber);
    if (subscriber != NULL) {
        *subscriber = (struct subscriber){.x = x};
        subscriber->room = room_enter(hub, x, subscriber);
    }
    if (subscriber == NULL || subscriber->room == NULL) {
        rh_respond_error(x, 503, NULL);
        return RH_ENOROOM;
    }
    rh_exchange_pin(x); /* the subscriber lies in its arena */
    int err = listen(subscriber);
    rh_exchange_unpin(x);
    return err;
}

size_t rh_sse_hub_subscribers(struct rh_sse_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    size_t count = hub->subscribers;
    pthread_mutex_unlock(&hub->lock);
    return count;
}

/* --- Events --------------------------------------------------------------------------------- */

/* On the room's loop. A stream without room for the whole event ends: its browser comes back and
 * says what it saw last, where one that went on would have missed something without knowing. */
static void deliver(struct rh_server *server, void *data)
{
    struct delivery *delivery = data;
    struct room *room = delivery->room;
    struct event *event = delivery->event;
    struct rh_link *next;
    (void)server;
    for (struct rh_link *link = room->subscribers.next; link != &room->subscribers; link = next) {
        struct subscriber *subscriber = RH_CONTAINER_OF(link, struct subscriber, link);
        next = link->next;
        if (rh_stream_room(subscriber->x) >= event->len &&
            rh_stream_write(subscriber->x, event->bytes, event->len) == event->len) {
            continue;
        }
        subscriber_end(subscriber); /* the delivery counts on the room */
    }
    event_unref(event);
    free(delivery);
    room_leave(room, 0, 1);
}

/* Under the lock: posts to one room, or chains the delivery where it must be called. */
static int send_to(struct room *room, struct event *event, struct delivery **direct)
{
    struct delivery *delivery = malloc(sizeof *delivery);
    if (delivery == NULL) {
        return RH_ENOROOM;
    }
    *delivery = (struct delivery){room, event, NULL};
    atomic_fetch_add_explicit(&event->references, 1, memory_order_relaxed);
    room->pending++;
    if (room->server == NULL) {
        delivery->next = *direct;
        *direct = delivery;
        return 0;
    }
    int err = rh_server_post(room->server, deliver, delivery);
    if (err != 0) {
        room->pending--;
        atomic_fetch_sub_explicit(&event->references, 1, memory_order_relaxed);
        free(delivery);
    }
    return err;
}

int rh_sse_hub_publish(struct rh_sse_hub *hub, const char *event, const char *id,
                       struct rh_slice data)
{
    size_t len = rh_sse_format(event, id, data, NULL);
    struct event *made = len > 0 ? malloc(sizeof *made + len) : NULL;
    struct delivery *direct = NULL;
    int err = 0;
    if (made == NULL) {
        return len == 0 ? RH_EFIELD : RH_ENOROOM;
    }
    atomic_init(&made->references, 1);
    made->len = len;
    rh_sse_format(event, id, data, made->bytes);
    pthread_mutex_lock(&hub->lock);
    for (struct rh_link *link = hub->rooms.next; link != &hub->rooms; link = link->next) {
        int result = send_to(RH_CONTAINER_OF(link, struct room, link), made, &direct);
        err = err != 0 ? err : result;
    }
    pthread_mutex_unlock(&hub->lock);
    while (direct != NULL) {
        struct delivery *delivery = direct;
        direct = delivery->next;
        deliver(NULL, delivery);
    }
    /* Each delivery had a reference of its own, which the analyzer does not count. */
    event_unref(made); /* NOLINT(clang-analyzer-unix.Malloc) */
    return err;
}
