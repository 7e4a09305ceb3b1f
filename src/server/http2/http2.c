/* A connection that speaks HTTP/2. `feed` gives all bytes to nghttp2, whose callbacks (frames.c)
 * open streams, run handlers and keep content; `pull` first gives nghttp2 what exchanges have to
 * say (answer.c), then copies the frames that it makes into the output, the heads and the content
 * of many streams behind each other. Ways to fail: a protocol error or a flood ends the connection
 * with a GOAWAY, after which nothing is read; a malformed request costs its stream alone. */
#include "server/http2/http2.h"

#include <pthread.h>
#include <string.h>

#include "server/http2/kind.h"
#include "server/http2/stream.h"

enum { NOTICE_MS = 1000, ACKS_MAX = 256, ENCODER_TABLE_BYTES = 1024 };

static struct rh_http2 *http2_of(struct rh_session *s)
{
    return RH_CONTAINER_OF(s, struct rh_http2, session);
}

/* --- Its state ------------------------------------------------------------------------------ */

/* What the session wants now follows from its state: the host reads it after each call. */
static void update(struct rh_http2 *h)
{
    struct rh_session *s = &h->session;
    if (h->life < RH_HTTP2_STOPPED && nghttp2_session_want_read(h->ng) == 0) {
        h->life =
            RH_HTTP2_STOPPED; /* its GOAWAY is out, or the peer's came, and no stream is left */
    }
    bool stopped = h->life == RH_HTTP2_STOPPED;
    bool leaves = stopped || h->life == RH_HTTP2_LEAVING || h->eof;
    s->at_rest = rh_list_is_empty(&h->streams) && h->arriving == NULL;
    s->has_output =
        (!stopped && !rh_list_is_empty(&h->ready)) || nghttp2_session_want_write(h->ng) != 0;
    if (leaves && !s->has_output && (stopped || s->at_rest)) {
        h->life = RH_HTTP2_OVER;
    }
    if (h->life == RH_HTTP2_OVER) {
        s->finished = true;
        s->lingers = !h->eof;
        s->has_output = false;
    }
    s->wants_input = h->life < RH_HTTP2_STOPPED;
    s->bulk = h->full;
    if (h->arriving != NULL || h->requests == 0) {
        s->deadline = RH_DEADLINE_HEAD;
    } else {
        s->deadline = s->at_rest ? RH_DEADLINE_IDLE : RH_DEADLINE_NONE;
    }
}

/* Streams whose state changed get the deadline that fits what they wait for now. */
static void watch_changed(struct rh_http2 *h)
{
    while (!rh_list_is_empty(&h->changed)) {
        struct rh_http2_stream *stream =
            RH_CONTAINER_OF(h->changed.next, struct rh_http2_stream, ready);
        rh_list_remove(&stream->ready);
        rh_http2_watch(stream);
    }
}

void rh_http2_stop(struct rh_http2 *h, uint32_t code, const char *why)
{
    char peer[RH_PEER_TEXT_MAX];
    struct rh_engine *engine = rh_http2_engine(h);
    if (h->life >= RH_HTTP2_STOPPED) {
        return;
    }
    h->life = RH_HTTP2_STOPPED;
    rh_counter_add(&engine->stats.rejected, 1);
    if (rh_engine_logs(engine, RH_LOG_DEBUG)) {
        rh_peer_text(&h->session.host->peer, peer);
        rh_engine_log(engine, RH_LOG_DEBUG, "%s: HTTP/2 connection ended with %s: %s", peer,
                      nghttp2_http2_strerror(code), why);
    }
    RH_IGNORE(nghttp2_session_terminate_session(h->ng, code));
}

void rh_http2_leave(struct rh_http2 *h)
{
    if (h->life >= RH_HTTP2_LEAVING) {
        return;
    }
    h->life = RH_HTTP2_LEAVING;
    rh_list_remove(&h->alarm.due.link);
    RH_IGNORE(nghttp2_submit_goaway(h->ng, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(h->ng),
                                    NGHTTP2_NO_ERROR, NULL, 0));
}

bool rh_http2_glitch(struct rh_http2 *h, uint32_t cost)
{
    if (RH_LIKELY(rh_glitch_take(&h->glitch, cost, rh_engine_now_ms(rh_http2_engine(h))))) {
        return true;
    }
    rh_http2_stop(h, NGHTTP2_ENHANCE_YOUR_CALM,
                  "too many frames that move no exchange (RFC 9113 §10.5)");
    return false;
}

/* --- Bytes ---------------------------------------------------------------------------------- */

static const char *section_of(ssize_t err)
{
    switch (err) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
        return "the client preface is wrong (RFC 9113 §3.4)";
    case NGHTTP2_ERR_FLOODED:
        return "too many frames that want an acknowledgement (RFC 9113 §10.5)";
    case NGHTTP2_ERR_NOMEM:
        return "the connection's memory limit is reached (RFC 9113 §10.5)";
    default:
        return nghttp2_strerror((int)err);
    }
}

