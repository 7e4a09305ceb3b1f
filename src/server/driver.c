/* What carries a drive without a socket: the peer's side of the wire is two buffers. Input waits in
 * one until the drive has room for it, as in a socket; what was pulled goes to the other at once,
 * or, while the peer does not read, stays in flight and stops everything behind it. Ways to fail:
 * memory (malloc: this is for tests), and the ceiling of connections. */
#include "server/driver.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "server/drive.h"

enum { POLLS_MAX = 4096 };
#define CLOCK_START_US ((uint64_t)1000000000 * 1000000)

struct bytes {
    char *base;
    size_t at; /* used before it */
    size_t len;
    size_t cap;
};

struct rh_driver_conn {
    struct rh_drive drive;
    struct rh_driver *driver;
    struct rh_link link;
    struct bytes in;
    struct bytes got; /* by the peer */
    bool eof;         /* follows what is in `in` */
    bool stalled;     /* the peer does not read */
    bool reads;       /* the drive wants input */
};

struct rh_driver {
    struct rh_engine engine;
    struct rh_conns set;
    struct rh_link conns;
    struct rh_driver_conn *asked; /* rh_driver_ask's last one */
};

static struct rh_driver_conn *conn_of(const struct rh_drive *d)
{
    return RH_CONTAINER_OF(d, struct rh_driver_conn, drive);
}

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

/* --- What carries it ------------------------------------------------------------------------ */

/* The peer has it all. */
static void deliver(struct rh_driver_conn *c)
{
    const struct rh_output *out = c->drive.out;
    append(&c->got, out->bytes, out->used);
    append(&c->got, out->ref.base, out->ref.len);
}

static int carry_write(struct rh_drive *d)
{
    struct rh_driver_conn *c = conn_of(d);
    if (c->stalled) {
        return 1;
    }
    deliver(c);
    return 0;
}

static uint64_t carry_unsent(const struct rh_drive *d)
{
    return d->out->used + d->out->ref.len;
}

static void carry_read(struct rh_drive *d, bool on)
{
    conn_of(d)->reads = on;
}

static void carry_nothing(struct rh_drive *d)
{
    (void)d; /* what the peer has got it has, and nothing is kept between reads */
}

static bool carry_no(const struct rh_drive *d)
{
    (void)d;
    return false;
}

static void carry_close(struct rh_drive *d)
{
    struct rh_driver_conn *c = conn_of(d);
    c->in.at = c->in.len;
    c->reads = false;
    rh_drive_closed(d);
}

static const struct rh_carrier carrier = {
    .write = carry_write,
    .unsent = carry_unsent,
    .read = carry_read,
    .shut = carry_nothing,
    .is_busy = carry_no,
    .has_begun = carry_no,
    .rest = carry_nothing,
    .close = carry_close,
};

/* --- One connection ------------------------------------------------------------------------- */

/* Gives the drive the peer's bytes, a read's worth at a time, while it reads. */
static void carry_input(struct rh_driver_conn *c)
{
    struct rh_drive *d = &c->drive;
    while (c->reads && c->in.at < c->in.len) {
        char *room;
        size_t len;
        rh_drive_room(d, &room, &len);
        len = len < c->in.len - c->in.at ? len : c->in.len - c->in.at;
        if (len == 0) {
            return;
        }
        memcpy(room, c->in.base + c->in.at, len);
        c->in.at += len;
        d->in_len += (uint32_t)len;
        rh_drive_run(d);
    }
    if (c->reads && c->eof) {
        rh_drive_ended(d, UV_EOF);
    }
}

struct rh_driver_conn *rh_driver_open(struct rh_driver *driver)
{
    if (driver->set.open >= driver->engine.config.connections_max) {
        return NULL;
    }
    struct rh_driver_conn *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->driver = driver;
    c->reads = true;
    c->drive.host.engine = &driver->engine;
    c->drive.life = RH_LIFE_OPEN;
    rh_list_push_back(&driver->conns, &c->link);
    rh_drive_open(&c->drive);
    return c;
}

