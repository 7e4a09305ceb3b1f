/* WebSocket (RFC 6455): a handler accepts the request of a browser's `new WebSocket(…)`, and from
 * then on both sides send messages.
 *
 *     static void on_message(struct rh_websocket *socket, enum rh_websocket_kind kind,
 *                            struct rh_slice message, void *data)
 *     {
 *         (void)data;
 *         rh_websocket_send(socket, kind, message.base, message.len);
 *     }
 *
 *     static void echo(struct rh_exchange *x, void *data)
 *     {
 *         struct rh_websocket_options options;
 *         (void)data;
 *         rh_websocket_options_init(&options);
 *         options.on_message = on_message;
 *         rh_websocket_accept(x, &options);
 *     }
 *
 *     rh_app_get(app, "/echo", echo, NULL);
 *
 * Middleware before the handler works as for any request: a login or a rate limit answers instead
 * of it. The exchange ends when the handler accepts it (status 101); what the socket needs of the
 * request is copied to `data` first.
 *
 * Life: the pointer is valid from rh_websocket_accept until on_close returns, and longer while
 * rh_websocket_ref keeps it. Calls on a socket that is closed do nothing and return RH_ECUT.
 *
 * Threads: the loop's thread only, except rh_websocket_post and the hub.
 *
 * Memory: an idle socket has no buffers. Messages that wait to be sent, and messages that arrive in
 * pieces, are allocated as they grow, up to the limits of the socket and to
 * rh_config.websocket_bytes_max for all sockets of the server together. */
#ifndef RAWHTTP_WEBSOCKET_H
#define RAWHTTP_WEBSOCKET_H

#include <stddef.h>
#include <stdint.h>

#include <rawhttp/exchange.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_websocket;

enum rh_websocket_kind { RH_WEBSOCKET_TEXT = 1, RH_WEBSOCKET_BINARY = 2 };

/* Close codes (RFC 6455 §7.4.1). 3000 to 4999 are free for libraries and applications. */
enum rh_websocket_code {
    RH_WEBSOCKET_NORMAL = 1000,
    RH_WEBSOCKET_GOING_AWAY = 1001, /* a page that is left, a server that stops */
    RH_WEBSOCKET_PROTOCOL = 1002,
    RH_WEBSOCKET_UNSUPPORTED = 1003, /* a kind of message that the receiver does not take */
    RH_WEBSOCKET_NO_CODE = 1005,     /* the peer's Close had none; never sent */
    RH_WEBSOCKET_ABNORMAL = 1006,    /* the connection ended without a Close; never sent */
    RH_WEBSOCKET_INVALID = 1007,     /* a text that is not UTF-8 */
    RH_WEBSOCKET_POLICY = 1008,
    RH_WEBSOCKET_TOO_LARGE = 1009,
    RH_WEBSOCKET_FAILURE = 1011, /* the server cannot continue */
    RH_WEBSOCKET_TRY_LATER = 1013
};

typedef void (*rh_websocket_fn)(struct rh_websocket *socket, void *data);
/* A whole message. The slice is valid during the call. */
typedef void (*rh_websocket_message_fn)(struct rh_websocket *socket, enum rh_websocket_kind kind,
                                        struct rh_slice message, void *data);
/* The next bytes of a message, as they arrive. `is_last`: the message ends with them. They are
 * never empty, except at the end of a message. A text may be split inside a character. */
typedef void (*rh_websocket_fragment_fn)(struct rh_websocket *socket, enum rh_websocket_kind kind,
                                         struct rh_slice bytes, int is_last, void *data);
/* The socket is closed; no other callback follows. `code` and `reason` are the peer's, or those
 * that the peer answered; RH_WEBSOCKET_ABNORMAL without a closing handshake. */
typedef void (*rh_websocket_close_fn)(struct rh_websocket *socket, unsigned code,
                                      struct rh_slice reason, void *data);