static void receive(struct rh_http2 *h, const uint8_t *bytes, size_t len)
{
    if (len == 0 || h->life >= RH_HTTP2_STOPPED) {
        return;
    }
    ssize_t used = nghttp2_session_mem_recv(h->ng, bytes, len);
    if (RH_UNLIKELY(used < 0)) {
        rh_http2_stop(h,
                      used == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? NGHTTP2_PROTOCOL_ERROR
                                                           : NGHTTP2_ENHANCE_YOUR_CALM,
                      section_of(used));
    }
}

/* What a frame costs the peer that moves no exchange. A request and its content cost nothing. */
static uint32_t price_of(const struct rh_walk *w)
{
    switch (rh_walk_type(w)) {
    case NGHTTP2_HEADERS:
        return 0;
    case NGHTTP2_DATA:
        return rh_walk_length(w) == 0 && (rh_walk_flags(w) & NGHTTP2_FLAG_END_STREAM) == 0 ? 1 : 0;
    case NGHTTP2_RST_STREAM:
        return RH_GLITCH_RESET;
    default:
        return 1;
    }
}

/* A stream that was open once and is not now. nghttp2 ignores what comes on it; it is seen here,
 * when all that came before it was read. */
static void check_closed(struct rh_http2 *h, int32_t id)
{
    if (id > h->closed.last || nghttp2_session_find_stream(h->ng, id) != NULL ||
        h->life >= RH_HTTP2_LEAVING) {
        return;
    }
    if (!rh_closed_is_error(&h->closed, id)) {
        RH_IGNORE(rh_http2_glitch(h, 1));
    } else if (rh_closed_was_open(&h->closed, id)) {
        rh_http2_stop(h, NGHTTP2_STREAM_CLOSED, "a frame on a closed stream (RFC 9113 §5.1)");
    } else {
        rh_http2_stop(h, NGHTTP2_PROTOCOL_ERROR,
                      "a stream identifier that is not increasing (RFC 9113 §5.1.1)");
    }
}

/* Returns true if the frame is to be looked at when all before it was read. */
static bool may_be_closed(struct rh_http2 *h)
{
    int32_t id = rh_walk_stream(&h->walk);
    unsigned type = rh_walk_type(&h->walk);
    bool is_new = type == NGHTTP2_HEADERS && id > h->walked;
    h->walked = is_new ? id : h->walked;
    return type == NGHTTP2_DATA || (type == NGHTTP2_HEADERS && !is_new);
}

static void check_frame(struct rh_http2 *h)
{
    uint32_t price = price_of(&h->walk);
    if (price > 0) {
        RH_IGNORE(rh_http2_glitch(h, price));
    }
    if (rh_walk_type(&h->walk) == NGHTTP2_PRIORITY && rh_walk_stream(&h->walk) == 0) {
        rh_http2_stop(h, NGHTTP2_PROTOCOL_ERROR, "PRIORITY on stream 0 (RFC 9113 §6.3)");
    }
}

static size_t http2_feed(struct rh_session *s, char *bytes, size_t len)
{
    struct rh_http2 *h = http2_of(s);
    const uint8_t *at = (const uint8_t *)bytes;
    size_t walked = 0;
    size_t given = 0;
    while (walked < len && h->life < RH_HTTP2_STOPPED) {
        walked += rh_walk_next(&h->walk, at + walked, len - walked);
        if (h->walk.have < RH_WALK_HEAD) {
            break;
        }
        check_frame(h);
        if (may_be_closed(h)) {
            size_t before = walked > given + RH_WALK_HEAD ? walked - RH_WALK_HEAD : given;
            receive(h, at + given, before - given);
            given = before;
            check_closed(h, rh_walk_stream(&h->walk));
        }
    }
    receive(h, at + given, len - given);
    watch_changed(h);
    update(h);
    return len;
}

static void serve_ready(struct rh_http2 *h)
{
    while (!rh_list_is_empty(&h->ready)) {
        struct rh_http2_stream *stream =
            RH_CONTAINER_OF(h->ready.next, struct rh_http2_stream, ready);
        struct rh_exchange *x = stream->x;
        rh_list_unlink(&stream->ready);
        rh_list_push_back(&h->changed, &stream->ready);
        rh_exchange_enter(x);
        rh_http2_body_flow(stream);
        rh_http2_answer(stream);
        rh_exchange_leave(x);
    }
}

/* Frames of nghttp2, until it has none or the output is full. A frame is asked for only if there is
 * room for the largest that may come, so none is ever left over. */
