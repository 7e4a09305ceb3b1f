/* What carries the bytes records what happened and calls run; so does the end of a turn when an
 * answer came from elsewhere. While run runs, a re-entrant call only notes it. One round: feed the
 * session, pull what it answers, write when the input is used up or the output is full. While a
 * write is in flight nothing is fed, unless the session reads while it writes: that is the
 * back-pressure.
 *
 * Ends: the session finishes (our side is shut, input is discarded for a while, so that no reset
 * eats the answer), the peer resets, a write fails, a deadline passes, the server closes. All of
 * them go through rh_drive_close; the session hears of it when none of its calls runs, and memory
 * goes back in one place, rh_drive_closed, when nothing carries the connection any more. */
#include "server/drive.h"

#include <string.h>
#include <uv.h>

#include "server/conn/buffers.h"
#include "server/engine/engine.h"
#include "util/word.h"
#include "util/machine.h"

enum { COMPACT_BELOW = 4096, ROUNDS_MAX = 64, ANSWERED_MAX = 32, LINGER_CAME_MAX = (1 << 24) - 1 };

static struct rh_pools *pools_of(const struct rh_drive *d)
{
    return &d->host.engine->pools;
}

static RH_ALWAYS_INLINE void set_deadline(struct rh_drive *d, enum rh_deadline_class which)
{
    struct rh_conns *conns = rh_drive_conns(d);
    d->deadline_class = (uint8_t)which;
    uint64_t due =
        rh_deadlines_set(&conns->deadlines, &d->deadline, which, rh_engine_now_ms(conns->engine));
    if (due != UINT64_MAX) {
        conns->alarm(conns, due);
    }
}

void rh_drive_set_deadline(struct rh_drive *d, enum rh_deadline_class which)
{
    set_deadline(d, which);
}

/* --- Ends ----------------------------------------------------------------------------------- */

static void end_session(struct rh_drive *d)
{
    if (d->life != RH_LIFE_ENDED) {
        struct rh_session *s = rh_drive_session(d);
        RH_MOVE(rh_life_moves, d->life, RH_LIFE_ENDED);
        s->ops->end(s, (enum rh_abort)d->reason);
    }
}

/* Once no call of the session runs. Bytes in flight are the carrier's until it has closed, and may
 * be the session's memory. */
static void stop(struct rh_drive *d)
{
    if (d->output != RH_OUTPUT_IN_FLIGHT) {
        end_session(d);
    }
    rh_drive_carrier(d)->close(d);
}

void rh_drive_close(struct rh_drive *d, enum rh_abort reason)
{
    if (rh_drive_is_closing(d)) {
        return;
    }
    RH_MOVE(rh_life_moves, d->life, RH_LIFE_CLOSING);
    d->reason = (uint8_t)reason;
    rh_conns_unqueue(rh_drive_conns(d), d);
    if (!rh_host_is_driving(&d->host)) {
        stop(d);
    }
}

void rh_drive_closed(struct rh_drive *d)
{
    struct rh_conns *conns = rh_drive_conns(d);
    rh_engine_read_clock(conns->engine);
    end_session(d);
    if (d->out != NULL) {
        rh_exchange_conclude_answered(d->out, true);
        rh_buffers_release_output(pools_of(d), d->out);
        d->out = NULL;
    }
    if (d->in != NULL) {
        rh_buffers_release_input(pools_of(d), d->in, d->in_is_bulk);
        d->in = NULL;
    }
    rh_list_remove(&d->deadline.link);
    conns->open--;
}

void rh_drive_enter(struct rh_drive *d)
{
    RH_MOVE(rh_drive_moves, d->host.drive, RH_DRIVE_RUNNING);
}

bool rh_drive_leave(struct rh_drive *d)
{
    bool again = d->host.drive == RH_DRIVE_AGAIN;
    RH_MOVE(rh_drive_moves, d->host.drive,
            RH_UNLIKELY(d->next_ready != NULL) ? RH_DRIVE_QUEUED : RH_DRIVE_IDLE);
    if (RH_UNLIKELY(rh_drive_is_closing(d))) {
        stop(d);
    }
    return again;
}

