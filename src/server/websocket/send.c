/* What a handler sends. A message becomes one frame in the socket's queue, whole or not at all, and
 * its host is told to look. Ways to fail: the socket is closed, a limit, a text that is none. */
#include <string.h>

#include "server/websocket/websocket.h"
#include "util/utf8.h"

static bool may_send(const struct rh_websocket *socket)
{
    return socket->state == RH_WS_OPEN || socket->state == RH_WS_ACCEPTED;
}

static struct rh_ws_store *store_of(const struct rh_websocket *socket)
{
    return socket->engine->websockets;
}

/* 0, or why a frame of this length cannot be queued now. */
static int check_room(const struct rh_websocket *socket, size_t frame_len)
{
    size_t max = socket->terms->options.queue_bytes_max;
    size_t cost = rh_ws_entry_cost(frame_len);
    return cost > max ? RH_ENOROOM : cost > max - socket->queue.bytes ? RH_EAGAIN : 0;
}

/* A message is in the queue. */
static ptrdiff_t queued(struct rh_websocket *socket)
{
    rh_counter_add(&socket->engine->stats.messages_out, 1);
    socket->wants_drained = socket->terms->options.on_drained != NULL;
    rh_websocket_wake(socket);
    return (ptrdiff_t)socket->queue.bytes;
}

/* The message compressed, as a frame; NULL if it gets no shorter or there is no memory. */
static struct rh_ws_entry *compress(struct rh_websocket *socket, enum rh_websocket_kind kind,
                                    struct rh_slice message)
{
    struct rh_ws_store *store = store_of(socket);
    bool keeps_window = socket->deflate.server_keeps_window;
    struct rh_ws_codec *codec = socket->codec != NULL ? socket->codec : rh_ws_store_codec(store);
    size_t room = keeps_window ? rh_ws_deflate_bound(message.len) : message.len;
    char *payload;
    struct rh_ws_entry *entry =
        codec != NULL ? rh_ws_entry_create_room(store, room, &payload) : NULL;
    if (entry == NULL) {
        return NULL;
    }
    size_t len =
        rh_ws_deflate(codec, keeps_window, socket->deflate.server_bits, message, payload, room);
    if (len == 0) {
        RH_ASSERT(!keeps_window); /* its window would hold what the peer never gets */
        rh_ws_entry_destroy(store, entry);
        return NULL;
    }
    return rh_ws_entry_finish(store, entry, (enum rh_ws_opcode)kind, true, len);
}

static struct rh_ws_entry *make_frame(struct rh_websocket *socket, enum rh_ws_opcode opcode,
                                      bool is_final, struct rh_slice bytes)
{
    char *payload;
    struct rh_ws_entry *entry =
        rh_ws_entry_create(store_of(socket), opcode, is_final, false, bytes.len, &payload);
    if (entry != NULL && bytes.len > 0) {
        memcpy(payload, bytes.base, bytes.len);
    }
    return entry;
}

ptrdiff_t rh_websocket_send(struct rh_websocket *socket, enum rh_websocket_kind kind,
                            const void *bytes, size_t len)
{
    const struct rh_websocket_options *options = &socket->terms->options;
    struct rh_ws_entry *entry = NULL;
    if (!may_send(socket)) {
        return RH_ECUT;
    }
    if (kind == RH_WEBSOCKET_TEXT && !rh_utf8_is_valid((struct rh_slice){bytes, len})) {
        return RH_ETEXT;
    }
    int err = check_room(socket, len + rh_ws_head_bytes(len));
    if (err != 0) {
        return err;
    }
    if (socket->deflate.is_on && len >= options->compress_bytes_min && len > 0) {
        entry = compress(socket, kind, (struct rh_slice){bytes, len});
    }
    if (entry == NULL) {
        entry = make_frame(socket, (enum rh_ws_opcode)kind, true, (struct rh_slice){bytes, len});
    }
    if (entry == NULL) {
        return RH_ENOROOM;
    }
    rh_ws_queue_push(&socket->queue, entry);
    return queued(socket);
}

ptrdiff_t rh_websocket_send_shared(struct rh_websocket *socket, struct rh_ws_shared *shared)
{
    if (!may_send(socket)) {
        return RH_ECUT;
    }
    /* Each socket counts the whole frame: it is what the peer has not taken. */
    int err = check_room(socket, shared->len);
    struct rh_ws_entry *entry =
        err == 0 ? rh_ws_entry_create_shared(store_of(socket), shared) : NULL;
    if (entry == NULL) {
        return err != 0 ? err : RH_ENOROOM;
    }
    rh_ws_queue_push(&socket->queue, entry);
    return queued(socket);
}

