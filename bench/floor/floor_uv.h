/* What the floors on libuv share: a loop with its listener, one read buffer, the fixed answer and
 * the second that ticks in it. The epoll floor has none of this and links without libuv. */
#ifndef RH_BENCH_FLOOR_UV_H
#define RH_BENCH_FLOOR_UV_H

#include <uv.h>

#include "floor.h"

/* First member of a floor's own loop, so that uv.data is both. */
struct rh_floor_uv {
    uv_loop_t uv;
    uv_tcp_t listener;
    uv_timer_t second;
    bool close;
    size_t request_bytes;
    struct rh_fixed fixed;
    char buffer[RH_FLOOR_READ_BYTES];
};

/* The loop that a handle lives on. */
static inline void *rh_floor_uv_of(const void *handle)
{
    return ((const uv_handle_t *)handle)->loop->data;
}

/* The alloc callback of every connection: the loop's one buffer. */
void rh_floor_uv_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf);

/* Listens on the descriptor and runs until the process ends. */
void rh_floor_uv_run(struct rh_floor_uv *loop, const struct rh_floor_options *options, int listener,
                     uv_connection_cb on_connection);

#endif
