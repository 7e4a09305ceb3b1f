/* How an answer becomes bytes in the output: its head, then its body copied, by reference, or
 * pulled from a source piece by piece. Ways to fail: fields that fit no buffer become a 500; a
 * source that breaks off after the head ends the connection without a proper end, so that the peer
 * sees that the answer is not whole. */
#include <string.h>

#include "server/exchange/answer.h"
#include "server/door.h"
#include "server/http1/http1.h"
#include "util/word.h"

enum { CHUNK_HEAD = 6, CHUNK_TAIL = 2, LAST_CHUNK = 5, CHUNK_BYTES_MAX = 0xffff };
enum { SOURCE_ROOM_MIN = 4096, FILE_PIECE = 1 << 20 };

static bool must_end(struct rh_http1 *h, struct rh_exchange *x)
{
    const struct rh_config *config = &x->engine->config;
    if (!x->head.keep_alive || config->keep_alive == 0 || x->engine->draining ||
        (config->requests_max != 0 && h->requests >= config->requests_max)) {
        return true;
    }
    if (x->body_state == RH_BODY_DONE ||
        (x->stream == RH_STREAM_OPEN && x->body_state != RH_BODY_FAILED)) {
        return false;
    }
    /* The body was not read. A client that waits for 100 may never send it (RFC 9110 §10.1.1). */
    return x->body_state == RH_BODY_FAILED || (x->head.expect_continue && x->body_received == 0) ||
           x->body_left + x->body_pending > config->discard_bytes_max;
}

/* Nothing is owed or read on, nobody holds it or asks how it ended. */
static bool ends_quietly(const struct rh_exchange *x)
{
    unsigned concerns = (unsigned)rh_answer_holds(x) | (unsigned)rh_exchange_is_kept(x) |
                        x->ends_connection | (x->calls > 0) | (unsigned)rh_exchange_has_posts(x);
    return concerns == 0 && x->body_state == RH_BODY_DONE && x->session != NULL &&
           !rh_exchange_wants_outcome(x);
}

void rh_http1_complete(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out)
{
    rh_answer_complete(x);
    if (RH_LIKELY(ends_quietly(x))) { /* what the long way comes to then */
        h->x = NULL;
        x->session = NULL;
        x->concluded = true;
        rh_engine_count(x->engine, x->status, x->started_us);
        rh_exchange_free(x);
        return;
    }
    rh_exchange_enter(x);
    rh_answer_give_back(x);
    if (x->session != NULL) { /* else its source's end closed the server, and it is cut */
        rh_exchange_conclude_behind(x, out);
    }
    rh_http1_settle(h);
    rh_stream_let_go(x);
    rh_exchange_leave(x);
}

