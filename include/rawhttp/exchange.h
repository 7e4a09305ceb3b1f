/* An exchange: one request and its answer. A handler gets a pointer to it, reads the request, and
 * answers now or later. Everything here belongs to the loop's thread (asserted) but
 * rh_exchange_post.
 *
 * Life: the pointer is valid inside the handler. A handler that does not answer before it returns
 * must have deferred: by asking for the body (body.h), by opening a stream (stream.h), or by
 * rh_exchange_hold. Otherwise the library answers 500 and logs the route. A held exchange stays
 * valid, also after its connection was cut, until the final answer call or rh_exchange_release;
 * then it is never touched again. Slices that are given out live in the exchange's arena: they stay
 * as long as the exchange does. */
#ifndef RAWHTTP_EXCHANGE_H
#define RAWHTTP_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>
#include <rawhttp/error.h>
#include <rawhttp/export.h>
#include <rawhttp/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_exchange;
typedef struct uv_loop_s uv_loop_t; /* as <uv.h> declares it, which need not be included here */

/* A request handler or middleware. */
typedef void (*rh_handler_fn)(struct rh_exchange *x, void *data);

/* --- The request (RFC 9110 §6, RFC 9112 §3)
 * ------------------------------------------------------- */

/* Returns the method as an enum rh_method; RH_METHOD_OTHER for a token that is none of them. */
RH_API int rh_request_method(const struct rh_exchange *x);
/* Returns the name of the method as it was sent. */
RH_API struct rh_slice rh_request_method_name(const struct rh_exchange *x);
/* Returns the request-target as it was sent. Path and query may hold the bytes [ ] { } | ^ \ ` that
 * browsers send raw, and the query a '%' without two digits: encode what you build from it
 * (rh_respond_redirect and templates do). */
RH_API struct rh_slice rh_request_target(const struct rh_exchange *x);
/* Path in canonical form: dot segments resolved, percent-decoded once; a decoded '/' (%2F) is the
 * byte NUL, so that it can not be taken for a separator. "*" for OPTIONS *. */
RH_API struct rh_slice rh_request_path(const struct rh_exchange *x);
RH_API struct rh_slice
rh_request_query(const struct rh_exchange *x); /* raw, without '?'; absent if none */
RH_API struct rh_slice
rh_request_host(const struct rh_exchange *x); /* authority, from Host or the target */
RH_API int rh_request_version_major(const struct rh_exchange *x); /* 1 or 2 */
RH_API int rh_request_version_minor(const struct rh_exchange *x); /* 0 or 1: HTTP/1.x; 0 for HTTP/2 */
/* What the connection says, or, behind rh_use_proxies, what a trusted proxy says of its client. */
RH_API int rh_request_is_tls(const struct rh_exchange *x);
RH_API struct rh_slice
rh_request_peer(const struct rh_exchange *x); /* address as text, without port */
RH_API unsigned rh_request_peer_port(const struct rh_exchange *x);

/* Returns the value of the first field line with this name (any case), or an absent slice. For
 * fields with one value. */
RH_API struct rh_slice rh_request_field(const struct rh_exchange *x, const char *name);
/* Returns the value of a field that is a list (Accept, If-None-Match, Cache-Control): the values of
 * all its lines, joined by ", " as RFC 9110 §5.3 has it, or an absent slice if there is none.
 * Several lines are joined in the arena; if it is full, the result is an empty list. */
RH_API struct rh_slice rh_request_list(struct rh_exchange *x, const char *name);
RH_API size_t rh_request_fields(const struct rh_exchange *x); /* how many field lines */
RH_API void rh_request_field_at(const struct rh_exchange *x, size_t index,
                                struct rh_slice *ret_name, struct rh_slice *ret_value);

/* Returns the first query parameter with this name, decoded into the arena; absent if it is
 * missing. A '%' without two hexadecimal digits means itself. */
RH_API struct rh_slice rh_request_query_value(struct rh_exchange *x, const char *name);

