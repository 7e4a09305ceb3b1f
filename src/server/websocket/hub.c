/* One publish, many sockets, on any number of loops. The subscribers of a topic on one loop form a
 * room that only that loop touches; the hub's lock guards the table of rooms and their counts, and
 * is held for a few instructions. A message is copied once for the hub, posted to each room's loop,
 * and made a frame once there, which all sockets of the room send.
 *
 * A room lives while somebody is in it or a message is on its way to it; it is in the table only
 * while somebody is in it, so its server is there whenever it is posted to. In the driver there is
 * no server to post to: the message is delivered at once. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rawhttp/server.h"
#include "server/websocket/websocket.h"
#include "util/options.h"
#include "util/utf8.h"

enum { BUCKETS = 256 };

struct rh_websocket_hub {
    struct rh_websocket_hub_options options;
    pthread_mutex_t lock;
    struct rh_link rooms[BUCKETS]; /* those in which somebody is, by topic */
    atomic_uint references;
    _Atomic uint64_t missed;
};

struct room {
    struct rh_link link; /* in hub->rooms */
    struct rh_websocket_hub *hub;
    struct rh_engine *engine;
    struct rh_link members; /* the loop's; counted under the lock */
    size_t members_n;
    size_t pending; /* deliveries under way; under the lock */
    struct rh_slice topic;
    char topic_text[];
};

/* A socket in a room. */
struct member {
    struct rh_ws_hook hook; /* in socket->hooks */
    struct rh_link link;    /* in room->members */
    struct rh_websocket *socket;
    struct room *room;
};

struct message {
    atomic_uint references;
    enum rh_websocket_kind kind;
    size_t len;
    char bytes[];
};

struct delivery {
    struct room *room;
    struct message *message;
    struct delivery *next;
};

/* A frame of one loop, for all of its sockets that send the same. */
struct frame {
    struct rh_ws_shared shared;
    char bytes[];
};

/* --- Life ---------------------------------------------------------------------------------------
 */

void rh_websocket_hub_options_init_sized(struct rh_websocket_hub_options *options, size_t size)
{
    static const struct rh_websocket_hub_options defaults = {.slow = RH_WEBSOCKET_DROP};
    rh_options_fill(options, size, &defaults, sizeof defaults);
}

struct rh_websocket_hub *rh_websocket_hub_create(const struct rh_websocket_hub_options *options)
{
    struct rh_websocket_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL || pthread_mutex_init(&hub->lock, NULL) != 0) {
        free(hub);
        return NULL;
    }
    rh_websocket_hub_options_init(&hub->options);
    rh_options_take(&hub->options, sizeof hub->options, options);
    for (size_t i = 0; i < BUCKETS; i++) {
        rh_list_init(&hub->rooms[i]);
    }
    atomic_init(&hub->references, 1);
    return hub;
}

static void hub_unref(struct rh_websocket_hub *hub)
{
    if (atomic_fetch_sub_explicit(&hub->references, 1, memory_order_acq_rel) == 1) {
        pthread_mutex_destroy(&hub->lock);
        free(hub);
    }
}

void rh_websocket_hub_destroy(void *hub)
{
    if (hub != NULL) {
        hub_unref(hub);
    }
}

/* --- Rooms --------------------------------------------------------------------------------------
 */

/* FNV-1a. */
static struct rh_link *bucket_of(struct rh_websocket_hub *hub, struct rh_slice topic)
{
    uint32_t hash = 2166136261;
    for (size_t i = 0; i < topic.len; i++) {
        hash = (hash ^ (unsigned char)topic.base[i]) * 16777619;
    }
    return &hub->rooms[hash % BUCKETS];
}

/* Under the lock. */
static struct room *find_room(struct rh_websocket_hub *hub, const struct rh_engine *engine,
                              struct rh_slice topic)
{
    struct rh_link *bucket = bucket_of(hub, topic);
    for (struct rh_link *link = bucket->next; link != bucket; link = link->next) {
        struct room *room = RH_CONTAINER_OF(link, struct room, link);
        if (room->engine == engine && rh_slice_equal(room->topic, topic)) {
            return room;
        }
    }
    return NULL;
}

