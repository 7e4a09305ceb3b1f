/* How an answer becomes bytes in the output: its head, then its body copied, by reference, or
 * pulled from a source piece by piece. Ways to fail: fields that fit no buffer become a 500; a
 * source that breaks off after the head ends the connection without a proper end, so that the peer
 * sees that the answer is not whole. */
#include <string.h>

#include "server/door.h"
#include "server/http1.h"
#include "util/word.h"

enum { CHUNK_HEAD = 6, CHUNK_TAIL = 2, LAST_CHUNK = 5, CHUNK_BYTES_MAX = 0xffff };
enum { SOURCE_ROOM_MIN = 4096, FILE_PIECE = 1 << 20, RECORD = 16384 };

static bool must_end(struct rh_http1 *h, struct rh_exchange *x)
{
    const struct rh_config *config = &x->engine->config;
    if (!x->head.keep_alive || config->keep_alive == 0 || x->engine->draining ||
        (config->requests_max != 0 && h->requests >= config->requests_max)) {
        return true;
    }
    if (x->body_state == RH_BODY_DONE || (x->stream_open && x->body_state != RH_BODY_FAILED)) {
        return false;
    }
    /* The body was not read. A client that waits for 100 may never send it (RFC 9110 §10.1.1). */
    return x->body_state == RH_BODY_FAILED || (x->head.expect_continue && x->body_received == 0) ||
           x->body_left + x->body_pending > config->discard_bytes_max;
}

/* Nothing is owed or read on, nobody holds it or asks how it ended. */
static bool ends_quietly(const struct rh_exchange *x)
{
    bool concerns = x->owes_body | x->held | x->stream_open | x->ends_connection | (x->calls > 0) |
                    rh_exchange_has_posts(x);
    return !concerns && x->body_state == RH_BODY_DONE && x->session != NULL &&
           !rh_exchange_wants_outcome(x);
}

void rh_http1_complete(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out)
{
    x->answer_state = RH_ANSWER_COMPLETE;
    if (RH_LIKELY(ends_quietly(x))) { /* what the long way comes to then */
        h->x = NULL;
        x->session = NULL;
        x->concluded = true;
        rh_engine_count(x->engine, x->status, x->started_us);
        rh_exchange_free(x);
        return;
    }
    rh_exchange_enter(x);
    rh_exchange_close_body(x);
    if (x->session != NULL) { /* else its source's end closed the server, and it is cut */
        rh_exchange_conclude_behind(x, out);
    }
    rh_http1_settle(h);
    rh_stream_let_go(x);
    rh_exchange_leave(x);
}

/* The answer broke off after its head: the peer must see that it is not whole, so the connection
 * ends without a last chunk. */
static void break_off(struct rh_http1 *h, struct rh_exchange *x, const char *why)
{
    rh_exchange_log(x, RH_LOG_ERROR, "answer of %.*s broke off: %s", RH_ROW(x), why);
    h->x = NULL;
    rh_http1_finish(h, false);
    rh_exchange_cut(x, RH_WRITE_FAILED);
}

static int64_t answer_length(const struct rh_exchange *x)
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

/* A chunk head of fixed width, so that its data can be pulled in place behind it (RFC 9112 §7.1).
 */
static void put_chunk_head(char *at, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    at[0] = hex[len >> 12 & 15];
    at[1] = hex[len >> 8 & 15];
    at[2] = hex[len >> 4 & 15];
    at[3] = hex[len & 15];
    at[4] = '\r';
    at[5] = '\n';
}

/* Behind a call of a source, which was entered: true where `n` is what it gave, else *ret_pull says
 * what follows. A source of a known length gives something. */
static bool source_gave(struct rh_http1 *h, struct rh_exchange *x, ptrdiff_t n,
                        bool length_is_known, enum rh_pull *ret_pull)
{
    bool cut = x->session == NULL;
    rh_exchange_leave(x);
    *ret_pull = RH_PULL_NOTHING;
    if (cut) {
        return false;
    }
    if (n == RH_EAGAIN) {
        x->source_waits = true;
        return false;
    }
    if (n < 0 || (n == 0 && length_is_known)) {
        break_off(h, x, n < 0 && n != UV_EOF ? rh_strerror((int)n) : "shorter than announced");
        *ret_pull = RH_PULL_ADDED;
        return false;
    }
    return true;
}

/* A range of a file instead of its bytes. Completed by `sent`, since it goes behind what is in the
 * output. */
static enum rh_pull pull_range(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out)
{
    const struct rh_file_source *file = x->source.data;
    struct rh_file_range range;
    uint64_t left = (uint64_t)x->source.length - x->answer_bytes;
    if (rh_output_room(out) == 0) {
        return RH_PULL_FULL;
    }
    enum rh_pull result;
    rh_exchange_enter(x);
    ptrdiff_t n = file->range(x->source.data, left < FILE_PIECE ? left : FILE_PIECE, &range);
    if (!source_gave(h, x, n, true, &result)) {
        return result;
    }
    RH_ASSERT((uint64_t)n == range.len && range.len <= left);
    x->answer_bytes += range.len;
    out->file = range;
    return RH_PULL_ADDED;
}

