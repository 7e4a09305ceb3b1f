/* A mutex, a queue and a way to wake the loop. The lock is held for a few instructions; nothing on
 * the path of a request takes it. Nodes are malloc'd: they come from other threads, where the
 * loop's slabs may not be touched. */
#include "server/engine/post.h"

#include <stdlib.h>
#include <uv.h>

#include "util/assert.h"

struct rh_post {
    struct rh_post *next;
    struct rh_exchange *x;
    void (*x_fn)(struct rh_exchange *x, void *data);
    struct rh_server *server;
    void (*server_fn)(struct rh_server *server, void *data);
    void *data;
};

void rh_post_box_init(struct rh_post_box *box, void (*signal)(void *data), void *data)
{
    RH_ASSERT(pthread_mutex_init(&box->mutex, NULL) == 0);
    box->first = NULL;
    box->last = &box->first;
    box->signal = signal;
    box->data = data;
    box->closed = false;
}

void rh_post_box_fini(struct rh_post_box *box)
{
    RH_ASSERT(box->first == NULL);
    pthread_mutex_destroy(&box->mutex);
}

int rh_post_box_put(struct rh_post_box *box, struct rh_exchange *x,
                    void (*x_fn)(struct rh_exchange *, void *), struct rh_server *server,
                    void (*server_fn)(struct rh_server *, void *), void *data)
{
    struct rh_post *post = malloc(sizeof *post);
    if (post == NULL) {
        return UV_ENOMEM;
    }
    *post = (struct rh_post){NULL, x, x_fn, server, server_fn, data};
    pthread_mutex_lock(&box->mutex);
    bool closed = box->closed;
    if (!closed) {
        *box->last = post;
        box->last = &post->next;
        if (box->signal != NULL) {
            box->signal(box->data); /* under the lock: close can not come between */
        }
    }
    pthread_mutex_unlock(&box->mutex);
    if (closed) {
        free(post);
        return UV_ECANCELED;
    }
    return 0;
}

void rh_post_box_run(struct rh_post_box *box)
{
    for (;;) {
        pthread_mutex_lock(&box->mutex);
        struct rh_post *post = box->first;
        box->first = NULL;
        box->last = &box->first;
        pthread_mutex_unlock(&box->mutex);
        if (post == NULL) {
            return;
        }
        while (post != NULL) {
            struct rh_post *next = post->next;
            struct rh_post now = *post;
            free(post);
            if (now.x_fn != NULL) {
                now.x_fn(now.x, now.data);
                /* Others may stand behind it: the last one gives it back. */
                rh_exchange_posted(now.x);
            } else {
                now.server_fn(now.server, now.data);
            }
            post = next;
        }
    }
}

void rh_post_box_close(struct rh_post_box *box)
{
    pthread_mutex_lock(&box->mutex);
    box->closed = true;
    box->signal = NULL;
    pthread_mutex_unlock(&box->mutex);
    rh_post_box_run(box);
}
