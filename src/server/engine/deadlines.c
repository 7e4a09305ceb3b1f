/* All of one class last equally long, so a list in order of setting is a list in order of ending.
 */
#include "server/engine/deadlines.h"

void rh_deadlines_init(struct rh_deadlines *d, const struct rh_config *config)
{
    enum { REST_MS = 1000 };
    for (unsigned i = 0; i < RH_DEADLINE_CLASSES; i++) {
        rh_list_init(&d->lists[i]);
    }
    d->ms[RH_DEADLINE_NONE] = 0;
    d->ms[RH_DEADLINE_HEAD] = config->head_ms;
    d->ms[RH_DEADLINE_WRITE] = config->write_ms;
    d->ms[RH_DEADLINE_IDLE] = config->idle_ms;
    d->ms[RH_DEADLINE_REST] = REST_MS;
    d->ms[RH_DEADLINE_LINGER] = config->linger_ms > 0 ? config->linger_ms : 1;
    d->ms[RH_DEADLINE_TLS] = config->tls_ms;
    d->ms[RH_DEADLINE_QUIET] = 0;
}

/* The list keeps its order, by a walk from its end past what was set meanwhile. */
void rh_deadlines_put_back(struct rh_deadlines *d, struct rh_due *entry,
                           enum rh_deadline_class which)
{
    struct rh_link *list = &d->lists[which];
    struct rh_link *before = list->prev;
    while (before != list && RH_CONTAINER_OF(before, struct rh_due, link)->at_ms > entry->at_ms) {
        before = before->prev;
    }
    rh_list_unlink(&entry->link);
    rh_list_push_back(before->next, &entry->link); /* in front of what is due later */
}

struct rh_due *rh_deadlines_overdue(struct rh_deadlines *d, uint64_t now_ms,
                                    enum rh_deadline_class *ret_which)
{
    for (unsigned i = 0; i < RH_DEADLINE_CLASSES; i++) {
        struct rh_link *first = d->lists[i].next;
        if (first != &d->lists[i]) {
            struct rh_due *entry = RH_CONTAINER_OF(first, struct rh_due, link);
            if (entry->at_ms <= now_ms) {
                *ret_which = (enum rh_deadline_class)i;
                return entry;
            }
        }
    }
    return NULL;
}

uint64_t rh_deadlines_next(const struct rh_deadlines *d)
{
    return rh_due_earliest(d->lists, RH_DEADLINE_CLASSES);
}
