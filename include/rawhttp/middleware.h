/* Ready-made middleware. Each call adds one to a group, to the app where `group` is NULL, or to one
 * route where it is rh_app_last(app); as with rh_app_use, it runs for what is registered after it
 * (and, in the app, where no route answers). Options are copied, the texts in them are kept by
 * pointer: use literals. Before the app is frozen, by the thread that builds it. */
#ifndef RAWHTTP_MIDDLEWARE_H
#define RAWHTTP_MIDDLEWARE_H

#include <rawhttp/app.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gives each exchange an id, in the X-Request-Id of the answer and in the access log: 128 random
 * bits as 32 hexadecimal digits. With `trust_peer` an X-Request-Id of 1 to 64 letters, digits, '-',
 * '_' and '.' that came with the request is kept instead: for servers behind a proxy of yours. */
RH_API void rh_use_request_id(struct rh_app *app, struct rh_group *group, int trust_peer);

/* Behind a proxy: what it says of the client stands for what the connection says. */
enum rh_proxy_fields {
    RH_PROXY_X_FORWARDED, /* X-Forwarded-For, X-Forwarded-Proto and, where asked for,
                             X-Forwarded-Host */
    RH_PROXY_FORWARDED    /* Forwarded (RFC 7239) */
};
struct rh_proxies {
    size_t size;
    /* NULL-terminated: addresses ("192.0.2.1", "2001:db8::1"), networks ("10.0.0.0/8", "fd00::/8"),
     * and "unix" for every peer on a unix socket. NULL: nobody is trusted. */
    const char *const *trusted;
    /* Which of the two your proxies write; the other is never looked at. There is no "whichever is
     * there": a proxy that writes one passes the other on as the client made it up.
     * RH_PROXY_X_FORWARDED */
    enum rh_proxy_fields fields;
    int scheme; /* take the scheme: 1 */
    int host;   /* take the host: 0, as many proxies pass on the X-Forwarded-Host that a client made
                   up */
};
RH_API void rh_proxies_init_sized(struct rh_proxies *proxies, size_t size);
#define rh_proxies_init(proxies) rh_proxies_init_sized((proxies), sizeof *(proxies))
/* From a trusted peer alone, the fields are read from their end, which the nearest proxy wrote,
 * past proxies that are trusted themselves, to the first address that is not: from there on
 * rh_request_peer, its port, the access log and the rate limit mean that client, rh_request_is_tls
 * and HSTS the scheme ("http" or "https") in which it asked, and rh_request_host, where wanted, the
 * host that it named. What is malformed (or, in Forwarded, obfuscated or "unknown": RFC 7239 §6)
 * ends the walk: the peer is then the last address that a trusted hop vouched for. Fields of peers
 * that are not trusted are ignored. Scheme and host come from the element that named the peer;
 * X-Forwarded-Proto and -Host are counted from their end as X-Forwarded-For is, and where they have
 * fewer elements the first one counts. Your proxy must set or remove each field that is taken. Add
 * it to the app before everything that looks at the peer. */
RH_API void rh_use_proxies(struct rh_app *app, struct rh_group *group,
                           const struct rh_proxies *proxies);

/* Refuses, with 403, requests that another site's page made a browser send: for login forms, and for
 * everything that a cookie or a password of the browser lets through. Requests with GET, HEAD, OPTIONS
 * or QUERY pass: they must not change anything. Of the others, what Sec-Fetch-Site (Fetch Metadata)
 * says counts: "same-origin" and "none" pass. A browser that does not send it is judged by Origin
 * (RFC 6454 §7.3): its host and port must be those of rh_request_host. Without both the client is no
 * browser, holds no stranger's cookies, and passes. `trusted` names origins that pass all the same
 * ("https://app.example.org", NULL-terminated); NULL: none. Behind a proxy that changes Host, add
 * rh_use_proxies with `host` first. */
RH_API void rh_use_same_origin(struct rh_app *app, struct rh_group *group,
                               const char *const *trusted);

/* Fields that make browsers careful. NULL leaves one out. */
struct rh_security {
    size_t size;
    const char *content_security_policy; /* "default-src 'self'; base-uri 'self'; object-src 'none';
                                            frame-ancestors 'self'" */
    const char *frame_options;   /* "SAMEORIGIN", for browsers that do not know frame-ancestors */
    const char *referrer_policy; /* "strict-origin-when-cross-origin" */
    const char *permissions_policy; /* NULL */
    const char *opener_policy;      /* "same-origin" */
    uint32_t hsts_seconds;          /* Strict-Transport-Security (RFC 6797) over TLS only: 0, off */
    int nosniff;                    /* X-Content-Type-Options: 1 */
};
RH_API void rh_security_init_sized(struct rh_security *security, size_t size);
#define rh_security_init(security) rh_security_init_sized((security), sizeof *(security))
/* `security` may be NULL for the defaults. A field that the handler sets itself wins where it is
 * set later. */
