/* What a handler may do with its exchange, now or later, as the header files allow it: never more,
 * since the simulation looks for faults of the library and not of its users. A hold is not ended
 * while a thread still has it. */
#include "sim/deal.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

enum { LATER_US = 150000, THREADS_MAX = 256 };

static struct deal *threads[THREADS_MAX]; /* each will post once for its deal */
static size_t threads_n;

/* Before and after each callback that has the exchange. */
static void enter(struct deal *d, const char *what)
{
    sim_trace("deal %u: %s", d->id, what);
    d->calls++;
}

static void leave(struct deal *d, enum place place)
{
    deal_settle(d, place);
    d->calls--;
}

static void plan_later(struct deal *d)
{
    if (d->later_us == 0) {
        d->later_us = sim.now_us + 1 + sim_pick(LATER_US);
    }
}

static bool may_end_hold(const struct deal *d)
{
    return d->threads == 0 && deal_is_usable(d);
}

/* --- The request's body ----------------------------------------------------------------------- */

static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    struct deal *d = data;
    (void)x;
    enter(d, "piece");
    SIM_CHECK(!d->over, "deal %u: a piece of its body behind the end", d->id);
    size_t taken = sim_percent(70) ? piece.len : sim_pick(piece.len + 1);
    for (size_t i = 0; i < taken && !d->hostile; i++) {
        SIM_CHECK(piece.base[i] == deal_byte(d->id, d->received + i),
                  "deal %u: its body is wrong at %llu", d->id, (unsigned long long)d->received + i);
    }
    d->received += taken;
    if (taken < piece.len) {
        plan_later(d);
    }
    if (sim_percent(10)) {
        deal_move(d, PLACE_BODY);
    }
    leave(d, PLACE_BODY);
    return taken;
}

static void tell_end(struct deal *d, int error)
{
    SIM_CHECK(!d->over, "deal %u: the end of its body is told twice", d->id);
    SIM_CHECK(error != 0 || d->hostile || d->received == d->body_len,
              "deal %u: its body is cut and called complete: %llu of %zu", d->id,
              (unsigned long long)d->received, d->body_len);
    d->over = true;
    deal_move(d, PLACE_END);
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    struct deal *d = data;
    (void)x;
    enter(d, error == 0 ? "body is complete" : "body failed");
    tell_end(d, error);
    leave(d, PLACE_END);
}

static void on_whole(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    struct deal *d = data;
    (void)x;
    enter(d, error == 0 ? "whole body" : "whole body failed");
    d->received = body.len;
    for (size_t i = 0; i < body.len && !d->hostile; i++) {
        SIM_CHECK(body.base[i] == deal_byte(d->id, i), "deal %u: its whole body is wrong at %zu",
                  d->id, i);
    }
    tell_end(d, error);
    leave(d, PLACE_END);
}

void deal_ask_body(struct deal *d)
{
    if (d->asked || d->answered || d->stream_open) {
        return;
    }
    d->asked = true;
    if (sim_percent(10)) {
        rh_body_limit(d->x, sim_pick(20000));
    }
    if (sim_percent(50)) {
        rh_body_whole(d->x, on_whole, d);
    } else {
        rh_body_stream(d->x, on_data, on_end, d);
    }
}

/* --- Hooks ------------------------------------------------------------------------------------ */

static void on_outcome(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    struct deal *d = data;
    (void)x;
    sim_trace("deal %u: outcome %u%s", d->id, outcome->status, outcome->aborted ? ", aborted" : "");
    SIM_CHECK(!d->ended, "deal %u: its outcome is told twice", d->id);
    d->ended = true;
    if (sim_percent(sim.plan.wild) && sim_percent(sim.plan.endings)) {
        sim_server_move();
    }
}

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    struct deal *d = data;
    enter(d, reason == RH_PEER_EOF ? "hint" : "cut");
    unsigned *told = reason == RH_PEER_EOF ? &d->hints : &d->cuts;
    SIM_CHECK(++*told == 1, "deal %u: an abort is told twice", d->id);
    SIM_CHECK(reason != RH_PEER_EOF || d->cuts == 0, "deal %u: a hint behind the cut", d->id);
    d->cut = reason != RH_PEER_EOF || d->cut;
    SIM_CHECK(!d->cut || rh_exchange_is_cut(x), "deal %u: told of a cut that is none", d->id);
    d->never = false;
    deal_move(d, PLACE_ABORT);
    leave(d, PLACE_ABORT);
}