/* Value of a :param of the matched route, decoded; a slash that came as %2F is a '/'. For *rest its
 * segments in one piece, absent where one of them holds such a slash: rh_request_rest gives them
 * one by one. */
RH_API struct rh_slice rh_request_param(struct rh_exchange *x, const char *name);
/* Decoded segment `index` of *rest (0 is the first), absent behind the last. */
RH_API struct rh_slice rh_request_rest(struct rh_exchange *x, size_t index);
/* Pattern of the route that matched, "" where none did. */
RH_API struct rh_slice rh_request_route(const struct rh_exchange *x);

/* --- The answer
 * ------------------------------------------------------------------------------------ */

/* Replaces (set) or appends (add) a response field before the answer is given. Copies both texts.
 * Returns 0; RH_EFIELD for bytes that no field may hold and for the engine's own fields
 * (Content-Length, Transfer-Encoding, Connection, Date); RH_ENOROOM; RH_ESTATE after the head is
 * made. */
RH_API int rh_response_set(struct rh_exchange *x, const char *name, const char *value);
RH_API int rh_response_add(struct rh_exchange *x, const char *name, const char *value);
RH_API int rh_response_set_slice(struct rh_exchange *x, const char *name, struct rh_slice value);

/* Final answers. Each ends the handler's duty; a second one is refused with a log line. Status is
 * 200 to 599. On a cut exchange they do nothing but end the hold. `type` is the Content-Type; NULL:
 * none. The plain ones copy the body into the arena (or straight to the socket's buffer): the
 * caller's memory is free after the call; what is larger than that takes its place from the budget
 * for whole request bodies, up to body_whole_bytes_max. A body that can not be copied becomes a 500
 * with a log line: use _owned, _static or a stream. */
RH_API void rh_respond(struct rh_exchange *x, unsigned status, const char *type, const void *body,
                       size_t len);
RH_API void rh_respond_text(struct rh_exchange *x, unsigned status, const char *text);
RH_API void rh_respond_html(struct rh_exchange *x, unsigned status, const char *html);
RH_API void rh_respond_empty(struct rh_exchange *x, unsigned status);
/* Keeps the pointer: the bytes must live until the program ends. */
RH_API void rh_respond_static(struct rh_exchange *x, unsigned status, const char *type,
                              const void *body, size_t len);
/* Takes the bytes: `free_fn(free_data)` is called exactly once, on the loop's thread, when they are
 * written or lost. */
RH_API void rh_respond_owned(struct rh_exchange *x, unsigned status, const char *type,
                             const void *body, size_t len, void (*free_fn)(void *free_data),
                             void *free_data);
/* An error answer, in what the peer asks for by Accept: the app's page for that status where it has
 * one, a plain page, a problem in JSON (RFC 9457), or text; `detail` may be NULL. respond.h has
 * them by name. */
RH_API void rh_respond_error(struct rh_exchange *x, unsigned status, const char *detail);
/* Redirects (301, 302, 303, 307, 308) to a URI reference. Bytes of it that a URI cannot hold (a
 * space, a quote, a backslash, a '%' without two digits, UTF-8) are sent as %XX, so that it may be
 * built from a target. */
RH_API void rh_respond_redirect(struct rh_exchange *x, unsigned status, const char *location);

/* --- Holding, aborting, time
 * ----------------------------------------------------------------------- */

/* The answer comes later: the exchange stays valid after the handler returned. Ends by the final
 * answer call or by rh_exchange_release. Calling it twice is one hold. */
RH_API void rh_exchange_hold(struct rh_exchange *x);
/* Gives a hold back without an answer: where it is not cut, the peer gets a 500. */
RH_API void rh_exchange_release(struct rh_exchange *x);

/* Why an exchange was aborted. RH_PEER_EOF is a hint: an answer is still written. All others cut.
 */
