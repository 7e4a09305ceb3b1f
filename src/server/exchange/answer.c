/* The answer pump. Ways to fail: a source that breaks off or ends before its length; a callback
 * that ends the exchange it was called for. */
#include "server/exchange/answer.h"

#include <string.h>

#include "http/field.h"
#include "server/door.h"
#include "util/machine.h"
#include "util/word.h"

static const uint16_t moves[] = {
    [RH_ANSWER_NONE] = RH_TO(RH_ANSWER_READY),
    [RH_ANSWER_READY] = RH_TO(RH_ANSWER_SENDING) | RH_TO(RH_ANSWER_COMPLETE),
    [RH_ANSWER_SENDING] = RH_TO(RH_ANSWER_WAITING) | RH_TO(RH_ANSWER_COMPLETE),
    [RH_ANSWER_WAITING] = RH_TO(RH_ANSWER_SENDING) | RH_TO(RH_ANSWER_COMPLETE),
    [RH_ANSWER_COMPLETE] = 0,
};

static RH_ALWAYS_INLINE void move(struct rh_exchange *x, enum rh_answer_state next)
{
    RH_MOVE(moves, x->answer_state, (uint8_t)next);
}

/* --- Whether --------------------------------------------------------------------------------- */

bool rh_answer_is_wanted(struct rh_exchange *x, unsigned status)
{
    rh_exchange_assert_thread(x);
    if (x->session == NULL || rh_exchange_is_overruled(x)) {
        return false;
    }
    if (x->answer_state != RH_ANSWER_NONE) {
        rh_exchange_log(x, RH_LOG_ERROR, "second answer (%u) on %.*s refused", status,
                        (int)x->route.len, x->route.base != NULL ? x->route.base : "");
        return false;
    }
    return true;
}

bool rh_answer_refuses(struct rh_exchange *x, unsigned status)
{
    if (!rh_answer_is_wanted(x, status)) {
        return true;
    }
    if (status < 200 || status > 599) {
        rh_exchange_log(x, RH_LOG_ERROR,
                        "status %u on %.*s: not from 200 to 599: answered with 500", status,
                        RH_ROW(x));
        rh_respond_error(x, 500, NULL);
        return true;
    }
    return false;
}

void rh_answer_set_type(struct rh_exchange *x, const char *type)
{
    if (type == NULL || x->type.base != NULL) { /* one that was set before stands */
        return;
    }
    struct rh_slice slice = rh_slice_from(type);
    if (rh_field_value_is_valid(slice) && rh_answer_has_room(x, slice.len)) {
        x->type = rh_arena_copy(&x->arena, slice);
    }
}

/* --- Giving it ------------------------------------------------------------------------------- */

/* From here on the handler's body callbacks are not called, unless the answer is a stream, which
 * goes on reading the request. */
static void give(struct rh_exchange *x, unsigned status, enum rh_answer_kind kind)
{
    struct rh_door *door = x->engine->door;
    x->status = (uint16_t)status;
    x->answer_kind = (uint8_t)kind;
    if (RH_UNLIKELY(door->finish != NULL && rh_answer_is_memory(x) &&
                    x->memory.len >= door->finish_bytes_min && !x->as_is)) {
        door->finish(x, door);
    }
    move(x, RH_ANSWER_READY);
    rh_exchange_answered(x);
    if (kind != RH_ANSWER_STREAM) {
        rh_body_leave(x);
    }
    rh_exchange_ready(x);
}

void rh_answer_give_empty(struct rh_exchange *x, unsigned status)
{
    give(x, status, RH_ANSWER_EMPTY);
}

void rh_answer_give_memory(struct rh_exchange *x, unsigned status, enum rh_answer_kind kind,
                           struct rh_slice content)
{
    x->memory = content;
    give(x, status, kind);
}

void rh_answer_give_owned(struct rh_exchange *x, unsigned status, struct rh_slice content,
                          void (*free_fn)(void *free_data), void *free_data)
{
    x->memory = content;
    x->owned.free_fn = free_fn;
    x->owned.free_data = free_data;
    give(x, status, RH_ANSWER_OWNED);
}

void rh_answer_give_slab(struct rh_exchange *x, unsigned status, struct rh_slice content,
                         struct rh_place place)
{
    x->memory = content;
    x->place = place;
    give(x, status, RH_ANSWER_SLAB);
}

void rh_answer_give_source(struct rh_exchange *x, unsigned status, enum rh_answer_kind kind,
                           const struct rh_source *source)
{
    x->source = *source;
    give(x, status, kind);
}

void rh_answer_give_upgrade(struct rh_exchange *x, const struct rh_session_kind *kind,
                            void *argument)
{
    x->upgrade.kind = kind;
    x->upgrade.argument = argument;
    give(x, 101, RH_ANSWER_UPGRADE);
}

void rh_answer_replace_memory(struct rh_exchange *x, struct rh_slice content, struct rh_place place)
{
    RH_ASSERT(x->answer_state == RH_ANSWER_NONE && rh_answer_is_memory(x));
    rh_answer_give_back(x);
    x->memory = content;
    x->place = place;
    x->answer_kind = place.bytes != NULL ? RH_ANSWER_SLAB : RH_ANSWER_COPY;
}

void rh_answer_give_up(struct rh_exchange *x)
{
    RH_ASSERT(x->answer_state == RH_ANSWER_READY);
    rh_exchange_log(x, RH_LOG_ERROR, "the fields of an answer fit no buffer");
    x->response_first = NULL;
    x->response_last = &x->response_first;
    x->response_bytes = 0;
    x->type = (struct rh_slice){NULL, 0};
    x->status = 500;
    rh_answer_give_back(x);
}

