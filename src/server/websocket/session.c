/* WebSocket as a session (RFC 6455): what its host calls. A handshake that was accepted becomes
 * this session when its 101 is in the output. It ends after a Close went both ways, after a rule
 * was broken, or with its connection; on_close runs once in each case.
 *
 * Our side is shut after the Close, and the host reads on until the peer shuts its own, for a
 * bounded time, so that no reset destroys the Close on its way (RFC 6455 §7.1.1). */
#include <string.h>

#include "server/websocket/websocket.h"

static struct rh_websocket *socket_of(struct rh_session *s)
{
    return RH_CONTAINER_OF(s, struct rh_websocket, session);
}

/* What the session wants now follows from its state: the host reads it after each call. */
static void update(struct rh_websocket *socket)
{
    struct rh_session *s = &socket->session;
    bool is_empty = rh_ws_queue_is_empty(&socket->queue);
    bool is_reading = socket->state == RH_WS_OPEN || socket->state == RH_WS_CLOSING;
    s->wants_input = true;
    s->has_output = !is_empty && !socket->queue.is_referenced;
    s->finished = socket->state == RH_WS_ENDING && is_empty;
    s->lingers = !socket->is_cut;
    s->bulk = !s->host->secure && is_reading && socket->reader.left > RH_OUTPUT_BYTES;
    s->deadline = RH_DEADLINE_QUIET;
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static const struct rh_session_ops ops;
static void on_alarm(struct rh_alarm *alarm);

struct rh_websocket *rh_websocket_create(struct rh_engine *engine,
                                         const struct rh_websocket_options *options,
                                         const struct rh_ws_deflate_terms *deflate,
                                         struct rh_ws_codec *codec)
{
    struct rh_websocket *socket = rh_slab_acquire(&engine->pools.websockets);
    if (socket == NULL) {
        return NULL;
    }
    memset(socket, 0, sizeof *socket);
    socket->session.ops = &ops;
    socket->terms = rh_ws_terms_ref(engine->websockets, options);
    if (socket->terms == NULL) {
        rh_slab_release(&engine->pools.websockets, socket);
        return NULL;
    }
    socket->engine = engine;
    socket->data = options->data;
    socket->deflate = *deflate;
    socket->codec = codec;
    socket->alarm.fn = on_alarm;
    rh_list_init(&socket->alarm.due.link);
    rh_ws_reader_init(&socket->reader, deflate->is_on);
    return socket;
}

void rh_websocket_maybe_release(struct rh_websocket *socket)
{
    struct rh_engine *engine = socket->engine;
    if (socket->state != RH_WS_ENDED || socket->calls > 0 || socket->references > 0 ||
        atomic_load_explicit(&socket->posts, memory_order_acquire) > 0) {
        return;
    }
    rh_ws_terms_unref(socket->terms);
    rh_slab_release(&engine->pools.websockets, socket);
    if (RH_UNLIKELY(engine->closing) && engine->released != NULL) {
        engine->released(engine);
    }
}

void rh_websocket_tell_closed(struct rh_websocket *socket, unsigned code, struct rh_slice reason)
{
    rh_websocket_close_fn on_close = socket->terms->options.on_close;
    if (socket->told) {
        return;
    }
    socket->told = true;
    while (socket->hooks != NULL) {
        struct rh_ws_hook *hook = socket->hooks;
        socket->hooks = hook->next;
        hook->fn(hook);
    }
    if (on_close != NULL) {
        rh_websocket_enter(socket);
        on_close(socket, code, reason, socket->data);
        rh_websocket_leave(socket);
    }
}

/* Gives back all that only a connection needs. */
static void end(struct rh_websocket *socket)
{
    struct rh_ws_store *store = socket->engine->websockets;
    rh_websocket_enter(socket);
    rh_list_remove(&socket->alarm.due.link);
    socket->state = RH_WS_ENDED;
    rh_websocket_tell_closed(socket, RH_WEBSOCKET_ABNORMAL, (struct rh_slice){"", 0});
    rh_ws_queue_drop(&socket->queue, store, true);
    rh_ws_gather_drop(&socket->gather, store);
    if (socket->codec != NULL) {
        rh_slab_release(&store->windows, socket->codec);
        socket->codec = NULL;
    }
    rh_websocket_leave(socket);
}

static struct rh_session *websocket_open(struct rh_host *host, union rh_speaker *speaker,
                                         void *argument)
{
    struct rh_websocket *socket = argument;
    const struct rh_websocket_options *options = &socket->terms->options;
    (void)speaker;
    RH_ASSERT(socket->state == RH_WS_ACCEPTED || socket->state == RH_WS_CLOSING);
    socket->session.host = host;
    socket->heard_ms = (uint32_t)rh_engine_now_ms(socket->engine);
    if (socket->state == RH_WS_CLOSING) { /* before the answer was sent */
        rh_websocket_set_alarm(socket, options->close_ms);
    } else {
        socket->state = RH_WS_OPEN;
        rh_websocket_watch(socket);
        if (options->on_open != NULL) {
            socket->calls++;
            options->on_open(socket, socket->data);
            socket->calls--;
        }
        if (socket->engine->draining) {
            RH_IGNORE(rh_websocket_close(socket, RH_WEBSOCKET_GOING_AWAY, NULL));
        }
    }
    update(socket);
    return &socket->session;
}

static void websocket_cancel(void *argument)
{
    end(argument);
}

static void websocket_end(struct rh_session *s, enum rh_abort reason)
{
    (void)reason;
    end(socket_of(s));
}

/* --- Bytes --------------------------------------------------------------------------------------
 */

void rh_websocket_wake(struct rh_websocket *socket)
{
    if (socket->session.host != NULL && socket->state != RH_WS_ENDED) {
        update(socket);
        rh_host_wake(socket->session.host);
    }
}

static size_t websocket_feed(struct rh_session *s, char *bytes, size_t len)
{
    struct rh_websocket *socket = socket_of(s);
    socket->calls++;
    size_t used = rh_websocket_receive(socket, bytes, len);
    socket->calls--;
    update(socket);
    return used;
}

/* Everything that was queued is in the output. */
static void tell_drained(struct rh_websocket *socket)
{
    if (!socket->wants_drained || socket->queue.last != NULL) {
        return;
    }
    socket->wants_drained = false;
    if (socket->state == RH_WS_OPEN) {
        socket->calls++;
        socket->terms->options.on_drained(socket, socket->data);
        socket->calls--;
    }
}

static enum rh_pull websocket_pull(struct rh_session *s, struct rh_output *out)
{
    struct rh_websocket *socket = socket_of(s);
    enum rh_pull result = rh_ws_queue_pull(&socket->queue, socket->engine->websockets, out);
    tell_drained(socket);
    update(socket);
    return result;
}

static void websocket_sent(struct rh_session *s)
{
    struct rh_websocket *socket = socket_of(s);
    rh_ws_queue_sent(&socket->queue, socket->engine->websockets);
    tell_drained(socket);
    update(socket);
}

/* --- Ends ---------------------------------------------------------------------------------------
 */

/* Nothing more is received; what is queued may still leave. */
static void stop(struct rh_websocket *socket)
{
    socket->state = RH_WS_ENDING;
    rh_list_remove(&socket->alarm.due.link);
    rh_websocket_tell_closed(socket, RH_WEBSOCKET_ABNORMAL, (struct rh_slice){"", 0});
}

static void websocket_eof(struct rh_session *s)
{
    struct rh_websocket *socket = socket_of(s);
    socket->calls++;
    if (socket->state != RH_WS_ENDING) {
        stop(socket);
    }
    socket->calls--;
    update(socket);
}

static void websocket_drain(struct rh_session *s)
{
    struct rh_websocket *socket = socket_of(s);
    RH_IGNORE(rh_websocket_close(socket, RH_WEBSOCKET_GOING_AWAY, NULL));
    update(socket);
}

void rh_websocket_cut(struct rh_websocket *socket)
{
    if (socket->state == RH_WS_ENDED) {
        return;
    }
    socket->is_cut = true;
    socket->state = RH_WS_ENDING;
    rh_list_remove(&socket->alarm.due.link);
    rh_ws_queue_drop(&socket->queue, socket->engine->websockets, !socket->queue.is_referenced);
    rh_websocket_wake(socket);
}

/* --- Time ---------------------------------------------------------------------------------------
 */

void rh_websocket_set_alarm(struct rh_websocket *socket, uint32_t ms)
{
    rh_list_remove(&socket->alarm.due.link);
    if (ms > 0) {
        rh_engine_alarm(socket->engine, &socket->alarm, ms);
    }
}

void rh_websocket_watch(struct rh_websocket *socket)
{
    uint32_t ms = socket->terms->options.ping_ms;
    uint32_t body_ms = socket->engine->config.body_ms;
    if (socket->is_inside_frame && body_ms > 0 && (ms == 0 || body_ms < ms)) {
        ms = body_ms;
    }
    rh_websocket_set_alarm(socket, ms);
}

/* Nothing of a frame came for as long as a body may be silent. A head, or a control frame, has that
 * time for all of it. */
static bool is_stuck(const struct rh_websocket *socket, uint32_t now_ms)
{
    uint32_t body_ms = socket->engine->config.body_ms;
    uint32_t since_ms = socket->reader.in_frame ? socket->heard_ms : socket->frame_from_ms;
    return socket->is_inside_frame && body_ms > 0 && now_ms - since_ms >= body_ms;
}

static void check_silence(struct rh_websocket *socket)
{
    uint32_t ping_ms = socket->terms->options.ping_ms;
    uint32_t now_ms = (uint32_t)rh_engine_now_ms(socket->engine);
    bool is_silent = ping_ms > 0 && now_ms - socket->heard_ms >= ping_ms;
    if (is_stuck(socket, now_ms)) {
        rh_counter_add(&socket->engine->stats.deadline_ends, 1);
        rh_websocket_fail(socket, RH_WS_RULE_SLOW);
        rh_websocket_wake(socket);
    } else if (is_silent && socket->is_pinged) {
        rh_engine_log(socket->engine, RH_LOG_DEBUG, "a WebSocket peer does not answer pings: cut");
        rh_counter_add(&socket->engine->stats.deadline_ends, 1);
        rh_websocket_cut(socket);
    } else {
        if (is_silent) {
            socket->is_pinged = true;
            RH_IGNORE(rh_websocket_ping(socket));
        }
        rh_websocket_watch(socket);
    }
}

static void on_alarm(struct rh_alarm *alarm)
{
    struct rh_websocket *socket = RH_CONTAINER_OF(alarm, struct rh_websocket, alarm);
    rh_websocket_enter(socket);
    if (socket->state == RH_WS_OPEN) {
        check_silence(socket);
    } else if (socket->state == RH_WS_CLOSING) {
        stop(socket);
        rh_websocket_wake(socket);
    }
    rh_websocket_leave(socket);
}

static const struct rh_session_ops ops = {
    .feed = websocket_feed,
    .pull = websocket_pull,
    .sent = websocket_sent,
    .eof = websocket_eof,
    .end = websocket_end,
    .drain = websocket_drain,
};

const struct rh_session_kind rh_websocket_kind = {
    .name = "WebSocket",
    .open = websocket_open,
    .cancel = websocket_cancel,
};
