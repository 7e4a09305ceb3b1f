/* From the first field of a request to the end of its exchange. The head is gathered in the
 * exchange's own memory, or in a block of the heads pool if it is large, and is then where HTTP/1
 * has it. Ways to fail: no exchange is free (the peer may try again); a malformed request; a limit.
 */
#include "server/http2/stream.h"

#include <stdio.h>
#include <string.h>

#include "http/path.h"
#include "http/status.h"
#include "server/exchange/answer.h"

/* The field lines stand first, as many as there may be; the text follows. */
static size_t text_at(const struct rh_exchange *x)
{
    return (x->engine->head_limits.fields_max * sizeof(struct rh_field) + 7) & ~(size_t)7;
}

static size_t inline_bytes(const struct rh_exchange *x)
{
    return x->engine->pools.exchanges.object_bytes - sizeof *x;
}

/* The exchange is about to be freed. */
static void on_free(struct rh_exchange *x)
{
    struct rh_http2_stream *stream = rh_http2_stream_of(x);
    rh_list_remove(&stream->link);
    rh_list_remove(&stream->ready);
    rh_list_remove(&stream->alarm.due.link);
    rh_http2_body_drop(stream);
    if (stream->h != NULL) {
        stream->h->running--;
    }
    rh_heap_free(&x->engine->pools.heap, stream);
}

struct rh_http2_stream *rh_http2_stream_create(struct rh_http2 *h, int32_t id)
{
    struct rh_engine *engine = rh_http2_engine(h);
    struct rh_http2_stream *stream = rh_heap_alloc(&engine->pools.heap, sizeof *stream);
    struct rh_exchange *x = stream != NULL ? rh_exchange_create(engine, &h->session) : NULL;
    if (RH_UNLIKELY(x == NULL)) {
        rh_heap_free(&engine->pools.heap, stream);
        return NULL;
    }
    memset(stream, 0, sizeof *stream);
    stream->h = h;
    stream->x = x;
    stream->id = id;
    stream->part.on_free = on_free;
    x->part = &stream->part;
    rh_list_push_back(&h->streams, &stream->link);
    rh_list_init(&stream->ready);
    rh_list_init(&stream->alarm.due.link);
    h->running++;
    size_t at = text_at(x);
    rh_http2_request_init(&h->request, x->fields, x->memory_inline + at, inline_bytes(x) - at,
                          &engine->head_limits);
    RH_IGNORE(nghttp2_session_set_stream_user_data(h->ng, id, stream));
    return stream;
}

void rh_http2_stream_grow(struct rh_http2_stream *stream)
{
    struct rh_exchange *x = stream->x;
    struct rh_http2_request *r = &stream->h->request;
    struct rh_slab *heads = &x->engine->pools.heads;
    char *block = x->head_block == NULL ? rh_slab_acquire(heads) : NULL;
    if (block != NULL) {
        memcpy(block, r->text, r->text_len);
        x->head_block = block;
        rh_http2_request_move(r, block, heads->object_bytes);
    } else {
        r->rule = r->rule == 0 ? RH_RULE_HEAD_LONG : r->rule;
    }
}

/* --- The head ------------------------------------------------------------------------------- */

/* Where HTTP/1 has it: behind the field lines that are there, then the arena. */
static enum rh_rule adopt_head(struct rh_exchange *x, const struct rh_http2_request *r)
{
    size_t used = (r->head.fields_n * sizeof(struct rh_field) + 7) & ~(size_t)7;
    char *base = r->text;
    x->head = r->head;
    if (x->head_block == NULL) {
        base = memmove(x->memory_inline + used, r->text, r->text_len);
        used += r->text_len;
    }
    rh_arena_init(&x->arena, x->memory_inline + used, inline_bytes(x) - used,
                  &x->engine->pools.arenas, x->engine->config.arena_blocks_max);
    x->base = base;
    struct rh_slice path = {base + x->head.path_at, x->head.path_len};
    x->path = path;
    if (x->head.form != RH_ORIGIN_FORM) {
        x->path = (struct rh_slice){base + x->head.target_at, x->head.target_len};
        return RH_RULE_NONE;
    }
    if (RH_LIKELY(x->head.path_is_plain)) {
        return RH_RULE_NONE;
    }
    char *canonical = rh_arena_text(&x->arena, path.len + 2);
    if (canonical == NULL) {
        return RH_RULE_HEAD_LONG;
    }
    x->path.base = canonical;
    return rh_path_canonical(path, canonical, &x->path.len);
}