/* --- Its content ----------------------------------------------------------------------------- */

void rh_answer_begin(struct rh_exchange *x)
{
    move(x, RH_ANSWER_SENDING);
}

void rh_answer_complete(struct rh_exchange *x)
{
    move(x, RH_ANSWER_COMPLETE);
    rh_body_leave(
        x); /* who read it beside a stream does no more, before others queue the exchange */
}

static enum rh_answer_pulled break_off(struct rh_exchange *x, const char *why)
{
    rh_exchange_log(x, RH_LOG_ERROR, "answer of %.*s broke off: %s", (int)x->route.len,
                    x->route.base != NULL ? x->route.base : "", why);
    return RH_PULLED_BROKEN;
}

/* After a call of a source, which was entered: what `n` means. A connection that it closed ends
 * later, when no call of its session runs. */
static enum rh_answer_pulled came(struct rh_exchange *x, ptrdiff_t n)
{
    RH_ASSERT(x->session != NULL);
    rh_exchange_leave(x);
    if (n == RH_EAGAIN) {
        move(x, RH_ANSWER_WAITING);
        return RH_PULLED_WAITS;
    }
    if (n < 0) {
        return break_off(x, rh_strerror((int)n));
    }
    if (n == 0) {
        return x->source.length >= 0 ? break_off(x, "shorter than announced") : RH_PULLED_END;
    }
    x->answer_bytes += (uint64_t)n;
    return RH_PULLED_BYTES;
}

static enum rh_answer_pulled pull_memory(struct rh_exchange *x, char *at, size_t room,
                                         size_t *ret_len)
{
    size_t left = x->memory.len - (size_t)x->answer_bytes;
    size_t len = left < room ? left : room;
    rh_word_copy(at, x->memory.base + x->answer_bytes, len);
    x->answer_bytes += len;
    *ret_len = len;
    return RH_PULLED_BYTES;
}

enum rh_answer_pulled rh_answer_pull(struct rh_exchange *x, char *at, size_t room, size_t *ret_len)
{
    *ret_len = 0;
    if (x->answer_state == RH_ANSWER_WAITING) {
        return RH_PULLED_WAITS;
    }
    if (rh_answer_is_whole(x)) {
        return RH_PULLED_END;
    }
    if (rh_answer_is_memory(x)) {
        return pull_memory(x, at, room, ret_len);
    }
    if (x->source.length >= 0 && room > (uint64_t)x->source.length - x->answer_bytes) {
        room = (size_t)((uint64_t)x->source.length - x->answer_bytes);
    }
    rh_exchange_enter(x);
    ptrdiff_t n = x->source.pull(x->source.data, at, room);
    RH_ASSERT(n <= (ptrdiff_t)room);
    enum rh_answer_pulled pulled = came(x, n);
    *ret_len = pulled == RH_PULLED_BYTES ? (size_t)n : 0;
    return pulled;
}

enum rh_answer_pulled rh_answer_pull_range(struct rh_exchange *x, uint64_t max,
                                           struct rh_file_range *ret_range)
{
    const struct rh_file_source *file = x->source.data;
    uint64_t left = (uint64_t)x->source.length - x->answer_bytes;
    RH_ASSERT(x->answer_kind == RH_ANSWER_FILE);
    if (x->answer_state == RH_ANSWER_WAITING) {
        return RH_PULLED_WAITS;
    }
    if (left == 0) {
        return RH_PULLED_END;
    }
    rh_exchange_enter(x);
    ptrdiff_t n = file->range(x->source.data, left < max ? left : max, ret_range);
    RH_ASSERT(n <= 0 || ((uint64_t)n == ret_range->len && ret_range->len <= left));
    return came(x, n);
}

void rh_source_resume(struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    if (x->answer_state == RH_ANSWER_WAITING) {
        move(x, RH_ANSWER_SENDING);
        rh_exchange_ready(x);
    }
}

/* --- What it holds --------------------------------------------------------------------------- */

static void close_source(struct rh_exchange *x)
{
    if (x->source.close != NULL) {
        x->calls++;
        x->source.close(x->source.data);
        x->calls--;
    }
}

static void free_owned(struct rh_exchange *x)
{
    x->calls++;
    x->owned.free_fn(x->owned.free_data);
    x->calls--;
}

static void cancel_upgrade(struct rh_exchange *x)
{
    if (x->upgrade.kind != NULL && x->upgrade.kind->cancel != NULL) {
        x->upgrade.kind->cancel(x->upgrade.argument);
    }
}

/* The kind goes first: what is called may end the exchange, which gives back what it holds. */
void rh_answer_give_back(struct rh_exchange *x)
{
    enum rh_answer_kind kind = (enum rh_answer_kind)x->answer_kind;
    x->answer_kind = RH_ANSWER_EMPTY;
    switch (kind) {
    case RH_ANSWER_OWNED:
        free_owned(x);
        break;
    case RH_ANSWER_SLAB:
        rh_gather_give_back(&x->engine->pools.answers, &x->place);
        break;
    case RH_ANSWER_SOURCE:
    case RH_ANSWER_FILE:
        close_source(x);
        break;
    case RH_ANSWER_STREAM:
        rh_stream_drop(x);
        break;
    case RH_ANSWER_UPGRADE:
        cancel_upgrade(x);
        break;
    default:
        break;
    }
}
