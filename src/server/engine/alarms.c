/* A list that is empty may be taken for another duration. With more durations at a time than lists
 * the last list keeps the order by a walk from its end, which is slower and as right. */
#include "server/engine/alarms.h"

#include "util/assert.h"

void rh_alarms_init(struct rh_alarms *alarms)
{
    for (unsigned i = 0; i < RH_ALARM_LISTS; i++) {
        rh_list_init(&alarms->lists[i]);
        alarms->ms[i] = 0;
    }
}

static struct rh_alarm *alarm_of(struct rh_link *link)
{
    return RH_CONTAINER_OF(link, struct rh_alarm, due.link);
}

void rh_alarms_set(struct rh_alarms *alarms, struct rh_alarm *alarm, uint32_t ms, uint64_t now_ms)
{
    unsigned place = RH_ALARM_LISTS - 1;
    alarm->due.at_ms = now_ms + ms;
    for (unsigned i = RH_ALARM_LISTS; i-- > 0;) {
        if (rh_list_is_empty(&alarms->lists[i])) {
            place = i;
        } else if (alarms->ms[i] == ms) {
            place = i;
            break;
        }
    }
    struct rh_link *list = &alarms->lists[place];
    struct rh_link *before = list->prev;
    while (before != list && alarm_of(before)->due.at_ms > alarm->due.at_ms) {
        before = before->prev;
    }
    alarms->ms[place] = ms;
    rh_list_push_back(before->next, &alarm->due.link); /* in front of what is due later */
}

void rh_alarms_run(struct rh_alarms *alarms, uint64_t now_ms)
{
    for (unsigned i = 0; i < RH_ALARM_LISTS; i++) {
        struct rh_link *list = &alarms->lists[i];
        while (!rh_list_is_empty(list) && alarm_of(list->next)->due.at_ms <= now_ms) {
            struct rh_alarm *alarm = alarm_of(list->next);
            rh_list_remove(&alarm->due.link);
            alarm->fn(alarm);
        }
    }
}

uint64_t rh_alarms_next(const struct rh_alarms *alarms)
{
    return rh_due_earliest(alarms->lists, RH_ALARM_LISTS);
}