static enum rh_pull pull_source(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out)
{
    int64_t length = x->source.length;
    size_t room = rh_output_room(out);
    if (length >= 0 && x->answer_bytes == (uint64_t)length) {
        rh_http1_complete(h, x, out);
        return RH_PULL_ADDED;
    }
    if (x->source_waits) {
        return RH_PULL_NOTHING;
    }
    if (x->source_is_file && h->session.host->takes_files) {
        return pull_range(h, x, out);
    }
    if (room < SOURCE_ROOM_MIN + CHUNK_HEAD + CHUNK_TAIL + LAST_CHUNK) {
        return RH_PULL_FULL;
    }
    char *at = rh_output_tail(out);
    if (x->chunked) {
        room -= CHUNK_HEAD + CHUNK_TAIL + LAST_CHUNK;
        room = room < CHUNK_BYTES_MAX ? room : CHUNK_BYTES_MAX;
    }
    if (length >= 0 && room > (uint64_t)length - x->answer_bytes) {
        room = (size_t)((uint64_t)length - x->answer_bytes);
    }
    size_t bit = (out->used + room) % RECORD;
    if (x->source_is_file && length >= 0 && bit < room &&
        (uint64_t)length - x->answer_bytes > room) {
        room -= bit; /* who pulls a file is TLS: full records, and not a bit of one more */
    }
    enum rh_pull result;
    rh_exchange_enter(x);
    ptrdiff_t n = x->source.pull(x->source.data, x->chunked ? at + CHUNK_HEAD : at, room);
    if (!source_gave(h, x, n, length >= 0, &result)) {
        return result;
    }
    if (n == 0) {
        if (x->chunked) {
            memcpy(at, "0\r\n\r\n", LAST_CHUNK);
            rh_output_added(out, LAST_CHUNK);
        }
        rh_http1_complete(h, x, out);
        return RH_PULL_ADDED;
    }
    RH_ASSERT((size_t)n <= room);
    x->answer_bytes += (size_t)n;
    if (x->chunked) {
        put_chunk_head(at, (size_t)n);
        memcpy(at + CHUNK_HEAD + n, "\r\n", CHUNK_TAIL);
        n += CHUNK_HEAD + CHUNK_TAIL;
    }
    rh_output_added(out, (size_t)n);
    return RH_PULL_ADDED;
}

/* 101 ends HTTP/1 on this connection (RFC 9110 §15.2.2): the host asks who is next. */
static enum rh_pull hand_over(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out)
{
    x->answer_state = RH_ANSWER_COMPLETE;
    h->session.hands_over = true;
    rh_exchange_enter(x);
    rh_exchange_conclude_behind(x, out);
    rh_exchange_leave(x);
    return RH_PULL_ADDED;
}

/* Head, and the body at once where it fits. */
static enum rh_pull begin_answer(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out)
{
    x->ends_connection = x->answer_kind != RH_ANSWER_UPGRADE && must_end(h, x);
    if (!rh_http1_encode_head(x, out, answer_length(x))) {
        if (out->used > 0) {
            return RH_PULL_FULL;
        }
        rh_exchange_log(x, RH_LOG_ERROR, "the fields of an answer fit no buffer");
        x->response_first = NULL;
        x->response_last = &x->response_first;
        x->response_bytes = 0;
        x->type = (struct rh_slice){NULL, 0};
        x->status = 500;
        rh_exchange_close_body(x);
        x->answer_kind = RH_ANSWER_EMPTY;
        return RH_PULL_ADDED;
    }
    if (RH_UNLIKELY(x->answer_kind == RH_ANSWER_UPGRADE)) {
        return hand_over(h, x, out);
    }
    bool no_content = x->is_head || x->status == 204 || x->status == 304;
    if (no_content || x->answer_kind == RH_ANSWER_EMPTY) {
        x->is_head = true; /* a stream's writes are dropped */
        rh_http1_complete(h, x, out);
        return RH_PULL_ADDED;
    }
    x->answer_state = RH_ANSWER_SENDING;
    if (x->answer_kind == RH_ANSWER_SOURCE) {
        return RH_PULL_ADDED;
    }
    x->answer_bytes = x->memory.len;
    if (x->memory.len <= rh_output_room(out)) {
        rh_word_copy(rh_output_tail(out), x->memory.base, x->memory.len);
        rh_output_added(out, x->memory.len);
        rh_http1_complete(h, x, out);
    } else {
        out->ref = x->memory; /* completed by `sent` */
    }
    return RH_PULL_ADDED;
}

enum rh_pull rh_http1_answer(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (x->continue_due && x->answer_state == RH_ANSWER_NONE) {
        if (rh_output_room(out) < sizeof go_on) {
            return RH_PULL_FULL;
        }
        x->continue_due = false;
        if (x->body_received > 0 || x->body_pending > 0) {
            return RH_PULL_NOTHING; /* it did not wait (RFC 9110 §10.1.1) */
        }
        memcpy(rh_output_tail(out), go_on, sizeof go_on - 1);
        rh_output_added(out, sizeof go_on - 1);
        return RH_PULL_ADDED;
    }
    switch ((enum rh_answer_state)x->answer_state) {
    case RH_ANSWER_READY:
        return begin_answer(h, x, out);
    case RH_ANSWER_SENDING:
        return x->answer_kind == RH_ANSWER_SOURCE ? pull_source(h, x, out) : RH_PULL_NOTHING;
    default:
        return RH_PULL_NOTHING;
    }
}
