/* Work runs in a thread of libuv's pool and is done on the loop. The pool has four threads unless UV_THREADPOOL_SIZE
 * says otherwise, and name resolution and uv_fs_* of the embedder share them: a disk that hangs holds up all of
 * those, but never the loop. */
#include "io/work.h"

static void on_work(uv_work_t *request)
{
    struct rh_work *work = RH_CONTAINER_OF(request, struct rh_work, request);
    work->run(work);
}

static void on_done(uv_work_t *request, int status)
{
    struct rh_work *work = RH_CONTAINER_OF(request, struct rh_work, request);
    RH_ASSERT(status == 0 || status == UV_ECANCELED);
    work->done(work, status == 0);
}

int rh_work_start(struct rh_work *work, uv_loop_t *loop, void (*run)(struct rh_work *work),
                  void (*done)(struct rh_work *work, bool was_run))
{
    work->run = run;
    work->done = done;
    return uv_queue_work(loop, &work->request, on_work, on_done);
}

void rh_work_cancel(struct rh_work *work)
{
    RH_IGNORE(uv_cancel((uv_req_t *)&work->request)); /* UV_EBUSY: it runs already */
}
