/* The life of one request: feed parses the head and calls the app; pull makes bytes of the answer;
 * what follows in the input is the body or the next head.
 *
 *            first byte            head complete         answer and body done
 *   at rest ------------> head ---------------> exchange ---------------------> at rest
 *                          | refused                | ends the connection
 *                          v                        v
 *                        reply ----------------> finished (the host closes, lingering)
 *
 * Ways to fail: a refused head or body framing gets a reply of our own and the end; a deadline gets
 * 408 or 503; a cut connection cuts the exchange. */
#include "server/http1/http1.h"

#include <stdio.h>
#include <string.h>

#include "server/exchange/answer.h"
#include "server/speaker.h"

static struct rh_http1 *http1_of(struct rh_session *s)
{
    return RH_CONTAINER_OF(s, struct rh_http1, session);
}

static struct rh_engine *engine_of(const struct rh_http1 *h)
{
    return h->session.host->engine;
}

void rh_http1_finish(struct rh_http1 *h, bool lingers)
{
    h->session.finished = true;
    h->session.lingers = lingers;
}

/* As above, and the peer may still be sending what was answered. */
static void finish_early(struct rh_http1 *h)
{
    rh_http1_finish(h, true);
    h->session.unread = true;
}

/* Worth a larger buffer. A file that the host does not take as ranges is a source as any other. */
static bool has_bulk(const struct rh_http1 *h, const struct rh_exchange *x)
{
    if (x->body_state == RH_BODY_DONE && !rh_answer_is_pulled(x)) {
        return false;
    }
    if (x->body_state == RH_BODY_READING || x->body_state == RH_BODY_PAUSED ||
        x->body_state == RH_BODY_DISCARDING) {
        return x->head.body_kind != RH_BODY_LENGTH ||
               x->body_left + x->body_pending > RH_OUTPUT_BYTES;
    }
    bool is_pulled = x->answer_kind == RH_ANSWER_SOURCE ||
                     (x->answer_kind == RH_ANSWER_FILE && !h->session.host->takes_files);
    return is_pulled &&
           (x->source.length < 0 || (uint64_t)x->source.length - x->answer_bytes > RH_OUTPUT_BYTES);
}

static inline void watch(struct rh_exchange *x, enum rh_watch what)
{
    if (RH_UNLIKELY(x->watch != what)) {
        rh_exchange_watch_for(x, what);
    }
}

/* What the session wants now follows from its state: the host reads it after each call. */
static void update(struct rh_http1 *h)
{
    struct rh_session *s = &h->session;
    struct rh_exchange *x = h->x;
    s->at_rest = x == NULL;
    s->wants_input = !s->finished;
    s->has_output = h->reply_status != 0;
    s->bulk = false;
    if (x == NULL) {
        s->deadline = h->requests == 0 ? RH_DEADLINE_HEAD : RH_DEADLINE_IDLE;
    } else if (x->base == NULL) {
        bool begun = h->requests == 0 || rh_parser_has_begun(&x->in.parser);
        s->deadline = begun ? RH_DEADLINE_HEAD : RH_DEADLINE_IDLE;
    } else if (x->body_state == RH_BODY_READING || x->body_state == RH_BODY_DISCARDING) {
        s->deadline = RH_DEADLINE_NONE;
        watch(x, RH_WATCH_BODY);
        s->has_output = x->answer_state != RH_ANSWER_NONE || x->continue_due;
        s->bulk = has_bulk(h, x);
    } else {
        s->has_output = x->answer_state == RH_ANSWER_READY || x->answer_state == RH_ANSWER_SENDING;
        s->deadline = RH_DEADLINE_NONE;
        watch(x, x->answer_state == RH_ANSWER_NONE ? RH_WATCH_ANSWER : RH_WATCH_NONE);
        s->wants_input = false;
        s->bulk = s->has_output && has_bulk(h, x);
    }
}

/* Lets go of the exchange; its memory goes when its outcome was told. */
static void detach(struct rh_http1 *h)
{
    struct rh_exchange *x = h->x;
    h->x = NULL;
    watch(x, RH_WATCH_NONE);
    x->session = NULL;
    rh_exchange_maybe_release(x);
}

