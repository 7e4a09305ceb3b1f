/* Who wants to hear that the end has begun: a list of nodes in the exchanges' arenas, each taken
 * out before its exchange goes, by an outcome hook. A node that was told is out of the list. */
#include "server/exchange/exchange.h"

struct drain_wait {
    struct rh_link link;
    struct rh_exchange *x;
    rh_drain_fn fn;
    void *data;
};

static void forget(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    struct drain_wait *wait = data;
    (void)x;
    (void)outcome;
    rh_list_remove(&wait->link);
}

static void tell(struct rh_exchange *x, rh_drain_fn fn, void *data)
{
    rh_exchange_enter(x);
    fn(x, data);
    rh_exchange_leave(x);
}

int rh_exchange_on_drain(struct rh_exchange *x, rh_drain_fn fn, void *data)
{
    rh_exchange_assert_thread(x);
    struct rh_engine *engine = x->engine;
    if (x->session == NULL) { /* cut: nobody waits for it */
        return 0;
    }
    if (engine->draining) {
        tell(x, fn, data);
        return 0;
    }
    struct drain_wait *wait = rh_arena_alloc(&x->arena, sizeof *wait);
    if (wait == NULL) {
        return RH_ENOROOM;
    }
    *wait = (struct drain_wait){.x = x, .fn = fn, .data = data};
    rh_list_init(&wait->link);
    int err = rh_exchange_on_outcome(x, forget, wait);
    if (err == 0) {
        rh_list_push_back(&engine->drain_waits, &wait->link);
    }
    return err;
}

void rh_engine_drain(struct rh_engine *engine)
{
    engine->lame = true;
    engine->draining = true;
    while (!rh_list_is_empty(&engine->drain_waits)) {
        struct drain_wait *wait =
            RH_CONTAINER_OF(engine->drain_waits.next, struct drain_wait, link);
        rh_list_remove(&wait->link);
        bool stream_ended = wait->x->stream == RH_STREAM_CLOSED;
        if (wait->x->answer_state != RH_ANSWER_COMPLETE &&
            !stream_ended) { /* else it ends already */
            tell(wait->x, wait->fn, wait->data);
        }
    }
}
