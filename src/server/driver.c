/* A host of the session without a socket: it is to session.h what conn.c is, with the peer's side
 * of the wire as two buffers. Input waits in one until the session takes it, in windows of the size
 * that a connection reads; what was pulled goes to the other at once, or, while the peer does not
 * read, stays in flight and stops everything behind it. Ways to fail: memory (malloc: this is for
 * tests), and the ceiling of connections. */
#include "rawhttp/driver.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "server/deadlines.h"
#include "server/http1.h"
#include "server/output.h"

enum { ROUNDS_MAX = 64, POLLS_MAX = 4096 };
#define CLOCK_START_US ((uint64_t)1000000000 * 1000000)

struct bytes {
    char *base;
    size_t at; /* used before it */
    size_t len;
    size_t cap;
};

struct rh_driver_conn {
    struct rh_http1 http1;
    struct rh_host host;
    struct rh_driver *driver;
    struct rh_link link;
    struct rh_due deadline;
    struct rh_driver_conn *next_ready;
    struct rh_output *out;
    struct bytes in;
    struct bytes got; /* by the peer */
    uint8_t deadline_class;
    bool stalled; /* the peer does not read */
    bool in_flight;
    bool eof;
    bool eof_told;
    bool queued;
    bool shut;
    bool closed;
};

struct rh_driver {
    struct rh_engine engine;
    struct rh_deadlines deadlines;
    struct rh_link conns;
    struct rh_driver_conn *ready;
    size_t open;
    struct rh_driver_conn *asked; /* rh_driver_ask's last one */
};

static void append(struct bytes *b, const char *bytes, size_t len)
{
    if (b->at > 0) {
        memmove(b->base, b->base + b->at, b->len - b->at);
        b->len -= b->at;
        b->at = 0;
    }
    if (b->cap - b->len < len) {
        b->cap = (b->len + len) * 2;
        b->base = realloc(b->base, b->cap);
        RH_ASSERT(b->base != NULL);
    }
    if (len > 0) {
        memcpy(b->base + b->len, bytes, len);
    }
    b->len += len;
}

/* --- One connection ------------------------------------------------------------------------- */

static void set_deadline(struct rh_driver_conn *c, enum rh_deadline_class which)
{
    c->deadline_class = (uint8_t)which;
    (void)rh_deadlines_set(&c->driver->deadlines, &c->deadline, which,
                           rh_engine_now_ms(&c->driver->engine));
}

static void close_conn(struct rh_driver_conn *c, enum rh_abort reason)
{
    if (c->closed) {
        return;
    }
    c->closed = c->shut = true;
    c->in_flight = false;
    c->http1.session.ops->end(&c->http1.session, reason);
    rh_exchange_conclude_answered(c->out, true);
    set_deadline(c, RH_DEADLINE_NONE);
    c->in.at = c->in.len;
    c->driver->open--;
}

/* The peer has it all. */
static void deliver(struct rh_driver_conn *c)
{
    struct rh_output *out = c->out;
    append(&c->got, out->bytes, out->used);
    append(&c->got, out->ref.base, out->ref.len);
    c->in_flight = false;
    rh_engine_settle(&c->driver->engine, c->driver->engine.now_us);
    rh_exchange_conclude_answered(out, false);
    if (!c->closed) {
        out->used = 0;
        out->ref = (struct rh_slice){NULL, 0};
        c->http1.session.ops->sent(&c->http1.session);
    }
}

static void flush(struct rh_driver_conn *c)
{
    if (rh_output_is_empty(c->out) || c->in_flight) {
        return;
    }
    if (c->stalled) {
        c->in_flight = true;
        set_deadline(c, RH_DEADLINE_WRITE);
    } else {
        deliver(c);
    }
}

static void wake(struct rh_host *host)
{
    struct rh_driver_conn *c = RH_CONTAINER_OF(host, struct rh_driver_conn, host);
    if (!c->host.driving && !c->queued && !c->closed) {
        c->queued = true;
        c->next_ready = c->driver->ready;
        c->driver->ready = c;
    }
}

static bool feed_some(struct rh_driver_conn *c)
{
    struct rh_session *s = &c->http1.session;
    size_t len = c->in.len - c->in.at;
    size_t window = rh_pools_input_bytes(&c->driver->engine.config);
    if (s->finished || (len == 0 && !c->eof_told) || (!s->wants_input && !c->eof_told)) {
        return false;
    }
    size_t used =
        s->ops->feed(s, len > 0 ? c->in.base + c->in.at : "", len < window ? len : window);
    RH_ASSERT(used <= len);
    c->in.at += used;
    return used > 0;
}

static bool pull_some(struct rh_driver_conn *c)
{
    struct rh_session *s = &c->http1.session;
    switch (s->ops->pull(s, c->out)) {
    case RH_PULL_NOTHING:
        return false;
    case RH_PULL_ADDED:
        if (c->out->ref.len > 0) {
            flush(c);
        }
        return true;
    default:
        flush(c);
        return true;
    }
}

