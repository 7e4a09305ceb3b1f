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

/* --- A hub: one publish reaches everybody who is subscribed, on every loop ---
 *
 * It does what is said above by itself: heartbeats, peers that leave, drains. A subscriber that
 * reads too slowly for an event to fit into its buffer is ended: its browser comes back with
 * Last-Event-ID, and the handler that subscribes it again can send it what it missed first. */
struct rh_sse_hub;

struct rh_sse_hub_options {
    size_t size;
    uint32_t heartbeat_ms; /* a comment to all after so long, 0: never: 15,000 */
    uint32_t retry_ms;     /* told to each at first, 0: not: 3,000; to those whom a drain ends,
                              spread from this to its double */
};
RH_API void rh_sse_hub_options_init_sized(struct rh_sse_hub_options *options, size_t size);
#define rh_sse_hub_options_init(options) rh_sse_hub_options_init_sized((options), sizeof *(options))

/* NULL when memory ran out; `options` may be NULL for the defaults. Any thread. */
RH_API struct rh_sse_hub *rh_sse_hub_create(const struct rh_sse_hub_options *options);
/* When nobody can subscribe or publish any more: rh_app_own(app, rh_sse_hub_destroy, hub) does that
 * in time. NULL accepted; any thread. */
RH_API void rh_sse_hub_destroy(void *hub);

/* Answers the exchange with a stream of the hub's events; the hub ends it. On the loop's thread.
 * Returns 0, and then rh_sse_send and its kin may be used on it until the handler returns; or a
 * negative code where the stream is not open (HEAD, no memory, a peer that has left, a drain): it
 * is answered all the same. */
RH_API int rh_sse_hub_subscribe(struct rh_sse_hub *hub, struct rh_exchange *x);

/* Sends an event to all who are subscribed now, at the next turn of their loops. Any thread; from
 * one thread they arrive in order. 0; RH_EFIELD as rh_sse_send; RH_ENOROOM or a libuv code where
 * some loops can not be told. */
RH_API int rh_sse_hub_publish(struct rh_sse_hub *hub, const char *event, const char *id,
                              struct rh_slice data);

/* How many are subscribed. Any thread. */
RH_API size_t rh_sse_hub_subscribers(struct rh_sse_hub *hub);

#ifdef __cplusplus
}
#endif
#endif
