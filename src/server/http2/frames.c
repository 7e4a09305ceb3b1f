/* What nghttp2 calls: frames that arrived, field by field and piece by piece, and frames that it
 * has sent. Handlers run inside of these calls; none of them makes nghttp2 read or write. */
#include <pthread.h>
#include <string.h>

#include "server/http2/stream.h"

static struct rh_http2_stream *find(nghttp2_session *ng, int32_t id)
{
    return nghttp2_session_get_stream_user_data(ng, id);
}

/* After a call that may have run a handler: a connection that ended reads nothing more. */
static int go_on(const struct rh_http2 *h)
{
    return h->life < RH_HTTP2_STOPPED ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* --- Frames that arrive --------------------------------------------------------------------- */

/* Begins an exchange, unless the peer makes us work on too many: those it reset count while their
 * handlers hold them (CVE-2023-44487, CVE-2025-8671). */
static void begin_request(struct rh_http2 *h, int32_t id)
{
    struct rh_http2_stream *stream = NULL;
    rh_closed_note_open(&h->closed, id);
    if (h->running < RH_HTTP2_STREAMS_MAX) {
        stream = rh_http2_stream_create(h, id);
    }
    if (stream == NULL) {
        RH_IGNORE(nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM));
    }
    h->arriving = stream;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
    struct rh_http2 *h = data;
    h->arriving = NULL;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        begin_request(h, frame->hd.stream_id);
    } else {
        h->arriving = find(ng, frame->hd.stream_id);
        if (h->arriving != NULL) {
            h->arriving->in_trailers = true;
        }
    }
    return go_on(h);
}

static struct rh_slice slice_of(nghttp2_rcbuf *buffer)
{
    nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
    return (struct rh_slice){(const char *)bytes.base, bytes.len};
}

/* After a refusal the rest of the section is still decoded, since HPACK has a state, but not kept.
 */
static void read_field(struct rh_http2 *h, struct rh_slice name, struct rh_slice value)
{
    struct rh_http2_stream *stream = h->arriving;
    enum rh_http2_verdict verdict = rh_http2_request_field(&h->request, name, value);
    if (RH_UNLIKELY(verdict == RH_HTTP2_ROOM)) {
        rh_http2_stream_grow(stream);
        verdict = rh_http2_request_field(&h->request, name, value);
    }
    if (RH_UNLIKELY(verdict != RH_HTTP2_GOOD) && h->request.fault != 0) {
        h->arriving = NULL;
        rh_http2_stream_fault(stream, (enum rh_http2_rule)h->request.fault);
    }
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *data)
{
    struct rh_http2 *h = data;
    struct rh_http2_stream *stream = h->arriving;
    (void)ng;
    (void)frame;
    (void)flags;
    if (RH_UNLIKELY(stream == NULL)) {
        return 0;
    }
    if (RH_LIKELY(!stream->in_trailers)) {
        read_field(h, slice_of(name), slice_of(value));
        return 0;
    }
    enum rh_http2_rule rule = rh_http2_body_trailer(stream, slice_of(name), slice_of(value));
    if (rule != RH_HTTP2_OK) {
        h->arriving = NULL;
        rh_http2_stream_fault(stream, rule);
    }
    return 0;
}

static void end_section(struct rh_http2 *h, bool ends)
{
    struct rh_http2_stream *stream = h->arriving;
    h->arriving = NULL;
    if (stream == NULL) {
        return;
    }
    if (!stream->in_trailers) {
        rh_http2_stream_open(stream, ends);
    } else if (!ends) {
        rh_http2_stream_fault(stream, RH_HTTP2_TRAILER_OPEN);
    } else {
        rh_http2_body_ended(stream);
    }
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
    struct rh_http2 *h = data;
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        end_section(h, ends);
        break;
    case NGHTTP2_DATA:
        if (ends) {
            struct rh_http2_stream *stream = find(ng, frame->hd.stream_id);
            if (stream != NULL) {
                rh_http2_body_ended(stream);
            }
        }
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && h->life == RH_HTTP2_NOTICED) {
            rh_http2_leave(h);
        }
        break;
    case NGHTTP2_PRIORITY_UPDATE: {
        const nghttp2_ext_priority_update *update = frame->ext.payload;
        if (update->stream_id == 0) {
            rh_http2_stop(h, NGHTTP2_PROTOCOL_ERROR, "PRIORITY_UPDATE of stream 0 (RFC 9218 §7.1)");
        }
        break;
    }
    default:
        break;
    }
    return go_on(h);
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len,
                   void *data)
{
    struct rh_http2 *h = data;
    struct rh_http2_stream *stream = find(ng, id);
    (void)flags;
    if (stream != NULL) {
        rh_http2_body_arrived(stream, (const char *)bytes, len);
    } else {
        RH_IGNORE(nghttp2_session_consume(ng, id, len));
    }
    return go_on(h);
}

static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int err, void *data)
{
    struct rh_http2 *h = data;
    (void)ng;
    rh_engine_log(rh_http2_engine(h), RH_LOG_DEBUG, "HTTP/2 frame of type %u on stream %d: %s",
                  frame->hd.type, frame->hd.stream_id, nghttp2_strerror(err));
    rh_counter_add(&rh_http2_engine(h)->stats.rejected, 1);
    return 0;
}

static int on_error(nghttp2_session *ng, int err, const char *text, size_t len, void *data)
{
    struct rh_http2 *h = data;
    (void)ng;
    (void)err;
    rh_engine_log(rh_http2_engine(h), RH_LOG_DEBUG, "HTTP/2: %.*s", (int)len, text);
    return 0;
}

/* --- Frames that leave ---------------------------------------------------------------------- */

/* Our side of the stream is closed. A request that is still arriving has had its answer: the peer
 * need not send the rest (RFC 9113 §8.1). */
static void end_answer(struct rh_http2 *h, int32_t id)
{
    struct rh_http2_stream *stream = find(h->ng, id);
    if (stream != NULL) {
        rh_http2_answer_complete(stream);
    }
    if (nghttp2_session_get_stream_remote_close(h->ng, id) == 0) {
        RH_IGNORE(nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR));
    }
}

static int on_frame_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
    struct rh_http2 *h = data;
    (void)ng;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            end_answer(h, frame->hd.stream_id);
        }
        break;
    case NGHTTP2_RST_STREAM: /* that a peer provokes costs as much as one that it sends */
        rh_closed_note_reset(&h->closed, frame->hd.stream_id);
        if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR) {
            RH_IGNORE(rh_http2_glitch(h, RH_GLITCH_RESET));
        }
        break;
    default:
        break;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *data)
{
    struct rh_http2 *h = data;
    struct rh_http2_stream *stream = find(ng, id);
    (void)code;
    if (stream != NULL) {
        if (h->arriving == stream) {
            h->arriving = NULL;
        }
        stream->gone = true;
        rh_http2_stream_cut(stream, RH_PEER_RESET);
    }
    return 0;
}

/* The same for all sessions of the process, and nghttp2 copies them. */
static nghttp2_session_callbacks *callbacks;

static void make_callbacks(void)
{
    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        return;
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, rh_http2_send_data);
}

const nghttp2_session_callbacks *rh_http2_callbacks(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_callbacks);
    return callbacks;
}
