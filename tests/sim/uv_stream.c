/* Streams over the sockets of net.c. Reads: up to 32 from one socket before the next has its turn,
 * each into memory that `alloc` names; one that does not fill it is the last. A hang-up behind such
 * a read is an end without `alloc`. Writes: a request is tried at once if none waits, its callback
 * comes in a later phase in any case; what is left when the stream closes is cancelled. */
#include "sim/uv.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "sim/net.h"
#include "util/assert.h"

enum { READS_MAX = 32, SUGGESTED = 64 * 1024, BUFS_MAX = 4 };

struct stream {
    struct uvs_handle h;
    struct uvs_io io;
    uv_alloc_cb alloc_cb;
    uv_read_cb read_cb;
    struct rh_link queue; /* struct write */
    struct rh_link completed;
    bool reading;
    bool open; /* readable and writable */
    bool partial;
    bool eof;
};

struct write {
    struct rh_link link;
    uv_write_t *request;
    uv_write_cb cb;
    uv_buf_t bufs[BUFS_MAX];
    unsigned count;
    unsigned at;
    size_t len; /* that counts in the queue's size */
    int error;
};

static struct stream *stream_of(const void *handle)
{
    return RH_CONTAINER_OF(uvs_of(handle), struct stream, h);
}

static uv_stream_t *uv_of(struct stream *s)
{
    return (uv_stream_t *)(void *)s->h.handle;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* As much of the pieces as the socket takes; a negative code. */
static ptrdiff_t send_bufs(struct stream *s, const uv_buf_t *bufs, unsigned count)
{
    ptrdiff_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        ptrdiff_t n = net_send(s->io.fd, bufs[i].base, bufs[i].len);
        if (n < 0) {
            return total > 0 ? total : n == -ENOBUFS ? UV_EAGAIN : n;
        }
        total += n;
        if ((size_t)n < bufs[i].len) {
            break;
        }
    }
    return total;
}

static void finish_write(struct stream *s, struct write *w, int error)
{
    w->error = error;
    if (error == 0) { /* else its bytes count until its callback */
        uv_of(s)->write_queue_size -= w->len;
        w->len = 0;
    }
    rh_list_remove(&w->link);
    rh_list_push_back(&s->completed, &w->link);
    uvs_io_feed(uvs_loop(&s->h), &s->io);
}

/* True where all of it is sent. */
static bool advance(struct stream *s, struct write *w, size_t n)
{
    w->len -= n;
    uv_of(s)->write_queue_size -= n;
    while (w->at < w->count && n >= w->bufs[w->at].len) {
        n -= w->bufs[w->at++].len;
    }
    if (w->at < w->count) {
        w->bufs[w->at].base += n;
        w->bufs[w->at].len -= n;
    }
    return w->at == w->count;
}

static void write_some(struct stream *s)
{
    if (rh_list_is_empty(&s->queue)) {
        return;
    }
    struct write *w = RH_CONTAINER_OF(s->queue.next, struct write, link);
    ptrdiff_t n = send_bufs(s, w->bufs + w->at, w->count - w->at);
    sim_trace("stream %u writes %zd", s->h.number, n);
    if (n >= 0 && advance(s, w, (size_t)n)) {
        finish_write(s, w, 0);
    } else if (n >= 0 || n == UV_EAGAIN) {
        uvs_io_start(uvs_loop(&s->h), &s->io, POLLOUT);
    } else {
        finish_write(s, w, (int)n);
        uvs_io_stop(&s->io, POLLOUT);
    }
}

static void write_callbacks(struct stream *s)
{
    struct rh_link now;
    rh_list_init(&now);
    while (!rh_list_is_empty(&s->completed)) {
        struct rh_link *link = s->completed.next;
        rh_list_remove(link);
        rh_list_push_back(&now, link);
    }
    struct uvs_loop *loop = uvs_loop(&s->h);
    while (!rh_list_is_empty(&now)) {
        struct write *w = RH_CONTAINER_OF(now.next, struct write, link);
        struct write done = *w;
        RH_ASSERT(w->request->handle == uv_of(s)); /* libuv reads it too: it must still be there */
        rh_list_remove(&w->link);
        uv_of(s)->write_queue_size -= w->len;
        loop->active_requests--;
        sim_free(w);
        uvs_enter(loop, done.error == 0 ? "written" : "write failed", s->h.number);
        done.cb(done.request, done.error);
        uvs_leave(loop);
    }
}

