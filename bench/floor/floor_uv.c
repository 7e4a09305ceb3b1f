/* One loop of a libuv floor, from its options to uv_run. What can not be set up ends the process: a
 * floor that does less than it was asked for would be measured as one that does it. */
#include "floor_uv.h"

#include <stdio.h>
#include <stdlib.h>

void rh_floor_uv_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct rh_floor_uv *loop = rh_floor_uv_of(handle);

    (void)suggested;
    ret_buf->base = loop->buffer;
    ret_buf->len = sizeof loop->buffer;
}

static void on_second(uv_timer_t *timer)
{
    struct rh_floor_uv *loop = rh_floor_uv_of(timer);

    rh_fixed_tick(&loop->fixed);
}

void rh_floor_uv_run(struct rh_floor_uv *loop, const struct rh_floor_options *options, int listener,
                     uv_connection_cb on_connection)
{
    int err;

    rh_fixed_init(&loop->fixed, options);
    loop->close = options->close;
    loop->request_bytes = options->request_bytes;
    uv_loop_init(&loop->uv);
    loop->uv.data = loop;
    uv_timer_init(&loop->uv, &loop->second);
    uv_timer_start(&loop->second, on_second, 1000, 1000);
    uv_tcp_init(&loop->uv, &loop->listener);
    err = uv_tcp_open(&loop->listener, listener);
    if (err == 0)
        err = uv_listen((uv_stream_t *)&loop->listener, 4096, on_connection);
    if (err < 0) {
        fprintf(stderr, "floor: listen: %s\n", uv_strerror(err));
        exit(1);
    }
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}
