/* Work runs in a thread of libuv's pool and is done on the loop. The pool has four threads unless
 * UV_THREADPOOL_SIZE says otherwise, and name resolution and uv_fs_* of the embedder share them: a
 * disk that hangs holds up all of those, but never the loop. */
#include "io/work.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 4, THREADS_MAX = 1024 }; /* libuv's own numbers */

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

/* --- The threads --- */

/* As many as libuv will make. */
static unsigned threads_wanted(void)
{
    const char *text = getenv("UV_THREADPOOL_SIZE");
    int count = text != NULL ? atoi(text) : THREADS;
    return count < 1 ? 1 : count > THREADS_MAX ? THREADS_MAX : (unsigned)count;
}

static void *wait_for_all(void *data)
{
    pthread_rwlock_t *gate = data;
    pthread_rwlock_rdlock(gate);
    pthread_rwlock_unlock(gate);
    return NULL;
}

/* Has all of them at once, for a moment. */
static int try_threads(pthread_t *threads, unsigned count)
{
    pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER;
    unsigned made = 0;
    int err = 0;
    pthread_rwlock_wrlock(&gate);
    while (made < count && (err = pthread_create(&threads[made], NULL, wait_for_all, &gate)) == 0) {
        made++;
    }
    pthread_rwlock_unlock(&gate);
    while (made > 0) {
        pthread_join(threads[--made], NULL);
    }
    pthread_rwlock_destroy(&gate);
    return -err;
}

static void do_nothing(uv_work_t *request)
{
    (void)request;
}

int rh_work_prepare(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static bool is_prepared;
    unsigned count = threads_wanted();
    uv_loop_t loop;
    uv_work_t request;
    pthread_mutex_lock(&mutex);
    pthread_t *threads = is_prepared ? NULL : calloc(count, sizeof *threads);
    int err = is_prepared ? 0 : threads == NULL ? -ENOMEM : try_threads(threads, count);
    if (!is_prepared && err == 0 && (err = uv_loop_init(&loop)) == 0) {
        err = uv_queue_work(&loop, &request, do_nothing, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        is_prepared = err == 0;
    }
    free(threads);
    pthread_mutex_unlock(&mutex);
    return err;
}
