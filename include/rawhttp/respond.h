/* Answers that come up again and again, each with the field that its status asks for: a 405 names
 * what is allowed, a 401 how to log in, a 429 and a 503 when to come back. The errors are
 * rh_respond_error's: the app's page for that status, else what the peer would rather have by
 * Accept (RFC 9110 §12.5.1): text, a page, or a problem in JSON (RFC 9457). `detail` is a sentence
 * for people, or NULL; it may hold bytes of the peer, which are escaped for where they go. Final
 * answers like all of exchange.h's; loop's thread only. */
#ifndef RAWHTTP_RESPOND_H
#define RAWHTTP_RESPOND_H

#include <rawhttp/exchange.h>
#include <rawhttp/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 200 or any other status with this tree as JSON, copied; the tree stays the caller's. NULL, or a
 * tree for which memory ran out, becomes a 500 with a log line. */
RH_API void rh_respond_json(struct rh_exchange *x, unsigned status, const struct rh_value *value);

/* 201 (RFC 9110 §15.3.2): `location` is the URL of what was created. `value` tells about it as
 * JSON; NULL: no body. */
RH_API void rh_respond_created(struct rh_exchange *x, const char *location,
                               const struct rh_value *value);
/* 204: done, and there is nothing to say. */
RH_API void rh_respond_no_content(struct rh_exchange *x);

/* 400: the request can not be understood. */
RH_API void rh_respond_bad_request(struct rh_exchange *x, const char *detail);
/* 401 with WWW-Authenticate, which it must have (RFC 9110 §15.5.2): `challenge` is `Basic
 * realm="…"` or the like. */
RH_API void rh_respond_unauthorized(struct rh_exchange *x, const char *challenge,
                                    const char *detail);
/* 403: understood and refused; logging in does not help. */
RH_API void rh_respond_forbidden(struct rh_exchange *x, const char *detail);
RH_API void rh_respond_not_found(struct rh_exchange *x, const char *detail); /* 404 */
/* 405 with Allow, which it must have (RFC 9110 §15.5.6): "GET, HEAD". Routes do this by themselves.
 */
RH_API void rh_respond_method_not_allowed(struct rh_exchange *x, const char *allow,
                                          const char *detail);
/* 429 (RFC 6585 §4) with Retry-After; 0 seconds: without it. */
RH_API void rh_respond_too_many_requests(struct rh_exchange *x, unsigned retry_after_s,
                                         const char *detail);
/* 500: `detail` goes to the log, never to the peer: what went wrong inside is nobody else's
 * business. */
RH_API void rh_respond_internal_error(struct rh_exchange *x, const char *detail);
/* 502: somebody that this answer needed gave none, or a bad one. */
RH_API void rh_respond_bad_gateway(struct rh_exchange *x, const char *detail);
/* 503 with Retry-After (RFC 9110 §10.2.3); 0 seconds: without it. */
RH_API void rh_respond_unavailable(struct rh_exchange *x, unsigned retry_after_s,
                                   const char *detail);

#ifdef __cplusplus
}
#endif
#endif
