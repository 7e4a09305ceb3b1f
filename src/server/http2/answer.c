/* What an exchange has to say becomes frames: nghttp2 gets the head's fields by pointer, and pulls
 * the content through a data provider that writes it straight into the output, behind the place for
 * the frame's head. So content is in its source until the peer's window and the output have room
 * for it. Ways to fail: fields that fit no output become a 500; a source that breaks off resets the
 * stream, so that the peer sees that the answer is not whole. */
#include <string.h>

#include "rawhttp/status.h"
#include "server/exchange/answer.h"
#include "server/http2/stream.h"
#include "util/ascii.h"
#include "util/word.h"

enum { FIELDS_USUAL = 24, FIELD_OVERHEAD = 16, DATA_ROOM_MIN = 4096 };

static const uint8_t by_pointer = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;

/* --- The head ------------------------------------------------------------------------------- */

static nghttp2_nv field_of(const char *name, size_t name_len, struct rh_slice value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value.base,
                        .namelen = name_len,
                        .valuelen = value.len,
                        .flags = by_pointer};
}

#define FIELD(name, value) field_of(name, sizeof(name) - 1, value)

static struct rh_slice date_of(struct rh_engine *engine)
{
    enum { DATE = 29, LINE_END = 2 };
    struct rh_slice start = rh_engine_head_start(engine);
    return (struct rh_slice){start.base + start.len - LINE_END - DATE, DATE};
}

static struct rh_slice put_status(struct rh_http2_stream *stream, unsigned status)
{
    stream->status[0] = (char)('0' + status / 100);
    stream->status[1] = (char)('0' + status / 10 % 10);
    stream->status[2] = (char)('0' + status % 10);
    return (struct rh_slice){stream->status, sizeof stream->status};
}

static size_t count_fields(const struct rh_exchange *x)
{
    size_t n = 5; /* status, server, date, type, length */
    for (const struct rh_response_field *f = x->response_first; f != NULL; f = f->next) {
        n++;
    }
    return n;
}

/* Fills `fields`, which has room for all of them; returns how many. */
static size_t make_head(struct rh_http2_stream *stream, nghttp2_nv *fields)
{
    struct rh_exchange *x = stream->x;
    const char *server = x->engine->config.server_name;
    int64_t length = rh_answer_length(x);
    size_t n = 0;
    fields[n++] = FIELD(":status", put_status(stream, x->status));
    if (server != NULL) {
        fields[n++] = FIELD("server", rh_slice_from(server));
    }
    fields[n++] = FIELD("date", date_of(x->engine));
    if (x->type.base != NULL) {
        fields[n++] = FIELD("content-type", x->type);
    }
    /* RFC 9110 §8.6: no Content-Length in 204; in 304 it is optional. */
    if (length >= 0 && x->status != 204 && x->status != 304) {
        size_t len = rh_ascii_from_u64(stream->length, (uint64_t)length);
        fields[n++] = FIELD("content-length", ((struct rh_slice){stream->length, len}));
    }
    for (const struct rh_response_field *f = x->response_first; f != NULL; f = f->next) {
        fields[n] = field_of(f->name.base, f->name.len, f->value);
        fields[n++].flags = NGHTTP2_NV_FLAG_NO_COPY_VALUE; /* the copy is in lower case */
    }
    return n;
}

/* --- The content ---------------------------------------------------------------------------- */

/* The data provider. `window` is what the peer's windows and frame size allow. */
static ssize_t read_content(nghttp2_session *ng, int32_t id, uint8_t *buffer, size_t window,
                            uint32_t *flags, nghttp2_data_source *source, void *data)
{
    struct rh_http2 *h = data;
    struct rh_http2_stream *stream = source->ptr;
    struct rh_exchange *x = stream->x;
    size_t room = rh_output_room(h->out);
    (void)ng;
    (void)id;
    (void)buffer;
    int64_t length = rh_answer_length(x);
    uint64_t left = length >= 0 ? (uint64_t)length - x->answer_bytes : UINT64_MAX;
    size_t want = left < window ? (size_t)left : window;
    if (room < RH_HTTP2_FRAME_HEAD + (want < DATA_ROOM_MIN ? want : DATA_ROOM_MIN)) {
        h->full = true;
        return NGHTTP2_ERR_PAUSE;
    }
    room = room - RH_HTTP2_FRAME_HEAD < want ? room - RH_HTTP2_FRAME_HEAD : want;
    char *at = rh_output_tail(h->out) + RH_HTTP2_FRAME_HEAD;
    size_t len;
    enum rh_answer_pulled pulled = rh_answer_pull(x, at, room, &len);
    if (pulled == RH_PULLED_WAITS) {
        stream->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (pulled == RH_PULLED_BROKEN) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    rh_glitch_moved(&h->glitch, len);
    *flags = NGHTTP2_DATA_FLAG_NO_COPY;
    if (pulled == RH_PULLED_END || rh_answer_is_whole(x)) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)len;
}

