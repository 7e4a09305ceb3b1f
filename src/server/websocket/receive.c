/* From frames to messages. Each piece of a message is checked as it arrives: the pace, the limit,
 * the text, so that a bad message ends at its first bad byte and a large one before it is stored. A
 * message that lies whole in the input goes to the handler as it is; one that comes in pieces is
 * gathered, unless the handler takes pieces.
 *
 * A compressed message is inflated piece by piece. The codec of the loop serves one message at a
 * time, so there it begins when all of the message's compressed bytes are gathered. */
#include <stdlib.h>
#include <string.h>

#include "server/websocket/websocket.h"
#include "util/utf8.h"

enum { GATHER_FIRST = 1024, GATHER_KNOWN_MAX = 64 << 10, QUEUE_PAUSE = RH_OUTPUT_BYTES };

static struct rh_ws_store *store_of(const struct rh_websocket *socket)
{
    return socket->engine->websockets;
}

static bool is_reading(const struct rh_websocket *socket)
{
    return socket->state == RH_WS_OPEN || socket->state == RH_WS_CLOSING;
}

/* --- Ends ---------------------------------------------------------------------------------------
 */

static void log_broken(struct rh_websocket *socket, const struct rh_ws_rule_info *info)
{
    char peer[RH_PEER_TEXT_MAX];
    rh_counter_add(&socket->engine->stats.rejected, 1);
    if (rh_engine_logs(socket->engine, RH_LOG_DEBUG)) {
        rh_peer_text(&socket->session.host->peer, peer);
        rh_engine_log(socket->engine, RH_LOG_DEBUG, "%s: WebSocket closed with %u, %s: %s (%s)",
                      peer, info->code, info->id, info->text, info->section);
    }
}

/* Answers with a Close, unless one was sent already. What was queued before leaves before it. */
static void end_with(struct rh_websocket *socket, unsigned code, struct rh_slice reason)
{
    bool has_close = socket->state == RH_WS_CLOSING;
    rh_list_remove(&socket->alarm.due.link);
    socket->state = RH_WS_ENDING;
    rh_ws_gather_drop(&socket->gather, store_of(socket));
    if (!has_close && !rh_websocket_queue_close(socket, code, reason)) {
        socket->is_cut = true;
    }
}

void rh_websocket_fail(struct rh_websocket *socket, enum rh_ws_rule rule)
{
    const struct rh_ws_rule_info *info = rh_ws_rule_info(rule);
    struct rh_slice text = rh_slice_from(info->text);
    if (is_reading(socket)) {
        log_broken(socket, info);
        end_with(socket, info->code, text);
        rh_websocket_tell_closed(socket, info->code, text);
    }
}

/* --- Gathering ----------------------------------------------------------------------------------
 */

void rh_ws_gather_drop(struct rh_ws_gather *gather, struct rh_ws_store *store)
{
    free(gather->bytes);
    rh_ws_store_give(store, gather->cap);
    *gather = (struct rh_ws_gather){NULL, 0, 0};
}

/* How much to allocate for `need` bytes, with `known` more to come in this frame. A stranger's word
 * is good for a little memory; for more, the bytes have to come. */
static size_t gather_cap(size_t need, uint64_t known, bool is_last)
{
    size_t ahead = need > GATHER_KNOWN_MAX ? need : GATHER_KNOWN_MAX;
    if (known > 0) {
        return need + (known < ahead ? (size_t)known : ahead);
    }
    return is_last ? need : need + (need > GATHER_FIRST ? need : GATHER_FIRST);
}

