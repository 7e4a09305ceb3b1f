/* What concerns all connections of a loop: those that became ready within a turn, those whose
 * deadline passed, and the ends that come to all of them. Each stands in one of the deadline lists,
 * which are the only list of all. */
#include "server/conn/conns.h"

#include <string.h>

#include "server/drive.h"

enum { FRESH_MS = 1000 };

void rh_conns_init(struct rh_conns *conns, struct rh_engine *engine,
                   const struct rh_carrier *carrier)
{
    conns->engine = engine;
    conns->carrier = carrier;
    conns->ready = conns->due = NULL;
    conns->open = 0;
    conns->crowded = false;
    conns->ending = 0;
    engine->conns = conns;
    rh_deadlines_init(&conns->deadlines, &engine->config);
}

/* --- Ready ---------------------------------------------------------------------------------- */

static struct rh_drive *after(const struct rh_drive *d)
{
    return d->next_ready == d ? NULL : d->next_ready;
}

void rh_conns_queue(struct rh_conns *conns, struct rh_drive *d)
{
    if (d->next_ready == NULL) {
        d->next_ready = conns->ready != NULL ? conns->ready : d;
        conns->ready = d;
        conns->soon(conns);
    }
}

static bool take_out(struct rh_drive **first, struct rh_drive *d)
{
    struct rh_drive *before = NULL;
    for (struct rh_drive *at = *first; at != NULL; before = at, at = after(at)) {
        if (at != d) {
            continue;
        }
        if (before == NULL) {
            *first = after(d);
        } else {
            before->next_ready = after(d) != NULL ? after(d) : before;
        }
        d->next_ready = NULL;
        return true;
    }
    return false;
}

void rh_conns_unqueue(struct rh_conns *conns, struct rh_drive *d)
{
    if (d->next_ready != NULL && !take_out(&conns->ready, d)) {
        RH_IGNORE(take_out(&conns->due, d));
    }
}

bool rh_conns_run_ready(struct rh_conns *conns)
{
    bool any = conns->ready != NULL;
    conns->due = conns->ready; /* those that become ready meanwhile have the next turn */
    conns->ready = NULL;
    while (conns->due != NULL) {
        struct rh_drive *d = conns->due;
        conns->due = after(d);
        d->next_ready = NULL;
        rh_drive_ready(d);
    }
    return any;
}

/* --- Deadlines ------------------------------------------------------------------------------ */

void rh_conns_expire(struct rh_conns *conns)
{
    enum rh_deadline_class which;
    struct rh_due *entry;
    rh_engine_read_clock(conns->engine);
    while ((entry = rh_deadlines_overdue(&conns->deadlines, rh_engine_now_ms(conns->engine),
                                         &which)) != NULL) {
        struct rh_drive *d = RH_CONTAINER_OF(entry, struct rh_drive, deadline);
        if (rh_drive_is_closing(d)) { /* waits for what carries it only */
            rh_drive_set_deadline(d, RH_DEADLINE_NONE);
        } else {
            rh_drive_expire(d, which);
        }
    }
    if (conns->crowded) {
        rh_conns_make_room(conns);
    }
    uint64_t next = rh_deadlines_next(&conns->deadlines);
    if (next != UINT64_MAX) {
        conns->alarm(conns, next);
    }
}

/* --- All of them ---------------------------------------------------------------------------- */

/* Calls `fn` for each connection that was there when it began: all stand in some deadline list, and
 * what `fn` does may move them between lists, so they are gathered apart first. Nobody's clock
 * starts anew. */
static void for_each(struct rh_conns *conns, void (*fn)(struct rh_drive *d, enum rh_abort reason),
                     enum rh_abort reason)
{
    struct rh_link all;
    rh_list_init(&all);
    for (unsigned i = 0; i < RH_DEADLINE_CLASSES; i++) {
        struct rh_link *list = &conns->deadlines.lists[i];
        while (!rh_list_is_empty(list)) {
            struct rh_link *link = list->next;
            rh_list_remove(link);
            rh_list_push_back(&all, link);
        }
    }
    while (!rh_list_is_empty(&all)) {
        struct rh_drive *d = RH_CONTAINER_OF(all.next, struct rh_drive, deadline.link);
        rh_deadlines_put_back(&conns->deadlines, &d->deadline,
                              (enum rh_deadline_class)d->deadline_class);
        fn(d, reason);
    }
}

