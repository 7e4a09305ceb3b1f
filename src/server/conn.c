/* Callbacks of the transport record what happened and call drive; so does the end of a turn when an
 * answer came from elsewhere. While drive runs, a re-entrant call sets `again` and returns. One
 * round of it: feed the session, pull what it answers, write when the input is used up or the
 * output is full. While a write is in flight nothing is fed: that is the back-pressure. Ends: the
 * session finishes (our side is shut, input is discarded for a while, so that no reset eats the
 * answer), the peer resets, a write fails, a deadline passes, the server closes. All of them go
 * through rh_conn_close, and memory goes back in one place, on_closed, when libuv holds nothing of
 * ours any more. */
#include "server/conn.h"

#include <string.h>
#include <unistd.h>

enum { COMPACT_BELOW = 4096, LINGER_BYTES_MAX = 1 << 20, ROUNDS_MAX = 64, ANSWERED_MAX = 32 };

static struct rh_conn *conn_of(struct rh_transport *t)
{
    return RH_CONTAINER_OF(t, struct rh_conn, transport);
}

void rh_conn_set_deadline(struct rh_conn *c, enum rh_deadline_class which)
{
    struct rh_conns *conns = rh_conn_conns(c);
    c->deadline_class = (uint8_t)which;
    uint64_t due =
        rh_deadlines_set(&conns->deadlines, &c->deadline, which, rh_engine_now_ms(conns->engine));
    if (due != UINT64_MAX) {
        conns->alarm(conns, due);
    }
}

/* --- Output
 * ----------------------------------------------------------------------------------------- */

static inline void output_written(struct rh_conn *c)
{
    struct rh_output *out = c->out;
    rh_engine_settle(c->host.engine, rh_conn_clock_us());
    out->used = 0;
    if (RH_UNLIKELY((out->ref.len | out->file.len | out->answered_n) > 0)) {
        out->ref = (struct rh_slice){NULL, 0};
        out->file.len = 0;
        rh_exchange_conclude_answered(out, false);
        rh_conn_session(c)->ops->sent(rh_conn_session(c));
    }
}

static void flush(struct rh_conn *c)
{
    struct rh_output *out = c->out;
    if (rh_output_is_empty(out)) {
        return;
    }
    struct rh_slice copied = {out->bytes, out->used};
    int state =
        RH_UNLIKELY(out->file.len > 0)
            ? rh_transport_write_file(&c->transport, &out->write, copied, out->file, out->bytes)
            : rh_transport_write(&c->transport, &out->write, copied, out->ref);
    if (RH_LIKELY(state == 0)) {
        output_written(c);
    } else if (state == 1) {
        c->in_flight = true;
        c->count.unsent = (uint32_t)rh_transport_unsent(&c->transport, &out->write);
        rh_conn_set_deadline(c, RH_DEADLINE_WRITE);
    } else {
        rh_conn_close(c, RH_WRITE_FAILED);
    }
}

/* NULL: all are taken, and a usual one has to do. */
static struct rh_output *acquire_bulk(struct rh_conn *c)
{
    struct rh_output *out = rh_slab_acquire(&c->host.engine->pools.bulk_outputs);
    if (out != NULL) {
        rh_output_init(out, RH_BULK_BYTES);
    }
    return out;
}

static bool acquire_output(struct rh_conn *c)
{
    if (RH_UNLIKELY(rh_conn_session(c)->bulk) && (c->out = acquire_bulk(c)) != NULL) {
        return true;
    }
    c->out = rh_slab_acquire(&c->host.engine->pools.outputs);
    if (c->out == NULL) {
        rh_conn_close(c, RH_CLOSED);
        return false;
    }
    rh_output_init(c->out, RH_OUTPUT_BYTES);
    return true;
}

static void release_output(struct rh_conn *c)
{
    struct rh_pools *pools = &c->host.engine->pools;
    rh_slab_release(c->out->cap == RH_BULK_BYTES ? &pools->bulk_outputs : &pools->outputs, c->out);
    c->out = NULL;
}

/* An answer that came from elsewhere, as that of a file does, was not known to be long when its
 * output was taken. */
