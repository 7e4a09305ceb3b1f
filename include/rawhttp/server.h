/* A server binds an app to one uv_loop_t of the caller's. */
#ifndef RAWHTTP_SERVER_H
#define RAWHTTP_SERVER_H

#include <rawhttp/app.h>
#include <rawhttp/config.h>
#include <rawhttp/error.h>
#include <rawhttp/export.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_server;
struct rh_tls;

/* How to listen; NULL stands for all defaults. */
struct rh_listen {
    size_t size;         /* set by rh_listen_init */
    struct rh_tls *tls;  /* serve HTTPS with these certificates; a reference is taken. NULL: plain */
    int reuse_port;      /* share the port on purpose with other processes: 0 */
    int backlog;         /* 1,024 */
    unsigned unix_mode;  /* permissions of a unix socket: 0600 */
};
RH_API void rh_listen_init_sized(struct rh_listen *listen, size_t size);
#define rh_listen_init(listen) rh_listen_init_sized((listen), sizeof *(listen))

/* Creates a server on the loop; takes a reference on `app` and freezes it; copies `config` (NULL: defaults).
 * Returns 0 or a negative code; a failed server still gives its text and accepts only rh_server_error and
 * rh_server_destroy. *ret_server is NULL when memory ran out (both accept that). Thread: the loop's. */
RH_API int rh_server_create(struct rh_server **ret_server, uv_loop_t *loop, struct rh_app *app,
                            const struct rh_config *config);

/* Listens on "127.0.0.1:8080", "[::1]:0", "localhost:80" (127.0.0.1 and ::1), "*:80" (all addresses),
 * "unix:/run/x.sock", "unix:@name" (the abstract namespace, without a file) or "fd:3" (an inherited listening socket). Port 0 picks a free one. Never a DNS query.
 * Returns 0 or a negative code with text: UV_EADDRINUSE, RH_EADDRESS, RH_ETLS for a `tls` without a pair, … */
RH_API int rh_server_listen(struct rh_server *server, const char *address, const struct rh_listen *listen);

/* URL of listener `index` as it became ("http://127.0.0.1:43211/"), or NULL behind the last. Stays valid until
 * the server is destroyed. */
RH_API const char *rh_server_url(const struct rh_server *server, size_t index);
/* Port of listener `index`, 0 where it has none. */
RH_API unsigned rh_server_port(const struct rh_server *server, size_t index);

RH_API const char *rh_server_error(const struct rh_server *server); /* last error, never NULL */

typedef void (*rh_server_cb)(struct rh_server *server, void *data);

/* Graceful end: takes what already waits in the accept queue, closes the listeners, lets open exchanges
 * finish, closes idle connections, and cuts the rest after `ms`. Calls back no later than that (and a turn).
 * Holds may remain: rh_server_close waits for them. Calling it again only shortens the deadline. */
RH_API void rh_server_drain(struct rh_server *server, uint64_t ms, rh_server_cb cb, void *data);
/* A lame duck still takes connections; rh_server_is_draining says 1 from here on (for /healthz). */
RH_API void rh_server_lame(struct rh_server *server);
RH_API int rh_server_is_draining(const struct rh_server *server);

/* Ends everything now; calls back when the last handle closed and the last held exchange was given back. */
RH_API void rh_server_close(struct rh_server *server, rh_server_cb cb, void *data);
/* After the close callback (or a failed create) only; asserted. NULL accepted. */
RH_API void rh_server_destroy(struct rh_server *server);

/* From any thread while the server is not destroyed: runs fn on the loop; returns as rh_exchange_post does. */
typedef void (*rh_server_post_fn)(struct rh_server *server, void *data);
RH_API int rh_server_post(struct rh_server *server, rh_server_post_fn fn, void *data);

RH_API struct rh_server *rh_exchange_server(const struct rh_exchange *x); /* NULL in the in-memory driver */
RH_API uv_loop_t *rh_server_loop(const struct rh_server *server);
/* A slot per server for the caller. */
RH_API void rh_server_set_data(struct rh_server *server, void *data);
RH_API void *rh_server_data(const struct rh_server *server);

/* Counters of one server. Each has one writer; reading from another thread is fine and a little stale. */
struct rh_stats {
    uint64_t connections_accepted; /* since the start */
    uint64_t connections_open;     /* now */
    uint64_t connections_idle;     /* between requests, now */
    uint64_t exchanges_open;       /* now, held ones included */
    uint64_t requests;             /* answered or lost */
    uint64_t requests_by_class[6]; /* [1]..[5]: by the first digit of the status; [0]: lost before a status */
    uint64_t rejected;             /* heads that broke a rule */
    uint64_t bytes_in;             /* from sockets (ciphertext with TLS) */
    uint64_t bytes_out;            /* taken by sockets */
    uint64_t accept_errors;        /* EMFILE and its kin */
    uint64_t deadline_ends;        /* connections ended by a deadline or the minimum rate */
    uint64_t tls_handshakes;       /* completed */
    uint64_t tls_resumed;          /* of those, resumed */
    uint64_t tls_failures;         /* handshakes that failed */
    uint64_t latency_us_sum;       /* over all requests, where timing is on */
    uint64_t latency_buckets[16];  /* counts: bucket i holds durations below 2^i * 64 us; the last one all others */
    uint64_t websockets_open;        /* now */
    uint64_t websocket_messages_in;  /* whole messages that came */
    uint64_t websocket_messages_out; /* that were queued */
};
RH_API void rh_server_stats(const struct rh_server *server, struct rh_stats *ret_stats);
/* Use of slab pool `index`: name, objects in use, peak and ceiling, bytes of one. 0, or RH_ENOTFOUND behind the last. */
struct rh_pool_stats {
    const char *name;
    uint64_t in_use, peak, max, object_bytes, exhausted;
};
RH_API int rh_server_pool_stats(const struct rh_server *server, size_t index, struct rh_pool_stats *ret_stats);

/* Returns memory that a peak left behind and nobody uses now to the system: pages of bodies and answers, the insides of
 * free buffers, and what malloc keeps for OpenSSL. Returns how many bytes of its own pools it gave. Worth a call when a
 * peak is over, not on the path of a request: what is used again is zeroed by the kernel first. On the loop's thread. */
RH_API uint64_t rh_server_trim(struct rh_server *server);

#ifdef __cplusplus
}
#endif
#endif