/* Under the lock; NULL when memory ran out. */
static struct room *create_room(struct rh_websocket_hub *hub, struct rh_engine *engine,
                                struct rh_slice topic)
{
    struct room *room = calloc(1, sizeof *room + topic.len + 1);
    if (room == NULL) {
        return NULL;
    }
    room->hub = hub;
    room->engine = engine;
    memcpy(room->topic_text, topic.base, topic.len);
    room->topic = (struct rh_slice){room->topic_text, topic.len};
    rh_list_init(&room->members);
    rh_list_push_back(bucket_of(hub, topic), &room->link);
    atomic_fetch_add_explicit(&hub->references, 1, memory_order_relaxed);
    return room;
}

/* On the room's loop: it goes if nobody is in it and nothing is on its way to it. */
static void room_leave(struct room *room, size_t left, size_t delivered)
{
    struct rh_websocket_hub *hub = room->hub;
    pthread_mutex_lock(&hub->lock);
    room->members_n -= left;
    room->pending -= delivered;
    bool is_over = room->members_n == 0 && room->pending == 0;
    if (room->members_n == 0) {
        rh_list_remove(&room->link);
    }
    pthread_mutex_unlock(&hub->lock);
    if (is_over) {
        free(room);
        hub_unref(hub);
    }
}

static void leave(struct member *member)
{
    struct room *room = member->room;
    rh_list_remove(&member->link);
    free(member);
    room_leave(room, 1, 0);
}

/* The socket is closed. */
static void on_end(struct rh_ws_hook *hook)
{
    leave(RH_CONTAINER_OF(hook, struct member, hook));
}

/* --- Subscribing --------------------------------------------------------------------------------
 */

/* The place in the socket's list that points to its membership; NULL if there is none. */
static struct rh_ws_hook **find_place(const struct rh_websocket_hub *hub,
                                      struct rh_websocket *socket, struct rh_slice topic)
{
    for (struct rh_ws_hook **at = &socket->hooks; *at != NULL; at = &(*at)->next) {
        const struct member *member = RH_CONTAINER_OF(*at, struct member, hook);
        if (member->room->hub == hub && rh_slice_equal(member->room->topic, topic)) {
            return at;
        }
    }
    return NULL;
}

int rh_websocket_hub_subscribe(struct rh_websocket_hub *hub, struct rh_websocket *socket,
                               const char *topic_text)
{
    struct rh_slice topic = rh_slice_from(topic_text);
    if (!rh_websocket_is_open(socket)) {
        return RH_ECUT;
    }
    if (find_place(hub, socket, topic) != NULL) {
        return 0;
    }
    struct member *member = malloc(sizeof *member);
    if (member == NULL) {
        return RH_ENOROOM;
    }
    pthread_mutex_lock(&hub->lock);
    struct room *room = find_room(hub, socket->engine, topic);
    room = room != NULL ? room : create_room(hub, socket->engine, topic);
    if (room != NULL) {
        room->members_n++;
        rh_list_push_back(&room->members, &member->link);
    }
    pthread_mutex_unlock(&hub->lock);
    if (room == NULL) {
        free(member);
        return RH_ENOROOM;
    }
    member->socket = socket;
    member->room = room;
    member->hook = (struct rh_ws_hook){.next = socket->hooks, .fn = on_end};
    socket->hooks = &member->hook;
    return 0;
}

void rh_websocket_hub_unsubscribe(struct rh_websocket_hub *hub, struct rh_websocket *socket,
                                  const char *topic)
{
    struct rh_ws_hook **at = find_place(hub, socket, rh_slice_from(topic));
    if (at != NULL) {
        struct member *member = RH_CONTAINER_OF(*at, struct member, hook);
        *at = member->hook.next;
        leave(member);
    }
}

/* --- Frames -------------------------------------------------------------------------------------
 */

