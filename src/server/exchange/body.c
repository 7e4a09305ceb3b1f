/* The request body as handlers see it. Pieces are delivered straight from the input buffer; a whole
 * body is gathered in the arena when its announced length fits there, else in a slab object out of
 * the loop's budget. While the budget is spent, a body that is asked for is not read: its
 * connection is driven again when another gives memory back. */
#include "rawhttp/body.h"

#include <string.h>

#include "server/exchange/exchange.h"
#include "util/machine.h"

enum { ARENA_BODY_MAX = 1024 };

static const uint16_t moves[] = {
    [RH_BODY_UNASKED] = RH_TO(RH_BODY_READING) | RH_TO(RH_BODY_DISCARDING) | RH_TO(RH_BODY_DONE) |
                        RH_TO(RH_BODY_FAILED),
    [RH_BODY_READING] = RH_TO(RH_BODY_PAUSED) | RH_TO(RH_BODY_UNASKED) | RH_TO(RH_BODY_DONE) |
                        RH_TO(RH_BODY_FAILED),
    [RH_BODY_PAUSED] = RH_TO(RH_BODY_READING) | RH_TO(RH_BODY_UNASKED) | RH_TO(RH_BODY_FAILED),
    [RH_BODY_DISCARDING] = RH_TO(RH_BODY_DONE) | RH_TO(RH_BODY_FAILED),
    [RH_BODY_DONE] = 0,
    [RH_BODY_FAILED] = 0,
};

static void move(struct rh_exchange *x, enum rh_body_state next)
{
    RH_MOVE(moves, x->body_state, (uint8_t)next);
}

void rh_body_begin(struct rh_exchange *x, bool is_empty)
{
    if (is_empty) {
        move(x, RH_BODY_DONE);
    }
}

void rh_body_drop_reader(struct rh_exchange *x)
{
    rh_list_remove(&x->waiting);
    move(x, RH_BODY_UNASKED);
}

void rh_body_discard(struct rh_exchange *x)
{
    if (x->body_state != RH_BODY_DISCARDING) {
        move(x, RH_BODY_DISCARDING);
    }
}

int64_t rh_body_length(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    switch (x->head.body_kind) {
    case RH_BODY_NONE:
        return 0;
    case RH_BODY_LENGTH:
        return (int64_t)x->head.content_length;
    default:
        return -1;
    }
}

void rh_body_limit(struct rh_exchange *x, uint64_t bytes_max)
{
    rh_exchange_assert_thread(x);
    x->body_limit = bytes_max;
}

static unsigned status_of(int error)
{
    switch (error) {
    case RH_EBODY_TOO_LARGE:
        return 413;
    case RH_EBODY_TIMEOUT:
        return 408;
    case RH_ENOROOM:
        return 503;
    default:
        return 400;
    }
}

static void tell_end(struct rh_exchange *x, int error)
{
    if (x->on_whole != NULL) {
        struct rh_slice body = {error == 0 ? (x->whole.bytes != NULL ? x->whole.bytes : "") : NULL,
                                error == 0 ? x->body_received : 0};
        x->on_whole(x, body, error, x->body_data);
    } else if (x->on_end != NULL) {
        x->on_end(x, error, x->body_data);
    }
}

/* It has ended, once. */
static void end(struct rh_exchange *x, int error)
{
    if (x->body_state != RH_BODY_DONE && x->body_state != RH_BODY_FAILED) {
        move(x, error == 0 ? RH_BODY_DONE : RH_BODY_FAILED);
    }
}

/* Calls the reader's last callback; answers an error if nobody else owes the answer. */
static void report_end(struct rh_exchange *x, int error)
{
    x->body_told = true;
    rh_exchange_enter(x);
    tell_end(x, error);
    if (error != 0 && rh_exchange_needs_answer(x)) { /* whoever holds it owes the answer */
        rh_respond_error(x, status_of(error), rh_strerror(error));
    }
    rh_exchange_leave(x);
}

