/* Alarms of the app room: a moment on the server's clock for one exchange. A list for each
 * duration, as few middleware have few of them: then the earliest of a list is its first, and
 * setting one costs the same whatever their number. */
#ifndef RH_SERVER_ENGINE_ALARMS_H
#define RH_SERVER_ENGINE_ALARMS_H

#include <stdint.h>

#include "server/door.h"

enum { RH_ALARM_LISTS = 16 };

struct rh_alarms {
    struct rh_link lists[RH_ALARM_LISTS];
    uint32_t ms[RH_ALARM_LISTS]; /* the duration of a list's alarms */
};

void rh_alarms_init(struct rh_alarms *alarms);
/* `alarm` is in no list. */
void rh_alarms_set(struct rh_alarms *alarms, struct rh_alarm *alarm, uint32_t ms, uint64_t now_ms);
/* Takes those that are due out of their lists and calls them. */
void rh_alarms_run(struct rh_alarms *alarms, uint64_t now_ms);
/* The earliest of all, UINT64_MAX: none. */
uint64_t rh_alarms_next(const struct rh_alarms *alarms);

#endif