static int check_write(const struct stream *s)
{
    return s->io.fd < 0 ? UV_EBADF : !s->open ? UV_EPIPE : 0;
}

int uv_write(uv_write_t *request, uv_stream_t *handle, const uv_buf_t bufs[], unsigned count,
             uv_write_cb cb)
{
    struct stream *s = stream_of(handle);
    int err = check_write(s);
    if (err < 0) {
        return err;
    }
    RH_ASSERT(count > 0 && count <= BUFS_MAX);
    bool is_empty = handle->write_queue_size == 0;
    struct write *w = sim_alloc(sizeof *w);
    *w = (struct write){.request = request, .cb = cb, .count = count};
    for (unsigned i = 0; i < count; i++) {
        w->bufs[i] = bufs[i];
        w->len += bufs[i].len;
    }
    request->type = UV_WRITE;
    request->handle = handle;
    handle->write_queue_size += w->len;
    uvs_loop(&s->h)->active_requests++;
    rh_list_push_back(&s->queue, &w->link);
    if (is_empty) {
        write_some(s);
    } else {
        uvs_io_start(uvs_loop(&s->h), &s->io, POLLOUT);
    }
    return 0;
}

int uv_try_write(uv_stream_t *handle, const uv_buf_t bufs[], unsigned count)
{
    struct stream *s = stream_of(handle);
    if (handle->write_queue_size != 0) {
        return UV_EAGAIN;
    }
    int err = check_write(s);
    if (err < 0) {
        return err;
    }
    ptrdiff_t n = send_bufs(s, bufs, count);
    sim_trace("stream %u tries %zd", s->h.number, n);
    return (int)n;
}