/* --- Its beginning ------------------------------------------------------------------------- */

void rh_drive_open(struct rh_drive *d)
{
    struct rh_engine *engine = d->host.engine;
    struct rh_conns *conns = engine->conns;
    rh_list_init(&d->deadline.link);
    RH_IGNORE(rh_http1_open(&d->host, &d->speaker, NULL) == NULL);
    d->rested = !d->host.secure;
    d->chosen = engine->kinds_n == 1;
    if (d->life != RH_LIFE_SECURING) {
        rh_drive_set_deadline(d, RH_DEADLINE_HEAD);
    } else {
        rh_drive_set_deadline(d, RH_DEADLINE_TLS);
    }
    conns->open++;
}

/* --- Output --------------------------------------------------------------------------------- */

static inline void output_written(struct rh_drive *d)
{
    struct rh_output *out = d->out;
    rh_engine_settle(d->host.engine);
    out->used = 0;
    if (RH_UNLIKELY((out->ref.len | out->file.len | out->answered_n) > 0)) {
        struct rh_session *s = rh_drive_session(d);
        out->ref = (struct rh_slice){NULL, 0};
        out->file.len = 0;
        rh_exchange_conclude_answered(out, false);
        s->ops->sent(s);
    }
}

/* Not all of it was taken at once: the rest is in flight (1), or the write failed. */
static __attribute__((noinline)) void keep_written(struct rh_drive *d, int state)
{
    if (state == 1) {
        RH_MOVE(rh_output_moves, d->output, RH_OUTPUT_IN_FLIGHT);
        d->count.unsent = (uint32_t)rh_drive_carrier(d)->unsent(d);
        rh_drive_set_deadline(d, RH_DEADLINE_WRITE);
    } else {
        rh_drive_close(d, RH_WRITE_FAILED);
    }
}

/* The output is not empty. */
static RH_ALWAYS_INLINE void write_output(struct rh_drive *d)
{
    int state = rh_drive_carrier(d)->write(d);
    if (RH_LIKELY(state == 0)) {
        output_written(d);
    } else {
        keep_written(d, state);
    }
}

static void flush(struct rh_drive *d)
{
    if (!rh_output_is_empty(d->out)) {
        write_output(d);
    }
}

static inline bool may_pull(const struct rh_drive *d)
{
    return d->output == RH_OUTPUT_FREE && !rh_drive_is_closing(d);
}

/* An answer that came from elsewhere, as that of a file does, was not known to be long when its
 * output was taken. */
static void grow_output(struct rh_drive *d)
{
    if (may_pull(d)) {
        d->out = rh_buffers_grow_output(pools_of(d), d->out);
    }
}

/* Pulls until the session has nothing more; true where anything was added. */
static RH_ALWAYS_INLINE bool pull_all(struct rh_drive *d, struct rh_session *s)
{
    bool added = false;
    bool grown = false;
    if (d->out == NULL) {
        d->out = rh_buffers_acquire_output(pools_of(d), s->bulk);
        if (d->out == NULL) {
            rh_drive_close(d, RH_CLOSED);
            return false;
        }
    }
    for (unsigned round = 0; round < ROUNDS_MAX && may_pull(d); round++) {
        switch (s->ops->pull(s, d->out)) {
        case RH_PULL_NOTHING:
            return added;
        case RH_PULL_ADDED:
            added = true;
            if (RH_UNLIKELY((d->out->ref.len | d->out->file.len) > 0 ||
                            d->out->answered_n >= ANSWERED_MAX)) {
                /* As if a file were copied: others wait as long. */
                round += (unsigned)(d->out->file.len / RH_OUTPUT_BYTES);
                flush(d);
            } else if (!s->has_output) {
                return true;
            }
            break;
        case RH_PULL_FULL:
            added = true;
            round += d->out->used / RH_OUTPUT_BYTES;
            flush(d);
            if (RH_UNLIKELY(s->bulk) && !grown) {
                grown = true; /* or there is none: asked for once in a turn */
                grow_output(d);
            }
            break;
        }
    }
    if (may_pull(d)) {
        d->host.drive = RH_DRIVE_AGAIN; /* others have their turn; this one goes on soon */
    }
    return added;
}

