/* What may happen to a held exchange beside its answer: somebody goes on with it later, or answers
 * in its handler's place. Ways to fail: none; on a cut exchange the first ends the hold and the
 * second does nothing. */
#include "server/exchange.h"

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
    if (x->stream_open) {
        rh_exchange_log(x, RH_LOG_ERROR, "%.*s goes on behind a stream that it opened: ignored",
                        (int)x->route.len, x->route.base != NULL ? x->route.base : "");
        return;
    }
    rh_exchange_enter(x);
    x->held = false; /* whoever comes next answers or defers for itself */
    if (x->session != NULL && !x->overruled) {
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
    x->overruled = true;
    x->cut = RH_DEADLINE;
    rh_exchange_body_abandon(x);
    if (x->session != NULL) {
        rh_exchange_tell_abort(x, RH_DEADLINE);
    }
    if (x->session != NULL) { /* else the handler closed the server */
        bool held = x->held;
        x->overruled = false;
        rh_respond_error(x, status, NULL);
        x->overruled = true;
        x->held = held;
    }
    rh_exchange_leave(x);
}
