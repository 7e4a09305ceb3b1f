/* The bucket of glitches: what a peer may do that costs us work and moves no exchange. Each such
 * frame costs one, useful bytes and time earn it back (upstream's limiter needed 10,000 in hand and
 * 330 a second before no honest client exceeded it). Floods are made of PING, SETTINGS, PRIORITY,
 * empty DATA and CONTINUATION, WINDOW_UPDATE of tiny steps, resets (RFC 9113 §10.5). */
#ifndef RH_SERVER_HTTP2_GLITCH_H
#define RH_SERVER_HTTP2_GLITCH_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RH_GLITCH_BURST = 10000,     /* in hand at first, and at most */
    RH_GLITCH_PER_SECOND = 330,  /* earned by time */
    RH_GLITCH_BYTES_PER = 16384, /* content that earns one back */
    RH_GLITCH_RESET = 4          /* what a stream costs that was opened and reset */
};

struct rh_glitch {
    uint64_t seen_ms;
    uint32_t left;
    uint32_t bytes; /* of content, not yet enough to earn one */
};

static inline void rh_glitch_init(struct rh_glitch *glitch, uint64_t now_ms)
{
    *glitch = (struct rh_glitch){.seen_ms = now_ms, .left = RH_GLITCH_BURST};
}

static inline void rh_glitch_earn(struct rh_glitch *glitch, uint64_t n)
{
    uint64_t left = glitch->left + n;
    glitch->left = left < RH_GLITCH_BURST ? (uint32_t)left : RH_GLITCH_BURST;
}

/* Content moved in either direction. */
static inline void rh_glitch_moved(struct rh_glitch *glitch, uint64_t bytes)
{
    bytes += glitch->bytes;
    glitch->bytes = (uint32_t)(bytes % RH_GLITCH_BYTES_PER);
    rh_glitch_earn(glitch, bytes / RH_GLITCH_BYTES_PER);
}

/* Takes `cost`; false if the peer has used up what is reasonable. */
static inline bool rh_glitch_take(struct rh_glitch *glitch, uint32_t cost, uint64_t now_ms)
{
    uint64_t earned = (now_ms - glitch->seen_ms) * RH_GLITCH_PER_SECOND / 1000;
    if (earned > 0) {
        glitch->seen_ms = now_ms;
        rh_glitch_earn(glitch, earned);
    }
    if (glitch->left < cost) {
        return false;
    }
    glitch->left -= cost;
    return true;
}

#endif