/* The content stands in the output already; its head comes in front of it. */
int rh_http2_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *frame_head,
                       size_t len, nghttp2_data_source *source, void *data)
{
    struct rh_http2 *h = data;
    (void)ng;
    (void)frame;
    (void)source;
    memcpy(rh_output_tail(h->out), frame_head, RH_HTTP2_FRAME_HEAD);
    rh_output_added(h->out, RH_HTTP2_FRAME_HEAD + len);
    return 0;
}

/* --- The answer ----------------------------------------------------------------------------- */

static bool has_content(const struct rh_exchange *x)
{
    return rh_answer_has_content(x) && rh_answer_length(x) != 0;
}

/* Head and content, which follows it when nghttp2 says so. */
static void begin(struct rh_http2_stream *stream)
{
    struct rh_http2 *h = stream->h;
    struct rh_exchange *x = stream->x;
    nghttp2_nv usual[FIELDS_USUAL];
    nghttp2_nv *fields = usual;
    size_t n = count_fields(x);
    size_t room = RH_HTTP2_HEAD_SPARE + x->type.len + x->response_bytes + n * FIELD_OVERHEAD;
    if (n > FIELDS_USUAL) {
        fields = rh_arena_alloc(&x->arena, n * sizeof *fields);
    }
    if (room > RH_OUTPUT_BYTES || fields == NULL) {
        rh_answer_give_up(x);
        fields = usual;
        room = RH_HTTP2_HEAD_SPARE;
    }
    if (room > h->head_room) {
        h->head_room = (uint32_t)room;
    }
    n = make_head(stream, fields);
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_content};
    rh_answer_begin(x);
    if (nghttp2_submit_response(h->ng, stream->id, fields, n, has_content(x) ? &provider : NULL) !=
        0) {
        rh_http2_stop(h, NGHTTP2_INTERNAL_ERROR, "no memory for an answer");
    }
}

/* RFC 9110 §10.1.1: nothing is sent to a client that did not wait. */
static void go_on(struct rh_http2_stream *stream)
{
    struct rh_exchange *x = stream->x;
    const nghttp2_nv field = FIELD(":status", rh_slice_from("100"));
    x->continue_due = false;
    if (stream->received == 0 && !stream->ended) {
        RH_IGNORE(nghttp2_submit_headers(stream->h->ng, NGHTTP2_FLAG_NONE, stream->id, NULL, &field,
                                         1, NULL));
    }
}

void rh_http2_answer(struct rh_http2_stream *stream)
{
    struct rh_exchange *x = stream->x;
    if (x->session == NULL) {
        return;
    }
    if (x->answer_state == RH_ANSWER_NONE && x->continue_due) {
        go_on(stream);
    } else if (x->answer_state == RH_ANSWER_READY) {
        begin(stream);
    } else if (x->answer_state == RH_ANSWER_SENDING && stream->deferred) {
        stream->deferred = false;
        RH_IGNORE(nghttp2_session_resume_data(stream->h->ng, stream->id));
    }
}

void rh_http2_answer_complete(struct rh_http2_stream *stream)
{
    struct rh_http2 *h = stream->h;
    struct rh_exchange *x = stream->x;
    rh_glitch_earn(&h->glitch, 1);
    rh_answer_complete(x);
    rh_exchange_enter(x);
    rh_answer_give_back(x);
    if (x->session != NULL) { /* else its source's end closed the server, and it is cut */
        rh_exchange_conclude_behind(x, h->out);
        rh_http2_stream_detach(stream);
    }
    rh_stream_let_go(x);
    rh_exchange_leave(x);
}
