/* One piece of blocking work in libuv's thread pool. The caller's memory: it must stay until `done`, and the loop
 * stays alive until then. */
#ifndef RH_IO_WORK_H
#define RH_IO_WORK_H

#include <stdbool.h>
#include <uv.h>

#include "util/assert.h"

struct rh_work {
    uv_work_t request;
    void (*run)(struct rh_work *work);                 /* in the pool: touches nothing of the loop's */
    void (*done)(struct rh_work *work, bool was_run);  /* on the loop, exactly once */
};

/* Queues the work. 0, or a negative code and then neither callback comes. */
int RH_MUST_CHECK rh_work_start(struct rh_work *work, uv_loop_t *loop, void (*run)(struct rh_work *work),
                                void (*done)(struct rh_work *work, bool was_run));

/* Makes the pool's threads, in a process that has not used it yet. 0, or -errno if the system has not as many:
 * libuv itself would abort at the first work. From any thread; blocks for a moment. */
int RH_MUST_CHECK rh_work_prepare(void);

/* Takes work that has not begun out of the queue: `done` comes with was_run false. Otherwise nothing happens. */
void rh_work_cancel(struct rh_work *work);

#endif