/* An answer of our own: to a request that never became an exchange for the app, or in its place.
 * The method is known as soon as it was read, whatever is wrong with what follows it. */
static void reply(struct rh_http1 *h, unsigned status, enum rh_rule rule, enum rh_method method)
{
    h->reply_status = (uint16_t)status;
    h->reply_rule = (uint8_t)rule;
    h->reply_to_head = method == RH_HEAD;
}

static enum rh_method method_of(const struct rh_exchange *x)
{
    return (enum rh_method)(x->base != NULL ? x->head.method : x->in.parser.head.method);
}

static void refuse(struct rh_http1 *h, enum rh_rule rule)
{
    const struct rh_rule_info *info = rh_rule_info(rule);
    struct rh_exchange *x = h->x;
    char peer[RH_PEER_TEXT_MAX];
    rh_counter_add(&engine_of(h)->stats.rejected, 1);
    if (rh_engine_logs(engine_of(h), RH_LOG_DEBUG)) {
        rh_peer_text(&x->peer, peer);
        rh_engine_log(engine_of(h), RH_LOG_DEBUG, "%s: refused with %u, %s: %s (%s)", peer,
                      info->status, info->id, info->text, info->section);
    }
    enum rh_method method = method_of(x);
    x->status = info->status;
    x->refusal = (uint8_t)rule;
    rh_exchange_conclude(x, false);
    detach(h);
    reply(h, info->status, rule, method);
}

/* Nothing of a head has come but empty lines: not a request that anybody should hear of. */
static void forget_head(struct rh_http1 *h)
{
    h->x->concluded = true;
    detach(h);
}

/* --- Input
 * ------------------------------------------------------------------------------------------ */

/* False where there is no memory for it. */
static bool prepare_body(struct rh_exchange *x)
{
    struct rh_engine *engine = x->engine;
    rh_body_begin(x, x->head.body_kind == RH_BODY_NONE);
    switch (x->head.body_kind) {
    case RH_BODY_NONE:
        break;
    case RH_BODY_LENGTH:
        x->body_left = x->head.content_length;
        break;
    default:
        x->trailers =
            rh_arena_alloc(&x->arena, engine->chunk_limits.trailers_max * sizeof(struct rh_field));
        if (x->trailers == NULL) {
            return false;
        }
        rh_chunked_init(&x->in.chunks, x->trailers, &engine->chunk_limits);
    }
    return true;
}

static size_t feed_head(struct rh_http1 *h, const char *bytes, size_t len)
{
    struct rh_exchange *x = h->x;
    switch (rh_parser_feed(&x->in.parser, bytes, len)) {
    case RH_PARSE_MORE:
        if (h->eof) { /* it will never be complete */
            if (rh_parser_has_begun(&x->in.parser)) {
                rh_exchange_conclude(x, true);
                detach(h);
            } else {
                forget_head(h);
            }
            rh_http1_finish(h, false);
        }
        return 0;
    case RH_PARSE_REJECT:
        refuse(h, x->in.parser.rule);
        return len;
    case RH_PARSE_DONE:
        break;
    }
    enum rh_rule rule = RH_RULE_NONE;
    if (RH_UNLIKELY(x->in.parser.head.form != RH_ORIGIN_FORM)) {
        rule = rh_head_refusal(&x->in.parser.head, x->tls);
    }
    if (RH_LIKELY(rule == RH_RULE_NONE)) {
        rule = rh_exchange_open_head(x, bytes);
    }
    if (rule != RH_RULE_NONE) {
        refuse(h, rule);
        return len;
    }
    size_t used = x->head.bytes;
    h->requests++;
    if (!prepare_body(x)) {
        refuse(h, RH_RULE_HEAD_LONG);
        return len;
    }
    if (len > used) {
        x->head.expect_continue = false; /* it did not wait (RFC 9110 §10.1.1) */
    }
    x->peer_eof = h->eof && x->body_state == RH_BODY_DONE;
    rh_exchange_handle(x);
    return used;
}