void rh_exchange_body_end(struct rh_exchange *x, int error)
{
    if (x->body_state == RH_BODY_DISCARDING || x->body_state == RH_BODY_UNASKED) {
        if (x->session != NULL) {
            end(x, error);
        }
        return;
    }
    end(x, error);
    rh_list_remove(&x->waiting);
    if (!x->body_told) {
        report_end(x, error);
    }
}

void rh_exchange_body_abandon(struct rh_exchange *x)
{
    if (x->body_state == RH_BODY_READING || x->body_state == RH_BODY_PAUSED) {
        rh_body_drop_reader(x);
        x->body_told = true;
        tell_end(x, RH_ECUT);
    }
}

rh_owner rh_exchange_owner(const struct rh_exchange *x)
{
    const uint8_t *ip = x->peer.ip;
    static const uint8_t loopback[16] = {[15] = 1};
    rh_owner owner = 0;
    if ((x->peer.family == AF_INET && ip[0] == 127) ||
        (x->peer.family == AF_INET6 && memcmp(ip, loopback, sizeof loopback) == 0) ||
        (x->peer.family != AF_INET && x->peer.family != AF_INET6)) {
        return 0;
    }
    memcpy(&owner, ip, x->peer.family == AF_INET ? 4 : 8);
    return owner;
}

/* Room for the first `len` bytes of the body. A short one whose length is known lies in the arena.
 */
static enum rh_gather_result make_room(struct rh_exchange *x, size_t len)
{
    if (x->whole.bytes == NULL && x->head.body_kind == RH_BODY_LENGTH &&
        x->head.content_length <= ARENA_BODY_MAX) {
        size_t all = (size_t)x->head.content_length;
        x->whole.bytes = rh_arena_text(&x->arena, all + 1);
        if (x->whole.bytes != NULL) {
            x->whole.cap = all;
            x->whole.slot = RH_GATHER_NO_SLOT;
            return RH_GATHER_TAKEN;
        }
    }
    return rh_gather_take(&x->engine->pools.bodies, &x->whole, rh_exchange_owner(x), len);
}

static struct rh_exchange *waiter_of(struct rh_link *link)
{
    return RH_CONTAINER_OF(link, struct rh_exchange, waiting);
}

/* The waiter whose body was begun first stands in front: it alone may use the last of the budget.
 */
static void put_oldest_first(struct rh_engine *engine)
{
    struct rh_link *all = &engine->body_waiters;
    struct rh_exchange *oldest = NULL;
    uint64_t least = UINT64_MAX;
    for (struct rh_link *link = all->next; link != all; link = link->next) {
        uint64_t order = rh_gather_order(&engine->pools.bodies, &waiter_of(link)->whole);
        if (order < least) {
            least = order;
            oldest = waiter_of(link);
        }
    }
    if (oldest != NULL) {
        rh_list_remove(&oldest->waiting);
        rh_list_push_front(all, &oldest->waiting);
    }
}

/* Those for which there is room go on. Who cannot goes to the end of the list, so that each gets
 * its turn, and the look at them is bounded. */
void rh_body_serve_waiters(struct rh_engine *engine)
{
    enum { TRIES = 64 };
    put_oldest_first(engine);
    const struct rh_exchange *refused = NULL;
    for (unsigned i = 0; i < TRIES && !rh_list_is_empty(&engine->body_waiters); i++) {
        struct rh_exchange *x = waiter_of(engine->body_waiters.next);
        if (x == refused) {
            return;
        }
        rh_list_remove(&x->waiting);
        if (make_room(x, (size_t)x->body_received + 1) != RH_GATHER_WAIT) {
            rh_body_resume(x); /* what failed is reported when its next piece is taken */
            continue;
        }
        rh_list_push_back(&engine->body_waiters, &x->waiting);
        refused = refused != NULL ? refused : x;
    }
}

