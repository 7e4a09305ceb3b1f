/* What the library tells its embedder: log lines and one record for each answer. It never prints.
 */
#ifndef RAWHTTP_LOG_H
#define RAWHTTP_LOG_H

#include <stdint.h>

#include <rawhttp/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rh_log_level {
    RH_LOG_ERROR,   /* the environment or a handler failed: somebody should look */
    RH_LOG_WARNING, /* something is off, the server goes on */
    RH_LOG_INFO,    /* life events: listening, draining */
    RH_LOG_DEBUG    /* the peer's faults, with the rule and the RFC section that was broken */
};

/* One log line without a line break, NUL-terminated, valid during the call; on the loop's thread.
 * It may hold bytes of the peer: control bytes are already escaped (a backslash, x, two digits). */
typedef void (*rh_log_fn)(void *data, enum rh_log_level level, const char *line);

/* One finished exchange. Slices are the peer's bytes as they came (escape them before a terminal
 * sees them) and are valid during the call only; absent ones have base NULL. */
struct rh_access {
    struct rh_slice peer;       /* textual address without port; "unix" for unix sockets */
    struct rh_slice method;     /* as sent; absent where no request line could be read */
    struct rh_slice target;     /* request-target as sent */
    struct rh_slice host;       /* authority of the request */
    struct rh_slice referer;    /* Referer field */
    struct rh_slice user_agent; /* User-Agent field */
    struct rh_slice route;      /* pattern of the route that answered */
    struct rh_slice user;       /* name of the authenticated user, where a middleware set one */
    struct rh_slice request_id; /* where a middleware set one */
    int64_t time_us;      /* wall clock at the start of the request, microseconds since 1970 */
    uint64_t duration_us; /* first byte of the head to the last byte taken by the socket */
    uint64_t bytes_in;    /* request body bytes */
    uint64_t bytes_out;   /* response body bytes handed to the socket */
    unsigned status;      /* status code sent; 0 where the connection was lost before a head */
    unsigned char version_major; /* 1 or 2 */
    unsigned char version_minor; /* HTTP/1.x; 0 for HTTP/2 */
    unsigned char aborted;       /* the answer did not reach the socket whole */
    unsigned char tls;           /* 1 over TLS */
    struct rh_slice refusal;     /* the rule of the protocol that the head or the body broke, as
                                    "cl-with-te"; else absent */
};

/* Called once for each exchange on the loop's thread, after its last byte was taken by the socket
 * or lost. */
typedef void (*rh_access_fn)(void *data, const struct rh_access *access);

#ifdef __cplusplus
}
#endif
#endif
