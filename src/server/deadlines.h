/* Deadlines of many connections behind one timer: a FIFO list for each class of duration, so that the earliest of a
 * class is its first, and setting one costs the same whatever their number. */
#ifndef RH_SERVER_DEADLINES_H
#define RH_SERVER_DEADLINES_H

#include <stdint.h>

#include "rawhttp/config.h"
#include "server/session.h"
#include "util/list.h"

struct rh_deadline {
    struct rh_link link; /* always in a list: RH_DEADLINE_NONE's where none runs */
    uint64_t due_ms;
};

struct rh_deadlines {
    struct rh_link lists[RH_DEADLINE_CLASSES];
    uint32_t ms[RH_DEADLINE_CLASSES]; /* 0: this class never ends */
};

void rh_deadlines_init(struct rh_deadlines *d, const struct rh_config *config);
/* Puts the entry under `which`, counted from now; returns when it is due (UINT64_MAX: never). */
uint64_t rh_deadlines_set(struct rh_deadlines *d, struct rh_deadline *entry, enum rh_deadline_class which,
                          uint64_t now_ms);
/* One that is overdue, with its class, or NULL. It stays in its list: set or remove it. */
struct rh_deadline *rh_deadlines_overdue(struct rh_deadlines *d, uint64_t now_ms, enum rh_deadline_class *ret_which);
/* The earliest of all, UINT64_MAX: none. */
uint64_t rh_deadlines_next(const struct rh_deadlines *d);

#endif
