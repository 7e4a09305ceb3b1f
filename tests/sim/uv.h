/* Our own libuv: the functions that src/io calls, with the phases and the rules of libuv 1.44, over
 * sockets, threads and a clock that are simulated. It is linked in libuv's place. What libuv
 * asserts is asserted here; what it leaves to the system is drawn from the seed: how much a write
 * takes, where a read is cut, which event comes first. */
#ifndef TESTS_SIM_UV_H
#define TESTS_SIM_UV_H

#include <uv.h>

#include "sim/sim.h"
#include "util/list.h"

/* What this libuv knows of a handle. It hangs on the handle from init to the close callback. */
struct uvs_handle {
    uv_handle_t *handle;
    struct rh_link link; /* in the list of its kind, while active */
    struct uvs_handle *next_closing;
    void (*close)(struct uvs_handle *h);  /* at uv_close */
    void (*finish)(struct uvs_handle *h); /* before the close callback; NULL: nothing to do */
    const char *kind;
    unsigned number; /* for the trace */
    bool active;
    bool unreferenced;
    bool closing;
};

/* A descriptor that the loop polls: of a stream or of a poll handle. */
struct uvs_io {
    struct rh_link polled;  /* in loop->polled, while it asks for events */
    struct rh_link pending; /* in loop->pending */
    int fd;                 /* -1: closed */
    unsigned wants;         /* POLLIN, POLLOUT */
    void (*fn)(struct uvs_io *io, unsigned events);
};

struct uvs_loop {
    uv_loop_t *loop;
    uint64_t now_ms;
    unsigned active_handles;
    unsigned active_requests;
    unsigned handles;      /* that are open */
    struct rh_link timers; /* in order of their time */
    struct rh_link idle;
    struct rh_link prepare;
    struct rh_link check;
    struct rh_link asyncs;
    struct rh_link polled;
    struct rh_link pending;
    struct rh_link work_done;   /* struct uvs_work */
    struct uvs_handle *closing; /* last in, first out, as in libuv */
    bool async_due;             /* an async handle was sent, or work is done */
    bool stop;
    unsigned in_callback; /* a callback inside of a call would be our own bug */
};

static inline struct uvs_loop *uvs_loop_of(const uv_loop_t *loop)
{
    return loop->internal_fields;
}

/* The part of a handle that `init` made; asserts that it is there. */
struct uvs_handle *uvs_of(const void *handle);
/* Hangs `h`, zeroed, on the handle. */
void uvs_init(struct uvs_handle *h, uv_loop_t *loop, uv_handle_t *handle, uv_handle_type type,
              const char *kind);
void uvs_start(struct uvs_handle *h);
void uvs_stop(struct uvs_handle *h);
static inline struct uvs_loop *uvs_loop(const struct uvs_handle *h)
{
    return uvs_loop_of(h->handle->loop);
}

void uvs_io_init(struct uvs_io *io, int fd, void (*fn)(struct uvs_io *io, unsigned events));
void uvs_io_start(struct uvs_loop *loop, struct uvs_io *io, unsigned events);
void uvs_io_stop(struct uvs_io *io, unsigned events);
/* Calls `fn` with POLLOUT in the next pending phase. */
void uvs_io_feed(struct uvs_loop *loop, struct uvs_io *io);
/* No event of it comes any more. */
void uvs_io_close(struct uvs_io *io);

void uvs_run_timers(struct uvs_loop *loop);
/* Milliseconds until the next timer, -1: there is none. */
int64_t uvs_next_timeout(const struct uvs_loop *loop);
void uvs_run_watchers(struct rh_link *all);
void uvs_run_asyncs(struct uvs_loop *loop);
void uvs_run_done_work(struct uvs_loop *loop);

/* Around each callback. */
void uvs_enter(struct uvs_loop *loop, const char *what, unsigned number);
void uvs_leave(struct uvs_loop *loop);

/* --- The world beyond: the program that links this libuv has it --- */

/* Peers and threads do something, perhaps. */
void sim_world_act(void);
/* All of them wait: when the first of them goes on by itself, in microseconds; UINT64_MAX: none
 * does. */
uint64_t sim_world_next_us(void);
/* POLLIN, POLLOUT, POLLERR, POLLHUP of a descriptor as it is now. */
unsigned sim_world_events(int fd);
/* Each call is a place where another thread may have run. */
void sim_world_interleave(void);
/* The loop is alive, sleeps, and nothing will ever wake it. */
void sim_world_stuck(void);

/* Work that waits for one of the pool's threads. */
size_t uvs_work_waiting(void);
/* Runs the work at `index` of the first four that wait. */
void uvs_work_run(size_t index);

#endif