static bool copy_frames(struct rh_http2 *h, struct rh_output *out)
{
    const uint8_t *frame;
    for (;;) {
        if (rh_output_room(out) < h->head_room) {
            h->full = true;
            return true;
        }
        ssize_t len = nghttp2_session_mem_send(h->ng, &frame);
        if (RH_UNLIKELY(len < 0)) {
            h->life = RH_HTTP2_OVER;
            return false;
        }
        if (len == 0) {
            return h->full;
        }
        memcpy(rh_output_tail(out), frame, (size_t)len);
        rh_output_added(out, (size_t)len);
    }
}

/* The peer is gone for good: what waits for its windows will never move. */
static void cut_stuck(struct rh_http2 *h)
{
    struct rh_link *next;
    for (struct rh_link *link = h->streams.next; link != &h->streams; link = next) {
        struct rh_http2_stream *stream = RH_CONTAINER_OF(link, struct rh_http2_stream, link);
        next = link->next;
        if (stream->x->answer_state == RH_ANSWER_SENDING && !stream->x->source_waits) {
            rh_http2_stream_cut(stream, RH_PEER_RESET);
        }
    }
}

static enum rh_pull http2_pull(struct rh_session *s, struct rh_output *out)
{
    struct rh_http2 *h = http2_of(s);
    uint32_t before = out->used;
    if (h->life == RH_HTTP2_OVER) {
        return RH_PULL_NOTHING;
    }
    h->out = out;
    h->full = false;
    if (h->life != RH_HTTP2_STOPPED) {
        serve_ready(h);
    }
    bool full = copy_frames(h, out);
    h->out = NULL;
    if (!full) {
        h->head_room = RH_HTTP2_HEAD_SPARE;
        if (RH_UNLIKELY(h->eof) && out->used == before) {
            cut_stuck(h);
        }
    }
    watch_changed(h);
    update(h);
    return full ? RH_PULL_FULL : out->used > before ? RH_PULL_ADDED : RH_PULL_NOTHING;
}

static void http2_sent(struct rh_session *s)
{
    update(http2_of(s)); /* whoever was told an outcome may have answered on another stream */
}

/* --- Ends ----------------------------------------------------------------------------------- */

static void http2_ready(struct rh_session *s, struct rh_exchange *x)
{
    struct rh_http2 *h = http2_of(s);
    struct rh_http2_stream *stream = rh_http2_stream_of(x);
    rh_list_unlink(&stream->ready);
    rh_list_push_back(&h->ready, &stream->ready);
    if (!rh_host_is_driving(s->host)) {
        s->has_output = true;
        rh_host_wake(s->host);
    }
}

static void http2_eof(struct rh_session *s)
{
    struct rh_http2 *h = http2_of(s);
    struct rh_link *next;
    h->eof = true;
    for (struct rh_link *link = h->streams.next; link != &h->streams; link = next) {
        struct rh_http2_stream *stream = RH_CONTAINER_OF(link, struct rh_http2_stream, link);
        struct rh_exchange *x = stream->x;
        next = link->next;
        if (x->base == NULL) {
            rh_http2_stream_cut(stream, RH_PEER_RESET);
        } else if (!stream->ended) {
            rh_http2_body_cut(stream);
        } else {
            rh_exchange_hint_eof(x);
        }
    }
    if (nghttp2_session_want_write(h->ng) == 0) {
        cut_stuck(h);
    }
    update(h);
}

static void http2_end(struct rh_session *s, enum rh_abort reason)
{
    struct rh_http2 *h = http2_of(s);
    struct rh_heap *heap = h->memory.heap;
    h->life = RH_HTTP2_OVER;
    rh_list_remove(&h->alarm.due.link);
    while (!rh_list_is_empty(&h->streams)) {
        rh_http2_stream_cut(RH_CONTAINER_OF(h->streams.next, struct rh_http2_stream, link), reason);
    }
    while (!rh_list_is_empty(&h->lost)) {
        struct rh_http2_stream *stream =
            RH_CONTAINER_OF(h->lost.next, struct rh_http2_stream, link);
        rh_list_remove(&stream->link);
        stream->h = NULL;
    }
    nghttp2_session_del(h->ng);
    rh_heap_free(heap, h);
}

static void http2_expire(struct rh_session *s, enum rh_deadline_class which)
{
    struct rh_http2 *h = http2_of(s);
    rh_counter_add(&rh_http2_engine(h)->stats.deadline_ends, which == RH_DEADLINE_IDLE ? 0 : 1);
    if (h->arriving != NULL) {
        rh_http2_stop(h, NGHTTP2_ENHANCE_YOUR_CALM, "a field section did not arrive in time");
    } else {
        rh_http2_leave(h);
    }
    update(h);
}

static void on_notice_seen(struct rh_alarm *alarm)
{
    struct rh_http2 *h = RH_CONTAINER_OF(alarm, struct rh_http2, alarm);
    rh_http2_leave(h);
    update(h);
    rh_host_wake(h->session.host);
}