static void on_drain(struct rh_exchange *x, void *data)
{
    struct deal *d = data;
    (void)x;
    enter(d, "drain");
    SIM_CHECK(++d->drains == 1, "deal %u: a drain is told twice", d->id);
    deal_move(d, PLACE_DRAIN);
    leave(d, PLACE_DRAIN);
}

static void hook(struct deal *d)
{
    size_t which = sim_pick(3);
    if (which == 0 && !d->listens) {
        d->listens = true;
        if (rh_exchange_on_abort(d->x, on_abort, d) != 0) {
            d->listens = false;
        }
    } else if (which == 1 && !d->watches && !d->ended) {
        d->watches = !rh_exchange_is_cut(d->x) && rh_exchange_on_outcome(d->x, on_outcome, d) == 0;
    } else if (which == 2 && !d->drainable) {
        d->drainable = true;
        RH_IGNORE(rh_exchange_on_drain(d->x, on_drain, d));
    }
}

/* --- Threads ---------------------------------------------------------------------------------- */

static void on_post(struct rh_exchange *x, void *data)
{
    struct deal *d = data;
    enter(d, "post");
    SIM_CHECK(x == d->x && d->posts > 0, "deal %u: a post runs twice", d->id);
    d->posts--;
    deal_move(d, PLACE_POST);
    leave(d, PLACE_POST);
}

static void start_thread(struct deal *d)
{
    if (threads_n < THREADS_MAX && !d->stream_open && !d->answered) {
        rh_exchange_hold(d->x);
        d->held = true;
        d->threads++;
        threads[threads_n++] = d;
    }
}

size_t deal_threads(void)
{
    return threads_n;
}

bool deal_run_thread(void)
{
    if (threads_n == 0) {
        return false;
    }
    size_t at = sim_pick(threads_n);
    struct deal *d = threads[at];
    threads[at] = threads[--threads_n];
    d->posts++;
    sim_trace("deal %u: its thread posts", d->id);
    int err = rh_exchange_post(d->x, on_post, d);
    SIM_CHECK(err == 0 || err == UV_ENOMEM, "deal %u: a post on a held exchange is refused: %d",
              d->id, err);
    if (err == 0) {
        d->threads--;
    } else { /* it tries again */
        d->posts--;
        threads[threads_n++] = d;
    }
    return true;
}

/* --- Moves ------------------------------------------------------------------------------------ */

static void release(struct deal *d)
{
    if (d->held && !d->stream_open && may_end_hold(d)) {
        d->held = false;
        d->answered = true;
        rh_exchange_release(d->x);
    }
}

static void look(struct deal *d)
{
    RH_IGNORE(rh_request_field(d->x, "Host").len);
    RH_IGNORE(rh_request_query_value(d->x, "q").len);
    RH_IGNORE(rh_exchange_alloc(d->x, 1 + sim_pick(200)) == NULL);
    rh_exchange_log(d->x, RH_LOG_DEBUG, "deal %u", d->id);
    rh_exchange_set_user(d->x, "somebody");
}

static void answer_or_hold(struct deal *d)
{
    if (d->answered || !may_end_hold(d)) {
        return;
    }
    if (d->stream_open) {
        deal_write_stream(d, true);
    } else if (sim_percent(sim.plan.later) && !sim.calm) {
        rh_exchange_hold(d->x);
        d->held = true;
    } else {
        deal_answer(d);
    }
}