ptrdiff_t rh_websocket_send_fragment(struct rh_websocket *socket, enum rh_websocket_kind kind,
                                     const void *bytes, size_t len, int is_last)
{
    bool is_first = !socket->queue.is_fragmenting;
    uint8_t text = is_first ? RH_UTF8_START : socket->text_out;
    if (!may_send(socket)) {
        return RH_ECUT;
    }
    if (!is_first && kind != socket->fragments_kind) {
        return RH_ESTATE;
    }
    if (kind == RH_WEBSOCKET_TEXT) {
        text = rh_utf8_scan(text, bytes, len);
        if (text == RH_UTF8_BROKEN || (is_last && text != RH_UTF8_START)) {
            return RH_ETEXT;
        }
    }
    int err = check_room(socket, len + rh_ws_head_bytes(len));
    if (err != 0) {
        return err;
    }
    struct rh_ws_entry *entry =
        make_frame(socket, is_first ? (enum rh_ws_opcode)kind : RH_WS_CONTINUATION, is_last != 0,
                   (struct rh_slice){bytes, len});
    if (entry == NULL) {
        return RH_ENOROOM;
    }
    socket->text_out = text;
    socket->fragments_kind = (uint8_t)kind;
    rh_ws_queue_push_fragment(&socket->queue, entry, is_last != 0);
    return queued(socket);
}

/* --- Control frames -----------------------------------------------------------------------------
 */

void rh_websocket_queue_control(struct rh_websocket *socket, enum rh_ws_opcode opcode,
                                struct rh_slice payload)
{
    struct rh_ws_entry *entry = rh_ws_entry_create_control(opcode, payload);
    if (entry != NULL) { /* else the peer misses one: it asks again */
        rh_ws_queue_push_control(&socket->queue, entry);
    }
}

int rh_websocket_ping(struct rh_websocket *socket)
{
    if (!may_send(socket)) {
        return RH_ECUT;
    }
    if (!rh_ws_queue_has_control_room(&socket->queue)) {
        return RH_EAGAIN;
    }
    rh_websocket_queue_control(socket, RH_WS_PING, (struct rh_slice){"", 0});
    rh_websocket_wake(socket);
    return 0;
}

bool rh_websocket_queue_close(struct rh_websocket *socket, unsigned code, struct rh_slice reason)
{
    char payload[RH_WS_CONTROL_BYTES_MAX];
    size_t len = 0;
    if (code != 0) {
        payload[0] = (char)(code >> 8);
        payload[1] = (char)(code & 0xff);
        memcpy(payload + 2, reason.base, reason.len);
        len = 2 + reason.len;
    }
    struct rh_ws_entry *entry =
        rh_ws_entry_create_control(RH_WS_CLOSE, (struct rh_slice){payload, len});
    if (entry == NULL) {
        return false;
    }
    rh_ws_queue_push_close(&socket->queue, store_of(socket), entry);
    return true;
}

int rh_websocket_close(struct rh_websocket *socket, unsigned code, const char *reason)
{
    struct rh_slice text = rh_slice_from(reason != NULL ? reason : "");
    if (!may_send(socket)) {
        return RH_ECUT;
    }
    if (!rh_ws_close_code_is_valid(code) || text.len > RH_WS_CONTROL_BYTES_MAX - 2 ||
        !rh_utf8_is_valid(text)) {
        return RH_EFIELD;
    }
    if (!rh_websocket_queue_close(socket, code, text)) {
        rh_websocket_cut(socket);
        return 0;
    }
    bool was_open = socket->state == RH_WS_OPEN;
    socket->state = RH_WS_CLOSING;
    if (was_open) {
        rh_websocket_set_alarm(socket, socket->terms->options.close_ms);
    }
    rh_websocket_wake(socket);
    return 0;
}

void rh_websocket_end_slow(struct rh_websocket *socket)
{
    if (may_send(socket)) {
        rh_ws_queue_drop(&socket->queue, store_of(socket), false);
        RH_IGNORE(rh_websocket_close(socket, RH_WEBSOCKET_TRY_LATER, "too slow"));
    }
}
