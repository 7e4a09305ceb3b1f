/* Content of requests. What the handler takes at once is never copied; what it does not take is
 * kept, up to the stream's window, which only opens again by what was taken: that is the
 * back-pressure. The connection's window opens by all that came, so that other streams go on. Ways
 * to fail: more or less content than announced; no memory for what is to be kept; a trailer section
 * against a rule. */
#include <string.h>

#include "server/http2/stream.h"

enum { PIECE_BYTES = 4080, TRAILER_BYTES = 2048, TRAILERS = 32 };

/* --- What is kept --------------------------------------------------------------------------- */

static void drop_first(struct rh_http2_stream *stream)
{
    struct rh_http2_piece *piece = stream->first;
    stream->first = piece->next;
    stream->last = stream->first != NULL ? stream->last : NULL;
    rh_heap_free(&stream->x->engine->pools.heap, piece);
}

void rh_http2_body_drop(struct rh_http2_stream *stream)
{
    while (stream->first != NULL) {
        drop_first(stream);
    }
}

static struct rh_http2_piece *add_piece(struct rh_http2_stream *stream, size_t len)
{
    size_t cap = len > 1000 || stream->first != NULL ? PIECE_BYTES : len;
    struct rh_http2_piece *piece =
        rh_heap_alloc(&stream->x->engine->pools.heap, sizeof *piece + cap);
    if (piece == NULL) {
        return NULL;
    }
    *piece = (struct rh_http2_piece){.cap = (uint32_t)cap};
    if (stream->last != NULL) {
        stream->last->next = piece;
    } else {
        stream->first = piece;
    }
    stream->last = piece;
    return piece;
}

static bool keep(struct rh_http2_stream *stream, const char *bytes, size_t len)
{
    while (len > 0) {
        struct rh_http2_piece *piece = stream->last;
        if ((piece == NULL || piece->end == piece->cap) &&
            (piece = add_piece(stream, len)) == NULL) {
            return false;
        }
        size_t step = len < piece->cap - piece->end ? len : piece->cap - piece->end;
        memcpy(piece->bytes + piece->end, bytes, step);
        piece->end += (uint32_t)step;
        bytes += step;
        len -= step;
    }
    return true;
}

/* --- Delivery ------------------------------------------------------------------------------- */

static bool flows(const struct rh_exchange *x)
{
    return x->body_state == RH_BODY_READING;
}

/* Content that nobody will read. */
static bool is_lost(const struct rh_exchange *x)
{
    return x->body_state == RH_BODY_FAILED || x->answer_state == RH_ANSWER_COMPLETE;
}

static void took(struct rh_http2_stream *stream, size_t len)
{
    if (len > 0 && !stream->ended && !stream->gone) {
        RH_IGNORE(nghttp2_session_consume_stream(stream->h->ng, stream->id, len));
    }
}

/* Returns what the handler took. Between enter and leave. */
static size_t deliver(struct rh_exchange *x, const char *bytes, size_t len)
{
    size_t used = 0;
    while (used < len && flows(x)) {
        size_t taken = rh_exchange_body_deliver(x, (struct rh_slice){bytes + used, len - used});
        used += taken;
        if (used < len && flows(x)) {
            x->body_state = RH_BODY_PAUSED;
        }
    }
    return used;
}

/* All of it was taken, and no more comes. */
static void end_if_done(struct rh_http2_stream *stream)
{
    struct rh_exchange *x = stream->x;
    if (stream->ended && stream->first == NULL && x->body_state != RH_BODY_DONE &&
        x->body_state != RH_BODY_FAILED) {
        rh_exchange_body_end(x, 0);
    }
    if (x->body_told) {
        rh_exchange_require_answer(x);
    }
}

void rh_http2_body_flow(struct rh_http2_stream *stream)
{
    struct rh_exchange *x = stream->x;
    rh_exchange_enter(x);
    while (x->session != NULL && stream->first != NULL && (flows(x) || is_lost(x))) {
        struct rh_http2_piece *piece = stream->first;
        size_t len = piece->end - piece->at;
        size_t used = is_lost(x) ? len : deliver(x, piece->bytes + piece->at, len);
        if (x->session == NULL) {
            break; /* what is kept went with it */
        }
        took(stream, used);
        piece->at += (uint32_t)used;
        if (piece->at == piece->end) {
            drop_first(stream);
        }
    }
    if (x->session != NULL && flows(x)) {
        end_if_done(stream);
    }
    rh_exchange_leave(x);
}