/* What no example does. */
static void move_wildly(struct deal *d, enum place place)
{
    if (sim_percent(sim.plan.endings)) {
        sim_server_move();
    }
    if (!deal_is_usable(d)) {
        return;
    }
    switch (sim_pick(6)) {
    case 0:
        hook(d);
        break;
    case 1:
        release(d);
        break;
    case 2:
        if (d->answered && d->calls > 0 && d->threads == 0 && !d->stream_open) {
            deal_answer(d); /* the second, which is refused */
        }
        break;
    case 3:
        if (!d->held && !d->answered && !d->stream_open && place != PLACE_LATER) {
            rh_exchange_hold(d->x);
            d->held = true;
        }
        break;
    case 4:
        if (place == PLACE_HANDLER || d->held) {
            deal_ask_body(d);
        }
        break;
    default:
        look(d);
    }
}

void deal_move(struct deal *d, enum place place)
{
    if (sim_percent(sim.plan.wild) && !sim.calm) {
        for (size_t n = 1 + sim_pick(3); n > 0 && deal_is_usable(d); n--) {
            move_wildly(d, place);
        }
    }
    if (deal_is_usable(d) && sim_percent(sim.plan.hooks)) {
        hook(d);
    }
    if (!deal_is_usable(d) || d->answered) {
        return;
    }
    if (place == PLACE_HANDLER && sim_percent(d->body != DEAL_NO_BODY ? 75 : 5)) {
        deal_ask_body(d);
        return;
    }
    if (sim_percent(sim.plan.threads) && !sim.calm && (place == PLACE_HANDLER || d->held)) {
        start_thread(d);
        return;
    }
    if (place != PLACE_BODY || sim_percent(10)) {
        answer_or_hold(d);
    }
}

void deal_settle(struct deal *d, enum place place)
{
    bool owes = !d->answered && deal_is_usable(d) && (d->held || d->stream_open);
    if (place == PLACE_HANDLER && owes && !d->stream_open && d->threads == 0 && sim_percent(10)) {
        d->never = true;
        if (!d->listens) {
            d->listens = true;
            d->never = rh_exchange_on_abort(d->x, on_abort, d) == 0 && !d->cut && d->hints == 0;
            d->listens = d->never || d->cut || d->hints > 0;
        }
    }
    owes = !d->answered && deal_is_usable(d) && (d->held || d->stream_open);
    if ((owes && !d->never && d->threads == 0 && d->posts == 0) || d->source_waits) {
        plan_later(d);
    }
}

void deal_finish(struct deal *d)
{
    if (d->source_waits && d->source_open) {
        d->source_waits = false;
        rh_source_resume(d->x);
    }
    if (d->threads > 0 || d->calls > 0 || !deal_is_usable(d) || d->answered) {
        return;
    }
    if (d->stream_open) {
        deal_write_stream(d, true);
    } else if (d->held) {
        deal_answer(d);
    }
    if (d->asked && !d->over && deal_is_usable(d)) {
        rh_body_resume(d->x);
    }
}

static void run_later(struct deal *d)
{
    d->later_us = 0;
    sim_trace("deal %u: later", d->id);
    if (sim.calm) {
        deal_finish(d);
    } else if (d->source_waits) {
        if (d->source_open) {
            d->source_waits = false;
            rh_source_resume(d->x);
        }
    } else if (d->asked && !d->over && !d->answered) {
        rh_body_resume(d->x);
    } else if (!d->answered && deal_is_usable(d)) {
        deal_move(d, PLACE_LATER);
    }
    deal_settle(d, PLACE_LATER);
}

void deal_run_later(void)
{
    for (unsigned i = 0; i < deal_count(); i++) {
        struct deal *d = deal_find(i);
        if ((d->later_us != 0 && d->later_us <= sim.now_us) || (sim.calm && d->calls == 0)) {
            if (sim.calm) {
                deal_finish(d);
            } else {
                run_later(d);
            }
        }
    }
}
