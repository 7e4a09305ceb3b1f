/* What concerns all connections of a loop: those that became ready within a turn, those whose deadline passed, and the
 * ends that come to all of them. Each stands in one of the deadline lists, which are the only list of all. */
#include "server/conns.h"

#include "server/conn.h"

int rh_conns_init(struct rh_conns *conns, struct rh_engine *engine, uv_loop_t *loop)
{
    conns->engine = engine;
    conns->ready = NULL;
    conns->open = 0;
    conns->input_bytes = (uint32_t)rh_pools_input_bytes(&engine->config);
    conns->crowded = false;
    conns->ending = 0;
    engine->wake = rh_conn_wake;
    engine->tls_info = rh_conn_tls_info;
    rh_deadlines_init(&conns->deadlines, &engine->config);
    return rh_wire_init(&conns->wire, loop, &rh_conn_callbacks, engine->config.connections_max,
                        rh_pools_bulk_max(&engine->config));
}

void rh_conns_run_ready(struct rh_conns *conns)
{
    struct rh_conn *c = conns->ready; /* those that become ready meanwhile have the next turn */
    conns->ready = NULL;
    while (c != NULL) {
        struct rh_conn *next = c->next_ready;
        c->queued = false;
        rh_conn_drive(c);
        c = next;
    }
}

void rh_conns_expire(struct rh_conns *conns)
{
    enum rh_deadline_class which;
    struct rh_due *entry;
    rh_engine_tick(conns->engine, rh_conn_clock_us());
    while ((entry = rh_deadlines_overdue(&conns->deadlines, rh_engine_now_ms(conns->engine), &which)) != NULL) {
        struct rh_conn *c = RH_CONTAINER_OF(entry, struct rh_conn, deadline);
        if (c->closing) { /* waits for libuv only */
            rh_conn_set_deadline(c, RH_DEADLINE_NONE);
        } else {
            rh_conn_expire(c, which);
        }
    }
    uint64_t next = rh_deadlines_next(&conns->deadlines);
    if (next != UINT64_MAX) {
        conns->alarm(conns, next);
    }
}

/* Calls `fn` for each connection that was there when it began: all stand in some deadline list, and what `fn` does may
 * move them between lists, so they are gathered behind a mark first. */
static void for_each(struct rh_conns *conns, void (*fn)(struct rh_conn *c, enum rh_abort reason), enum rh_abort reason)
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
        struct rh_conn *c = RH_CONTAINER_OF(all.next, struct rh_conn, deadline.link);
        rh_conn_set_deadline(c, c->closing ? RH_DEADLINE_NONE : (enum rh_deadline_class)c->deadline_class);
        fn(c, reason);
    }
}

static void drain_one(struct rh_conn *c, enum rh_abort reason)
{
    (void)reason;
    if (rh_conn_conns(c)->ending != 0) { /* closed by the callback of one that was told before */
        rh_conn_close(c, (enum rh_abort)rh_conn_conns(c)->ending);
    } else {
        rh_conn_drain(c);
    }
}

void rh_conns_drain(struct rh_conns *conns)
{
    for_each(conns, drain_one, RH_DRAINED);
}

void rh_conns_close_all(struct rh_conns *conns, enum rh_abort reason)
{
    conns->ending = (uint8_t)reason;
    for_each(conns, rh_conn_close, reason);
}

bool rh_conns_close_idle(struct rh_conns *conns)
{
    static const enum rh_deadline_class idle[] = {RH_DEADLINE_IDLE, RH_DEADLINE_REST, RH_DEADLINE_LINGER};
    for (unsigned i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        struct rh_link *list = &conns->deadlines.lists[idle[i]];
        for (struct rh_link *link = list->next; link != list; link = link->next) {
            struct rh_conn *c = RH_CONTAINER_OF(link, struct rh_conn, deadline.link);
            if (!c->closing) {
                rh_conn_close(c, RH_CLOSED);
                return true;
            }
        }
    }
    return false;
}