static void grow_output(struct rh_conn *c)
{
    if (!c->in_flight && !c->closing && c->out->cap < RH_BULK_BYTES) {
        struct rh_output *bulk = acquire_bulk(c);
        if (bulk != NULL) {
            release_output(c);
            c->out = bulk;
        }
    }
}

/* Pulls until the session has nothing more; true where anything was added. */
static bool pull_all(struct rh_conn *c)
{
    struct rh_session *s = rh_conn_session(c);
    bool added = false;
    bool grown = false;
    if (c->out == NULL && !acquire_output(c)) {
        return false;
    }
    for (unsigned round = 0; round < ROUNDS_MAX && !c->in_flight && !c->closing; round++) {
        switch (s->ops->pull(s, c->out)) {
        case RH_PULL_NOTHING:
            return added;
        case RH_PULL_ADDED:
            added = true;
            if (RH_UNLIKELY((c->out->ref.len | c->out->file.len) > 0 ||
                            c->out->answered_n >= ANSWERED_MAX)) {
                round +=
                    (unsigned)(c->out->file.len /
                               RH_OUTPUT_BYTES); /* as if it were copied: others wait as long */
                flush(c);
            } else if (!s->has_output) {
                return true;
            }
            break;
        case RH_PULL_FULL:
            added = true;
            round += c->out->used / RH_OUTPUT_BYTES;
            flush(c);
            if (RH_UNLIKELY(s->bulk) && !grown) {
                grown = true; /* or there is none: asked for once in a turn */
                grow_output(c);
            }
            break;
        }
    }
    if (!c->in_flight && !c->closing) {
        c->again = true; /* others have their turn; this one goes on soon */
    }
    return added;
}

/* --- Input
 * ------------------------------------------------------------------------------------------ */

static size_t input_cap(const struct rh_conn *c)
{
    return c->in_is_bulk ? RH_BULK_BYTES : rh_conn_conns(c)->input_bytes;
}

static bool acquire_input(struct rh_conn *c)
{
    struct rh_pools *pools = &c->host.engine->pools;
    c->in_at = c->in_len = 0;
    c->in_is_bulk = false;
    if (RH_UNLIKELY(rh_conn_session(c)->bulk) &&
        (c->in = rh_slab_acquire(&pools->bulk_inputs)) != NULL) {
        c->in_is_bulk = true;
        return true;
    }
    c->in = rh_slab_acquire(&pools->inputs);
    return c->in != NULL;
}

static void release_input(struct rh_conn *c)
{
    if (c->in != NULL && c->in_at == c->in_len) {
        struct rh_pools *pools = &c->host.engine->pools;
        rh_slab_release(c->in_is_bulk ? &pools->bulk_inputs : &pools->inputs, c->in);
        c->in = NULL;
        c->in_at = c->in_len = 0;
    }
}

static bool feed_some(struct rh_conn *c)
{
    struct rh_session *s = rh_conn_session(c);
    size_t len = c->in_len - c->in_at;
    if (s->finished || (len == 0 && !c->eof_told)) {
        return false;
    }
    if (!s->wants_input && !c->eof_told) {
        return false;
    }
    size_t used = s->ops->feed(s, c->in != NULL ? c->in + c->in_at : "", len);
    RH_ASSERT(used <= len);
    c->in_at += (uint32_t)used;
    return used > 0;
}

/* --- The loop
 * --------------------------------------------------------------------------------------- */

static void end_session(struct rh_conn *c)
{
    if (!c->ended) {
        c->ended = true;
        rh_conn_session(c)->ops->end(rh_conn_session(c), (enum rh_abort)c->reason);
    }
}

/* The session has nothing more to say: shut our side, then wait for the peer's. */
static void finish(struct rh_conn *c)
{
    uint32_t came = c->in_len - c->in_at;
    c->in_at = c->in_len;
    c->count.discarded = c->shut ? c->count.discarded + came : came;
    bool waits = !c->eof && rh_conn_session(c)->lingers && c->count.discarded <= LINGER_BYTES_MAX;
    if (!c->shut || !waits) {
        rh_transport_shutdown(&c->transport);
    }
    if (!waits && c->transport.writes_open == 0) {
        rh_conn_close(c, RH_CLOSED);
    } else if (!c->shut) { /* for the peer, or for room for our closure alert: `ready` comes behind
                              that */
        c->shut = true;
        rh_conn_set_deadline(c, RH_DEADLINE_LINGER);
    }
}

