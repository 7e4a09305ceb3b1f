/* The request body: whole, or as a stream with back-pressure. Loop's thread only. Asking for the body
 * defers the answer. Where nobody asks, the body is discarded (up to a limit) after the answer. */
#ifndef RAWHTTP_BODY_H
#define RAWHTTP_BODY_H

#include <rawhttp/exchange.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The whole body, or what went wrong: RH_EBODY_TOO_LARGE, RH_EBODY_CUT, RH_EBODY_FRAMING,
 * RH_EBODY_TIMEOUT. Called exactly once, perhaps before rh_body_whole returns. On an error the callback
 * may answer; where it does not, the library answers with the fitting status (413, 400, 408). The bytes
 * stay until the exchange ends. */
typedef void (*rh_body_whole_fn)(struct rh_exchange *x, struct rh_slice body, int error, void *data);
RH_API void rh_body_whole(struct rh_exchange *x, rh_body_whole_fn fn, void *data);

/* A piece of the body: returns how many bytes it took. Fewer than given pauses: the rest and what follows
 * wait (reading stops, so the peer waits too) until rh_body_resume. The bytes are valid during the call. */
typedef size_t (*rh_body_data_fn)(struct rh_exchange *x, struct rh_slice piece, void *data);
/* The end: error 0 and the body was complete, or one of the errors above (never "complete" on an early end).
 * Called exactly once. */
typedef void (*rh_body_end_fn)(struct rh_exchange *x, int error, void *data);
RH_API void rh_body_stream(struct rh_exchange *x, rh_body_data_fn on_data, rh_body_end_fn on_end,
                           void *data);
/* Offers the rest again, soon after it returns (never from inside this call). */
RH_API void rh_body_resume(struct rh_exchange *x);

/* Content-Length as announced, or -1 where it is not known (chunked); 0 without a body. */
RH_API int64_t rh_body_length(const struct rh_exchange *x);
/* A limit for this request's body instead of the server's body_bytes_max; before the body is asked for. */
RH_API void rh_body_limit(struct rh_exchange *x, uint64_t bytes_max);
/* A trailer field (RFC 9110 §6.5), once the body is complete; absent if none. */
RH_API struct rh_slice rh_request_trailer(const struct rh_exchange *x, const char *name);

#ifdef __cplusplus
}
#endif
#endif