static void finish(struct rh_driver_conn *c)
{
    bool first = !c->shut;
    c->shut = true;
    c->in.at = c->in.len;
    if (c->eof || !c->http1.session.lingers) {
        close_conn(c, RH_CLOSED);
    } else if (first) {
        set_deadline(c, RH_DEADLINE_LINGER);
    }
}

static void settle(struct rh_driver_conn *c)
{
    struct rh_session *s = &c->http1.session;
    if (c->closed || c->in_flight) {
        return;
    }
    if (c->driver->engine.draining && s->at_rest && c->in.at == c->in.len) {
        s->ops->drain(s);
    }
    if (s->finished) {
        finish(c);
    } else if (s->deadline != c->deadline_class || s->restart || s->deadline == RH_DEADLINE_IDLE) {
        s->restart = false;
        set_deadline(c, (enum rh_deadline_class)s->deadline);
    }
}

static void drive(struct rh_driver_conn *c)
{
    struct rh_session *s = &c->http1.session;
    bool again = false;
    if (c->host.driving || c->closed) {
        return;
    }
    c->host.driving = true;
    for (unsigned round = 0; !c->in_flight && !c->closed; round++) {
        bool moved = feed_some(c);
        while (!c->in_flight && !c->closed && round < ROUNDS_MAX && pull_some(c)) {
            moved = true;
            round++;
        }
        if (round >= ROUNDS_MAX) { /* an answer without end: others have their turn */
            again = true;
            flush(c);
            break;
        }
        if (moved || c->in_flight || c->closed) {
            continue;
        }
        if (!rh_output_is_empty(c->out)) {
            flush(c);
        } else if (c->eof && !c->eof_told) {
            c->eof_told = true;
            s->ops->eof(s);
        } else {
            break;
        }
    }
    c->host.driving = false;
    settle(c);
    if (again) {
        wake(&c->host);
    }
}

struct rh_driver_conn *rh_driver_open(struct rh_driver *driver)
{
    if (driver->open >= driver->engine.config.connections_max) {
        return NULL;
    }
    struct rh_driver_conn *c = calloc(1, sizeof *c);
    struct rh_output *out = malloc(sizeof *out + RH_OUTPUT_BYTES);
    if (c == NULL || out == NULL) {
        free(c);
        free(out);
        return NULL;
    }
    rh_output_init(out, RH_OUTPUT_BYTES);
    c->out = out;
    c->driver = driver;
    c->host = (struct rh_host){.engine = &driver->engine};
    rh_list_init(&c->deadline.link);
    rh_list_push_back(&driver->conns, &c->link);
    rh_http1_init(&c->http1, &c->host);
    driver->open++;
    set_deadline(c, RH_DEADLINE_HEAD);
    return c;
}

void rh_driver_feed(struct rh_driver_conn *c, const void *bytes, size_t len)
{
    if (c->closed || c->eof) {
        return;
    }
    append(&c->in, bytes, len);
    drive(c);
}

void rh_driver_eof(struct rh_driver_conn *c)
{
    c->eof = true;
    drive(c);
}

void rh_driver_reset(struct rh_driver_conn *c)
{
    close_conn(c, RH_PEER_RESET);
}

void rh_driver_forget(struct rh_driver_conn *c)
{
    struct rh_driver_conn **at = &c->driver->ready;
    close_conn(c, RH_PEER_RESET);
    while (c->queued && *at != NULL) {
        if (*at == c) {
            *at = c->next_ready;
            break;
        }
        at = &(*at)->next_ready;
    }
    rh_list_remove(&c->link);
    rh_list_remove(&c->deadline.link);
    free(c->in.base);
    free(c->got.base);
    free(c->out);
    free(c);
}

struct rh_slice rh_driver_output(const struct rh_driver_conn *c)
{
    return (struct rh_slice){c->got.base != NULL ? c->got.base + c->got.at : "",
                             c->got.len - c->got.at};
}

void rh_driver_take(struct rh_driver_conn *c, size_t len)
{
    RH_ASSERT(len <= c->got.len - c->got.at);
    c->got.at += len;
}

void rh_driver_set_reading(struct rh_driver_conn *c, int reads)
{
    c->stalled = !reads;
    if (reads && c->in_flight) {
        deliver(c);
        set_deadline(c, RH_DEADLINE_NONE); /* its time is over, also where no other begins */
        drive(c);
    }
}

int rh_driver_is_shut(const struct rh_driver_conn *c)
{
    return c->shut;
}

int rh_driver_is_closed(const struct rh_driver_conn *c)
{
    return c->closed;
}

/* --- All of them ---------------------------------------------------------------------------- */

