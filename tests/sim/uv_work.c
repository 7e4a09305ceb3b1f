/* The thread pool: four threads, each of which takes the next work when the seed says so. What they
 * have done is told on the loop in a later turn. */
#include "sim/uv.h"

#include "util/assert.h"

enum { THREADS = 4 };

struct uvs_work {
    struct rh_link link; /* in `waiting`, or in loop->work_done */
    uv_work_t *request;
    bool canceled;
};

static struct rh_link waiting = {&waiting, &waiting};

static struct uvs_work *work_of(uv_work_t *request)
{
    return request->reserved[0];
}

int uv_queue_work(uv_loop_t *loop, uv_work_t *request, uv_work_cb work_cb, uv_after_work_cb done_cb)
{
    if (work_cb == NULL) {
        return UV_EINVAL;
    }
    struct uvs_work *work = sim_alloc(sizeof *work);
    *work = (struct uvs_work){.request = request};
    request->reserved[0] = work;
    request->type = UV_WORK;
    request->loop = loop;
    request->work_cb = work_cb;
    request->after_work_cb = done_cb;
    rh_list_push_back(&waiting, &work->link);
    uvs_loop_of(loop)->active_requests++;
    return 0;
}

static void finished(struct uvs_work *work)
{
    struct uvs_loop *loop = uvs_loop_of(work->request->loop);
    rh_list_push_back(&loop->work_done, &work->link);
    loop->async_due = true;
}

int uv_cancel(uv_req_t *request)
{
    uv_work_t *uv_work = (uv_work_t *)(void *)request;
    if (request->type != UV_WORK) {
        return UV_EINVAL;
    }
    struct uvs_work *work = work_of(uv_work);
    for (struct rh_link *link = waiting.next; link != &waiting; link = link->next) {
        if (link == &work->link) {
            rh_list_remove(link);
            work->canceled = true;
            finished(work);
            return 0;
        }
    }
    return UV_EBUSY;
}

size_t uvs_work_waiting(void)
{
    size_t n = 0;
    for (struct rh_link *link = waiting.next; link != &waiting && n < THREADS; link = link->next) {
        n++;
    }
    return n;
}

void uvs_work_run(size_t index)
{
    struct rh_link *link = waiting.next;
    while (index-- > 0) {
        link = link->next;
    }
    struct uvs_work *work = RH_CONTAINER_OF(link, struct uvs_work, link);
    rh_list_remove(link);
    sim_trace("work runs");
    work->request->work_cb(work->request);
    finished(work);
}

void uvs_run_done_work(struct uvs_loop *loop)
{
    struct rh_link now;
    rh_list_init(&now);
    while (!rh_list_is_empty(&loop->work_done)) {
        struct rh_link *link = loop->work_done.next;
        rh_list_remove(link);
        rh_list_push_back(&now, link);
    }
    while (!rh_list_is_empty(&now)) {
        struct uvs_work *work = RH_CONTAINER_OF(now.next, struct uvs_work, link);
        uv_work_t *request = work->request;
        int status = work->canceled ? UV_ECANCELED : 0;
        rh_list_remove(&work->link);
        sim_free(work);
        loop->active_requests--;
        if (request->after_work_cb != NULL) {
            uvs_enter(loop, "work done", status == 0 ? 0 : 1);
            request->after_work_cb(request, status);
            uvs_leave(loop);
        }
    }
}