/* --- What arrives --------------------------------------------------------------------------- */

void rh_http2_body_arrived(struct rh_http2_stream *stream, const char *bytes, size_t len)
{
    struct rh_http2 *h = stream->h;
    struct rh_exchange *x = stream->x;
    RH_IGNORE(nghttp2_session_consume_connection(h->ng, len));
    rh_glitch_moved(&h->glitch, len);
    stream->received += len;
    if (stream->has_length && stream->received > x->head.content_length) {
        rh_http2_stream_fault(stream, RH_HTTP2_LENGTH_DIFFERS);
        return;
    }
    if (is_lost(x)) {
        took(stream, len);
        return;
    }
    rh_exchange_enter(x);
    size_t used = stream->first == NULL && flows(x) ? deliver(x, bytes, len) : 0;
    if (x->session != NULL) {
        took(stream, used);
        if (x->body_told) { /* nobody reads it: the stream's window stays closed */
            rh_exchange_require_answer(x);
        } else if (!keep(stream, bytes + used, len - used)) {
            rh_exchange_log(x, RH_LOG_DEBUG, "no memory keeps the content of a request: reset");
            RH_IGNORE(nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, stream->id,
                                                NGHTTP2_ENHANCE_YOUR_CALM));
            rh_http2_stream_cut(stream, RH_CLOSED);
        }
    }
    rh_exchange_leave(x);
}

void rh_http2_body_ended(struct rh_http2_stream *stream)
{
    struct rh_exchange *x = stream->x;
    if (stream->has_length && stream->received != x->head.content_length) {
        rh_http2_stream_fault(stream, RH_HTTP2_LENGTH_DIFFERS);
        return;
    }
    stream->ended = true;
    rh_exchange_enter(x);
    end_if_done(stream);
    if (x->session != NULL && stream->h->eof && x->body_state == RH_BODY_DONE) {
        rh_exchange_hint_eof(x);
    }
    rh_exchange_leave(x);
}

void rh_http2_body_cut(struct rh_http2_stream *stream)
{
    struct rh_exchange *x = stream->x;
    rh_exchange_enter(x);
    rh_exchange_body_end(x, RH_EBODY_CUT);
    if (x->session != NULL) {
        rh_exchange_hint_eof(x);
    }
    rh_exchange_leave(x);
}

/* --- Trailers ------------------------------------------------------------------------------- */

static bool begin_trailers(struct rh_http2_stream *stream)
{
    struct rh_exchange *x = stream->x;
    x->trailers = rh_arena_alloc(&x->arena, TRAILERS * sizeof(struct rh_field));
    stream->trailer_text = rh_arena_text(&x->arena, TRAILER_BYTES);
    x->trailers_base = stream->trailer_text;
    return x->trailers != NULL && stream->trailer_text != NULL;
}

enum rh_http2_rule rh_http2_body_trailer(struct rh_http2_stream *stream, struct rh_slice name,
                                         struct rh_slice value)
{
    struct rh_exchange *x = stream->x;
    enum rh_http2_rule rule = rh_http2_trailer_check(name, value);
    if (rule != RH_HTTP2_OK) {
        return rule;
    }
    if (x->base == NULL) {
        return RH_HTTP2_OK; /* of a request that was refused */
    }
    if (stream->trailer_text == NULL && !begin_trailers(stream)) {
        return RH_HTTP2_TRAILER_LONG;
    }
    size_t at = stream->trailer_len;
    if (x->trailers_n == TRAILERS || name.len + value.len > TRAILER_BYTES - at) {
        return RH_HTTP2_TRAILER_LONG;
    }
    memcpy(stream->trailer_text + at, name.base, name.len);
    memcpy(stream->trailer_text + at + name.len, value.base, value.len);
    stream->trailer_len = (uint16_t)(at + name.len + value.len);
    x->trailers[x->trailers_n++] = (struct rh_field){.name_at = (uint16_t)at,
                                                     .name_len = (uint16_t)name.len,
                                                     .value_at = (uint16_t)(at + name.len),
                                                     .value_len = (uint16_t)value.len,
                                                     .id = (uint8_t)rh_field_classify(name)};
    return RH_HTTP2_OK;
}