static void run(struct rh_conn *c)
{
    struct rh_session *s = rh_conn_session(c);
    bool ask = true; /* an answer may have come from elsewhere */
    while (!c->in_flight && !c->closing) {
        bool moved = feed_some(c);
        if (ask || s->has_output) {
            ask = false;
            moved |= pull_all(c);
        }
        if (c->in_flight || c->closing ||
            (moved && !c->again && (s->has_output || c->in_at < c->in_len))) {
            continue;
        }
        if (c->eof && !c->eof_told && (!moved || c->in_at == c->in_len)) {
            c->eof_told = true;
            s->ops->eof(s);
            continue;
        }
        if (c->out == NULL || rh_output_is_empty(c->out)) {
            return;
        }
        flush(c);
        if (c->again || (c->in_at == c->in_len && !s->has_output && !c->eof)) {
            return; /* the second is what mostly follows: it saves a round in which nothing moves */
        }
    }
}

/* With TLS a connection has a moment before it counts as idle: giving the record buffers back costs
 * an allocation of them when the next request comes. After its first request it is a matter of
 * chance whether another follows, and the handshake was dearer than both: they go at once, so that
 * a crowd of new connections leaves no heap behind. */
static enum rh_deadline_class tls_deadline(struct rh_conn *c, enum rh_deadline_class want)
{
    if (!c->transport.secured) {
        return RH_DEADLINE_TLS;
    }
    if (want != RH_DEADLINE_IDLE || c->rested) {
        return want;
    }
    if (c->http1.requests > 1) {
        return RH_DEADLINE_REST;
    }
    c->rested = true;
    rh_transport_rest(&c->transport);
    return want;
}

static bool in_handshake(const struct rh_conn *c)
{
    return c->transport.tls != NULL && !c->transport.secured;
}

/* Input is read while there is room for it; deadlines follow what is waited for. */
static void settle(struct rh_conn *c)
{
    struct rh_session *s = rh_conn_session(c);
    release_input(c);
    if (c->out != NULL && !c->in_flight && rh_output_is_empty(c->out)) {
        release_output(c);
    }
    if (RH_UNLIKELY(c->host.engine->draining) && s->at_rest && c->in == NULL && !in_handshake(c)) {
        s->ops->drain(
            s); /* its answer had begun, as one that keeps the connection, before the drain */
    }
    if (s->finished && c->out == NULL) {
        finish(c);
        release_input(c);
        if (c->closing) {
            return;
        }
    }
    if (c->eof || (c->in != NULL && c->in_at == 0 && c->in_len == input_cap(c))) {
        rh_transport_read_stop(&c->transport);
    } else if (!c->transport.reading) {
        rh_transport_read_start(&c->transport);
        if (c->closing) {
            return;
        }
    }
    if (c->in_flight || c->shut) {
        return; /* their deadlines were set when they began */
    }
    enum rh_deadline_class want =
        (enum rh_deadline_class)s->deadline; /* after read_start worked on what waited */
    if (c->transport.tls != NULL) {
        want = tls_deadline(c, want);
    }
    if (want != c->deadline_class || s->restart || want == RH_DEADLINE_IDLE ||
        want == RH_DEADLINE_REST) {
        s->restart = false;
        rh_conn_set_deadline(c, want);
    }
    if (RH_UNLIKELY(rh_conn_conns(c)->crowded) &&
        (want == RH_DEADLINE_IDLE || want == RH_DEADLINE_REST) && c->out == NULL && c->in == NULL) {
        rh_conn_conns(c)->crowded = false;
        rh_conn_close(c, RH_CLOSED);
    }
}

void rh_conn_wake(struct rh_host *host)
{
    struct rh_conn *c = RH_CONTAINER_OF(host, struct rh_conn, host);
    if (c->host.driving) {
        return; /* the loop looks at all state after each call */
    }
    if (!c->queued && !c->closing) {
        c->queued = true;
        struct rh_conns *conns = rh_conn_conns(c);
        c->next_ready = conns->ready;
        conns->ready = c;
        conns->soon(conns);
    }
}

