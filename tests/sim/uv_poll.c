/* Poll handles, and signals from other threads. An async handle that was sent any number of times
 * is called once. */
#include "sim/uv.h"

#include <poll.h>

#include "util/assert.h"

/* --- Poll ------------------------------------------------------------------------------------- */

struct poll {
    struct uvs_handle h;
    struct uvs_io io;
    uv_poll_cb cb;
};

static struct poll *poll_of(const uv_poll_t *handle)
{
    return RH_CONTAINER_OF(uvs_of(handle), struct poll, h);
}

static void poll_stop(struct uvs_handle *h)
{
    struct poll *p = RH_CONTAINER_OF(h, struct poll, h);
    uvs_io_stop(&p->io, POLLIN | POLLOUT);
    uvs_stop(h);
}

static void on_io(struct uvs_io *io, unsigned events)
{
    struct poll *p = RH_CONTAINER_OF(io, struct poll, io);
    struct uvs_loop *loop = uvs_loop(&p->h);
    int status = 0;
    if ((events & POLLERR) != 0) {
        poll_stop(&p->h);
        status = UV_EBADF;
        events = 0;
    }
    uvs_enter(loop, "poll", p->h.number);
    p->cb((uv_poll_t *)p->h.handle, status,
          ((events & POLLIN) != 0 ? UV_READABLE : 0) | ((events & POLLOUT) != 0 ? UV_WRITABLE : 0));
    uvs_leave(loop);
}

int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd)
{
    if (sim_call_fails()) {
        return UV_ENOMEM;
    }
    struct poll *p = sim_alloc(sizeof *p);
    *p = (struct poll){.h = {.close = poll_stop}};
    uvs_init(&p->h, loop, (uv_handle_t *)handle, UV_POLL, "poll");
    uvs_io_init(&p->io, fd, on_io);
    return 0;
}

int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb cb)
{
    struct poll *p = poll_of(handle);
    SIM_CHECK(!p->h.closing, "uv_poll_start on a closing handle");
    poll_stop(&p->h);
    p->cb = cb;
    if (events != 0) {
        uvs_io_start(uvs_loop(&p->h), &p->io,
                     ((events & UV_READABLE) != 0 ? POLLIN : 0u) |
                         ((events & UV_WRITABLE) != 0 ? POLLOUT : 0u));
        uvs_start(&p->h);
    }
    return 0;
}

int uv_poll_stop(uv_poll_t *handle)
{
    struct poll *p = poll_of(handle);
    SIM_CHECK(!p->h.closing, "uv_poll_stop on a closing handle");
    poll_stop(&p->h);
    return 0;
}

/* --- Async ------------------------------------------------------------------------------------ */

struct async {
    struct uvs_handle h;
    uv_async_cb cb;
    bool sent;
};

static void async_close(struct uvs_handle *h)
{
    rh_list_remove(&h->link);
    uvs_stop(h);
}

int uv_async_init(uv_loop_t *loop, uv_async_t *handle, uv_async_cb cb)
{
    if (sim_call_fails()) {
        return UV_EMFILE; /* the first one of a loop needs a descriptor */
    }
    struct async *a = sim_alloc(sizeof *a);
    *a = (struct async){.h = {.close = async_close}, .cb = cb};
    uvs_init(&a->h, loop, (uv_handle_t *)handle, UV_ASYNC, "async");
    rh_list_push_back(&uvs_loop(&a->h)->asyncs, &a->h.link);
    uvs_start(&a->h);
    return 0;
}

int uv_async_send(uv_async_t *handle)
{
    struct async *a = RH_CONTAINER_OF(uvs_of(handle), struct async, h);
    a->sent = true;
    uvs_loop(&a->h)->async_due = true;
    return 0;
}

void uvs_run_asyncs(struct uvs_loop *loop)
{
    struct rh_link now;
    rh_list_init(&now);
    uvs_run_done_work(loop);
    while (!rh_list_is_empty(&loop->asyncs)) {
        struct rh_link *link = loop->asyncs.next;
        rh_list_remove(link);
        rh_list_push_back(&now, link);
    }
    while (!rh_list_is_empty(&now)) {
        struct rh_link *link = now.next;
        struct async *a = RH_CONTAINER_OF(link, struct async, h.link);
        rh_list_remove(link);
        rh_list_push_back(&loop->asyncs, link);
        if (a->sent) {
            a->sent = false;
            uvs_enter(loop, "async", a->h.number);
            a->cb((uv_async_t *)a->h.handle);
            uvs_leave(loop);
        }
    }
}
