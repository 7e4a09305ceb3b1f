/* The floor that rawhttp-uv is measured against: libuv, and nothing above it.
 *
 * Happy path: libuv accepts, reads into the loop's one buffer, the requests are counted, their
 * answers leave by one uv_try_write. What the socket did not take becomes a uv_write_t. A read
 * error or EOF closes. With --close the write side is shut after the answer and the connection
 * closes at the peer's EOF, which is how the server itself ends a connection. */
#include "floor_uv.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <uv.h>

struct conn {
    uv_tcp_t tcp; /* first: a handle of ours is its connection */
    struct rh_tally tally;
};

/* The rest of an answer on its way; it points into the fixed row. */
struct rest {
    uv_write_t write;
    bool last; /* shut the write side when it is out */
};

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void conn_close(uv_stream_t *stream)
{
    if (!uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, on_closed);
}

/* The direct call spares the epoll_ctl that uv_shutdown costs. */
static void conn_shut(uv_stream_t *stream)
{
    uv_os_fd_t fd;

    if (uv_fileno((uv_handle_t *)stream, &fd) == 0)
        shutdown(fd, SHUT_WR);
}

static void on_written(uv_write_t *write, int status)
{
    struct rest *rest = (struct rest *)write;

    if (status < 0)
        conn_close(write->handle);
    else if (rest->last)
        conn_shut(write->handle);
    free(rest);
}

static void write_rest(uv_stream_t *stream, char *base, size_t size, bool last)
{
    struct rest *rest = malloc(sizeof *rest);
    uv_buf_t buf = uv_buf_init(base, (unsigned)size);

    if (rest == NULL) {
        conn_close(stream);
        return;
    }
    rest->last = last;
    if (uv_write(&rest->write, stream, &buf, 1, on_written) < 0) {
        free(rest);
        conn_close(stream);
    }
}

static void conn_answer(struct rh_floor_uv *loop, uv_stream_t *stream, size_t count)
{
    uv_buf_t buf;
    bool last;
    int n;

    while (count > 0) {
        buf = uv_buf_init(loop->fixed.answers, (unsigned)rh_fixed_take(&loop->fixed, &count));
        last = loop->close && count == 0;
        n = uv_try_write(stream, &buf, 1);
        if (n < 0 && n != UV_EAGAIN) {
            conn_close(stream);
            return;
        }
        if (n < 0)
            n = 0;
        if ((size_t)n < buf.len)
            write_rest(stream, buf.base + n, buf.len - (size_t)n, last);
        else if (last)
            conn_shut(stream);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *conn = (struct conn *)stream;

    if (n > 0)
        conn_answer(rh_floor_uv_of(stream), stream,
                    rh_tally_add(&conn->tally, buf->base, (size_t)n));
    else if (n < 0)
        conn_close(stream);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct rh_floor_uv *loop = rh_floor_uv_of(listener);
    struct conn *conn;

    if (status < 0 || (conn = malloc(sizeof *conn)) == NULL)
        return;
    uv_tcp_init(listener->loop, &conn->tcp);
    conn->tally.seen = 0;
    conn->tally.request_bytes = (uint32_t)loop->request_bytes;
    if (uv_accept(listener, (uv_stream_t *)&conn->tcp) < 0 ||
        uv_read_start((uv_stream_t *)&conn->tcp, rh_floor_uv_alloc, on_read) < 0)
        conn_close((uv_stream_t *)&conn->tcp);
}

static void loop_run(const struct rh_floor_options *options, int listener)
{
    struct rh_floor_uv *loop = calloc(1, sizeof *loop);

    if (loop != NULL)
        rh_floor_uv_run(loop, options, listener, on_connection);
}

int main(int argc, char **argv)
{
    return rh_floor_main(argc, argv, loop_run);
}