size_t uv_stream_get_write_queue_size(const uv_stream_t *handle)
{
    uvs_of(handle);
    return handle->write_queue_size;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void stop_reading(struct stream *s)
{
    s->reading = false;
    uvs_io_stop(&s->io, POLLIN);
    uvs_stop(&s->h);
}

static void tell_read(struct stream *s, ptrdiff_t n, const uv_buf_t *buf)
{
    struct uvs_loop *loop = uvs_loop(&s->h);
    sim_trace("stream %u reads %zd", s->h.number, n);
    uvs_enter(loop, "read", s->h.number);
    s->read_cb(uv_of(s), n, buf);
    uvs_leave(loop);
}

static void tell_eof(struct stream *s, const uv_buf_t *buf)
{
    s->eof = true;
    stop_reading(s);
    tell_read(s, UV_EOF, buf);
}

/* One read of up to READS_MAX; false: it was the last. */
static bool read_once(struct stream *s)
{
    uv_buf_t buf = {NULL, 0};
    struct uvs_loop *loop = uvs_loop(&s->h);
    uvs_enter(loop, "alloc", s->h.number);
    s->alloc_cb(s->h.handle, SUGGESTED, &buf);
    uvs_leave(loop);
    SIM_CHECK(!s->h.closing, "a stream is closed inside of its alloc callback");
    if (buf.base == NULL || buf.len == 0) {
        tell_read(s, UV_ENOBUFS, &buf);
        return false;
    }
    SIM_CHECK(s->reading, "a stream is stopped inside of its alloc callback");
    ptrdiff_t n = net_receive(s->io.fd, buf.base, buf.len);
    if (n == -EAGAIN) {
        tell_read(s, 0, &buf);
        return false;
    }
    if (n == 0) {
        tell_eof(s, &buf);
        return false;
    }
    if (n < 0) {
        s->open = false;
        tell_read(s, n, &buf);
        if (!s->h.closing && s->reading) {
            stop_reading(s);
        }
        return false;
    }
    tell_read(s, n, &buf);
    s->partial = (size_t)n < buf.len;
    return !s->partial;
}

static void read_some(struct stream *s)
{
    s->partial = false;
    for (unsigned i = 0; i < READS_MAX && !s->h.closing && s->reading; i++) {
        if (!read_once(s)) {
            return;
        }
    }
}

static void on_io(struct uvs_io *io, unsigned events)
{
    struct stream *s = RH_CONTAINER_OF(io, struct stream, io);
    if ((events & (POLLIN | POLLERR | POLLHUP)) != 0) {
        read_some(s);
    }
    if (s->h.closing) {
        return;
    }
    if ((events & POLLHUP) != 0 && s->reading && s->partial && !s->eof) {
        uv_buf_t none = {NULL, 0};
        tell_eof(s, &none);
    }
    if (s->h.closing || (events & (POLLOUT | POLLERR | POLLHUP)) == 0) {
        return;
    }
    write_some(s);
    write_callbacks(s);
    if (!s->h.closing && rh_list_is_empty(&s->queue)) {
        uvs_io_stop(&s->io, POLLOUT);
    }
}

int uv_read_start(uv_stream_t *handle, uv_alloc_cb alloc_cb, uv_read_cb read_cb)
{
    struct stream *s = stream_of(handle);
    if (s->h.closing || alloc_cb == NULL || read_cb == NULL) {
        return UV_EINVAL;
    }
    if (s->reading) {
        return UV_EALREADY;
    }
    if (!s->open) {
        return UV_ENOTCONN;
    }
    s->reading = true;
    s->eof = false;
    s->alloc_cb = alloc_cb;
    s->read_cb = read_cb;
    uvs_io_start(uvs_loop(&s->h), &s->io, POLLIN);
    uvs_start(&s->h);
    return 0;
}

int uv_read_stop(uv_stream_t *handle)
{
    struct stream *s = stream_of(handle);
    if (s->reading) {
        stop_reading(s);
    }
    return 0;
}

/* --- Life ------------------------------------------------------------------------------------- */

static void stream_close(struct uvs_handle *h)
{
    struct stream *s = RH_CONTAINER_OF(h, struct stream, h);
    int fd = s->io.fd;
    s->reading = false;
    uvs_stop(h);
    uvs_io_close(&s->io);
    if (fd >= 0) {
        net_close(fd);
    }
}

static void stream_finish(struct uvs_handle *h)
{
    struct stream *s = RH_CONTAINER_OF(h, struct stream, h);
    while (!rh_list_is_empty(&s->queue)) {
        struct rh_link *link = s->queue.next;
        RH_CONTAINER_OF(link, struct write, link)->error = UV_ECANCELED;
        rh_list_remove(link);
        rh_list_push_back(&s->completed, link);
    }
    write_callbacks(s);
    rh_list_remove(&s->io.pending);
}

int uv_tcp_init(uv_loop_t *loop, uv_tcp_t *tcp)
{
    struct stream *s = sim_alloc(sizeof *s);
    *s = (struct stream){.h = {.close = stream_close, .finish = stream_finish}};
    uvs_init(&s->h, loop, (uv_handle_t *)tcp, UV_TCP, "stream");
    uvs_io_init(&s->io, -1, on_io);
    rh_list_init(&s->queue);
    rh_list_init(&s->completed);
    tcp->write_queue_size = 0;
    return 0;
}

int uv_tcp_open(uv_tcp_t *tcp, uv_os_sock_t fd)
{
    struct stream *s = stream_of(tcp);
    if (s->io.fd >= 0) {
        return UV_EBUSY;
    }
    if (sim_call_fails()) {
        return UV_ENOMEM;
    }
    s->io.fd = fd;
    s->open = true;
    return 0;
}

int uv_fileno(const uv_handle_t *handle, uv_os_fd_t *ret_fd)
{
    struct uvs_handle *h = uvs_of(handle);
    RH_ASSERT(handle->type == UV_TCP);
    int fd = RH_CONTAINER_OF(h, struct stream, h)->io.fd;
    if (h->closing || fd < 0) {
        return UV_EBADF;
    }
    *ret_fd = fd;
    return 0;
}

uv_buf_t uv_buf_init(char *base, unsigned len)
{
    return (uv_buf_t){.base = base, .len = len};
}
