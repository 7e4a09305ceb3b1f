/* The post box: how other threads hand work to the loop. */
#ifndef RH_SERVER_ENGINE_POST_H
#define RH_SERVER_ENGINE_POST_H

#include <pthread.h>
#include <stdbool.h>

struct rh_exchange;
struct rh_server;
struct rh_post;

struct rh_post_box {
    pthread_mutex_t mutex;
    struct rh_post *first;
    struct rh_post **last;
    /* Wakes the loop; NULL once closed (and in the driver, which polls). */
    void (*signal)(void *data);
    void *data;
    bool closed;
};

void rh_post_box_init(struct rh_post_box *box, void (*signal)(void *data), void *data);
void rh_post_box_fini(struct rh_post_box *box);

/* From any thread: 0, UV_ECANCELED or UV_ENOMEM. Exactly one of the two functions is given. */
int rh_post_box_put(struct rh_post_box *box, struct rh_exchange *x,
                    void (*x_fn)(struct rh_exchange *, void *), struct rh_server *server,
                    void (*server_fn)(struct rh_server *, void *), void *data);
/* A post of it has run (request.c). */
void rh_exchange_posted(struct rh_exchange *x);

/* On the loop: runs what has come, also what comes while it runs. */
void rh_post_box_run(struct rh_post_box *box);
/* No more from here on; what is in it was run. */
void rh_post_box_close(struct rh_post_box *box);

#endif