/* The peer must see that the answer is not whole: the connection ends without a last chunk. */
static void break_off(struct rh_http1 *h, struct rh_exchange *x)
{
    h->x = NULL;
    rh_http1_finish(h, false);
    rh_exchange_cut(x, RH_WRITE_FAILED);
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

/* What was pulled ended with no bytes; `out`: where the end goes. */
static enum rh_pull settle_pull(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out,
                                enum rh_answer_pulled pulled)
{
    switch (pulled) {
    case RH_PULLED_END:
        if (x->chunked) {
            memcpy(rh_output_tail(out), "0\r\n\r\n", LAST_CHUNK);
            rh_output_added(out, LAST_CHUNK);
        }
        rh_http1_complete(h, x, out);
        return RH_PULL_ADDED;
    case RH_PULLED_BROKEN:
        break_off(h, x);
        return RH_PULL_ADDED;
    default:
        return RH_PULL_NOTHING;
    }
}

/* A range of a file instead of its bytes. Completed by `sent`, since it goes behind what is in the
 * output. */
static enum rh_pull pull_range(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out)
{
    struct rh_file_range range;
    if (rh_output_room(out) == 0) {
        return RH_PULL_FULL;
    }
    enum rh_answer_pulled pulled = rh_answer_pull_range(x, FILE_PIECE, &range);
    if (pulled != RH_PULLED_BYTES) {
        return settle_pull(h, x, out, pulled);
    }
    out->file = range;
    return RH_PULL_ADDED;
}

/* A file that is pulled and not sent as ranges: full records, and not a bit of one more. */
static size_t whole_records(const struct rh_exchange *x, const struct rh_output *out, size_t room)
{
    size_t bit = (out->used + room) % rh_transport_piece(x->session->host->secure);
    bool ends_here = (uint64_t)x->source.length - x->answer_bytes <= room;
    return x->answer_kind == RH_ANSWER_FILE && bit < room && !ends_here ? room - bit : room;
}

/* In place behind the head of its chunk. */
static enum rh_pull pull_chunk(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out,
                               size_t room)
{
    char *at = rh_output_tail(out);
    size_t len;
    room -= CHUNK_HEAD + CHUNK_TAIL + LAST_CHUNK;
    enum rh_answer_pulled pulled =
        rh_answer_pull(x, at + CHUNK_HEAD, room < CHUNK_BYTES_MAX ? room : CHUNK_BYTES_MAX, &len);
    if (pulled != RH_PULLED_BYTES) {
        return settle_pull(h, x, out, pulled);
    }
    put_chunk_head(at, len);
    memcpy(at + CHUNK_HEAD + len, "\r\n", CHUNK_TAIL);
    rh_output_added(out, CHUNK_HEAD + len + CHUNK_TAIL);
    return RH_PULL_ADDED;
}

static enum rh_pull pull_source(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out)
{
    size_t room = rh_output_room(out);
    size_t len;
    if (rh_answer_is_whole(x)) {
        return settle_pull(h, x, out, RH_PULLED_END);
    }
    if (x->answer_state == RH_ANSWER_WAITING) {
        return RH_PULL_NOTHING;
    }
    if (x->answer_kind == RH_ANSWER_FILE && h->session.host->takes_files) {
        return pull_range(h, x, out);
    }
    if (room < SOURCE_ROOM_MIN + CHUNK_HEAD + CHUNK_TAIL + LAST_CHUNK) {
        return RH_PULL_FULL;
    }
    if (x->chunked) {
        return pull_chunk(h, x, out, room);
    }
    enum rh_answer_pulled pulled =
        rh_answer_pull(x, rh_output_tail(out), whole_records(x, out, room), &len);
    if (pulled != RH_PULLED_BYTES) {
        return settle_pull(h, x, out, pulled);
    }
    rh_output_added(out, len);
    return RH_PULL_ADDED;
}

/* 101 ends HTTP/1 on this connection (RFC 9110 §15.2.2): the host asks who is next. */
static enum rh_pull hand_over(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out)
{
    rh_answer_complete(x);
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
    if (!rh_http1_encode_head(x, out, rh_answer_length(x))) {
        if (out->used > 0) {
            return RH_PULL_FULL;
        }
        rh_answer_give_up(x);
        return RH_PULL_ADDED;
    }
    if (RH_UNLIKELY(x->answer_kind == RH_ANSWER_UPGRADE)) {
        return hand_over(h, x, out);
    }
    if (!rh_answer_has_content(x)) {
        rh_http1_complete(h, x, out);
        return RH_PULL_ADDED;
    }
    rh_answer_begin(x);
    if (!rh_answer_is_memory(x)) {
        return RH_PULL_ADDED;
    }
    struct rh_slice content = rh_answer_take(x);
    if (content.len <= rh_output_room(out)) {
        rh_word_copy(rh_output_tail(out), content.base, content.len);
        rh_output_added(out, content.len);
        rh_http1_complete(h, x, out);
    } else {
        out->ref = content; /* completed by `sent` */
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
        return rh_answer_is_pulled(x) ? pull_source(h, x, out) : RH_PULL_NOTHING;
    default:
        return RH_PULL_NOTHING;
    }
}