/* --- Input ---------------------------------------------------------------------------------- */

void rh_drive_room(struct rh_drive *d, char **ret_base, size_t *ret_len)
{
    struct rh_pools *pools = pools_of(d);
    if (RH_LIKELY(d->in == NULL)) {
        bool is_bulk =
            rh_drive_session(d)->bulk && !d->host.secure; /* records fit the usual ones */
        d->in = rh_buffers_acquire_input(pools, &is_bulk);
        d->in_is_bulk = is_bulk;
        d->in_at = d->in_len = 0;
        *ret_base = d->in;
        *ret_len = d->in != NULL ? rh_buffers_input_bytes(pools, is_bulk) : 0;
        return;
    }
    size_t cap = rh_buffers_input_bytes(pools, d->in_is_bulk);
    if (d->in_at > 0 && cap - d->in_len < COMPACT_BELOW) {
        memmove(d->in, d->in + d->in_at, d->in_len - d->in_at);
        d->in_len -= d->in_at;
        d->in_at = 0;
    }
    *ret_base = d->in + d->in_len;
    *ret_len = cap - d->in_len;
}

static void release_input(struct rh_drive *d)
{
    if (d->in != NULL && d->in_at == d->in_len) {
        rh_buffers_release_input(pools_of(d), d->in, d->in_is_bulk);
        d->in = NULL;
        d->in_at = d->in_len = 0;
    }
}

void rh_drive_input(struct rh_drive *d, size_t len)
{
    d->in_len += (uint32_t)len;
    d->rested = d->rested && (len == 0 || !d->host.secure);
    if (len == 0 && !rh_host_is_driving(&d->host)) {
        release_input(d);
    }
}

void rh_drive_ended(struct rh_drive *d, int status)
{
    if (status != UV_EOF) {
        rh_drive_close(d, status == UV_ECONNRESET ? RH_PEER_RESET : RH_CLOSED);
    } else if (d->life == RH_LIFE_SECURING) {
        rh_drive_close(d, RH_CLOSED);
    } else if (d->input == RH_INPUT_OPEN) {
        RH_MOVE(rh_input_moves, d->input, RH_INPUT_ENDED);
        rh_drive_run(d);
    }
}

static RH_ALWAYS_INLINE bool feed_some(struct rh_drive *d, struct rh_session *s)
{
    static char nothing[1];
    size_t len = d->in_len - d->in_at;
    if (s->finished || (len == 0 && d->input != RH_INPUT_TOLD)) {
        return false;
    }
    if (!s->wants_input && d->input != RH_INPUT_TOLD) {
        return false;
    }
    size_t used = s->ops->feed(s, d->in != NULL ? d->in + d->in_at : nothing, len);
    RH_ASSERT(used <= len);
    d->in_at += (uint32_t)used;
    return used > 0;
}

/* --- The loop ------------------------------------------------------------------------------- */

/* A stop waits only for those that would lose an answer. */
static bool may_linger(struct rh_drive *d)
{
    const struct rh_session *s = rh_drive_session(d);
    return s->lingers && (s->unread || !d->host.engine->draining);
}

/* The session has nothing more to say: shut our side, then wait for the peer's. */
static void finish(struct rh_drive *d)
{
    bool first = d->output != RH_OUTPUT_SHUT;
    uint32_t came = d->in_len - d->in_at;
    bool waits = d->input == RH_INPUT_OPEN && may_linger(d);
    d->in_at = d->in_len;
    if (first || !waits) {
        rh_drive_carrier(d)->shut(d);
    }
    if (!waits && !rh_drive_carrier(d)->is_busy(d)) {
        rh_drive_close(d, RH_CLOSED);
    } else if (first) { /* for the peer, or for room for our closure alert: run comes after that */
        RH_MOVE(rh_output_moves, d->output, RH_OUTPUT_SHUT);
        d->count.linger.came = 0;
        d->count.linger.periods = 0;
        rh_drive_set_deadline(d, RH_DEADLINE_LINGER);
    } else {
        came += d->count.linger.came;
        d->count.linger.came = came < LINGER_CAME_MAX ? came & LINGER_CAME_MAX : LINGER_CAME_MAX;
    }
}

