/* The loop and what all handles share. A turn: timers, pending, idle, prepare, poll, pending again
 * (up to eight times), check, closing. A handle that closes is finished in the closing phase, the
 * last one first. */
#include "sim/uv.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "util/assert.h"

/* --- Handles ---------------------------------------------------------------------------------- */

enum { SLOT = 3 }; /* of u.reserved: nobody else uses it */

static char closed_mark; /* hangs on a handle whose close callback was called */

struct uvs_handle *uvs_of(const void *handle)
{
    const uv_handle_t *any = handle;
    struct uvs_handle *h = any->u.reserved[SLOT];
    SIM_CHECK(h != (void *)&closed_mark, "a handle is used after its close callback");
    SIM_CHECK(h != NULL && h->handle == any, "a handle is used that was never initialised");
    return h;
}

void uvs_init(struct uvs_handle *h, uv_loop_t *loop, uv_handle_t *handle, uv_handle_type type,
              const char *kind)
{
    static unsigned number;
    handle->loop = loop;
    handle->type = type;
    handle->flags = 0;
    handle->u.reserved[SLOT] = h;
    h->handle = handle;
    h->kind = kind;
    h->number = ++number;
    rh_list_init(&h->link);
    uvs_loop(h)->handles++;
}

void uvs_start(struct uvs_handle *h)
{
    if (!h->active) {
        h->active = true;
        uvs_loop(h)->active_handles += h->unreferenced ? 0 : 1;
    }
}

void uvs_stop(struct uvs_handle *h)
{
    if (h->active) {
        h->active = false;
        uvs_loop(h)->active_handles -= h->unreferenced ? 0 : 1;
    }
}

void uv_ref(uv_handle_t *handle)
{
    struct uvs_handle *h = uvs_of(handle);
    uvs_loop(h)->active_handles += h->unreferenced && h->active ? 1 : 0;
    h->unreferenced = false;
}

void uv_unref(uv_handle_t *handle)
{
    struct uvs_handle *h = uvs_of(handle);
    uvs_loop(h)->active_handles -= !h->unreferenced && h->active ? 1 : 0;
    h->unreferenced = true;
}

int uv_is_active(const uv_handle_t *handle)
{
    return uvs_of(handle)->active;
}

int uv_is_closing(const uv_handle_t *handle)
{
    return uvs_of(handle)->closing;
}

void uv_close(uv_handle_t *handle, uv_close_cb cb)
{
    struct uvs_handle *h = uvs_of(handle);
    struct uvs_loop *loop = uvs_loop(h);
    SIM_CHECK(!h->closing, "uv_close: a %s is closed twice", h->kind);
    sim_trace("close %s %u", h->kind, h->number);
    h->closing = true;
    handle->close_cb = cb;
    h->close(h);
    h->next_closing = loop->closing;
    loop->closing = h;
}

static void finish_close(struct uvs_loop *loop, struct uvs_handle *h)
{
    uv_handle_t *handle = h->handle;
    if (h->finish != NULL) {
        h->finish(h);
    }
    uvs_stop(h);
    loop->handles--;
    const char *kind = h->kind;
    unsigned number = h->number;
    handle->u.reserved[SLOT] = &closed_mark;
    sim_free(h);
    if (handle->close_cb != NULL) {
        uvs_enter(loop, kind, number);
        handle->close_cb(handle); /* its memory may be gone after this */
        uvs_leave(loop);
    }
}

static void run_closing(struct uvs_loop *loop)
{
    struct uvs_handle *h = loop->closing;
    loop->closing = NULL;
    while (h != NULL) {
        struct uvs_handle *next = h->next_closing;
        finish_close(loop, h);
        h = next;
    }
}

void uvs_enter(struct uvs_loop *loop, const char *what, unsigned number)
{
    sim_trace("%s %u", what, number);
    SIM_CHECK(loop->in_callback == 0, "a callback runs inside of a callback");
    loop->in_callback++;
    sim.now_us += sim_pick(40);
}

void uvs_leave(struct uvs_loop *loop)
{
    loop->in_callback--;
    sim_world_interleave();
}

/* --- Descriptors ------------------------------------------------------------------------------ */