/* RFC 9113 §6.8: a first GOAWAY lets requests that are under way arrive; when the peer has seen it,
 * the second names the last stream. */
static void http2_drain(struct rh_session *s)
{
    struct rh_http2 *h = http2_of(s);
    struct rh_engine *engine = rh_http2_engine(h);
    if (h->life == RH_HTTP2_OPEN) {
        h->life = RH_HTTP2_NOTICED;
        RH_IGNORE(nghttp2_submit_shutdown_notice(h->ng));
        RH_IGNORE(nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, NULL));
        rh_alarms_set(&engine->alarms, &h->alarm, NOTICE_MS, rh_engine_now_ms(engine));
        if (engine->alarm != NULL) {
            engine->alarm(engine, h->alarm.due.at_ms);
        }
    }
    update(h);
}

/* --- Life ----------------------------------------------------------------------------------- */

static const struct rh_session_ops ops = {
    .feed = http2_feed,
    .pull = http2_pull,
    .sent = http2_sent,
    .eof = http2_eof,
    .end = http2_end,
    .expire = http2_expire,
    .drain = http2_drain,
    .ready = http2_ready,
};

/* Options are the same for all sessions of the process, and nghttp2 only reads them. */
static nghttp2_option *options;

static void make_options(void)
{
    if (nghttp2_option_new(&options) != 0) {
        return;
    }
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_http_messaging(options, 1); /* request.c is stricter, and names rules */
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_max_outbound_ack(options, ACKS_MAX);
    nghttp2_option_set_max_deflate_dynamic_table_size(options, ENCODER_TABLE_BYTES);
    nghttp2_option_set_builtin_recv_extension_type(options, NGHTTP2_PRIORITY_UPDATE);
}

/* Our SETTINGS and the connection's window, which go out with the first write. */
static bool greet(struct rh_http2 *h)
{
    const struct rh_config *config = &rh_http2_engine(h)->config;
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, RH_HTTP2_STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, RH_HTTP2_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, config->head_bytes_max},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    return nghttp2_submit_settings(h->ng, NGHTTP2_FLAG_NONE, entries,
                                   sizeof entries / sizeof entries[0]) == 0 &&
           nghttp2_session_set_local_window_size(h->ng, NGHTTP2_FLAG_NONE, 0,
                                                 RH_HTTP2_CONNECTION_WINDOW) == 0;
}

static struct rh_session *http2_open(struct rh_host *host, union rh_speaker *speaker,
                                     void *argument)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct rh_engine *engine = host->engine;
    struct rh_heap *heap = &engine->pools.heap;
    struct rh_http2 *h = rh_heap_alloc(heap, sizeof *h);
    (void)speaker;
    (void)argument;
    pthread_once(&once, make_options);
    if (h == NULL || options == NULL || rh_http2_callbacks() == NULL) {
        rh_heap_free(heap, h);
        return NULL;
    }
    memset(h, 0, sizeof *h);
    h->session.ops = &ops;
    h->session.host = host;
    h->session.reads_while_writing = true;
    h->walk.left = NGHTTP2_CLIENT_MAGIC_LEN;
    h->alarm.fn = on_notice_seen;
    h->head_room = RH_HTTP2_HEAD_SPARE;
    rh_list_init(&h->streams);
    rh_list_init(&h->ready);
    rh_list_init(&h->changed);
    rh_list_init(&h->lost);
    rh_list_init(&h->alarm.due.link);
    rh_glitch_init(&h->glitch, rh_engine_now_ms(engine));
    rh_http2_memory_init(&h->memory, heap, rh_http2_connection_bytes(&engine->config));
    if (nghttp2_session_server_new3(&h->ng, rh_http2_callbacks(), h, options, &h->memory.hooks) !=
        0) {
        rh_heap_free(heap, h);
        return NULL;
    }
    if (!greet(h)) {
        nghttp2_session_del(h->ng);
        rh_heap_free(heap, h);
        return NULL;
    }
    update(h);
    return &h->session;
}

/* The client preface (RFC 9113 §3.4): no request of HTTP/1 begins like it. */
static enum rh_claim http2_claims(const char *bytes, size_t len)
{
    size_t known = len < NGHTTP2_CLIENT_MAGIC_LEN ? len : NGHTTP2_CLIENT_MAGIC_LEN;
    if (memcmp(bytes, NGHTTP2_CLIENT_MAGIC, known) != 0) {
        return RH_CLAIM_NO;
    }
    return known == NGHTTP2_CLIENT_MAGIC_LEN ? RH_CLAIM_YES : RH_CLAIM_MORE;
}

const struct rh_session_kind rh_http2_kind = {
    .name = "HTTP/2",
    .alpn = "h2",
    .claims = http2_claims,
    .open = http2_open,
};