void rh_conn_drive(struct rh_conn *c)
{
    if (c->closing) {
        return;
    }
    if (c->host.driving) {
        c->again = true;
        return;
    }
    c->host.driving = true;
    rh_engine_tick(c->host.engine, rh_conn_clock_us());
    c->again = false;
    run(c);
    c->host.driving = false;
    if (c->closing) {
        return;
    }
    settle(c);
    if (c->again && !c->closing) {
        rh_conn_wake(&c->host);
    }
}

/* --- What the transport tells
 * ----------------------------------------------------------------------- */

static void on_room(struct rh_transport *t, char **ret_base, size_t *ret_len)
{
    struct rh_conn *c = conn_of(t);
    if (RH_LIKELY(c->in == NULL)) {
        *ret_len = acquire_input(c) ? input_cap(c) : 0;
        *ret_base = c->in;
        return;
    }
    size_t cap = input_cap(c);
    if (c->in_at > 0 && cap - c->in_len < COMPACT_BELOW) {
        memmove(c->in, c->in + c->in_at, c->in_len - c->in_at);
        c->in_len -= c->in_at;
        c->in_at = 0;
    }
    *ret_base = c->in + c->in_len;
    *ret_len = cap - c->in_len;
}

static void on_input(struct rh_transport *t, size_t len)
{
    struct rh_conn *c = conn_of(t);
    c->in_len += (uint32_t)len;
    c->rested = c->rested && len == 0;
    if (len == 0 && !c->host.driving) {
        release_input(c);
    }
}

static void on_ready(struct rh_transport *t, size_t len)
{
    struct rh_conn *c = conn_of(t);
    c->in_len += (uint32_t)len;
    rh_conn_drive(c);
}

static void on_ended(struct rh_transport *t, int status)
{
    struct rh_conn *c = conn_of(t);
    if (status == UV_EOF) {
        c->eof = true;
        rh_conn_drive(c);
    } else {
        rh_conn_close(c, status == UV_ECONNRESET ? RH_PEER_RESET : RH_CLOSED);
    }
}

static void on_secured(struct rh_transport *t)
{
    struct rh_conn *c = conn_of(t);
    rh_conn_set_deadline(c, RH_DEADLINE_HEAD); /* a first head is counted from here */
}

static void on_written(struct rh_transport *t, int status)
{
    struct rh_conn *c = conn_of(t);
    c->in_flight = false;
    if (status < 0) {
        rh_conn_close(c, RH_WRITE_FAILED);
        return;
    }
    rh_engine_tick(c->host.engine, rh_conn_clock_us());
    output_written(c);
    rh_conn_set_deadline(c, RH_DEADLINE_NONE); /* its time is over, also where no other begins */
    rh_conn_drive(c);
}

static void on_closed(struct rh_transport *t)
{
    struct rh_conn *c = conn_of(t);
    struct rh_conns *conns = rh_conn_conns(c);
    rh_engine_tick(conns->engine, rh_conn_clock_us());
    end_session(c);
    if (c->out != NULL) {
        rh_exchange_conclude_answered(c->out, true);
        release_output(c);
    }
    c->in_at = c->in_len;
    release_input(c);
    rh_list_remove(&c->deadline.link);
    conns->open--;
    rh_slab_release(&conns->engine->pools.connections, c);
    conns->released(conns);
}

const struct rh_transport_callbacks rh_conn_callbacks = {
    .room = on_room,
    .input = on_input,
    .ready = on_ready,
    .ended = on_ended,
    .secured = on_secured,
    .written = on_written,
    .closed = on_closed,
};

void rh_conn_tls_info(struct rh_host *host, struct rh_tls_info *ret_info)
{
    const struct rh_conn *c = RH_CONTAINER_OF(host, struct rh_conn, host);
    rh_tls_engine_info(&c->transport.tls->engine, ret_info);
}

/* --- Life
 * ------------------------------------------------------------------------------------------- */

