/* Limits and durations of a server: every default, and why. */
#ifndef RAWHTTP_CONFIG_H
#define RAWHTTP_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include <rawhttp/export.h>
#include <rawhttp/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Filled by rh_config_init with every default; 0 then means 0 (a duration of 0 is "no deadline"). Fields
 * are only ever appended. A server copies the struct. Durations are milliseconds, sizes are bytes. */
struct rh_config {
    size_t size; /* of this struct as the caller knows it; set by rh_config_init */

    /* Deadlines (RFC 9110 §15.5.9 leaves the time to us). */
    uint32_t head_ms;     /* whole head, from accept or from a later request's first byte: 10,000 */
    uint32_t body_ms;     /* silence inside a request body: 30,000 */
    uint32_t write_ms;    /* no byte of the answer taken by the peer: 30,000 */
    uint32_t idle_ms;     /* keep-alive connection between requests: 120,000 */
    uint32_t answer_ms;   /* a handler that deferred: 503 after 60,000 */
    uint32_t tls_ms;      /* TLS handshake: 10,000 */
    uint32_t linger_ms;   /* reading on after an answer that ends the connection, so that no reset eats it (see also
                             linger_max_ms): 2,000 */
    /* A request body begins with the grace paid for, and each byte pays for 1 / rate_bytes_min seconds more. It is cut at
     * a piece with which less is paid for than has passed while it was the peer's turn. No more than body_ms (or the
     * grace, where that is longer) can be paid ahead: a burst of any size buys a trickle of that time. A download is
     * looked at every write_ms: what the peer took since must come up to the rate. */
    uint32_t rate_bytes_min; /* bytes per second under which a body or download is cut: 240; 0 = off */
    uint32_t rate_grace_ms;  /* before the rate counts: 5,000 */

    /* Limits. */
    uint32_t connections_max;      /* per server (loop): 10,000 */
    uint32_t head_bytes_max;       /* request line and fields together, at most 65,535: 16,384 */
    uint32_t target_bytes_max;     /* request-target (RFC 9112 §3 asks for at least 8,000): 8,192 */
    uint32_t fields_max;           /* field lines in a head: 100 */
    uint64_t body_bytes_max;       /* streamed request body: 10 MiB */
    uint32_t body_whole_bytes_max; /* request body handed over in one piece: 256 KiB */
    uint64_t body_whole_budget;    /* all whole bodies of a loop together: 64 MiB */
    uint32_t arena_blocks_max;     /* 4 KiB blocks that one exchange may add to its arena: 32 */
    uint32_t discard_bytes_max;    /* unread body discarded to keep a connection alive: 65,536 */

    uint32_t keep_alive; /* 0: every answer ends its connection: 1 */
    uint32_t requests_max; /* requests per connection, 0 = unlimited: 0 */

    /* Hooks, all on the loop's thread; NULL: not called. */
    rh_log_fn log;         /* log lines */
    rh_access_fn access;   /* one record per exchange; costs nothing where NULL */
    void *log_data;        /* first argument of both */
    enum rh_log_level log_level; /* lines above this level are not made: RH_LOG_INFO */
    const char *server_name; /* value of the Server field, kept by pointer; NULL: none. "rawhttp-uv" */

    /* After an answer that ends the connection, the server reads on for linger_ms, and for another linger_ms whenever
     * the peer has sent at least rate_bytes_min for each second of the last, but no longer than this in all. */
    uint32_t linger_max_ms; /* 30,000 */

    /* Requests that are open at a time, per server: from a head's first byte to the end of its answer, held ones of
     * connections that are gone included. A request that finds no place gets a 503. 0: connections_max + 64 */
    uint32_t exchanges_max;
    uint32_t http2; /* 1: HTTP/2, by ALPN over TLS and by prior knowledge on plain ports, if the library has it: 1 */
};

/* Fills every field with its default. Call it as rh_config_init(&config). */
RH_API void rh_config_init_sized(struct rh_config *config, size_t size);
#define rh_config_init(config) rh_config_init_sized((config), sizeof *(config))

/* What one loop may use with this configuration, in bytes; see docs/memory.md for the sum. */
struct rh_memory {
    uint64_t connection_idle;   /* a keep-alive connection between requests */
    uint64_t connection_max;    /* the most one plain connection can hold, whole bodies apart */
    uint64_t connection_tls;    /* what TLS adds at most */
    uint64_t fixed;             /* per loop, whatever the connections do */
    uint64_t ceiling;           /* all of it, with connections_max connections, each with TLS, exchanges_max
                                 * requests and the whole-body budget */
};

/* The memory ceiling that follows from a configuration. Pure; any thread. */
RH_API void rh_config_memory(const struct rh_config *config, struct rh_memory *ret_memory);

#ifdef __cplusplus
}
#endif
#endif
