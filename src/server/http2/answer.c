/* What an exchange has to say becomes frames: nghttp2 gets the head's fields by pointer, and pulls
 * the content through a data provider that writes it straight into the output, behind the place for
 * the frame's head. So content is in its source until the peer's window and the output have room
 * for it. Ways to fail: fields that fit no output become a 500; a source that breaks off resets the
 * stream, so that the peer sees that the answer is not whole. */
#include <string.h>

#include "rawhttp/status.h"
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

static int64_t length_of(const struct rh_exchange *x)
{
    switch (x->answer_kind) {
    case RH_ANSWER_MEMORY:
        return (int64_t)x->memory.len;
    case RH_ANSWER_SOURCE:
        return x->source.length;
    default:
        return 0;
    }
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
    int64_t length = length_of(x);
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

/* The fields fit no output. */
static void give_up(struct rh_exchange *x)
{
    rh_exchange_log(x, RH_LOG_ERROR, "the fields of an answer fit no buffer");
    x->response_first = NULL;
    x->response_last = &x->response_first;
    x->response_bytes = 0;
    x->type = (struct rh_slice){NULL, 0};
    x->status = 500;
    rh_exchange_close_body(x);
    x->answer_kind = RH_ANSWER_EMPTY;
}

/* --- The content ---------------------------------------------------------------------------- */

/* Copies into the output at `at`. */
static size_t read_memory(struct rh_exchange *x, char *at, size_t room)
{
    size_t left = x->memory.len - (size_t)x->answer_bytes;
    size_t len = left < room ? left : room;
    rh_word_copy(at, x->memory.base + x->answer_bytes, len);
    return len;
}

/* Returns how many bytes the source gave, 0 at its end, or a negative code of nghttp2's. */
static ptrdiff_t read_source(struct rh_http2_stream *stream, char *at, size_t room)
{
    struct rh_exchange *x = stream->x;
    int64_t length = x->source.length;
    if (x->source_waits) {
        return NGHTTP2_ERR_DEFERRED;
    }
    if (length >= 0 && room > (uint64_t)length - x->answer_bytes) {
        room = (size_t)((uint64_t)length - x->answer_bytes);
    }
    rh_exchange_enter(x);
    ptrdiff_t n = x->source.pull(x->source.data, at, room);
    bool cut = x->session == NULL;
    rh_exchange_leave(x);
    if (cut) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (n == RH_EAGAIN) {
        x->source_waits = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (n < 0 || (n == 0 && length >= 0)) {
        rh_exchange_log(x, RH_LOG_ERROR, "answer of %.*s broke off: %s", (int)x->route.len,
                        x->route.base != NULL ? x->route.base : "",
                        n < 0 ? rh_strerror((int)n) : "shorter than announced");
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    RH_ASSERT((size_t)n <= room);
    return n;
}

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
    int64_t length = length_of(x);
    uint64_t left = length >= 0 ? (uint64_t)length - x->answer_bytes : UINT64_MAX;
    size_t want = left < window ? (size_t)left : window;
    if (room < RH_HTTP2_FRAME_HEAD + (want < DATA_ROOM_MIN ? want : DATA_ROOM_MIN)) {
        h->full = true;
        return NGHTTP2_ERR_PAUSE;
    }
    room = room - RH_HTTP2_FRAME_HEAD < want ? room - RH_HTTP2_FRAME_HEAD : want;
    char *at = rh_output_tail(h->out) + RH_HTTP2_FRAME_HEAD;
    ptrdiff_t n = x->answer_kind == RH_ANSWER_MEMORY ? (ptrdiff_t)read_memory(x, at, room)
                                                     : read_source(stream, at, room);
    if (n < 0) {
        stream->deferred = n == NGHTTP2_ERR_DEFERRED;
        return n;
    }
    x->answer_bytes += (uint64_t)n;
    rh_glitch_moved(&h->glitch, (uint64_t)n);
    *flags = NGHTTP2_DATA_FLAG_NO_COPY;
    if (n == 0 || (uint64_t)n == left) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return n;
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

static bool has_content(struct rh_exchange *x)
{
    if (x->is_head || x->status == 204 || x->status == 304 || x->answer_kind == RH_ANSWER_EMPTY) {
        x->is_head = true; /* a stream's writes are dropped */
        return false;
    }
    return length_of(x) != 0;
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
        give_up(x);
        fields = usual;
        room = RH_HTTP2_HEAD_SPARE;
    }
    if (room > h->head_room) {
        h->head_room = (uint32_t)room;
    }
    n = make_head(stream, fields);
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_content};
    x->answer_state = RH_ANSWER_SENDING;
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
    } else if (x->answer_state == RH_ANSWER_SENDING && stream->deferred && !x->source_waits) {
        stream->deferred = false;
        RH_IGNORE(nghttp2_session_resume_data(stream->h->ng, stream->id));
    }
}

void rh_http2_answer_complete(struct rh_http2_stream *stream)
{
    struct rh_http2 *h = stream->h;
    struct rh_exchange *x = stream->x;
    rh_glitch_earn(&h->glitch, 1);
    x->answer_state = RH_ANSWER_COMPLETE;
    rh_exchange_enter(x);
    rh_exchange_close_body(x);
    if (x->session != NULL) { /* else its source's end closed the server, and it is cut */
        rh_exchange_conclude_behind(x, h->out);
        rh_http2_stream_detach(stream);
    }
    rh_stream_let_go(x);
    rh_exchange_leave(x);
}