bool rh_conn_open(struct rh_conns *conns, int fd, const struct sockaddr_storage *peer,
                  struct rh_tls *tls)
{
    struct rh_conn *c = rh_slab_acquire(&conns->engine->pools.connections);
    bool closing;
    if (c == NULL) { /* the listener pauses before the pool is empty: pools on malloc, and that has
                        no memory */
        close(fd);
        return false;
    }
    memset(c, 0, sizeof *c);
    rh_engine_tick(conns->engine, rh_conn_clock_us());
    c->transport.tcp.data = &conns->wire;
    c->host.engine = conns->engine;
    c->host.tls = tls != NULL;
    c->host.takes_files = tls == NULL;
    rh_peer_from(&c->host.peer, peer);
    rh_list_init(&c->deadline.link);
    rh_http1_init(&c->http1, &c->host);
    conns->open++;
    int err = rh_transport_open(&c->transport, &conns->wire, fd, tls, &closing);
    if (err == 0) {
        rh_conn_set_deadline(c, tls != NULL ? RH_DEADLINE_TLS : RH_DEADLINE_HEAD);
        return true;
    }
    if (closing) {
        c->closing = true;
        c->reason = RH_CLOSED;
    } else {
        conns->open--;
        rh_slab_release(&conns->engine->pools.connections, c);
    }
    return false;
}

void rh_conn_close(struct rh_conn *c, enum rh_abort reason)
{
    if (c->closing) {
        return;
    }
    c->closing = true;
    c->reason = (uint8_t)reason;
    if (c->queued) { /* out of the ready list: its memory will go */
        struct rh_conn **at = &rh_conn_conns(c)->ready;
        while (*at != NULL && *at != c) {
            at = &(*at)->next_ready;
        }
        if (*at == c) {
            *at = c->next_ready;
        }
        c->queued = false;
    }
    rh_transport_close(&c->transport);
    if (!c->in_flight) {
        end_session(c); /* else when libuv no longer holds the bytes that are in flight */
    }
}

/* --- What befalls it
 * ---------------------------------------------------------------------------------- */

/* The peer may be reading slowly rather than not at all: what libuv still holds tells. */
static bool write_moved(struct rh_conn *c)
{
    const struct rh_config *config = &c->host.engine->config;
    uint32_t unsent = (uint32_t)rh_transport_unsent(&c->transport, &c->out->write);
    uint32_t moved = c->count.unsent > unsent ? c->count.unsent - unsent : 0;
    bool fast_enough =
        config->rate_bytes_min == 0 ||
        (uint64_t)moved * 1000 >= (uint64_t)config->rate_bytes_min * config->write_ms;
    c->count.unsent = unsent;
    return moved > 0 && fast_enough;
}

void rh_conn_expire(struct rh_conn *c, enum rh_deadline_class which)
{
    struct rh_engine *engine = c->host.engine;
    struct rh_session *s = rh_conn_session(c);
    switch (which) {
    case RH_DEADLINE_REST:
        c->rested = true;
        rh_transport_rest(&c->transport);
        rh_conn_set_deadline(c, RH_DEADLINE_IDLE);
        return;
    case RH_DEADLINE_WRITE:
        if (write_moved(c)) {
            rh_conn_set_deadline(c, RH_DEADLINE_WRITE);
            return;
        }
        rh_engine_log(engine, RH_LOG_DEBUG, "a peer does not read: cut after %u ms",
                      engine->config.write_ms);
        rh_counter_add(&engine->stats.deadline_ends, 1);
        rh_conn_close(c, RH_DEADLINE);
        return;
    case RH_DEADLINE_TLS:
        rh_counter_add(&engine->stats.deadline_ends, 1);
        rh_conn_close(c, RH_DEADLINE);
        return;
    case RH_DEADLINE_LINGER:
        rh_conn_close(c, RH_DEADLINE);
        return;
    default:
        c->host.driving = true;
        s->ops->expire(s, which);
        c->host.driving = false;
        rh_conn_set_deadline(c, RH_DEADLINE_NONE);
        rh_conn_drive(c);
    }
}

void rh_conn_drain(struct rh_conn *c)
{
    struct rh_session *s = rh_conn_session(c);
    if (c->closing || c->host.driving) {
        return;
    }
    if (in_handshake(c)) { /* one that began may bring its request with its last flight */
        if (!c->transport.tls->engine.began) {
            rh_conn_close(c, RH_DRAINED);
        }
        return;
    }
    s->ops->drain(s);
    rh_conn_drive(c);
}
