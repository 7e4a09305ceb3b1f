/* Small state machines: the states are an enum, and a table says of each state which ones may
 * follow, a bit for each. The state stays where its owner keeps it, also in a bit-field. */
#ifndef RH_UTIL_MACHINE_H
#define RH_UTIL_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/assert.h"

/* One state in a row of a table. */
#define RH_TO(state) (1u << (state))

/* Returns true if the table lets `to` follow `from`. */
static inline bool rh_machine_allows(const uint16_t *moves, unsigned from, unsigned to)
{
    return (moves[from] >> to & 1) != 0;
}

/* Moves the state at `place`. A move that is not in the table is a bug. */
#define RH_MOVE(moves, place, next)                       \
    do {                                                  \
        RH_ASSERT(rh_machine_allows(moves, place, next)); \
        (place) = (next);                                 \
    } while (0)

#endif