static void keep_trailers(struct rh_exchange *x, const char *base, size_t len)
{
    struct rh_slice copy = rh_arena_copy(&x->arena, (struct rh_slice){base, len});
    if (copy.base != NULL) {
        x->trailers_base = copy.base;
        x->trailers_n = x->in.chunks.trailers_n;
    }
}

/* The size of a chunk is known before its content: what the handler will not take is refused now
 * and not after the bytes. */
static bool is_too_much(const struct rh_exchange *x)
{
    return x->body_state == RH_BODY_READING &&
           x->body_received + x->body_pending + rh_chunked_announced(&x->in.chunks) >
               rh_exchange_body_limit(x);
}

/* Makes x->body_pending say how many content bytes stand at the front of `bytes`; returns what was
 * used before them. Ends the body where it ends; leaves pending 0 where more input is needed. */
static size_t decode(struct rh_http1 *h, struct rh_exchange *x, const char *bytes, size_t len)
{
    size_t used = 0;
    size_t trailers_at = 0;
    struct rh_slice data;
    if (x->head.body_kind == RH_BODY_LENGTH) {
        x->body_pending = len < x->body_left ? len : x->body_left;
        x->body_left -= x->body_pending;
        if (x->body_pending == 0 && x->body_left == 0) {
            rh_exchange_body_end(x, 0);
        }
        return 0;
    }
    switch (rh_chunked_feed(&x->in.chunks, bytes, len, &used, &data, &trailers_at)) {
    case RH_CHUNK_MORE:
        if (is_too_much(x)) {
            rh_exchange_body_end(x, RH_EBODY_TOO_LARGE);
        }
        return used;
    case RH_CHUNK_DATA:
        RH_ASSERT(data.base + data.len == bytes + used);
        x->body_pending = data.len;
        if (is_too_much(x)) {
            x->body_pending = 0;
            rh_exchange_body_end(x, RH_EBODY_TOO_LARGE);
            return used;
        }
        return used - data.len;
    case RH_CHUNK_DONE:
        if (x->in.chunks.trailers_n > 0) {
            keep_trailers(x, bytes + trailers_at, used - trailers_at);
        }
        rh_exchange_body_end(x, 0);
        return used;
    case RH_CHUNK_REJECT:
        break;
    }
    const struct rh_rule_info *info = rh_rule_info(x->in.chunks.rule);
    x->refusal = (uint8_t)x->in.chunks.rule;
    rh_exchange_log(x, RH_LOG_DEBUG, "body refused, %s: %s (%s)", info->id, info->text,
                    info->section);
    rh_counter_add(&engine_of(h)->stats.rejected, 1);
    rh_exchange_body_end(x, RH_EBODY_FRAMING);
    return len;
}

static bool body_flows(const struct rh_exchange *x)
{
    return x->body_state == RH_BODY_READING || x->body_state == RH_BODY_DISCARDING;
}

static size_t feed_body(struct rh_http1 *h, const char *bytes, size_t len)
{
    struct rh_exchange *x = h->x;
    size_t used = 0;
    rh_exchange_enter(x);
    while (body_flows(x)) {
        if (x->body_pending == 0) {
            size_t step = decode(h, x, bytes + used, len - used);
            used += step;
            if (x->body_pending == 0) {
                if (body_flows(x) && h->eof) {
                    rh_exchange_body_end(x, RH_EBODY_CUT); /* EOF inside a body: never "complete" */
                }
                if (step == 0) {
                    break;
                }
                continue;
            }
        }
        struct rh_slice piece = {bytes + used,
                                 len - used < x->body_pending ? len - used : x->body_pending};
        if (piece.len == 0) {
            if (h->eof) {
                rh_exchange_body_end(x, RH_EBODY_CUT);
            }
            break;
        }
        size_t taken = rh_exchange_body_deliver(x, piece);
        used += taken;
        x->body_pending -= taken;
        if (body_flows(x) && rh_exchange_watch_bytes(x, taken)) {
            rh_exchange_body_end(x, RH_EBODY_TIMEOUT);
        }
    }
    if (x->body_told) {
        rh_exchange_require_answer(x);
    }
    if (h->eof && x->session != NULL && x->body_state == RH_BODY_DONE) {
        rh_exchange_hint_eof(x); /* the end of the input came while the body still waited in it */
    }
    rh_exchange_leave(x);
    return used;
}