/* While a write is in flight: who must read meanwhile does. */
static void feed_meanwhile(struct rh_drive *d)
{
    while (!rh_drive_is_closing(d) && rh_drive_session(d)->reads_while_writing &&
           feed_some(d, rh_drive_session(d))) {
    }
}

static void move(struct rh_drive *d)
{
    bool ask = true; /* an answer may have come from elsewhere */
    while (may_pull(d)) {
        struct rh_session *s = rh_drive_session(d);
        bool moved = feed_some(d, s);
        if (ask || s->has_output) {
            ask = false;
            moved |= pull_all(d, s);
        }
        if (RH_UNLIKELY(s->hands_over) && may_pull(d)) {
            rh_drive_hand_over(d);
            ask = true;
            continue;
        }
        bool again = d->host.drive == RH_DRIVE_AGAIN;
        if (!may_pull(d) || (moved && !again && (s->has_output || d->in_at < d->in_len))) {
            continue;
        }
        if (d->input == RH_INPUT_ENDED && (!moved || d->in_at == d->in_len)) {
            RH_MOVE(rh_input_moves, d->input, RH_INPUT_TOLD);
            s->ops->eof(s);
            continue;
        }
        if (d->out == NULL || rh_output_is_empty(d->out)) {
            return;
        }
        write_output(d);
        if (again || (d->in_at == d->in_len && !s->has_output && d->input == RH_INPUT_OPEN)) {
            return; /* the second is what mostly follows: it saves a round in which nothing moves */
        }
    }
    if (d->output == RH_OUTPUT_IN_FLIGHT) {
        feed_meanwhile(d);
    }
}

/* What carries a connection may keep memory that an idle one does not need. Taking it again costs,
 * so a connection has a moment before it counts as idle. After its first request it is a matter of
 * chance whether another follows, and the handshake was dearer than both: the memory goes at once,
 * so that a crowd of new connections leaves no heap behind. */
static enum rh_deadline_class rest_deadline(struct rh_drive *d, enum rh_deadline_class want)
{
    if (want != RH_DEADLINE_IDLE && want != RH_DEADLINE_QUIET) {
        return want;
    }
    if (d->was_idle) {
        return RH_DEADLINE_REST;
    }
    d->was_idle = true;
    d->rested = true;
    rh_drive_carrier(d)->rest(d);
    return want;
}

static void drain_session(struct rh_drive *d)
{
    struct rh_session *s = rh_drive_session(d);
    rh_drive_enter(d);
    s->ops->drain(s);
    RH_IGNORE(rh_drive_leave(d));
}

static RH_ALWAYS_INLINE void settle_deadline(struct rh_drive *d, struct rh_session *s)
{
    if (d->output != RH_OUTPUT_FREE || d->life == RH_LIFE_SECURING) {
        return; /* their deadlines were set when they began */
    }
    enum rh_deadline_class want = (enum rh_deadline_class)s->deadline;
    if (RH_UNLIKELY(!d->rested)) {
        want = rest_deadline(d, want);
    }
    bool idle = want == RH_DEADLINE_IDLE || want == RH_DEADLINE_REST;
    if (want != d->deadline_class || s->restart || idle) {
        s->restart = false;
        set_deadline(d, want);
    }
    if (RH_UNLIKELY(rh_drive_conns(d)->crowded) && idle && s->deadline != RH_DEADLINE_QUIET &&
        d->out == NULL && d->in == NULL) {
        rh_drive_conns(d)->crowded = false;
        rh_drive_close(d, RH_CLOSED);
    }
}

