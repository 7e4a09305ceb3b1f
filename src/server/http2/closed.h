/* Streams that are closed: nghttp2 forgets them, and a frame on one may be an error or just late.
 */
#ifndef RH_SERVER_HTTP2_CLOSED_H
#define RH_SERVER_HTTP2_CLOSED_H

#include <stdbool.h>
#include <stdint.h>

enum { RH_CLOSED_RESETS = 32 };

struct rh_closed {
    uint64_t opened;                 /* bit n: the peer opened stream last - 2n */
    int32_t last;                    /* its newest one */
    int32_t reset[RH_CLOSED_RESETS]; /* those that we reset last, a ring */
    int32_t reset_forgotten;         /* the newest one that left the ring */
    uint8_t reset_at;
};

/* The peer opened a stream. */
static inline void rh_closed_note_open(struct rh_closed *closed, int32_t id)
{
    uint32_t steps = (uint32_t)(id - closed->last) / 2;
    closed->opened = (steps < 64 ? closed->opened << steps : 0) | 1;
    closed->last = id;
}

/* We reset a stream: frames that were under way may still come (RFC 9113 §5.1). */
static inline void rh_closed_note_reset(struct rh_closed *closed, int32_t id)
{
    int32_t *place = &closed->reset[closed->reset_at++ % RH_CLOSED_RESETS];
    closed->reset_forgotten = *place > closed->reset_forgotten ? *place : closed->reset_forgotten;
    *place = id;
}

/* A frame came on a stream that is not open any more. Returns true unless it may just be late. */
static inline bool rh_closed_is_error(const struct rh_closed *closed, int32_t id)
{
    if (id > closed->last || id <= closed->reset_forgotten || id % 2 == 0) {
        return false;
    }
    for (unsigned i = 0; i < RH_CLOSED_RESETS; i++) {
        if (closed->reset[i] == id) {
            return false;
        }
    }
    return true;
}

/* Returns false if it is certain that the peer never opened the stream. */
static inline bool rh_closed_was_open(const struct rh_closed *closed, int32_t id)
{
    uint32_t steps = (uint32_t)(closed->last - id) / 2;
    return steps >= 64 || (closed->opened >> steps & 1) != 0;
}

#endif