void rh_driver_feed(struct rh_driver_conn *c, const void *bytes, size_t len)
{
    if (!rh_drive_is_closing(&c->drive) && !c->eof) {
        append(&c->in, bytes, len);
        carry_input(c);
    }
}

void rh_driver_eof(struct rh_driver_conn *c)
{
    c->eof = true;
    carry_input(c);
}

void rh_driver_reset(struct rh_driver_conn *c)
{
    rh_drive_close(&c->drive, RH_PEER_RESET);
}

void rh_driver_forget(struct rh_driver_conn *c)
{
    rh_drive_close(&c->drive, RH_PEER_RESET);
    rh_list_remove(&c->link);
    free(c->in.base);
    free(c->got.base);
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
    if (reads && c->drive.output == RH_OUTPUT_IN_FLIGHT && !rh_drive_is_closing(&c->drive)) {
        deliver(c);
        rh_drive_written(&c->drive, 0);
        carry_input(c);
    }
}

int rh_driver_is_shut(const struct rh_driver_conn *c)
{
    return c->drive.output == RH_OUTPUT_SHUT || rh_drive_is_closing(&c->drive);
}

int rh_driver_is_closed(const struct rh_driver_conn *c)
{
    return rh_drive_is_closing(&c->drive);
}

/* --- All of them ---------------------------------------------------------------------------- */

/* The driver polls, and asks for the next deadline itself. */
static void set_soon(struct rh_conns *set)
{
    (void)set;
}

static void set_alarm(struct rh_conns *set, uint64_t at_ms)
{
    (void)set;
    (void)at_ms;
}

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
    rh_engine_tick(&driver->engine, CLOCK_START_US);
    rh_post_box_init(&driver->engine.posts, NULL, NULL);
    driver->set.soon = set_soon;
    driver->set.alarm = set_alarm;
    rh_conns_init(&driver->set, &driver->engine, &carrier);
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

struct rh_engine *rh_driver_engine(struct rh_driver *driver)
{
    return &driver->engine;
}

static bool has_posts(struct rh_driver *driver)
{
    struct rh_post_box *box = &driver->engine.posts;
    pthread_mutex_lock(&box->mutex);
    bool has = box->first != NULL;
    pthread_mutex_unlock(&box->mutex);
    return has;
}

/* A peer's bytes wait for their connection to read on, as they do in a socket. */
static bool carry_inputs(struct rh_driver *driver)
{
    bool any = false;
    struct rh_link *next;
    for (struct rh_link *link = driver->conns.next; link != &driver->conns; link = next) {
        struct rh_driver_conn *c = RH_CONTAINER_OF(link, struct rh_driver_conn, link);
        next = link->next;
        if (c->reads && c->in.at < c->in.len) {
            carry_input(c);
            any = true;
        }
    }
    return any;
}

int rh_driver_poll(struct rh_driver *driver)
{
    bool did = has_posts(driver);
    rh_post_box_run(&driver->engine.posts);
    did |= rh_conns_run_ready(&driver->set);
    did |= carry_inputs(driver);
    return did;
}

static void poll_all(struct rh_driver *driver)
{
    for (unsigned n = 0; n < POLLS_MAX && rh_driver_poll(driver); n++) {
    }
}

static uint64_t next_due(const struct rh_driver *driver)
{
    uint64_t deadline = rh_deadlines_next(&driver->set.deadlines);
    uint64_t alarm = rh_alarms_next(&driver->engine.alarms);
    return alarm < deadline ? alarm : deadline;
}

void rh_driver_advance(struct rh_driver *driver, uint64_t ms)
{
    uint64_t until_us = driver->engine.now_us + ms * 1000;
    uint64_t due_ms;
    poll_all(driver);
    while ((due_ms = next_due(driver)) <= until_us / 1000) {
        if (due_ms * 1000 > driver->engine.now_us) {
            rh_engine_tick(&driver->engine, due_ms * 1000);
        }
        rh_conns_expire(&driver->set);
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
    rh_engine_drain(&driver->engine);
    rh_conns_drain(&driver->set);
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
