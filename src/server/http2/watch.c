/* Deadlines of one stream: silence in its content, a handler that takes too long, a peer that does
 * not read. An alarm is set when what it watches begins, and set again while enough has moved, so
 * bytes themselves cost nothing. Ways to fail: none; what is too slow ends its stream alone. */
#include "server/http2/stream.h"

static enum rh_http2_watch wanted(const struct rh_http2_stream *stream)
{
    const struct rh_exchange *x = stream->x;
    if (x->body_state == RH_BODY_READING) {
        return RH_HTTP2_WATCH_BODY;
    }
    if (x->answer_state == RH_ANSWER_NONE) {
        return RH_HTTP2_WATCH_ANSWER;
    }
    return x->source_waits ? RH_HTTP2_WATCH_NOTHING : RH_HTTP2_WATCH_WRITE;
}

static uint32_t duration_of(const struct rh_config *config, enum rh_http2_watch watch)
{
    switch (watch) {
    case RH_HTTP2_WATCH_BODY:
        return config->body_ms;
    case RH_HTTP2_WATCH_ANSWER:
        return config->answer_ms;
    case RH_HTTP2_WATCH_WRITE:
        return config->write_ms;
    default:
        return 0;
    }
}

static uint64_t progress_of(const struct rh_http2_stream *stream)
{
    return stream->watch == RH_HTTP2_WATCH_BODY ? stream->received : stream->x->answer_bytes;
}

static void wake(struct rh_http2 *h)
{
    h->session.has_output = true;
    rh_host_wake(h->session.host);
}

/* The handler took too long: its exchange is cut, and the peer gets an answer of ours. */
static void answer_late(struct rh_http2_stream *stream)
{
    static const char status[] = "503";
    struct rh_http2 *h = stream->h;
    struct rh_exchange *x = stream->x;
    const nghttp2_nv field = {.name = (uint8_t *)(uintptr_t) ":status",
                              .value = (uint8_t *)(uintptr_t)status,
                              .namelen = 7,
                              .valuelen = 3,
                              .flags = NGHTTP2_NV_FLAG_NONE};
    rh_exchange_log(x, RH_LOG_ERROR, "%.*s did not answer in time: 503", (int)x->route.len,
                    x->route.base != NULL ? x->route.base : "");
    RH_IGNORE(nghttp2_submit_response(h->ng, stream->id, &field, 1, NULL));
    x->status = 503;
    rh_http2_stream_cut(stream, RH_DEADLINE);
}

static void reset_slow(struct rh_http2_stream *stream)
{
    rh_exchange_log(stream->x, RH_LOG_DEBUG, "a peer takes too little of a stream: reset");
    RH_IGNORE(
        nghttp2_submit_rst_stream(stream->h->ng, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL));
    rh_http2_stream_cut(stream, RH_DEADLINE);
}

static bool moved_enough(const struct rh_http2_stream *stream)
{
    const struct rh_config *config = &stream->x->engine->config;
    uint64_t moved = progress_of(stream) - stream->watched;
    uint64_t ms = duration_of(config, (enum rh_http2_watch)stream->watch);
    return moved > 0 &&
           (config->rate_bytes_min == 0 || moved * 1000 >= config->rate_bytes_min * ms);
}

static void set(struct rh_http2_stream *stream)
{
    struct rh_engine *engine = stream->x->engine;
    uint32_t ms = duration_of(&engine->config, (enum rh_http2_watch)stream->watch);
    stream->watched = progress_of(stream);
    rh_list_remove(&stream->alarm.due.link);
    if (ms > 0) {
        rh_exchange_alarm(stream->x, &stream->alarm, ms);
    }
}

static void on_alarm(struct rh_alarm *alarm)
{
    struct rh_http2_stream *stream = RH_CONTAINER_OF(alarm, struct rh_http2_stream, alarm);
    struct rh_http2 *h = stream->h;
    struct rh_exchange *x = stream->x;
    enum rh_http2_watch watch = (enum rh_http2_watch)stream->watch;
    if (watch != RH_HTTP2_WATCH_ANSWER && moved_enough(stream)) {
        set(stream);
        return;
    }
    rh_counter_add(&x->engine->stats.deadline_ends, 1);
    switch (watch) {
    case RH_HTTP2_WATCH_ANSWER:
        answer_late(stream);
        break;
    case RH_HTTP2_WATCH_BODY:
        rh_exchange_body_end(x, RH_EBODY_TIMEOUT);
        break;
    default:
        reset_slow(stream);
        break;
    }
    wake(h);
}

void rh_http2_watch(struct rh_http2_stream *stream)
{
    enum rh_http2_watch watch = wanted(stream);
    if (watch != stream->watch) {
        stream->watch = (uint8_t)watch;
        stream->alarm.fn = on_alarm;
        set(stream);
    }
}