int rh_driver_create(struct rh_driver **ret_driver, struct rh_app *app,
                     const struct rh_config *config)
{
    struct rh_door *door = (struct rh_door *)(void *)app; /* the door is an app's first member */
    *ret_driver = NULL;
    if (door == NULL) {
        return UV_ENOMEM;
    }
    int err = door->freeze(door);
    if (err < 0) {
        return err;
    }
    struct rh_driver *driver = calloc(1, sizeof *driver);
    if (driver == NULL) {
        return UV_ENOMEM;
    }
    err = rh_engine_init(&driver->engine, door, config, 0);
    if (err < 0) {
        free(driver);
        return err;
    }
    driver->engine.manual_clock = true;
    driver->engine.wake = wake;
    rh_engine_tick(&driver->engine, CLOCK_START_US);
    rh_post_box_init(&driver->engine.posts, NULL, NULL);
    rh_deadlines_init(&driver->deadlines, &driver->engine.config);
    rh_list_init(&driver->conns);
    door->ref(door);
    *ret_driver = driver;
    return 0;
}

void rh_driver_destroy(struct rh_driver *driver)
{
    if (driver == NULL) {
        return;
    }
    struct rh_door *door = driver->engine.door;
    while (!rh_list_is_empty(&driver->conns)) {
        rh_driver_forget(RH_CONTAINER_OF(driver->conns.next, struct rh_driver_conn, link));
    }
    rh_post_box_close(&driver->engine.posts);
    rh_post_box_fini(&driver->engine.posts);
    rh_engine_fini(&driver->engine);
    free(driver);
    door->unref(door);
}

static bool has_posts(struct rh_driver *driver)
{
    struct rh_post_box *box = &driver->engine.posts;
    pthread_mutex_lock(&box->mutex);
    bool has = box->first != NULL;
    pthread_mutex_unlock(&box->mutex);
    return has;
}

int rh_driver_poll(struct rh_driver *driver)
{
    int did = has_posts(driver);
    rh_post_box_run(&driver->engine.posts);
    struct rh_driver_conn *ready = driver->ready;
    driver->ready = NULL;
    while (ready != NULL) {
        struct rh_driver_conn *c = ready;
        ready = c->next_ready;
        c->queued = false;
        drive(c);
        did = 1;
    }
    return did;
}

static void poll_all(struct rh_driver *driver)
{
    for (unsigned n = 0; n < POLLS_MAX && rh_driver_poll(driver); n++) {
    }
}

static void expire(struct rh_driver_conn *c, enum rh_deadline_class which)
{
    struct rh_session *s = &c->http1.session;
    if (which == RH_DEADLINE_WRITE || which == RH_DEADLINE_LINGER) {
        close_conn(c, RH_DEADLINE);
        return;
    }
    c->host.driving = true;
    s->ops->expire(s, which);
    c->host.driving = false;
    set_deadline(c, RH_DEADLINE_NONE);
    drive(c);
}

static uint64_t next_due(const struct rh_driver *driver)
{
    uint64_t deadline = rh_deadlines_next(&driver->deadlines);
    uint64_t alarm = rh_alarms_next(&driver->engine.alarms);
    return alarm < deadline ? alarm : deadline;
}

void rh_driver_advance(struct rh_driver *driver, uint64_t ms)
{
    uint64_t until_us = driver->engine.now_us + ms * 1000;
    enum rh_deadline_class which;
    uint64_t due_ms;
    poll_all(driver);
    while ((due_ms = next_due(driver)) <= until_us / 1000) {
        if (due_ms * 1000 > driver->engine.now_us) {
            rh_engine_tick(&driver->engine, due_ms * 1000);
        }
        struct rh_due *entry = rh_deadlines_overdue(&driver->deadlines, due_ms, &which);
        if (entry != NULL) {
            expire(RH_CONTAINER_OF(entry, struct rh_driver_conn, deadline), which);
        }
        rh_alarms_run(&driver->engine.alarms, due_ms);
        poll_all(driver);
    }
    rh_engine_tick(&driver->engine, until_us);
}

uint64_t rh_driver_now_ms(const struct rh_driver *driver)
{
    return rh_engine_now_ms(&driver->engine);
}

void rh_driver_drain(struct rh_driver *driver)
{
    struct rh_link *next;
    rh_engine_drain(&driver->engine);
    for (struct rh_link *link = driver->conns.next; link != &driver->conns; link = next) {
        struct rh_driver_conn *c = RH_CONTAINER_OF(link, struct rh_driver_conn, link);
        next = link->next;
        if (!c->closed) {
            c->http1.session.ops->drain(&c->http1.session);
            drive(c);
        }
    }
}

size_t rh_driver_exchanges(const struct rh_driver *driver)
{
    return driver->engine.pools.exchanges.in_use;
}

struct rh_slice rh_driver_ask(struct rh_driver *driver, const char *request)
{
    if (driver->asked != NULL) {
        rh_driver_forget(driver->asked);
    }
    driver->asked = rh_driver_open(driver);
    if (driver->asked == NULL) {
        return (struct rh_slice){"", 0};
    }
    rh_driver_feed(driver->asked, request, strlen(request));
    poll_all(driver);
    return rh_driver_output(driver->asked);
}
