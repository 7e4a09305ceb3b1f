/* The inside of a socket. It is a session (session.c) that its connection feeds and pulls; what
 * arrives goes through receive.c to the callbacks, what is sent waits in its queue. */
#ifndef RH_SERVER_WEBSOCKET_WEBSOCKET_H
#define RH_SERVER_WEBSOCKET_WEBSOCKET_H

#include <stdatomic.h>

#include "rawhttp/websocket.h"
#include "server/engine/engine.h"
#include "server/session.h"
#include "server/websocket/extension.h"
#include "server/websocket/flood.h"
#include "server/websocket/frame.h"
#include "server/websocket/queue.h"
#include "server/websocket/store.h"

/* The life of a socket.
 *
 *   ACCEPTED -> OPEN -> CLOSING -> ENDING -> ENDED
 *                  `--------------> ENDING
 *   any ------------------------------------> ENDED     (the connection is gone)
 */
enum rh_ws_state {
    RH_WS_ACCEPTED, /* the answer to the handshake is on its way */
    RH_WS_OPEN,
    RH_WS_CLOSING, /* a Close of ours is queued or sent; the peer's is awaited */
    RH_WS_ENDING,  /* on_close ran or is due; what is queued leaves, input is discarded */
    RH_WS_ENDED    /* no connection any more; references keep it */
};

/* Who has to know that a socket is closed: a hub. Called once, after on_close. */
struct rh_ws_hook {
    struct rh_ws_hook *next;
    void (*fn)(struct rh_ws_hook *hook);
};

/* A message that arrives in pieces. */
struct rh_ws_gather {
    char *bytes;
    uint32_t len;
    uint32_t cap; /* counted against the store */
};

struct rh_websocket {
    struct rh_session session; /* first */
    struct rh_engine *engine;
    struct rh_ws_terms *terms;
    void *data;
    struct rh_slice protocol;  /* in the terms; absent: none */
    struct rh_ws_codec *codec; /* of its own; NULL: the loop's, if any */
    struct rh_ws_hook *hooks;
    struct rh_alarm alarm; /* OPEN: the peer's silence; CLOSING: its Close */
    struct rh_ws_reader reader;
    struct rh_ws_queue queue;
    struct rh_ws_gather gather;
    struct rh_ws_flood flood;
    uint64_t frame_bytes;   /* of the open frame, so far */
    uint32_t frame_from_ms; /* when it began; wraps around, as the next two do */
    uint32_t heard_ms;      /* when the peer last sent anything */
    uint32_t message_bytes; /* of the open message, inflated, so far */
    uint32_t references;    /* rh_websocket_ref */
    _Atomic uint32_t posts; /* of threads that have not run yet */
    uint16_t calls;         /* depth of callbacks: it is not released inside */
    uint8_t state;          /* enum rh_ws_state */
    uint8_t text_in;        /* state of the UTF-8 check of the open message */
    uint8_t text_out;       /* the same for fragments that are sent */
    uint8_t fragments_kind; /* of the fragmented message that is being sent */
    bool told;              /* on_close ran */
    bool is_pinged;         /* a ping waits for an answer */
    bool wants_drained;     /* something was queued since on_drained ran */
    bool is_cut;            /* ends without a handshake */
    bool is_inside_frame;   /* a frame has begun to arrive and is not complete */
    struct rh_ws_deflate_terms deflate;
};

extern const struct rh_session_kind rh_websocket_kind;

/* A socket in the state ACCEPTED; NULL when memory ran out. */
struct rh_websocket *rh_websocket_create(struct rh_engine *engine,
                                         const struct rh_websocket_options *options,
                                         const struct rh_ws_deflate_terms *deflate,
                                         struct rh_ws_codec *codec);
/* Gives it back if nothing needs it any more. */
void rh_websocket_maybe_release(struct rh_websocket *socket);
static inline void rh_websocket_enter(struct rh_websocket *socket)
{
    socket->calls++;
}
static inline void rh_websocket_leave(struct rh_websocket *socket)
{
    RH_ASSERT(socket->calls > 0);
    socket->calls--;
    rh_websocket_maybe_release(socket);
}

/* It has something new to send, or a new state: the host looks at it soon. */
void rh_websocket_wake(struct rh_websocket *socket);
/* Runs on_close, once. */
void rh_websocket_tell_closed(struct rh_websocket *socket, unsigned code, struct rh_slice reason);
/* The alarm rings after `ms` (0: never). */
void rh_websocket_set_alarm(struct rh_websocket *socket, uint32_t ms);

/* Sets the alarm for the silence that is looked out for now. */
void rh_websocket_watch(struct rh_websocket *socket);

/* receive.c. Takes bytes from the peer; returns how many it used. */
size_t rh_websocket_receive(struct rh_websocket *socket, char *bytes, size_t len);
/* The peer broke a rule: sends the Close that says so, and ends. */
void rh_websocket_fail(struct rh_websocket *socket, enum rh_ws_rule rule);
void rh_ws_gather_drop(struct rh_ws_gather *gather, struct rh_ws_store *store);

/* send.c. As rh_websocket_send, for a frame that other sockets of this loop send too. */
ptrdiff_t rh_websocket_send_shared(struct rh_websocket *socket, struct rh_ws_shared *shared);
/* Closes a socket that reads too slowly: 1013 passes what waits. Runs no callback. */
void rh_websocket_end_slow(struct rh_websocket *socket);
/* Queues a Close; `code` 0: an empty one. False when memory ran out. */
bool rh_websocket_queue_close(struct rh_websocket *socket, unsigned code, struct rh_slice reason);
/* Queues a ping or pong; there is room for it. */
void rh_websocket_queue_control(struct rh_websocket *socket, enum rh_ws_opcode opcode,
                                struct rh_slice payload);

#endif
