/* Server-sent events (WHATWG HTML §9.2): an answer that stays open and carries events, on top of
 * stream.h. Loop's thread only.
 *
 * The stream is a hold, as rh_stream_open says: it ends by rh_stream_end, also on a cut exchange.
 * Whoever feeds it does so from a timer or the like of its own, and
 *   - sends an event or, after some quiet seconds, rh_sse_heartbeat: without a byte now and then a
 * peer that has vanished is never noticed, and proxies close what is silent;
 *   - listens with rh_exchange_on_abort for a peer that has left (also at an end of file: nobody
 * sends half a request and listens), and ends the stream;
 *   - listens with rh_exchange_on_drain for a server that stops, and ends the stream: the browser
 * comes back by itself, after what rh_sse_retry told it last, to whoever answers then.
 *
 * Memory: one buffer of 16 KiB for each stream, held only while something in it waits for the peer.
 * A peer that reads too slowly misses events (RH_EAGAIN); one that reads nothing is cut by
 * write_ms. Events are never compressed: each leaves when it is made. */
#ifndef RAWHTTP_SSE_H
#define RAWHTTP_SSE_H

#include <rawhttp/exchange.h>
#include <rawhttp/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the answer: 200, text/event-stream, not to be stored, not to be buffered by proxies. */
RH_API void rh_sse_open(struct rh_exchange *x, rh_stream_fn on_drained, void *data);

/* Sends one event whole, or nothing. `event` and `id` may be NULL; a line break in them, or a NUL
 * in the id, is RH_EFIELD. Line breaks in `data` become several data lines, as the format wants.
 * RH_EAGAIN: the peer reads too slowly and there is no room for it now; leave this event out, or
 * keep it until on_drained. */
RH_API int rh_sse_send(struct rh_exchange *x, const char *event, const char *id,
                       struct rh_slice data);

/* Tells the browser how long to wait before it comes back after a break. 0 or RH_EAGAIN. */
RH_API int rh_sse_retry(struct rh_exchange *x, unsigned ms);

/* A comment: bytes that no event listener sees. 0 or RH_EAGAIN. */
RH_API int rh_sse_heartbeat(struct rh_exchange *x);

/* What a browser that comes back says it saw last (the Last-Event-ID field); absent on a first
 * visit. */
RH_API struct rh_slice rh_sse_last_id(const struct rh_exchange *x);

#ifdef __cplusplus
}
#endif
#endif