static size_t take_whole(struct rh_exchange *x, struct rh_slice piece)
{
    uint64_t total = x->body_received + piece.len;
    if (total > x->engine->config.body_whole_bytes_max) {
        rh_exchange_body_end(x, RH_EBODY_TOO_LARGE);
        return piece.len;
    }
    if (x->whole.bytes == NULL || total > x->whole.cap) {
        switch (make_room(x, (size_t)total)) {
        case RH_GATHER_TAKEN:
            break;
        case RH_GATHER_WAIT: /* the budget is spent: wait, not reading, for what is given back */
            rh_list_remove(&x->waiting); /* rh_body_resume may have asked before there was room */
            rh_list_push_back(&x->engine->body_waiters, &x->waiting);
            return 0;
        case RH_GATHER_NEVER:
        case RH_GATHER_FAILED:
            rh_exchange_body_end(x, RH_ENOROOM);
            return piece.len;
        }
    }
    memcpy(x->whole.bytes + x->body_received, piece.base, piece.len);
    return piece.len;
}

uint64_t rh_exchange_body_limit(const struct rh_exchange *x)
{
    uint64_t whole = x->engine->config.body_whole_bytes_max;
    return x->on_whole != NULL && whole < x->body_limit ? whole : x->body_limit;
}

size_t rh_exchange_body_deliver(struct rh_exchange *x, struct rh_slice piece)
{
    if (x->body_state == RH_BODY_DISCARDING) {
        x->body_discarded += piece.len;
        return piece.len;
    }
    if (x->body_received + piece.len > x->body_limit) {
        rh_exchange_body_end(x, RH_EBODY_TOO_LARGE);
        return piece.len;
    }
    size_t taken;
    if (x->on_whole != NULL) {
        taken = take_whole(x, piece);
    } else {
        taken = x->on_data(x, piece, x->body_data);
        RH_ASSERT(taken <= piece.len);
    }
    x->body_received += taken;
    if (taken < piece.len && x->body_state == RH_BODY_READING) {
        move(x, RH_BODY_PAUSED);
    }
    return taken;
}

/* Starts to read; a body that can not be allowed is refused before a byte of it is read. */
static void ask(struct rh_exchange *x)
{
    if (x->session == NULL || x->tie != RH_TIE_OWN) {
        rh_exchange_enter(x);
        tell_end(x, RH_ECUT);
        rh_exchange_leave(x);
        return;
    }
    if (x->body_state == RH_BODY_FAILED) { /* before anybody asked, while it was held */
        report_end(x, RH_EBODY_CUT);
        return;
    }
    RH_ASSERT(x->body_state == RH_BODY_UNASKED || x->body_state == RH_BODY_DONE);
    uint64_t limit = rh_exchange_body_limit(x);
    if (x->body_state == RH_BODY_DONE) {
        rh_exchange_body_end(x, 0);
    } else if (x->head.body_kind == RH_BODY_LENGTH && x->head.content_length > limit) {
        move(x, RH_BODY_READING);
        rh_exchange_body_end(x, RH_EBODY_TOO_LARGE);
    } else {
        move(x, RH_BODY_READING);
        x->continue_due = x->head.expect_continue;
        rh_exchange_ready(x);
    }
}

void rh_exchange_release_whole(struct rh_exchange *x)
{
    rh_gather_give_back(&x->engine->pools.bodies, &x->whole);
}

void rh_body_whole(struct rh_exchange *x, rh_body_whole_fn fn, void *data)
{
    rh_exchange_assert_thread(x);
    x->on_whole = fn;
    x->body_data = data;
    ask(x);
}

void rh_body_stream(struct rh_exchange *x, rh_body_data_fn on_data, rh_body_end_fn on_end,
                    void *data)
{
    rh_exchange_assert_thread(x);
    x->on_data = on_data;
    x->on_end = on_end;
    x->body_data = data;
    ask(x);
}

void rh_body_resume(struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    if (x->body_state == RH_BODY_PAUSED) {
        move(x, RH_BODY_READING);
        rh_exchange_watch_resumes(x);
        rh_exchange_ready(x);
    }
}