/* After an answer: is its exchange over? Its body may still have to be read away. */
void rh_http1_settle(struct rh_http1 *h)
{
    struct rh_exchange *x = h->x;
    if (x == NULL || x->answer_state != RH_ANSWER_COMPLETE) {
        return;
    }
    if (x->body_state == RH_BODY_FAILED) {
        x->ends_connection = true;
    }
    if (x->body_state == RH_BODY_UNASKED && x->head.body_kind == RH_BODY_LENGTH &&
        x->body_left + x->body_pending == 0) {
        rh_exchange_body_end(x, 0); /* whoever answered took the last of it */
    }
    if (!x->ends_connection && x->body_state != RH_BODY_DONE) {
        rh_body_discard(x);
        if (x->body_discarded <= x->engine->config.discard_bytes_max) {
            return;
        }
        x->ends_connection = true;
    }
    if (x->ends_connection && x->body_state != RH_BODY_DONE) {
        finish_early(h);
    } else if (x->ends_connection) {
        rh_http1_finish(h, true);
    }
    detach(h);
}

static size_t http1_feed(struct rh_session *s, char *bytes, size_t len)
{
    struct rh_http1 *h = http1_of(s);
    size_t used = 0;
    if (s->finished || h->reply_status != 0) {
        return len;
    }
    if (s->hands_over) {
        return 0;
    }
    if (h->x == NULL) {
        if (len == 0) {
            if (h->eof) {
                rh_http1_finish(h, false);
            }
            update(h);
            return 0;
        }
        h->x = rh_exchange_create(engine_of(h), s);
        if (h->x == NULL) {
            reply(h, 503, RH_RULE_NONE, RH_GET);
            update(h);
            return len;
        }
        s->restart = h->requests > 0;
    }
    if (h->x->base == NULL) {
        used = feed_head(h, bytes, len);
    } else {
        used = feed_body(h, bytes, len);
    }
    rh_http1_settle(h);
    update(h);
    return used;
}

/* --- Output
 * ----------------------------------------------------------------------------------------- */

/* The handler took too long: its exchange is cut, and the peer gets an answer of ours. */
static void expire_answer(struct rh_http1 *h)
{
    struct rh_exchange *x = h->x;
    rh_exchange_log(x, RH_LOG_ERROR, "%.*s did not answer in time: 503", RH_ROW(x));
    enum rh_method method = method_of(x);
    h->x = NULL;
    x->status = 503;
    rh_exchange_cut(x, RH_DEADLINE);
    reply(h, 503, RH_RULE_NONE, method);
}

/* The handler, or the peer's body, did not come in time. */
static void expire_exchange(struct rh_http1 *h)
{
    struct rh_exchange *x = h->x;
    rh_counter_add(&engine_of(h)->stats.deadline_ends, 1);
    if (x->watch == RH_WATCH_ANSWER) {
        expire_answer(h);
    } else if (x->body_state == RH_BODY_DISCARDING || x->answer_state != RH_ANSWER_NONE) {
        h->x = NULL;
        rh_http1_finish(h, false);
        rh_exchange_cut(x, RH_DEADLINE);
    } else {
        x->overdue = false;
        rh_exchange_body_end(x, RH_EBODY_TIMEOUT);
    }
}

static enum rh_pull pull_reply(struct rh_http1 *h, struct rh_output *out)
{
    if (rh_output_room(out) < RH_REPLY_BYTES_MAX) {
        return RH_PULL_FULL;
    }
    rh_http1_encode_reply(h, out);
    h->reply_status = 0;
    finish_early(h);
    return RH_PULL_ADDED;
}

static enum rh_pull http1_pull(struct rh_session *s, struct rh_output *out)
{
    struct rh_http1 *h = http1_of(s);
    enum rh_pull result = RH_PULL_NOTHING;
    struct rh_exchange *x = h->x;
    if (RH_UNLIKELY(x != NULL && x->overdue)) {
        expire_exchange(h);
        x = h->x;
    }
    if (RH_LIKELY(x != NULL && x->base != NULL && h->reply_status == 0)) {
        result = rh_http1_answer(h, x, out);
    } else if (h->reply_status != 0) {
        result = pull_reply(h, out);
    }
    update(h);
    return result;
}