/* Makes room for `len` more bytes. False if the memory of the loop is used up. */
static bool gather_grow(struct rh_websocket *socket, size_t len, bool is_last)
{
    struct rh_ws_gather *gather = &socket->gather;
    size_t need = gather->len + len;
    if (need <= gather->cap) {
        return true;
    }
    size_t cap = gather_cap(need, socket->reader.left, is_last);
    if (cap > UINT32_MAX || !rh_ws_store_take(store_of(socket), cap - gather->cap)) {
        return false;
    }
    char *bytes = realloc(gather->bytes, cap);
    if (bytes == NULL) {
        rh_ws_store_give(store_of(socket), cap - gather->cap);
        return false;
    }
    gather->bytes = bytes;
    gather->cap = (uint32_t)cap;
    return true;
}

/* Gathers bytes, without their mask. NULL if there is no room; else they lie there. */
static char *gather_add(struct rh_websocket *socket, struct rh_slice bytes, uint32_t mask,
                        bool is_last)
{
    static char nothing[1];
    struct rh_ws_gather *gather = &socket->gather;
    if (!gather_grow(socket, bytes.len, is_last)) {
        rh_websocket_fail(socket, RH_WS_RULE_NO_MEMORY);
        return NULL;
    }
    char *to = gather->bytes != NULL ? gather->bytes + gather->len : nothing;
    rh_ws_unmask(to, bytes.base, bytes.len, mask);
    gather->len += (uint32_t)bytes.len;
    return to;
}

/* --- Delivering ---------------------------------------------------------------------------------
 */

static bool check_text(struct rh_websocket *socket, struct rh_slice bytes, bool is_last)
{
    socket->text_in = rh_utf8_scan(socket->text_in, bytes.base, bytes.len);
    bool is_broken =
        socket->text_in == RH_UTF8_BROKEN || (is_last && socket->text_in != RH_UTF8_START);
    if (is_broken) {
        rh_websocket_fail(socket, RH_WS_RULE_TEXT);
    }
    return !is_broken;
}

static void deliver_whole(struct rh_websocket *socket, enum rh_websocket_kind kind,
                          struct rh_slice message)
{
    const struct rh_websocket_options *options = &socket->terms->options;
    if (options->on_message != NULL && socket->state == RH_WS_OPEN) {
        options->on_message(socket, kind, message, socket->data);
    }
}

/* The gathered message goes to the handler; its memory is the handler's for the call only. */
static void deliver_gathered(struct rh_websocket *socket, enum rh_websocket_kind kind)
{
    struct rh_ws_gather gather = socket->gather;
    socket->gather = (struct rh_ws_gather){NULL, 0, 0};
    deliver_whole(socket, kind, (struct rh_slice){gather.bytes, gather.len});
    rh_ws_gather_drop(&gather, store_of(socket));
}

/* The next bytes of a message, as its sender wrote them. */
static void deliver(struct rh_websocket *socket, enum rh_websocket_kind kind, struct rh_slice bytes,
                    bool is_last)
{
    const struct rh_websocket_options *options = &socket->terms->options;
    if (kind == RH_WEBSOCKET_TEXT && !check_text(socket, bytes, is_last)) {
        return;
    }
    if (options->on_fragment != NULL) {
        if ((bytes.len > 0 || is_last) && socket->state == RH_WS_OPEN) {
            options->on_fragment(socket, kind, bytes, is_last, socket->data);
        }
    } else if (is_last && socket->gather.len == 0) {
        deliver_whole(socket, kind, bytes);
    } else if (gather_add(socket, bytes, 0, is_last) != NULL && is_last) {
        deliver_gathered(socket, kind);
    }
}

/* False if `len` more bytes make the message too large. */
static bool check_limit(struct rh_websocket *socket, uint64_t len)
{
    if (len > socket->terms->options.message_bytes_max - socket->message_bytes) {
        rh_websocket_fail(socket, RH_WS_RULE_TOO_LARGE);
        return false;
    }
    return true;
}

/* --- Compressed messages ------------------------------------------------------------------------
 */

/* Fills the scratch memory from what was given. Returns its length; less than all of it: no more is
 * to come. -1 if the data is broken. */
