/* What a handler asks of a socket, and its way back from other threads. */
#include <stdlib.h>
#include <uv.h>

#include "server/websocket/websocket.h"

size_t rh_websocket_queued(const struct rh_websocket *socket)
{
    return socket->queue.bytes;
}

int rh_websocket_is_open(const struct rh_websocket *socket)
{
    return socket->state == RH_WS_OPEN || socket->state == RH_WS_ACCEPTED;
}

struct rh_slice rh_websocket_protocol(const struct rh_websocket *socket)
{
    return socket->protocol;
}

void *rh_websocket_data(const struct rh_websocket *socket)
{
    return socket->data;
}

struct rh_server *rh_websocket_server(const struct rh_websocket *socket)
{
    return socket->engine->server;
}

void rh_websocket_ref(struct rh_websocket *socket)
{
    socket->references++;
}

void rh_websocket_unref(struct rh_websocket *socket)
{
    RH_ASSERT(socket->references > 0);
    socket->references--;
    rh_websocket_maybe_release(socket);
}

/* --- Posts --------------------------------------------------------------------------------------
 */

struct post {
    struct rh_websocket *socket;
    rh_websocket_fn fn;
    void *data;
};

static void run_post(struct rh_server *server, void *data)
{
    struct post post = *(struct post *)data;
    (void)server;
    free(data);
    rh_websocket_enter(post.socket);
    atomic_fetch_sub_explicit(&post.socket->posts, 1, memory_order_relaxed);
    post.fn(post.socket, post.data);
    rh_websocket_leave(post.socket);
}

int rh_websocket_post(struct rh_websocket *socket, rh_websocket_fn fn, void *data)
{
    struct rh_engine *engine = socket->engine;
    struct post *post = malloc(sizeof *post);
    if (post == NULL) {
        return UV_ENOMEM;
    }
    *post = (struct post){socket, fn, data};
    atomic_fetch_add_explicit(&socket->posts, 1, memory_order_relaxed);
    int err = rh_post_box_put(&engine->posts, NULL, NULL, engine->server, run_post, post);
    if (err != 0) {
        atomic_fetch_sub_explicit(&socket->posts, 1, memory_order_relaxed);
        free(post);
    }
    return err;
}