enum rh_websocket_compression {
    RH_WEBSOCKET_PLAIN = 0,    /* no compression */
    RH_WEBSOCKET_SHARED = 1,   /* each message alone, by one codec of the loop */
    RH_WEBSOCKET_DEDICATED = 2 /* with windows of the socket's own, 320 KiB, while
                                  rh_config.websocket_windows_max allows; else as SHARED */
};

/* Filled by rh_websocket_options_init. Fields are only ever appended. All of it is copied. */
struct rh_websocket_options {
    size_t size;
    rh_websocket_fn
        on_open; /* the answer is on its way: the first call on the socket; NULL: none */
    /* One of these two. With on_fragment no message is gathered, and message_bytes_max limits
     * nothing but compressed messages. */
    rh_websocket_message_fn on_message;
    rh_websocket_fragment_fn on_fragment;
    rh_websocket_fn on_drained;     /* all that was queued went to the connection; NULL: none */
    rh_websocket_close_fn on_close; /* NULL: none */
    void *data;                     /* for all callbacks */
    const char *protocols; /* subprotocols in order of preference, separated by commas; NULL: none.
                              A client that offers none of them is accepted without one */
    const char *origins;   /* whose pages may connect: origins ("https://example.org") separated by
                              spaces, "*" for all; NULL: only pages of the same origin. A client
                              without an Origin is no page and passes */
    uint32_t message_bytes_max; /* larger messages close the socket with 1009: 256 KiB */
    uint32_t queue_bytes_max;   /* what may wait to be sent: 256 KiB */
    uint32_t ping_ms;     /* a ping after so long without a byte of the peer, and the end after as
                             long again; 0: never: 30,000 */
    uint32_t close_ms;    /* how long a Close waits for the peer's: 5,000 */
    uint32_t compression; /* enum rh_websocket_compression: SHARED */
    uint32_t compress_bytes_min; /* shorter messages are sent as they are: 512 */
};
RH_API void rh_websocket_options_init_sized(struct rh_websocket_options *options, size_t size);
#define rh_websocket_options_init(options) \
    rh_websocket_options_init_sized((options), sizeof *(options))

/* Answers the exchange with the opening handshake. NULL: the request was answered with an error
 * instead, and nothing is called: 426 if it is no WebSocket request, or of another version; 400 if
 * it is malformed; 403 for an origin that is not allowed; 503 if there is no memory. */
RH_API struct rh_websocket *rh_websocket_accept(struct rh_exchange *x,
                                                const struct rh_websocket_options *options);

/* Queues a message whole, or not at all. Returns how many bytes are queued on this socket then; 0
 * to a few KiB is usual, more shows a peer that reads too slowly. RH_EAGAIN: queue_bytes_max is
 * reached, leave this message out or wait for on_drained. RH_ENOROOM: it is larger than that limit,
 * or the server's memory for messages is used up. RH_ETEXT: a text that is not UTF-8. RH_ECUT: the
 * socket is closed or closing. */
RH_API ptrdiff_t rh_websocket_send(struct rh_websocket *socket, enum rh_websocket_kind kind,
                                   const void *bytes, size_t len);
/* Sends a message in pieces: each call but the last with `is_last` 0. Other messages that are sent
 * meanwhile leave after its last piece. Returns as rh_websocket_send does; after RH_EAGAIN the
 * message goes on with the same piece. RH_ESTATE: another kind than its first piece. */
RH_API ptrdiff_t rh_websocket_send_fragment(struct rh_websocket *socket,
                                            enum rh_websocket_kind kind, const void *bytes,
                                            size_t len, int is_last);
/* Bytes that wait to be sent. */
RH_API size_t rh_websocket_queued(const struct rh_websocket *socket);

/* Sends a ping; the peer answers it by itself. ping_ms does the same when the peer is silent. 0,
 * RH_ECUT, or RH_EAGAIN: earlier ones have not left yet. */
RH_API int rh_websocket_ping(struct rh_websocket *socket);

