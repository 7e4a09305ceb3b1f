/* What may happen to a held exchange beside its answer: somebody goes on with it later, or answers
 * in its handler's place. Ways to fail: none; on a cut exchange the first ends the hold and the
 * second does nothing. */
#include "server/exchange/exchange.h"
#include "util/machine.h"

static const uint16_t moves[] = {
    [RH_TIE_OWN] = RH_TO(RH_TIE_OVERRULING),
    [RH_TIE_OVERRULING] = RH_TO(RH_TIE_REPLYING),
    [RH_TIE_REPLYING] = RH_TO(RH_TIE_OVERRULED),
    [RH_TIE_OVERRULED] = 0,
};

void rh_exchange_note_kept(struct rh_exchange *x)
{
    if (x->held_link.next == NULL) {
        rh_list_push_back(&x->engine->held, &x->held_link);
    }
}

void rh_exchange_hold(struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    /* A hold ends with the answer: one behind it would never. */
    if (x->answer_state != RH_ANSWER_NONE && x->tie == RH_TIE_OWN) {
        rh_exchange_log(x, RH_LOG_ERROR, "%.*s holds what it has answered", RH_ROW(x));
        return;
    }
    x->held = true;
    rh_exchange_note_kept(x);
}

void rh_exchange_release(struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    if (x->stream == RH_STREAM_OPEN) { /* also where it drops what is written */
        rh_stream_fail(x);
        return;
    }
    if (x->session != NULL && x->answer_state == RH_ANSWER_NONE) {
        rh_respond_error(x, 500, NULL);
        return;
    }
    rh_exchange_let_go(x);
    rh_exchange_maybe_release(x);
}

bool rh_exchange_needs_answer(const struct rh_exchange *x)
{
    return x->session != NULL && x->answer_state == RH_ANSWER_NONE && !rh_exchange_is_kept(x);
}

void rh_exchange_pin(struct rh_exchange *x)
{
    rh_exchange_enter(x);
}

void rh_exchange_unpin(struct rh_exchange *x)
{
    rh_exchange_leave(x);
}

void rh_exchange_continue(struct rh_exchange *x, void (*fn)(struct rh_exchange *x, void *data),
                          void *data)
{
    if (x->stream == RH_STREAM_OPEN) {
        rh_exchange_log(x, RH_LOG_ERROR, "%.*s goes on behind a stream that it opened: ignored",
                        (int)x->route.len, x->route.base != NULL ? x->route.base : "");
        return;
    }
    rh_exchange_enter(x);
    rh_exchange_let_go(x); /* whoever comes next answers or defers for itself */
    if (x->session != NULL && x->tie == RH_TIE_OWN) {
        fn(x, data);
        rh_exchange_require_answer(x);
    }
    rh_exchange_leave(x);
}

/* Order as in a cut: nothing of the handler's is sent any more, the body's reader hears, then the
 * handler, and then the peer gets its answer. A hold stays: the exchange is there until the handler
 * gives it back, by whatever it calls. */
void rh_exchange_overrule(struct rh_exchange *x, unsigned status, const char *why)
{
    if (x->session == NULL || x->answer_state != RH_ANSWER_NONE) {
        return;
    }
    rh_exchange_log(x, RH_LOG_ERROR, "%s", why);
    rh_exchange_enter(x);
    RH_MOVE(moves, x->tie, RH_TIE_OVERRULING);
    x->cut = RH_DEADLINE;
    rh_exchange_body_abandon(x);
    if (x->session != NULL) {
        rh_exchange_tell_abort(x, RH_DEADLINE);
    }
    RH_MOVE(moves, x->tie, RH_TIE_REPLYING);
    if (x->session != NULL) { /* else the handler closed the server */
        rh_respond_error(x, status, NULL);
    }
    RH_MOVE(moves, x->tie, RH_TIE_OVERRULED);
    rh_exchange_leave(x);
}
