/* Frames that carry nothing (pings, pongs, tiny fragments) cost work and bring no message further.
 * A bucket counts them: it holds BURST, and leaks RATE in a second, so that honest peers never fill
 * it. */
#ifndef RH_SERVER_WEBSOCKET_FLOOD_H
#define RH_SERVER_WEBSOCKET_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

enum { RH_WS_FLOOD_BURST = 10000, RH_WS_FLOOD_RATE = 330, RH_WS_TINY_BYTES = 8 };

struct rh_ws_flood {
    uint32_t level;
    uint32_t at_ms; /* when it last leaked; wraps around */
};

/* Counts one such frame. False if they are too many. */
static inline bool rh_ws_flood_add(struct rh_ws_flood *flood, uint64_t now_ms)
{
    uint64_t leaked = (uint64_t)((uint32_t)now_ms - flood->at_ms) * RH_WS_FLOOD_RATE / 1000;
    if (leaked > 0) {
        flood->at_ms = (uint32_t)now_ms;
        flood->level = leaked < flood->level ? flood->level - (uint32_t)leaked : 0;
    }
    return ++flood->level <= RH_WS_FLOOD_BURST;
}

#endif