static void drain_one(struct rh_drive *d, enum rh_abort reason)
{
    (void)reason;
    if (rh_drive_conns(d)->ending != 0) { /* closed by the callback of one that was told before */
        rh_drive_close(d, (enum rh_abort)rh_drive_conns(d)->ending);
    } else {
        rh_drive_drain(d);
    }
}

void rh_conns_drain(struct rh_conns *conns)
{
    for_each(conns, drain_one, RH_DRAINED);
}

void rh_conns_close_all(struct rh_conns *conns, enum rh_abort reason)
{
    conns->ending = (uint8_t)reason;
    for_each(conns, rh_drive_close, reason);
}

/* A head that only just began to come is on its way. */
static bool is_fresh(const struct rh_conns *conns, const struct rh_drive *d)
{
    enum rh_deadline_class which = (enum rh_deadline_class)d->deadline_class;
    return (which == RH_DEADLINE_HEAD || which == RH_DEADLINE_TLS) &&
           conns->deadlines.ms[which] > 0 &&
           d->deadline.at_ms + FRESH_MS >
               rh_engine_now_ms(conns->engine) + conns->deadlines.ms[which];
}

/* The first one in a list, or of those, the first one of the address that has the most. */
static struct rh_drive *find_open(struct rh_conns *conns, enum rh_deadline_class which, bool of_top)
{
    enum { LOOK_MAX = 4096 }; /* at others: the one with the most is found soon where it matters */
    struct rh_link *list = &conns->deadlines.lists[which];
    unsigned looked = 0;
    for (struct rh_link *link = list->next; link != list && looked < LOOK_MAX; link = link->next) {
        struct rh_drive *d = RH_CONTAINER_OF(link, struct rh_drive, deadline.link);
        bool quiet = rh_drive_session(d)->deadline == RH_DEADLINE_QUIET; /* idle by intention */
        if (!rh_drive_is_closing(d) && !quiet && !is_fresh(conns, d) &&
            (!of_top || rh_addresses_is_top(&conns->addresses, &d->host.peer))) {
            return d;
        }
        looked++;
    }
    return NULL;
}

static struct rh_drive *find_dispensable(struct rh_conns *conns)
{
    static const enum rh_deadline_class of_top[] = {
        RH_DEADLINE_LINGER, RH_DEADLINE_TLS, RH_DEADLINE_HEAD, RH_DEADLINE_IDLE, RH_DEADLINE_REST};
    static const enum rh_deadline_class of_all[] = {RH_DEADLINE_IDLE, RH_DEADLINE_REST,
                                                    RH_DEADLINE_LINGER};
    struct rh_drive *d = NULL;
    uint64_t most = conns->addresses.top.count;
    for (size_t i = 0; d == NULL && most > 1 && i < sizeof of_top / sizeof of_top[0]; i++) {
        d = find_open(conns, of_top[i], true);
    }
    if (d == NULL && 2 * most > rh_counter_get(&conns->open)) {
        return NULL; /* others do not pay for it: one of its own will do soon */
    }
    for (size_t i = 0; d == NULL && i < sizeof of_all / sizeof of_all[0]; i++) {
        d = find_open(conns, of_all[i], false);
    }
    return d;
}

void rh_conns_make_room(struct rh_conns *conns)
{
    struct rh_drive *d = find_dispensable(conns);
    conns->crowded = d == NULL;
    if (d != NULL) {
        rh_drive_close(d, RH_CLOSED);
    } else {
        conns->alarm(conns, rh_engine_now_ms(conns->engine) + FRESH_MS / 4);
    }
}