static void free_frame(struct rh_ws_shared *shared)
{
    free(RH_CONTAINER_OF(shared, struct frame, shared));
}

static struct frame *create_frame(size_t room)
{
    struct frame *frame = malloc(sizeof *frame + RH_WS_HEAD_BYTES_MAX + room);
    if (frame != NULL) {
        frame->shared = (struct rh_ws_shared){.references = 1, .free_fn = free_frame};
    }
    return frame;
}

static void set_head(struct frame *frame, const struct message *message, bool is_compressed,
                     size_t payload_len)
{
    size_t head = rh_ws_head_bytes(payload_len);
    char *at = frame->bytes + RH_WS_HEAD_BYTES_MAX - head;
    rh_ws_write_head(at, (enum rh_ws_opcode)message->kind, true, is_compressed, payload_len);
    frame->shared.frame = at;
    frame->shared.len = head + payload_len;
}

static struct frame *make_plain(const struct message *message)
{
    struct frame *frame = create_frame(message->len);
    if (frame != NULL) {
        memcpy(frame->bytes + RH_WS_HEAD_BYTES_MAX, message->bytes, message->len);
        set_head(frame, message, false, message->len);
    }
    return frame;
}

/* NULL if the message gets no shorter. */
static struct frame *make_compressed(struct rh_ws_store *store, const struct message *message)
{
    struct rh_ws_codec *codec = rh_ws_store_codec(store);
    struct frame *frame = codec != NULL ? create_frame(message->len) : NULL;
    if (frame == NULL) {
        return NULL;
    }
    size_t len = rh_ws_deflate(codec, false, 15, (struct rh_slice){message->bytes, message->len},
                               frame->bytes + RH_WS_HEAD_BYTES_MAX, message->len);
    if (len == 0) {
        free(frame);
        return NULL;
    }
    set_head(frame, message, true, len);
    return frame;
}

/* The forms of one message that the sockets of a room send. */
struct forms {
    const struct message *message;
    struct frame *plain;
    struct frame *compressed;
    bool tried_compressed;
};

static bool takes_compressed(const struct rh_websocket *socket, const struct message *message)
{
    return socket->deflate.is_on && message->len >= socket->terms->options.compress_bytes_min;
}

/* Sends the form that the socket takes; one whose compression is its own gets it alone. */
static ptrdiff_t send_form(struct rh_websocket *socket, struct forms *forms)
{
    const struct message *message = forms->message;
    if (takes_compressed(socket, message)) {
        if (socket->deflate.server_keeps_window || socket->deflate.server_bits < 15) {
            return rh_websocket_send(socket, message->kind, message->bytes, message->len);
        }
        if (!forms->tried_compressed) {
            forms->tried_compressed = true;
            forms->compressed = make_compressed(socket->engine->websockets, message);
        }
        if (forms->compressed != NULL) {
            return rh_websocket_send_shared(socket, &forms->compressed->shared);
        }
    }
    if (forms->plain == NULL) {
        forms->plain = make_plain(message);
    }
    return forms->plain != NULL ? rh_websocket_send_shared(socket, &forms->plain->shared)
                                : RH_ENOROOM;
}

static void drop_forms(struct forms *forms)
{
    if (forms->plain != NULL) {
        rh_ws_shared_unref(&forms->plain->shared);
    }
    if (forms->compressed != NULL) {
        rh_ws_shared_unref(&forms->compressed->shared);
    }
}

/* --- Delivering ---------------------------------------------------------------------------------
 */

static void message_unref(struct message *message)
{
    if (atomic_fetch_sub_explicit(&message->references, 1, memory_order_acq_rel) == 1) {
        free(message);
    }
}