/* An answer of our own to a request that never becomes an exchange for the app. */
static void refuse(struct rh_http2_stream *stream, enum rh_rule rule)
{
    const struct rh_rule_info *info = rh_rule_info(rule);
    struct rh_exchange *x = stream->x;
    char peer[RH_PEER_TEXT_MAX];
    rh_counter_add(&x->engine->stats.rejected, 1);
    if (rh_engine_logs(x->engine, RH_LOG_DEBUG)) {
        rh_peer_text(&x->peer, peer);
        rh_engine_log(x->engine, RH_LOG_DEBUG, "%s: refused with %u, %s: %s (%s)", peer,
                      info->status, info->id, info->text, info->section);
    }
    if (x->base != NULL) {
        rh_arena_fini(&x->arena);
        x->base = NULL;
    }
    x->head.fields_n = 0;
    x->refusal = (uint8_t)rule;
    x->head.method = stream->h->request.head.method;
    int len = snprintf(x->memory_inline, inline_bytes(x), "%u %s: %s (%s)\n", info->status,
                       rh_status_reason(info->status), info->text, info->section);
    x->type = rh_slice_from("text/plain; charset=utf-8");
    rh_body_begin(x, stream->ended);
    if (!stream->ended) {
        rh_exchange_body_end(x, RH_EBODY_CUT); /* nobody will read it */
    }
    rh_exchange_send_as_is(x); /* there is no arena that could hold more */
    rh_answer_give_memory(x, info->status, RH_ANSWER_COPY,
                          (struct rh_slice){x->memory_inline, (size_t)len});
}

void rh_http2_stream_open(struct rh_http2_stream *stream, bool ends)
{
    struct rh_http2 *h = stream->h;
    struct rh_http2_request *r = &h->request;
    struct rh_exchange *x = stream->x;
    enum rh_rule rule = RH_RULE_NONE;
    stream->ended = ends;
    h->requests++;
    if (rh_http2_request_end(r, ends) != RH_HTTP2_GOOD) {
        if (r->fault != 0) {
            rh_http2_stream_fault(stream, (enum rh_http2_rule)r->fault);
            return;
        }
        rule = (enum rh_rule)r->rule;
    } else {
        rule = r->head.form != RH_ORIGIN_FORM ? rh_head_refusal(&r->head, x->tls) : RH_RULE_NONE;
        rule = rule == RH_RULE_NONE ? adopt_head(x, r) : rule;
    }
    if (r->has_priority) {
        const nghttp2_extpri priority = {.urgency = r->urgency, .inc = r->incremental};
        RH_IGNORE(nghttp2_session_change_extpri_stream_priority(h->ng, stream->id, &priority, 0));
    }
    if (rule != RH_RULE_NONE) {
        refuse(stream, rule);
        return;
    }
    rh_body_begin(x, ends);
    x->peer_eof = h->eof && ends;
    stream->has_length = r->has_length;
    rh_exchange_enter(x);
    rh_exchange_handle(x);
    if (x->session != NULL && rh_list_is_empty(&stream->ready)) {
        rh_list_push_back(&h->changed, &stream->ready);
    }
    rh_exchange_leave(x);
}

/* --- Ends ----------------------------------------------------------------------------------- */

/* The session lets go; the exchange stays while a handler holds it, and keeps its place. */
static void let_go(struct rh_http2_stream *stream)
{
    struct rh_http2 *h = stream->h;
    rh_list_remove(&stream->ready);
    rh_list_remove(&stream->alarm.due.link);
    rh_list_unlink(&stream->link);
    rh_list_push_back(&h->lost, &stream->link);
    rh_http2_body_drop(stream);
    if (!stream->gone) {
        RH_IGNORE(nghttp2_session_set_stream_user_data(h->ng, stream->id, NULL));
    }
}

void rh_http2_stream_detach(struct rh_http2_stream *stream)
{
    struct rh_exchange *x = stream->x;
    let_go(stream);
    x->session = NULL;
    rh_exchange_maybe_release(x);
}

void rh_http2_stream_cut(struct rh_http2_stream *stream, enum rh_abort reason)
{
    struct rh_exchange *x = stream->x;
    let_go(stream);
    if (x->base == NULL && x->answer_state == RH_ANSWER_NONE) { /* nobody has heard of it */
        x->session = NULL;
        if (x->status != 0) {
            rh_exchange_conclude(x, true);
        } else {
            x->concluded = true;
            rh_exchange_maybe_release(x);
        }
        return;
    }
    rh_exchange_cut(x, reason);
}

void rh_http2_stream_fault(struct rh_http2_stream *stream, enum rh_http2_rule rule)
{
    const struct rh_http2_rule_info *info = rh_http2_rule_info(rule);
    struct rh_http2 *h = stream->h;
    struct rh_exchange *x = stream->x;
    char peer[RH_PEER_TEXT_MAX];
    rh_counter_add(&x->engine->stats.rejected, 1);
    if (rh_engine_logs(x->engine, RH_LOG_DEBUG)) {
        rh_peer_text(&x->peer, peer);
        rh_engine_log(x->engine, RH_LOG_DEBUG, "%s: stream %d reset, %s: %s (%s)", peer, stream->id,
                      info->id, info->text, info->section);
    }
    if (x->base == NULL) {
        x->status = 400;
    }
    RH_IGNORE(
        nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_PROTOCOL_ERROR));
    rh_http2_stream_cut(stream, RH_PEER_RESET);
}
