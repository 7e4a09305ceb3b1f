/* What one socket has to send: whole frames in order. A control frame may pass those that wait, but
 * never enters one that has begun to leave. */
#ifndef RH_SERVER_WEBSOCKET_QUEUE_H
#define RH_SERVER_WEBSOCKET_QUEUE_H

#include "server/output.h"
#include "server/session.h"
#include "server/websocket/frame.h"
#include "server/websocket/store.h"

/* A frame that many sockets of one loop send. */
struct rh_ws_shared {
    uint32_t references;
    size_t len;
    const char *frame;
    void (*free_fn)(struct rh_ws_shared *shared); /* after the last reference */
};

/* One frame that waits; the last one of a list points to the first. */
struct rh_ws_entry {
    struct rh_ws_entry *next;
    struct rh_ws_shared *shared; /* NULL: the frame's bytes follow */
    uint32_t len;                /* of the frame */
    bool is_control;             /* counts against no limit: there are few, and they must go out */
    char bytes[];
};

enum { RH_WS_CONTROLS_MAX = 16 };

struct rh_ws_queue {
    struct rh_ws_entry *last;    /* frames that leave in this order; NULL: none */
    struct rh_ws_entry *later;   /* those that wait for the end of a fragmented message */
    struct rh_ws_entry *control; /* pings and pongs, which have places of their own */
    uint32_t bytes;              /* memory that `last` and `later` take */
    uint32_t at;                 /* how much of the first frame is in the output, or was */
    uint8_t control_n;           /* at most RH_WS_CONTROLS_MAX */
    bool is_fragmenting;
    bool is_referenced; /* the rest of the first frame is in the output by reference */
};

/* A frame of the socket's own, with `payload_len` bytes to be written to *ret_payload; NULL if the
 * limit of the store is reached or memory ran out. */
struct rh_ws_entry *rh_ws_entry_create(struct rh_ws_store *store, enum rh_ws_opcode opcode,
                                       bool is_final, bool is_compressed, size_t payload_len,
                                       char **ret_payload);
/* A frame with room for `payload_max` bytes at *ret_payload, whose head rh_ws_entry_finish writes
 * when the payload's length is known; it returns the frame at its final place. */
struct rh_ws_entry *rh_ws_entry_create_room(struct rh_ws_store *store, size_t payload_max,
                                            char **ret_payload);
struct rh_ws_entry *rh_ws_entry_finish(struct rh_ws_store *store, struct rh_ws_entry *entry,
                                       enum rh_ws_opcode opcode, bool is_compressed,
                                       size_t payload_len);
/* A control frame; NULL only if memory ran out. */
struct rh_ws_entry *rh_ws_entry_create_control(enum rh_ws_opcode opcode, struct rh_slice payload);
/* The same as rh_ws_entry_create for a shared frame, which gets a reference. */
struct rh_ws_entry *rh_ws_entry_create_shared(struct rh_ws_store *store,
                                              struct rh_ws_shared *shared);
void rh_ws_entry_destroy(struct rh_ws_store *store, struct rh_ws_entry *entry);
void rh_ws_shared_unref(struct rh_ws_shared *shared);
/* How much a frame counts. */
size_t rh_ws_entry_cost(size_t frame_len);

/* Puts a whole message behind the others; while a message of fragments is open, behind its end. */
void rh_ws_queue_push(struct rh_ws_queue *queue, struct rh_ws_entry *entry);
/* Puts the next fragment of a message in its place. */
void rh_ws_queue_push_fragment(struct rh_ws_queue *queue, struct rh_ws_entry *entry, bool is_last);
/* Puts a Close behind what may still leave; nothing may follow it. Messages that wait for the end
 * of one of fragments will never leave. */
void rh_ws_queue_push_close(struct rh_ws_queue *queue, struct rh_ws_store *store,
                            struct rh_ws_entry *entry);
/* Puts a ping or pong before all frames that have not begun to leave; there is room for it. */
void rh_ws_queue_push_control(struct rh_ws_queue *queue, struct rh_ws_entry *entry);
static inline bool rh_ws_queue_has_control_room(const struct rh_ws_queue *queue)
{
    return queue->control_n < RH_WS_CONTROLS_MAX;
}

static inline bool rh_ws_queue_is_empty(const struct rh_ws_queue *queue)
{
    return queue->last == NULL && queue->control == NULL;
}

/* Moves frames to the output. */
enum rh_pull rh_ws_queue_pull(struct rh_ws_queue *queue, struct rh_ws_store *store,
                              struct rh_output *out);
/* The output is written: nothing in it refers to a frame any more. */
void rh_ws_queue_sent(struct rh_ws_queue *queue, struct rh_ws_store *store);
/* Drops all frames that have not begun to leave. `all`: the others too. */
void rh_ws_queue_drop(struct rh_ws_queue *queue, struct rh_ws_store *store, bool all);

#endif