/* On the room's loop. Sending runs no callback, so the list stays as it is. */
static void deliver(struct rh_server *server, void *data)
{
    struct delivery *delivery = data;
    struct room *room = delivery->room;
    struct forms forms = {.message = delivery->message};
    (void)server;
    for (struct rh_link *link = room->members.next; link != &room->members; link = link->next) {
        struct rh_websocket *socket = RH_CONTAINER_OF(link, struct member, link)->socket;
        ptrdiff_t result = send_form(socket, &forms);
        if (result >= 0 || result == RH_ECUT) {
            continue;
        }
        atomic_fetch_add_explicit(&room->hub->missed, 1, memory_order_relaxed);
        if (room->hub->options.slow == RH_WEBSOCKET_END) {
            rh_websocket_end_slow(socket);
        }
    }
    drop_forms(&forms);
    message_unref(delivery->message);
    free(delivery);
    room_leave(room, 0, 1);
}

/* Under the lock: posts to one room, or chains the delivery where it must be called. */
static int send_to(struct room *room, struct message *message, struct delivery **direct)
{
    struct rh_server *server = room->engine->server;
    struct delivery *delivery = malloc(sizeof *delivery);
    if (delivery == NULL) {
        return RH_ENOROOM;
    }
    *delivery = (struct delivery){room, message, NULL};
    atomic_fetch_add_explicit(&message->references, 1, memory_order_relaxed);
    room->pending++;
    if (server == NULL) {
        delivery->next = *direct;
        *direct = delivery;
        return 0;
    }
    int err = rh_server_post(server, deliver, delivery);
    if (err != 0) {
        room->pending--;
        atomic_fetch_sub_explicit(&message->references, 1, memory_order_relaxed);
        free(delivery);
    }
    return err;
}

static struct message *create_message(enum rh_websocket_kind kind, const void *bytes, size_t len)
{
    struct message *message = malloc(sizeof *message + len);
    if (message != NULL) {
        atomic_init(&message->references, 1);
        message->kind = kind;
        message->len = len;
        if (len > 0) {
            memcpy(message->bytes, bytes, len);
        }
    }
    return message;
}

int rh_websocket_hub_publish(struct rh_websocket_hub *hub, const char *topic_text,
                             enum rh_websocket_kind kind, const void *bytes, size_t len)
{
    struct rh_slice topic = rh_slice_from(topic_text);
    struct delivery *direct = NULL;
    int err = 0;
    if (kind == RH_WEBSOCKET_TEXT && !rh_utf8_is_valid((struct rh_slice){bytes, len})) {
        return RH_ETEXT;
    }
    struct message *message = create_message(kind, bytes, len);
    if (message == NULL) {
        return RH_ENOROOM;
    }
    pthread_mutex_lock(&hub->lock);
    struct rh_link *bucket = bucket_of(hub, topic);
    for (struct rh_link *link = bucket->next; link != bucket; link = link->next) {
        struct room *room = RH_CONTAINER_OF(link, struct room, link);
        if (rh_slice_equal(room->topic, topic)) {
            int result = send_to(room, message, &direct);
            err = err != 0 ? err : result;
        }
    }
    pthread_mutex_unlock(&hub->lock);
    while (direct != NULL) {
        struct delivery *delivery = direct;
        direct = delivery->next;
        deliver(NULL, delivery);
    }
    message_unref(message); /* NOLINT(clang-analyzer-unix.Malloc): deliveries have references */
    return err;
}

/* --- Numbers ------------------------------------------------------------------------------------
 */

size_t rh_websocket_hub_subscribers(struct rh_websocket_hub *hub, const char *topic_text)
{
    struct rh_slice topic = rh_slice_from(topic_text);
    struct rh_link *bucket = bucket_of(hub, topic);
    size_t count = 0;
    pthread_mutex_lock(&hub->lock);
    for (struct rh_link *link = bucket->next; link != bucket; link = link->next) {
        const struct room *room = RH_CONTAINER_OF(link, struct room, link);
        count += rh_slice_equal(room->topic, topic) ? room->members_n : 0;
    }
    pthread_mutex_unlock(&hub->lock);
    return count;
}

uint64_t rh_websocket_hub_missed(struct rh_websocket_hub *hub)
{
    return atomic_load_explicit(&hub->missed, memory_order_relaxed);
}
