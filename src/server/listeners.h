/* Where a server listens, in order of listen: its sockets, and the URLs that they became. */
#ifndef RH_SERVER_LISTENERS_H
#define RH_SERVER_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/listener.h"
#include "rawhttp/server.h"

struct rh_listeners_entry;

/* Zeroed memory is an empty one, but for the loop and what its owner wants to hear. */
struct rh_listeners {
    uv_loop_t *loop;
    struct rh_listeners_entry *first;
    size_t open; /* sockets whose close callback is still to come */
    /* A connection: the descriptor is the callee's now. Returns false where all were paused. */
    bool (*accepted)(struct rh_listeners *listeners, int fd, const struct sockaddr_storage *peer,
                     struct rh_tls *tls);
    /* accept failed with this errno; the listener backs off by itself. */
    void (*failed)(struct rh_listeners *listeners, const char *url, int error);
    /* One of them is closed. */
    void (*closed)(struct rh_listeners *listeners);
};

/* For runners: binds as a first or as a joining loop. */
struct rh_listen_sharing {
    bool share; /* other loops will join */
    bool join;  /* the port is held by another loop of ours */
};

/* Listens on all addresses that the text means, or on none. `listen` may be NULL. 0 or a negative
 * code. */
int RH_MUST_CHECK rh_listeners_add(struct rh_listeners *listeners, const char *address,
                                   const struct rh_listen *listen,
                                   struct rh_listen_sharing sharing);
void rh_listeners_pause(struct rh_listeners *listeners);
void rh_listeners_resume(struct rh_listeners *listeners);
/* Takes what waits in their queues, which closing would reset, and closes them. */
void rh_listeners_drain(struct rh_listeners *listeners);
/* `closed` follows for each that was open. Idempotent. */
void rh_listeners_close(struct rh_listeners *listeners);
/* Once none is open any more. */
void rh_listeners_fini(struct rh_listeners *listeners);

/* As rh_server_url and rh_server_port: NULL and 0 behind the last. */
const char *rh_listeners_url(const struct rh_listeners *listeners, size_t index);
unsigned rh_listeners_port(const struct rh_listeners *listeners, size_t index);
/* The bound address of one as listen text for a joining loop ("127.0.0.1:80", or "fd:7" where a
 * port can not be shared), false behind the last. */
bool rh_listeners_join_text(const struct rh_listeners *listeners, size_t index, char *out,
                            size_t cap);

#endif