enum rh_abort {
    RH_PEER_EOF = 1,
    RH_PEER_RESET,
    RH_WRITE_FAILED,
    RH_DEADLINE,
    RH_DRAINED,
    RH_CLOSED
};
typedef void (*rh_abort_fn)(struct rh_exchange *x, enum rh_abort reason, void *data);
/* On the loop's thread, for any number of those who want to know, a middleware and the handler
 * behind it: each is told at most twice, perhaps of the hint, perhaps later with the reason of the
 * cut; who registered last hears first. Registering after the fact calls `fn` at once, before this
 * returns. It must not answer when cut (a no-op), and may cancel work, end a hold, register others,
 * and take any away. `data` stays the caller's, who keeps it until the exchange was answered and
 * its hold has ended, or until it is taken away. Returns 0, or RH_ENOROOM at the arena's cap, and
 * then `fn` is never called. Where `fn` is NULL, the one that registered last is taken away,
 * whoever that was. */
RH_API int rh_exchange_on_abort(struct rh_exchange *x, rh_abort_fn fn, void *data);
/* Takes the one away that was registered with this function and this data, the last of them where
 * there are several: it is not told any more. Others stay; where there is none, nothing happens. */
RH_API void rh_exchange_forget_abort(struct rh_exchange *x, rh_abort_fn fn, void *data);
RH_API int rh_exchange_is_cut(const struct rh_exchange *x);

/* The server begins to drain: a stream that would go on for ever ends itself here, so that the
 * drain need not wait for its deadline. Comes once at most, at once where a drain has begun; not
 * for a server that is only lame. It may answer. Returns 0, or RH_ENOROOM, or RH_ESTATE when the
 * outcome of the answer is known already. */
typedef void (*rh_drain_fn)(struct rh_exchange *x, void *data);
RH_API int rh_exchange_on_drain(struct rh_exchange *x, rh_drain_fn fn, void *data);

/* The outcome, when the last byte of the answer was taken by the socket, or lost. */
struct rh_outcome {
    unsigned status;      /* as sent; 0 where no head was sent */
    uint64_t bytes;       /* body bytes that were handed on */
    uint64_t duration_us; /* since the first byte of the request */
    int aborted;          /* not 0: the answer did not get out whole */
};
typedef void (*rh_outcome_fn)(struct rh_exchange *x, const struct rh_outcome *outcome, void *data);
/* Runs `fn` once when the outcome is known, in reverse order of registration. The exchange can
 * still be read in it, not answered. Returns 0, or RH_ENOROOM, or RH_ESTATE when the outcome is
 * known already (a stream or a hold may outlive it), and then `fn` never runs. */
RH_API int rh_exchange_on_outcome(struct rh_exchange *x, rh_outcome_fn fn, void *data);

/* Memory that lives as long as the exchange, aligned to 8; NULL at the arena's cap. */
RH_API void *rh_exchange_alloc(struct rh_exchange *x, size_t bytes);
/* printf into the arena; NULL at the cap. */
RH_API char *rh_exchange_format(struct rh_exchange *x, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

RH_API uv_loop_t *rh_exchange_loop(const struct rh_exchange *x);
/* Loop time in milliseconds, monotonic (also in the in-memory driver, where it is the test's
 * clock). */
RH_API uint64_t rh_exchange_now_ms(const struct rh_exchange *x);
/* Writes to the server's log. */
RH_API void rh_exchange_log(struct rh_exchange *x, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* For access logs: copied. */
RH_API void rh_exchange_set_user(struct rh_exchange *x, const char *user);
RH_API void rh_exchange_set_request_id(struct rh_exchange *x, const char *id);

/* From any thread, for a held exchange: runs `fn` on the loop, also when the exchange was cut in
 * between (ask rh_exchange_is_cut). Returns 0, and then `fn` runs exactly once; or UV_ECANCELED
 * after the server closed, or UV_ENOMEM, and then `fn` never runs and `data` is still the caller's.
 * A post keeps the exchange: behind one that answered, `fn` still has it, and what it answers is a
 * no-op. */
typedef void (*rh_exchange_post_fn)(struct rh_exchange *x, void *data);
RH_API int rh_exchange_post(struct rh_exchange *x, rh_exchange_post_fn fn, void *data);

#ifdef __cplusplus
}
#endif
#endif