void uvs_io_init(struct uvs_io *io, int fd, void (*fn)(struct uvs_io *io, unsigned events))
{
    rh_list_init(&io->polled);
    rh_list_init(&io->pending);
    io->fd = fd;
    io->wants = 0;
    io->fn = fn;
}

void uvs_io_start(struct uvs_loop *loop, struct uvs_io *io, unsigned events)
{
    RH_ASSERT(io->fd >= 0);
    if (io->wants == 0) {
        rh_list_push_back(&loop->polled, &io->polled);
    }
    io->wants |= events;
}

void uvs_io_stop(struct uvs_io *io, unsigned events)
{
    io->wants &= ~events;
    if (io->wants == 0) {
        rh_list_remove(&io->polled);
    }
}

void uvs_io_feed(struct uvs_loop *loop, struct uvs_io *io)
{
    if (rh_list_is_empty(&io->pending)) {
        rh_list_push_back(&loop->pending, &io->pending);
    }
}

void uvs_io_close(struct uvs_io *io)
{
    uvs_io_stop(io, POLLIN | POLLOUT);
    rh_list_remove(&io->pending);
    io->fd = -1;
}

/* --- Turns ------------------------------------------------------------------------------------ */

static void update_time(struct uvs_loop *loop)
{
    loop->now_ms = sim.now_us / 1000;
    loop->loop->time = loop->now_ms;
}

uint64_t uv_now(const uv_loop_t *loop)
{
    return uvs_loop_of(loop)->now_ms;
}

static void run_pending(struct uvs_loop *loop)
{
    struct rh_link now;
    rh_list_init(&now);
    while (!rh_list_is_empty(&loop->pending)) {
        struct rh_link *link = loop->pending.next;
        rh_list_remove(link);
        rh_list_push_back(&now, link);
    }
    while (!rh_list_is_empty(&now)) {
        struct uvs_io *io = RH_CONTAINER_OF(now.next, struct uvs_io, pending);
        rh_list_remove(&io->pending);
        io->fn(io, POLLOUT);
    }
}

/* What epoll would tell of it: errors come unasked, and alone they stand for what was asked. */
static unsigned events_of(const struct uvs_io *io, unsigned events)
{
    events &= io->wants | POLLERR | POLLHUP;
    if (events == POLLERR || events == POLLHUP) {
        events |= io->wants & (POLLIN | POLLOUT);
    }
    return io->wants == 0 ? 0 : events;
}

static bool is_ready(const struct uvs_loop *loop)
{
    if (loop->async_due) {
        return true;
    }
    for (const struct rh_link *link = loop->polled.next; link != &loop->polled; link = link->next) {
        const struct uvs_io *io = RH_CONTAINER_OF(link, struct uvs_io, polled);
        if (events_of(io, sim_world_events(io->fd)) != 0) {
            return true;
        }
    }
    return false;
}

/* Lets the world act until something is there for the loop or its time is over. `timeout` in
 * milliseconds, -1: for ever. */
static void wait_for_events(struct uvs_loop *loop, int64_t timeout)
{
    uint64_t until = timeout < 0 ? UINT64_MAX : (loop->now_ms + (uint64_t)timeout) * 1000;
    sim_world_act();
    while (timeout != 0 && !is_ready(loop)) {
        uint64_t next = sim_world_next_us();
        if (next > sim.now_us) { /* nobody does anything at this instant */
            if (next == UINT64_MAX && until == UINT64_MAX) {
                sim_world_stuck();
                return;
            }
            sim.now_us = next < until ? next : until;
            if (next >= until) {
                return;
            }
        }
        sim_world_act();
    }
}

enum { EVENTS_MAX = 1024 };

struct event {
    struct uvs_io *io; /* NULL: taken back; closed within this phase */
    int fd;
    unsigned events;
};

/* An event is told only to whoever still asks for it when its turn comes. */
static void dispatch(struct uvs_loop *loop, const struct event *event)
{
    for (struct rh_link *link = loop->polled.next; link != &loop->polled; link = link->next) {
        struct uvs_io *io = RH_CONTAINER_OF(link, struct uvs_io, polled);
        if (io == event->io && io->fd == event->fd) {
            unsigned events = events_of(io, event->events);
            if (events != 0) {
                io->fn(io, events);
            }
            return;
        }
    }
}

