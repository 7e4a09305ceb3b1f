/* A moment at which something is to happen, in one of several lists that are each in order of time:
 * the earliest of all is the first of some list. */
#ifndef RH_SERVER_ENGINE_DUE_H
#define RH_SERVER_ENGINE_DUE_H

#include <stdint.h>

#include "util/assert.h"
#include "util/list.h"

struct rh_due {
    struct rh_link link;
    uint64_t at_ms;
};

/* UINT64_MAX: none. */
static inline uint64_t rh_due_earliest(const struct rh_link *lists, unsigned lists_n)
{
    uint64_t earliest = UINT64_MAX;
    for (const struct rh_link *list = lists; list != lists + lists_n; list++) {
        if (list->next != list) {
            const struct rh_due *first = RH_CONTAINER_OF(list->next, struct rh_due, link);
            earliest = first->at_ms < earliest ? first->at_ms : earliest;
        }
    }
    return earliest;
}

#endif