/* Input is read while there is room for it; deadlines follow what is waited for. */
static void settle(struct rh_drive *d)
{
    struct rh_session *s = rh_drive_session(d);
    release_input(d);
    if (d->out != NULL && d->output == RH_OUTPUT_FREE && rh_output_is_empty(d->out)) {
        rh_buffers_release_output(pools_of(d), d->out);
        d->out = NULL;
    }
    /* Its answer had begun, as one that keeps the connection, before the drain. */
    if (RH_UNLIKELY(d->host.engine->draining) && s->at_rest && d->in == NULL &&
        d->life == RH_LIFE_OPEN) {
        drain_session(d);
        if (s->has_output && may_pull(d)) {
            rh_host_wake(&d->host); /* it has something to say to its peer */
        }
    }
    if (s->finished && d->out == NULL && !rh_drive_is_closing(d)) {
        finish(d);
        release_input(d);
    }
    if (rh_drive_is_closing(d)) {
        return;
    }
    settle_deadline(d, s);
    if (!rh_drive_is_closing(d)) {
        bool is_full = d->in != NULL && d->in_at == 0 &&
                       d->in_len == rh_buffers_input_bytes(pools_of(d), d->in_is_bulk);
        rh_drive_carrier(d)->read(d, d->input == RH_INPUT_OPEN && !is_full);
    }
}

void rh_drive_run(struct rh_drive *d)
{
    if (rh_drive_is_closing(d)) {
        return;
    }
    if (rh_host_is_driving(&d->host)) {
        d->host.drive = RH_DRIVE_AGAIN;
        return;
    }
    rh_drive_enter(d);
    rh_engine_read_clock(d->host.engine);
    if (d->life == RH_LIFE_OPEN && d->output != RH_OUTPUT_SHUT &&
        (RH_LIKELY(d->chosen) || rh_drive_choose(d))) {
        move(d);
    }
    bool again = rh_drive_leave(d);
    if (!rh_drive_is_closing(d)) {
        settle(d);
    }
    if (again && !rh_drive_is_closing(d)) {
        rh_host_wake(&d->host);
    }
}

void rh_host_wake(struct rh_host *host)
{
    struct rh_drive *d = RH_CONTAINER_OF(host, struct rh_drive, host);
    if (host->kind == RH_HOST_SESSION) {
        host->engine->wake_within(host);
    } else if (host->drive == RH_DRIVE_IDLE && !rh_drive_is_closing(d)) {
        RH_MOVE(rh_drive_moves, host->drive, RH_DRIVE_QUEUED);
        rh_conns_queue(rh_drive_conns(d), d);
    }
}

void rh_drive_ready(struct rh_drive *d)
{
    RH_MOVE(rh_drive_moves, d->host.drive, RH_DRIVE_IDLE);
    rh_drive_run(d);
}

void rh_drive_written(struct rh_drive *d, int status)
{
    RH_MOVE(rh_output_moves, d->output, RH_OUTPUT_FREE);
    if (status < 0) {
        rh_drive_close(d, RH_WRITE_FAILED);
        return;
    }
    rh_engine_read_clock(d->host.engine);
    if (rh_drive_is_closing(d)) { /* the session ends when its carrier has closed */
        output_written(d);
        return;
    }
    rh_drive_enter(d);
    output_written(d);
    rh_drive_set_deadline(d, RH_DEADLINE_NONE); /* its time is over, also where no other begins */
    RH_IGNORE(rh_drive_leave(d));
    rh_drive_run(d);
}

/* --- Drain ---------------------------------------------------------------------------------- */

void rh_drive_drain(struct rh_drive *d)
{
    if (rh_drive_is_closing(d) || rh_host_is_driving(&d->host)) {
        return;
    }
    if (d->life == RH_LIFE_SECURING) { /* a handshake that began may bring a request */
        if (!rh_drive_carrier(d)->has_begun(d)) {
            rh_drive_close(d, RH_DRAINED);
        }
        return;
    }
    if (d->output != RH_OUTPUT_SHUT) {
        drain_session(d);
    }
    rh_drive_run(d);
}
