/* Answers that are made piece by piece: pulled from a source, or pushed by the handler. Either way at
 * most one bounded buffer waits for the peer. Loop's thread only. */
#ifndef RAWHTTP_STREAM_H
#define RAWHTTP_STREAM_H

#include <rawhttp/exchange.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RH_LENGTH_UNKNOWN ((int64_t)-1)

/* A pulled source. `pull` writes up to `room` bytes (HTTP/1 offers at least 4,096, HTTP/2 what the
 * peer's window allows, at least 1) to `out` and returns how
 * many; 0: the end; RH_EAGAIN: nothing now, rh_source_resume will be called; another negative: failed (the
 * connection is then closed without a proper end). `close` is called exactly once, also when never pulled
 * (HEAD, 304, a cut); it may be NULL. */
struct rh_source {
    ptrdiff_t (*pull)(void *data, char *out, size_t room);
    void (*close)(void *data);
    void *data;
    int64_t length; /* total bytes, or RH_LENGTH_UNKNOWN (chunked; HTTP/1.0: until close) */
};
/* Final answer by a source. With a known length more bytes are dropped and fewer close the connection. */
RH_API void rh_respond_source(struct rh_exchange *x, unsigned status, const char *type,
                              const struct rh_source *source);
/* After RH_EAGAIN: there is something now. The exchange stays valid for this until `close` is called. */
RH_API void rh_source_resume(struct rh_exchange *x);

/* Push: opens the answer, then write any number of times, then end. `on_drained` is called when there is room
 * again after a write that took less than everything; it may be NULL. The stream is a hold: it ends by
 * rh_stream_end or rh_stream_fail, also on a cut exchange (is told by on_abort; writes then take everything
 * and drop it). */
typedef void (*rh_stream_fn)(struct rh_exchange *x, void *data);
RH_API void rh_stream_open(struct rh_exchange *x, unsigned status, const char *type, int64_t length,
                           rh_stream_fn on_drained, void *data);
/* Takes as much as fits and returns how much; sent at the end of this turn of the loop at the latest. */
RH_API size_t rh_stream_write(struct rh_exchange *x, const void *bytes, size_t len);
/* Bytes that rh_stream_write would take now. */
RH_API size_t rh_stream_room(const struct rh_exchange *x);
RH_API void rh_stream_end(struct rh_exchange *x);  /* complete; the exchange is not to be touched after */
RH_API void rh_stream_fail(struct rh_exchange *x); /* broken: the connection closes without a proper end */

#ifdef __cplusplus
}
#endif
#endif