static ptrdiff_t fill_scratch(struct rh_ws_codec *codec, char *scratch)
{
    size_t len = 0;
    while (len < RH_WS_SCRATCH_BYTES) {
        ptrdiff_t n = rh_ws_inflate_take(codec, scratch + len, RH_WS_SCRATCH_BYTES - len);
        if (n < 0) {
            return n;
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    return (ptrdiff_t)len;
}

/* Inflates what was given, counts it against the limit before it is stored, and delivers it. */
static void inflate_given(struct rh_websocket *socket, struct rh_ws_codec *codec,
                          enum rh_websocket_kind kind, bool is_last)
{
    char *scratch = store_of(socket)->scratch;
    ptrdiff_t len = RH_WS_SCRATCH_BYTES;
    while (len == RH_WS_SCRATCH_BYTES && is_reading(socket)) {
        len = fill_scratch(codec, scratch);
        if (len < 0) {
            rh_websocket_fail(socket, RH_WS_RULE_DEFLATE);
            return;
        }
        if (!check_limit(socket, (uint64_t)len)) {
            return;
        }
        socket->message_bytes += (uint32_t)len;
        deliver(socket, kind, (struct rh_slice){scratch, (size_t)len},
                is_last && len < RH_WS_SCRATCH_BYTES);
    }
}

/* In place: the input is the session's to change. */
static void unmask(const struct rh_ws_piece *piece)
{
    char *bytes = (char *)(uintptr_t)piece->bytes.base;
    rh_ws_unmask(bytes, bytes, piece->bytes.len, piece->mask);
}

/* By the loop's codec: all at once. */
static void inflate_whole(struct rh_websocket *socket, const struct rh_ws_piece *piece)
{
    struct rh_ws_codec *codec = rh_ws_store_codec(store_of(socket));
    struct rh_slice bytes = piece->bytes;
    if (!piece->is_last || socket->gather.len > 0) {
        if (!check_limit(socket, (uint64_t)socket->gather.len + bytes.len) ||
            gather_add(socket, bytes, piece->mask, piece->is_last) == NULL || !piece->is_last) {
            return;
        }
        bytes = (struct rh_slice){socket->gather.bytes, socket->gather.len};
    } else {
        unmask(piece);
    }
    struct rh_ws_gather compressed = socket->gather;
    socket->gather = (struct rh_ws_gather){NULL, 0, 0};
    rh_ws_inflate_begin(codec, false);
    rh_ws_inflate_give(codec, bytes, true);
    inflate_given(socket, codec, (enum rh_websocket_kind)piece->opcode, true);
    rh_ws_gather_drop(&compressed, store_of(socket));
}

/* By a codec of its own: as it comes. */
static void inflate_piece(struct rh_websocket *socket, const struct rh_ws_piece *piece)
{
    if (piece->is_first) {
        rh_ws_inflate_begin(socket->codec, true);
    }
    unmask(piece);
    rh_ws_inflate_give(socket->codec, piece->bytes, piece->is_last);
    inflate_given(socket, socket->codec, (enum rh_websocket_kind)piece->opcode, piece->is_last);
}

static void receive_compressed(struct rh_websocket *socket, const struct rh_ws_piece *piece)
{
    if (socket->deflate.client_keeps_window) {
        inflate_piece(socket, piece);
    } else {
        inflate_whole(socket, piece);
    }
}

/* --- Plain messages ----------------------------------------------------------------------------
 */

/* A piece of a message that does not come whole: it is gathered as it is unmasked, in one go. */
static void gather_piece(struct rh_websocket *socket, const struct rh_ws_piece *piece)
{
    const char *bytes = gather_add(socket, piece->bytes, piece->mask, piece->is_last);
    if (bytes == NULL) {
        return;
    }
    if (piece->opcode == RH_WS_TEXT &&
        !check_text(socket, (struct rh_slice){bytes, piece->bytes.len}, piece->is_last)) {
        return;
    }
    if (piece->is_last) {
        deliver_gathered(socket, (enum rh_websocket_kind)piece->opcode);
    }
}

static void receive_plain(struct rh_websocket *socket, const struct rh_ws_piece *piece)
{
    bool gathers = socket->terms->options.on_fragment == NULL;
    if (gathers) {
        if (!check_limit(socket, piece->bytes.len + socket->reader.left)) {
            return;
        }
        socket->message_bytes += (uint32_t)piece->bytes.len;
    }
    if (gathers && (!piece->is_last || socket->gather.len > 0)) {
        gather_piece(socket, piece);
        return;
    }
    unmask(piece);
    deliver(socket, (enum rh_websocket_kind)piece->opcode, piece->bytes, piece->is_last);
}

/* --- Pieces -------------------------------------------------------------------------------------
 */

/* The minimum rate, inside of frames only: between them a peer may take its time. */
static bool is_too_slow(struct rh_websocket *socket, const struct rh_ws_piece *piece)
{
    const struct rh_config *config = &socket->engine->config;
    uint32_t now_ms = (uint32_t)rh_engine_now_ms(socket->engine);
    uint32_t took_ms = now_ms - socket->frame_from_ms;
    socket->frame_bytes += piece->bytes.len;
    return took_ms > config->rate_grace_ms &&
           socket->frame_bytes * 1000 < (uint64_t)took_ms * config->rate_bytes_min;
}

static bool is_flood(struct rh_websocket *socket, const struct rh_ws_piece *piece)
{
    bool is_tiny = piece->ends_frame && !piece->is_last && socket->frame_bytes < RH_WS_TINY_BYTES;
    return is_tiny && !rh_ws_flood_add(&socket->flood, rh_engine_now_ms(socket->engine));
}

static void receive_data(struct rh_websocket *socket, const struct rh_ws_piece *piece)
{
    if (is_too_slow(socket, piece)) {
        rh_websocket_fail(socket, RH_WS_RULE_SLOW);
        return;
    }
    if (is_flood(socket, piece)) {
        rh_websocket_fail(socket, RH_WS_RULE_FLOOD);
        return;
    }
    if (piece->is_first) {
        socket->message_bytes = 0;
        socket->text_in = RH_UTF8_START;
    }
    rh_counter_add(&socket->engine->stats.messages_in, piece->is_last);
    if (socket->state != RH_WS_OPEN) { /* after our Close nobody listens */
        return;
    }
    if (piece->is_compressed) {
        receive_compressed(socket, piece);
        return;
    }
    receive_plain(socket, piece);
}

/* --- Control frames -----------------------------------------------------------------------------
 */

static enum rh_ws_rule check_close(struct rh_slice payload, unsigned *ret_code)
{
    *ret_code = 0;
    if (payload.len == 0) {
        return RH_WS_RULE_NONE;
    }
    if (payload.len == 1) {
        return RH_WS_RULE_CLOSE_SHORT;
    }
    *ret_code = (unsigned)(unsigned char)payload.base[0] << 8 | (unsigned char)payload.base[1];
    if (!rh_ws_close_code_is_valid(*ret_code)) {
        return RH_WS_RULE_CLOSE_CODE;
    }
    struct rh_slice reason = {payload.base + 2, payload.len - 2};
    return rh_utf8_is_valid(reason) ? RH_WS_RULE_NONE : RH_WS_RULE_CLOSE_TEXT;
}

/* The peer's Close begins the closing handshake, or ends the one that we began. */
static void receive_close(struct rh_websocket *socket, struct rh_slice payload)
{
    unsigned code;
    enum rh_ws_rule rule = check_close(payload, &code);
    if (rule != RH_WS_RULE_NONE) {
        rh_websocket_fail(socket, rule);
        return;
    }
    struct rh_slice reason = {code != 0 ? payload.base + 2 : "", code != 0 ? payload.len - 2 : 0};
    end_with(socket, code, (struct rh_slice){"", 0});
    rh_websocket_tell_closed(socket, code != 0 ? code : RH_WEBSOCKET_NO_CODE, reason);
}

static void receive_control(struct rh_websocket *socket, const struct rh_ws_piece *piece)
{
    if (piece->opcode == RH_WS_CLOSE) {
        receive_close(socket, piece->bytes);
        return;
    }
    if (!rh_ws_flood_add(&socket->flood, rh_engine_now_ms(socket->engine))) {
        rh_websocket_fail(socket, RH_WS_RULE_FLOOD);
    } else if (piece->opcode == RH_WS_PING && socket->state == RH_WS_OPEN) {
        rh_websocket_queue_control(socket, RH_WS_PONG, piece->bytes);
    }
}

/* --- Input --------------------------------------------------------------------------------------
 */

/* A head that announces more than the limit is refused before its payload arrives. */
static void check_announced(struct rh_websocket *socket)
{
    if (socket->terms->options.on_fragment == NULL && socket->state == RH_WS_OPEN &&
        !socket->reader.is_compressed && socket->reader.left > 0) {
        uint32_t before = socket->reader.begins ? 0 : socket->message_bytes;
        if (socket->reader.left > socket->terms->options.message_bytes_max - before) {
            rh_websocket_fail(socket, RH_WS_RULE_TOO_LARGE);
        }
    }
}

/* Reads one frame or a piece of it. False if more bytes are needed. */
static bool receive_one(struct rh_websocket *socket, char *bytes, size_t len, size_t *ret_used)
{
    struct rh_ws_piece piece;
    bool was_inside = socket->reader.in_frame;
    enum rh_ws_read result = rh_ws_reader_feed(&socket->reader, bytes, len, ret_used, &piece);
    if (!was_inside && *ret_used > 0) {
        socket->frame_bytes = 0;
        socket->frame_from_ms = (uint32_t)rh_engine_now_ms(socket->engine);
    }
    switch (result) {
    case RH_WS_MORE:
        check_announced(socket);
        return false;
    case RH_WS_DATA:
        receive_data(socket, &piece);
        return true;
    case RH_WS_CONTROL:
        receive_control(socket, &piece);
        return true;
    case RH_WS_REJECT:
        rh_websocket_fail(socket, (enum rh_ws_rule)socket->reader.rule);
        return true;
    }
    return false;
}

/* What is queued fills an output: it leaves before more is read. */
static bool has_to_send(const struct rh_websocket *socket)
{
    return (socket->queue.bytes >= QUEUE_PAUSE && socket->queue.last != NULL) ||
           !rh_ws_queue_has_control_room(&socket->queue);
}

/* A frame is not complete: from now on its silence counts. */
static void note_inside(struct rh_websocket *socket, bool is_inside)
{
    bool begins = is_inside && !socket->is_inside_frame && is_reading(socket);
    socket->is_inside_frame = is_inside;
    if (begins) {
        if (!socket->reader.in_frame) {
            socket->frame_from_ms = (uint32_t)rh_engine_now_ms(socket->engine);
        }
        if (socket->state == RH_WS_OPEN) {
            rh_websocket_watch(socket);
        }
    }
}

size_t rh_websocket_receive(struct rh_websocket *socket, char *bytes, size_t len)
{
    size_t used = 0;
    if (len > 0) {
        socket->heard_ms = (uint32_t)rh_engine_now_ms(socket->engine);
        socket->is_pinged = false;
    }
    while (is_reading(socket) && !has_to_send(socket)) {
        size_t n;
        bool moved = receive_one(socket, bytes + used, len - used, &n);
        used += n;
        if (!moved || used == len) {
            break;
        }
    }
    note_inside(socket, socket->reader.in_frame || (used < len && !has_to_send(socket)));
    return is_reading(socket) ? used : len;
}
