/* Deadlines of many connections behind one timer: a FIFO list for each class of duration, so that
 * the earliest of a class is its first, and setting one costs the same whatever their number. */
#ifndef RH_SERVER_ENGINE_DEADLINES_H
#define RH_SERVER_ENGINE_DEADLINES_H

#include <stdint.h>

#include "rawhttp/config.h"
#include "server/engine/due.h"
#include "server/session.h"

/* An entry is always in a list: RH_DEADLINE_NONE's where none runs. */
struct rh_deadlines {
    struct rh_link lists[RH_DEADLINE_CLASSES];
    uint32_t ms[RH_DEADLINE_CLASSES]; /* 0: this class never ends */
};

void rh_deadlines_init(struct rh_deadlines *d, const struct rh_config *config);
/* Puts the entry under `which`, counted from now. Returns when it is due where an alarm is to be
 * set for it: behind another of its class, whose alarm comes first, it is UINT64_MAX, as where it
 * never ends. */
static inline uint64_t rh_deadlines_set(struct rh_deadlines *d, struct rh_due *entry,
                                        enum rh_deadline_class which, uint64_t now_ms)
{
    struct rh_link *list = &d->lists[which];
    rh_list_unlink(&entry->link);
    entry->at_ms = d->ms[which] == 0 ? UINT64_MAX : now_ms + d->ms[which];
    uint64_t alarm_ms = rh_list_is_empty(list) ? entry->at_ms : UINT64_MAX;
    rh_list_push_back(list, &entry->link);
    return alarm_ms;
}
/* Puts an entry that was taken out back under `which`; its time stands. */
void rh_deadlines_put_back(struct rh_deadlines *d, struct rh_due *entry,
                           enum rh_deadline_class which);
/* One that is overdue, with its class, or NULL. It stays in its list: set or remove it. */
struct rh_due *rh_deadlines_overdue(struct rh_deadlines *d, uint64_t now_ms,
                                    enum rh_deadline_class *ret_which);
/* The earliest of all, UINT64_MAX: none. */
uint64_t rh_deadlines_next(const struct rh_deadlines *d);

#endif
