/* The request body as handlers see it. Pieces are delivered straight from the input buffer; a whole
 * body is gathered in the arena when its announced length fits there, else in a slab object out of
 * the loop's budget. While the budget is spent, a body that is asked for is not read: its
 * connection is driven again when another gives memory back. */
#include "rawhttp/body.h"

#include <string.h>

#include "server/exchange.h"
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

void rh_body_discard(struct rh_exchange *x)
{
    if (x->body_state != RH_BODY_DISCARDING) {
        move(x, RH_BODY_DISCARDING);
    }
}

void rh_body_drop_reader(struct rh_exchange *x)
{
    rh_list_remove(&x->waiting);
    move(x, RH_BODY_UNASKED);
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
        struct rh_slice body = {error == 0 ? (x->whole != NULL ? x->whole : "") : NULL,
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
    if (x->body_told) {
        return;
    }
    x->body_told = true;
    rh_exchange_enter(x);
    tell_end(x, error);
    if (error != 0 && rh_exchange_needs_answer(x)) { /* whoever holds it owes the answer */
        rh_respond_error(x, status_of(error), rh_strerror(error));
    }
    rh_exchange_leave(x);
}

void rh_exchange_body_abandon(struct rh_exchange *x)
{
    if (x->body_state == RH_BODY_READING || x->body_state == RH_BODY_PAUSED) {
        rh_body_drop_reader(x);
        x->body_told = true;
        tell_end(x, RH_ECUT);
    }
}

struct rh_slab *rh_body_find_place(struct rh_pools *pools, uint64_t len)
{
    if (len <= RH_BODY_SMALL_BYTES && !rh_slab_is_exhausted(&pools->bodies_small)) {
        return &pools->bodies_small;
    }
    return len > pools->bodies.object_bytes || rh_slab_is_exhausted(&pools->bodies)
               ? NULL
               : &pools->bodies;
}

/* False where no wait would help: the budget is too small for even one. */
static bool has_places(const struct rh_pools *pools, uint64_t len)
{
    return pools->bodies.objects_max > 0 ||
           (len <= RH_BODY_SMALL_BYTES && pools->bodies_small.objects_max > 0);
}

/* What its next piece needs; at least, where it comes by chunks. */
static uint64_t room_wanted(const struct rh_exchange *x, size_t piece)
{
    return x->head.body_kind == RH_BODY_LENGTH ? x->head.content_length : x->body_received + piece;
}

void rh_body_serve_waiters(struct rh_engine *engine)
{
    struct rh_link *all = &engine->body_waiters;
    for (struct rh_link *link = all->next; link != all; link = link->next) {
        struct rh_exchange *x = RH_CONTAINER_OF(link, struct rh_exchange, waiting);
        if (rh_body_find_place(&engine->pools, room_wanted(x, 1)) != NULL) {
            rh_list_remove(&x->waiting);
            rh_body_resume(x);
            return;
        }
    }
}

/* Room for a whole body of `len` bytes (or of a yet unknown length). */
static bool make_whole_room(struct rh_exchange *x, uint64_t len)
{
    struct rh_pools *pools = &x->engine->pools;
    if (x->head.body_kind == RH_BODY_LENGTH && len <= ARENA_BODY_MAX) {
        x->whole = rh_arena_text(&x->arena, (size_t)len + 1);
        x->whole_cap = x->whole != NULL ? (uint32_t)len : 0;
        if (x->whole != NULL) {
            return true;
        }
    }
    struct rh_slab *slab = rh_body_find_place(pools, len);
    char *memory = slab != NULL ? rh_slab_acquire(slab) : NULL;
    if (memory == NULL) {
        return false;
    }
    if (x->whole != NULL) { /* outgrew the small one */
        memcpy(memory, x->whole, x->body_received);
        rh_slab_release(x->whole_slab, x->whole);
        x->whole = NULL;
        rh_body_serve_waiters(x->engine);
    }
    x->whole = memory;
    x->whole_slab = slab;
    uint32_t max = x->engine->config.body_whole_bytes_max;
    x->whole_cap =
        slab == &pools->bodies_small && max > RH_BODY_SMALL_BYTES ? RH_BODY_SMALL_BYTES : max;
    return true;
}

static size_t take_whole(struct rh_exchange *x, struct rh_slice piece)
{
    uint64_t total = x->body_received + piece.len;
    if (total > x->engine->config.body_whole_bytes_max) {
        rh_exchange_body_end(x, RH_EBODY_TOO_LARGE);
        return piece.len;
    }
    if (x->whole == NULL || total > x->whole_cap) {
        uint64_t want = room_wanted(x, piece.len);
        if (!make_whole_room(x, want)) {
            if (!has_places(&x->engine->pools, want)) {
                rh_exchange_body_end(x, RH_ENOROOM);
                return piece.len;
            }
            rh_list_remove(&x->waiting); /* rh_body_resume may have asked before there was room */
            rh_list_push_back(&x->engine->body_waiters, &x->waiting);
            return 0; /* the budget is spent: wait, not reading, for one that is given back */
        }
    }
    memcpy(x->whole + x->body_received, piece.base, piece.len);
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
    if (x->whole_slab != NULL) {
        rh_slab_release(x->whole_slab, x->whole);
        x->whole_slab = NULL;
    }
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