/* Begins the closing handshake: what is queued leaves first, on_close comes when the peer answered
 * or close_ms passed. `reason` (UTF-8, at most 123 bytes) may be NULL. 0; RH_EFIELD for a code that
 * must not be sent or a reason that is too long; RH_ECUT if it is closed or closing already. */
RH_API int rh_websocket_close(struct rh_websocket *socket, unsigned code, const char *reason);
/* Ends the connection without a closing handshake. on_close runs, with RH_WEBSOCKET_ABNORMAL,
 * before the next turn of the loop. */
RH_API void rh_websocket_cut(struct rh_websocket *socket);
RH_API int rh_websocket_is_open(const struct rh_websocket *socket);

/* The subprotocol that was chosen; absent if none. */
RH_API struct rh_slice rh_websocket_protocol(const struct rh_websocket *socket);
RH_API void *rh_websocket_data(const struct rh_websocket *socket);
RH_API struct rh_server *rh_websocket_server(const struct rh_websocket *socket);

/* Keeps the pointer valid after on_close, once for each rh_websocket_unref. A server closes after
 * the last one. */
RH_API void rh_websocket_ref(struct rh_websocket *socket);
RH_API void rh_websocket_unref(struct rh_websocket *socket);
/* From any thread, for a socket that rh_websocket_ref keeps: runs `fn` on the loop, also if the
 * socket was closed in between. Returns 0, and then `fn` runs exactly once; or UV_ECANCELED after
 * the server closed, or UV_ENOMEM, and then it never runs. */
RH_API int rh_websocket_post(struct rh_websocket *socket, rh_websocket_fn fn, void *data);

/* --- A hub: one publish reaches every subscriber of a topic, on every loop ---
 *
 * A socket that is closed leaves by itself. */
struct rh_websocket_hub;

enum rh_websocket_slow {
    RH_WEBSOCKET_DROP, /* a socket whose queue is full misses the message */
    RH_WEBSOCKET_END /* it is closed with 1013: its page connects again and asks for what it missed
                      */
};

struct rh_websocket_hub_options {
    size_t size;
    uint32_t slow; /* enum rh_websocket_slow: DROP */
};
RH_API void rh_websocket_hub_options_init_sized(struct rh_websocket_hub_options *options,
                                                size_t size);
#define rh_websocket_hub_options_init(options) \
    rh_websocket_hub_options_init_sized((options), sizeof *(options))

/* NULL when memory ran out; `options` may be NULL for the defaults. Any thread. */
RH_API struct rh_websocket_hub *
rh_websocket_hub_create(const struct rh_websocket_hub_options *options);
/* When nobody can subscribe or publish any more: rh_app_own(app, rh_websocket_hub_destroy, hub)
 * does that in time. NULL accepted; any thread. */
RH_API void rh_websocket_hub_destroy(void *hub);

/* Subscribes a socket to a topic (copied); a second time changes nothing. On the socket's thread.
 * 0, RH_ENOROOM, or RH_ECUT for a socket that is closed. */
RH_API int rh_websocket_hub_subscribe(struct rh_websocket_hub *hub, struct rh_websocket *socket,
                                      const char *topic);
/* Nothing happens if it was not subscribed. On the socket's thread. */
RH_API void rh_websocket_hub_unsubscribe(struct rh_websocket_hub *hub, struct rh_websocket *socket,
                                         const char *topic);
/* Sends a message to all subscribers of the topic, from any thread. Subscribers of one loop get all
 * messages in the same order. 0, or RH_ETEXT, RH_ENOROOM, or the error of a loop that could not be
 * reached (the others were). */
RH_API int rh_websocket_hub_publish(struct rh_websocket_hub *hub, const char *topic,
                                    enum rh_websocket_kind kind, const void *bytes, size_t len);
/* How many subscribe to the topic now, and how many messages sockets have missed or were closed
 * for. Any thread. */
RH_API size_t rh_websocket_hub_subscribers(struct rh_websocket_hub *hub, const char *topic);
RH_API uint64_t rh_websocket_hub_missed(struct rh_websocket_hub *hub);

#ifdef __cplusplus
}
#endif
#endif
