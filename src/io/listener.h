/* A listening socket of our own: accepts in batches, backs off when descriptors run out, and pauses on demand. */
#ifndef RH_IO_LISTENER_H
#define RH_IO_LISTENER_H

#include <uv.h>

#include "io/address.h"

struct rh_listener;

struct rh_listener_callbacks {
    /* A connection: the descriptor is the callee's now. Returns false to pause the listener. */
    bool (*accepted)(struct rh_listener *listener, int fd, const struct sockaddr_storage *peer);
    /* accept failed with this errno; the listener backs off by itself. */
    void (*failed)(struct rh_listener *listener, int error);
    void (*closed)(struct rh_listener *listener);
};

struct rh_listener {
    const struct rh_listener_callbacks *callbacks;
    uv_poll_t poll;
    uv_timer_t backoff; /* runs while accept fails for want of descriptors or memory */
    int fd;
    unsigned open;      /* handles whose close callback is still to come */
    bool paused;
    bool closing;
};

struct rh_listener_options {
    int backlog;
    bool reuse_port;    /* shared with other processes on purpose */
    bool join;          /* another loop of ours holds the port already: SO_REUSEPORT before bind */
    bool share;         /* other loops will join: SO_REUSEPORT after bind, so that a stranger is still noticed */
    unsigned unix_mode; /* permissions of a unix socket */
};

/* Makes a bound, listening, non-blocking socket; `address` gets the port that it became. Returns the descriptor or
 * a negative errno (as libuv's codes are). */
int RH_MUST_CHECK rh_listener_bind(struct rh_address *address, const struct rh_listener_options *options);

/* Starts to accept on the descriptor, which is the listener's from here on, also on failure. */
int RH_MUST_CHECK rh_listener_open(struct rh_listener *listener, uv_loop_t *loop, int fd,
                                   const struct rh_listener_callbacks *callbacks);
void rh_listener_pause(struct rh_listener *listener);
void rh_listener_resume(struct rh_listener *listener);
/* Takes what already waits in the queue: closing would reset it. */
void rh_listener_empty_queue(struct rh_listener *listener);
/* Ends with the callback `closed`. */
void rh_listener_close(struct rh_listener *listener);

#endif
