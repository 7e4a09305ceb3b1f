/* Middleware that asks who it is: bearer tokens and htpasswd files. (A function of your own for
 * Basic authentication is rh_use_basic_auth in middleware.h; logins in cookies are in login.h.) As
 * with all ready-made middleware, `group` is a group, rh_app_last(app), or NULL for the app;
 * registration is for the thread that builds the app. */
#ifndef RAWHTTP_AUTH_H
#define RAWHTTP_AUTH_H

#include <rawhttp/app.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Bearer tokens (RFC 6750) --- */

/* Verifies a token, on the loop's thread: ends with exactly one of the three calls below, now, or
 * later after rh_exchange_hold (also where the exchange was cut meanwhile). The token has the
 * characters of RFC 6750 §2.1 and lives as long as the exchange. Compare secrets with
 * rh_same_bytes. */
typedef void (*rh_bearer_fn)(struct rh_exchange *x, struct rh_slice token, void *data);
/* The request may pass. `user` (NULL: nobody in particular) goes to the access log; copied. */
RH_API void rh_bearer_accept(struct rh_exchange *x, const char *user);
/* 401 with error="invalid_token" (§3.1): expired, revoked, unknown. `why` (NULL: nothing) becomes
 * the error_description: ASCII without '"' and '\'; anything else is left out. */
RH_API void rh_bearer_reject(struct rh_exchange *x, const char *why);
/* 403 with error="insufficient_scope" and, where not NULL, the scope that it takes (§3.1). */
RH_API void rh_bearer_forbid(struct rh_exchange *x, const char *scope);

/* Asks for `Authorization: Bearer …`. Without it the peer gets 401 and a challenge that names no
 * error (§3); with one that is malformed, or with two, 400 and error="invalid_request". Tokens in
 * the query or the body (§2.2, §2.3) are never looked at: they end up in logs. `realm` is ASCII
 * without '"' and '\', kept by pointer. */
RH_API void rh_use_bearer(struct rh_app *app, struct rh_group *group, const char *realm,
                          rh_bearer_fn verify, void *data);
/* The same with a fixed list (NULL-terminated, 1 to 256 tokens, copied as digests): all are
 * compared, in constant time. */
RH_API void rh_use_bearer_tokens(struct rh_app *app, struct rh_group *group, const char *realm,
                                 const char *const *tokens);

/* --- Password files --- */

/* A file as htpasswd writes it. Texts are kept by pointer. */
struct rh_htpasswd {
    size_t size;
    const char *file;    /* its path */
    const char *realm;   /* ASCII without '"' and '\': "restricted" */
    uint32_t checks_max; /* passwords that one loop has hashed at a time, of the four threads that a
                            pool has: 2 */
    uint32_t
        waiting_max; /* requests that wait for their turn; others get 503 with Retry-After: 64 */
    uint32_t remember_s; /* how long a loop remembers that a user and a password fit (the last 64):
                            60; 0: not */
};
RH_API void rh_htpasswd_init_sized(struct rh_htpasswd *htpasswd, size_t size);
#define rh_htpasswd_init(htpasswd) rh_htpasswd_init_sized((htpasswd), sizeof *(htpasswd))
/* Basic authentication (RFC 7617) against that file: bcrypt (of which only the first 72 bytes of a
 * password count), SHA-512-crypt, SHA-256-crypt, yescrypt. A file with another hash in it, as of
 * Apache's MD5 ($apr1$), is refused: the app's error names the line, and says what to do. Passwords
 * are hashed in the pool's threads while the exchange is held; a peer that leaves gives its turn
 * back. A user that is not in the file takes as long as a wrong password. The file is looked at
 * again with each check, for remembered users once a second, and read when it has changed; where it
 * can not be read then, the log says so and what was read before stays. RH_ECONFIG or -errno spoils
 * the app; without libcrypt (rh_version_features) this always does. Only over TLS is it worth
 * anything. */
RH_API void rh_use_htpasswd(struct rh_app *app, struct rh_group *group,
                            const struct rh_htpasswd *htpasswd);

#ifdef __cplusplus
}
#endif
#endif