static void poll_events(struct uvs_loop *loop, int64_t timeout)
{
    static struct event events[EVENTS_MAX];
    size_t n = 0;
    wait_for_events(loop, timeout);
    update_time(loop);
    for (struct rh_link *link = loop->polled.next; link != &loop->polled && n < EVENTS_MAX;
         link = link->next) {
        struct uvs_io *io = RH_CONTAINER_OF(link, struct uvs_io, polled);
        unsigned now = sim_world_events(io->fd);
        if (events_of(io, now) != 0) {
            size_t at = sim_pick(++n); /* in any order */
            events[n - 1] = events[at];
            events[at] = (struct event){io, io->fd, now};
        }
    }
    size_t async_at = sim_pick(n + 1);
    for (size_t i = 0; i <= n; i++) {
        if (i == async_at && loop->async_due) {
            loop->async_due = false;
            uvs_run_asyncs(loop);
        }
        if (i < n) {
            dispatch(loop, &events[i]);
        }
    }
}

static bool is_alive(const struct uvs_loop *loop)
{
    return loop->active_handles > 0 || loop->active_requests > 0 ||
           !rh_list_is_empty(&loop->pending) || loop->closing != NULL;
}

int uv_loop_alive(const uv_loop_t *loop)
{
    return is_alive(uvs_loop_of(loop));
}

static int64_t poll_timeout(const struct uvs_loop *loop)
{
    if (loop->stop || (loop->active_handles == 0 && loop->active_requests == 0) ||
        !rh_list_is_empty(&loop->pending) || !rh_list_is_empty(&loop->idle) ||
        loop->closing != NULL) {
        return 0;
    }
    return uvs_next_timeout(loop);
}

static void turn(struct uvs_loop *loop, uv_run_mode mode)
{
    update_time(loop);
    uvs_run_timers(loop);
    bool can_sleep = rh_list_is_empty(&loop->pending) && rh_list_is_empty(&loop->idle);
    run_pending(loop);
    uvs_run_watchers(&loop->idle);
    uvs_run_watchers(&loop->prepare);
    bool sleeps = mode == UV_RUN_DEFAULT || (mode == UV_RUN_ONCE && can_sleep);
    poll_events(loop, sleeps ? poll_timeout(loop) : 0);
    for (unsigned i = 0; i < 8 && !rh_list_is_empty(&loop->pending); i++) {
        run_pending(loop);
    }
    uvs_run_watchers(&loop->check);
    run_closing(loop);
    if (mode == UV_RUN_ONCE) {
        update_time(loop);
        uvs_run_timers(loop);
    }
}

int uv_run(uv_loop_t *uv, uv_run_mode mode)
{
    struct uvs_loop *loop = uvs_loop_of(uv);
    bool alive = is_alive(loop);
    if (!alive) {
        update_time(loop);
    }
    while (alive && !loop->stop) {
        turn(loop, mode);
        alive = is_alive(loop);
        if (mode != UV_RUN_DEFAULT) {
            break;
        }
    }
    loop->stop = false;
    return alive;
}

void uv_stop(uv_loop_t *loop)
{
    uvs_loop_of(loop)->stop = true;
}

int uv_loop_init(uv_loop_t *uv)
{
    struct uvs_loop *loop = sim_alloc(sizeof *loop);
    memset(uv, 0, sizeof *uv);
    memset(loop, 0, sizeof *loop);
    uv->internal_fields = loop;
    loop->loop = uv;
    struct rh_link *lists[] = {&loop->timers, &loop->idle,   &loop->prepare, &loop->check,
                               &loop->asyncs, &loop->polled, &loop->pending, &loop->work_done};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        rh_list_init(lists[i]);
    }
    update_time(loop);
    return 0;
}

int uv_loop_close(uv_loop_t *uv)
{
    struct uvs_loop *loop = uvs_loop_of(uv);
    if (loop->handles > 0 || loop->active_requests > 0) {
        return UV_EBUSY;
    }
    sim_free(loop);
    uv->internal_fields = NULL;
    return 0;
}