RH_API void rh_use_security(struct rh_app *app, struct rh_group *group,
                            const struct rh_security *security);

/* Who else's pages may use what (the Fetch standard's CORS protocol). */
struct rh_cors {
    size_t size;
    const char *const
        *origins;        /* NULL-terminated: "https://example.org", or "*" for all. NULL: nobody */
    const char *methods; /* "GET, HEAD, POST, PUT, PATCH, DELETE" */
    const char *headers; /* request fields that pages may set: "Content-Type, Authorization" */
    const char *expose;  /* response fields that pages may read beyond the safe ones: NULL */
    uint32_t max_age_s;  /* how long a preflight is remembered: 600 */
    int credentials;     /* cookies and logins come along; never together with "*": 0 */
};
RH_API void rh_cors_init_sized(struct rh_cors *cors, size_t size);
#define rh_cors_init(cors) rh_cors_init_sized((cors), sizeof *(cors))
/* Marks answers for the origins that may read them, and answers preflights (204) for the routes
 * that it stands before: those of the app, of a group, or one route. For a preflight the middleware
 * before it run too, those behind it (a login, which browsers do not send along) and the handler do
 * not. Of several before one route the last one decides. A route of your own for OPTIONS answers
 * for itself. */
RH_API void rh_use_cors(struct rh_app *app, struct rh_group *group, const struct rh_cors *cors);

/* True where the pair may pass. On the loop's thread: quick, and comparing in constant time
 * (rh_same_bytes). */
typedef int (*rh_basic_fn)(void *data, struct rh_slice user, struct rh_slice password);
/* Basic authentication (RFC 7617): 401 with a challenge, or the user's name goes to the access log.
 * `realm` is ASCII without '"' and '\'. Only over TLS is it worth anything. */
RH_API void rh_use_basic_auth(struct rh_app *app, struct rh_group *group, const char *realm,
                              rh_basic_fn check, void *data);
/* 1 where both hold the same bytes; takes the same time wherever two of one length differ. */
RH_API int rh_same_bytes(struct rh_slice a, struct rh_slice b);

/* The key that a rate limit counts by; absent: this request is not limited. */
typedef struct rh_slice (*rh_rate_key_fn)(struct rh_exchange *x, void *data);
struct rh_rate {
    size_t size;
    double per_second;  /* tokens that come back: 10 */
    double burst;       /* tokens at most: 20 */
    uint32_t keys_max;  /* how many keys each server remembers, rounded up to a power of two: 4,096
                           (64 KiB) */
    rh_rate_key_fn key; /* NULL: the peer's address, of IPv6 the first 64 bits */
    void *data;
};
RH_API void rh_rate_init_sized(struct rh_rate *rate, size_t size);
#define rh_rate_init(rate) rh_rate_init_sized((rate), sizeof *(rate))
/* A token bucket for each key: a request takes one token; without one it gets 429 with Retry-After
 * (RFC 6585 §4). Each server (loop) counts for itself. Where there are more keys than are
 * remembered, the fullest bucket of a few is forgotten: its owner has waited longest. */
RH_API void rh_use_rate_limit(struct rh_app *app, struct rh_group *group,
                              const struct rh_rate *rate);

/* A body limit other than the server's body_bytes_max; a larger Content-Length gets 413 before the
 * handler runs. */
RH_API void rh_use_body_limit(struct rh_app *app, struct rh_group *group, uint64_t bytes_max);

/* What comes behind it has `ms` (1 to a day) for its answer; then the peer gets a 503 (RFC 9110
 * §15.6.4) in its place, in the app's clothes, the log names the route, and the connection goes on.
 * To the handler it is as if the exchange had been cut: on_abort is told RH_DEADLINE, a body that
 * it reads ends with RH_ECUT, what it answers later does nothing but end its hold, and until then
 * the exchange stays valid. A handler that has begun its answer, by a stream or a source, is not
 * disturbed. The time counts from here, also while the request's body arrives; the server's
 * answer_ms, which ends the connection, goes on beside it. A handler that blocks the loop can not
 * be ended by anything. */
RH_API void rh_use_timeout(struct rh_app *app, struct rh_group *group, uint32_t ms);

/* For routes that QUERY asks (RFC 10008): `types` are the media types that its content may have, in
 * lower case and without parameters, up to a NULL; array and texts are kept by pointer. Each answer
 * names them in Accept-Query. A QUERY with another Content-Type gets 415, without one 400. */
RH_API void rh_use_query_types(struct rh_app *app, struct rh_group *group,
                               const char *const *types);

#ifdef __cplusplus
}
#endif
#endif