static void http1_sent(struct rh_session *s)
{
    struct rh_http1 *h = http1_of(s);
    struct rh_exchange *x = h->x;
    if (x != NULL && x->answer_state == RH_ANSWER_SENDING &&
        (rh_answer_is_memory(x) || x->answer_kind == RH_ANSWER_FILE) && rh_answer_is_whole(x)) {
        rh_http1_complete(h, x, NULL);
    }
    update(h); /* whoever was told an outcome may have answered what follows on this connection */
}

/* --- Ends
 * ------------------------------------------------------------------------------------------- */

static void http1_eof(struct rh_session *s)
{
    struct rh_http1 *h = http1_of(s);
    h->eof = true;
    if (h->x == NULL) {
        if (h->reply_status == 0) {
            rh_http1_finish(h, false);
        }
    } else if (h->x->base != NULL && !body_flows(h->x) && h->x->body_state != RH_BODY_PAUSED) {
        rh_exchange_hint_eof(h->x);
    }
    update(h);
}

static void http1_end(struct rh_session *s, enum rh_abort reason)
{
    struct rh_http1 *h = http1_of(s);
    struct rh_exchange *x = h->x;
    if (x != NULL) {
        h->x = NULL;
        rh_exchange_cut(x, reason);
    }
}

static void http1_expire(struct rh_session *s, enum rh_deadline_class which)
{
    struct rh_http1 *h = http1_of(s);
    struct rh_exchange *x = h->x;
    rh_counter_add(&engine_of(h)->stats.deadline_ends, which == RH_DEADLINE_IDLE ? 0 : 1);
    if (x == NULL) {
        rh_http1_finish(h, h->requests > 0);
    } else if (x->base == NULL && !rh_parser_has_begun(&x->in.parser)) {
        forget_head(h);
        rh_http1_finish(h, h->requests > 0);
    } else if (x->base == NULL) {
        enum rh_method method = method_of(x);
        x->status = 408;
        rh_exchange_conclude(x, false);
        detach(h);
        reply(h, 408, RH_RULE_NONE, method);
    }
    update(h);
}

static void http1_drain(struct rh_session *s)
{
    struct rh_http1 *h = http1_of(s);
    if (h->x != NULL && h->x->base == NULL && !rh_parser_has_begun(&h->x->in.parser)) {
        forget_head(h);
    }
    if (h->x == NULL && h->reply_status == 0) {
        rh_http1_finish(h, true);
    }
    update(h);
}

static void http1_ready(struct rh_session *s, struct rh_exchange *x)
{
    (void)x; /* there is one */
    if (!rh_host_is_driving(s->host)) {
        update(http1_of(s));
        rh_host_wake(s->host);
    }
}

/* The exchange that was answered with 101 names what follows it; its outcome is told behind the
 * write. */
static const struct rh_session_kind *http1_become(struct rh_session *s, void **ret_argument)
{
    struct rh_http1 *h = http1_of(s);
    struct rh_exchange *x = h->x;
    const struct rh_session_kind *kind = x->upgrade.kind;
    *ret_argument = x->upgrade.argument;
    x->upgrade.kind = NULL;
    detach(h);
    return kind;
}

static const struct rh_session_ops ops = {
    .feed = http1_feed,
    .pull = http1_pull,
    .sent = http1_sent,
    .eof = http1_eof,
    .end = http1_end,
    .expire = http1_expire,
    .drain = http1_drain,
    .ready = http1_ready,
    .become = http1_become,
};

struct rh_session *rh_http1_open(struct rh_host *host, union rh_speaker *speaker, void *argument)
{
    struct rh_http1 *h = &speaker->http1;
    (void)argument;
    memset(h, 0, sizeof *h);
    h->session.ops = &ops;
    h->session.host = host;
    update(h);
    return &h->session;
}

const struct rh_session_kind rh_http1_kind = {
    .name = "HTTP/1.1",
    .alpn = "http/1.1",
    .open = rh_http1_open,
};
