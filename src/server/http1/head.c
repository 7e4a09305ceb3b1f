/* Heads of answers, from pieces that are built before they are needed: the status line, Server and
 * Date, then what the answer adds. The framing fields are written here and nowhere else (RFC 9112
 * §6). */
#include <stdio.h>
#include <string.h>

#include "http/status.h"
#include "rawhttp/status.h"
#include "server/exchange/answer.h"
#include "server/http1/http1.h"
#include "util/ascii.h"
#include "util/word.h"

enum { HEAD_SPARE = 256 }; /* status line with a long reason, framing and Connection fields */

static RH_ALWAYS_INLINE char *put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)

static char *put_other_status_line(char *at, unsigned status)
{
    struct rh_slice line = rh_status_line(status);
    if (line.base != NULL) {
        return put(at, line.base, line.len);
    }
    at = PUT(at, "HTTP/1.1 ");
    *at++ = (char)('0' + status / 100);
    *at++ = (char)('0' + status / 10 % 10);
    *at++ = (char)('0' + status % 10);
    return PUT(at, " \r\n"); /* an unregistered code has no reason (RFC 9112 §4) */
}

/* Status line, Server and Date, whose bytes stand ready one behind the other for 200. A copy of
 * fixed length is a few moves: what is written too much is overwritten by what follows. */
static RH_ALWAYS_INLINE char *put_start(char *at, struct rh_engine *engine, unsigned status)
{
    struct rh_slice start = rh_engine_head_start(engine);
    if (RH_UNLIKELY(status != 200)) {
        at = put_other_status_line(at, status);
        start.base += RH_OK_LINE_BYTES;
        start.len -= RH_OK_LINE_BYTES;
    }
    memcpy(at, start.base, RH_HEAD_START_USUAL);
    if (RH_UNLIKELY(start.len > RH_HEAD_START_USUAL)) {
        memcpy(at + RH_HEAD_START_USUAL, start.base + RH_HEAD_START_USUAL,
               start.len - RH_HEAD_START_USUAL);
    }
    return at + start.len;
}

static RH_ALWAYS_INLINE char *put_length(char *at, uint64_t length)
{
    at = PUT(at, "Content-Length: ");
    if (length < 10) {
        *at++ = (char)('0' + length);
    } else {
        at += rh_ascii_from_u64(at, length);
    }
    return PUT(at, "\r\n");
}

/* RFC 9110 §8.6: no Content-Length in 204; in 304 and answers to HEAD it tells what GET would have
 * had. */
static RH_ALWAYS_INLINE char *put_framing(char *at, struct rh_exchange *x, int64_t length)
{
    x->chunked = false;
    if (x->status == 204 || x->status == 304 || x->status == 101) {
        return at;
    }
    if (length >= 0) {
        return put_length(at, (uint64_t)length);
    }
    if (x->head.version_minor >= 1) {
        x->chunked = true;
        return PUT(at, "Transfer-Encoding: chunked\r\n");
    }
    if (rh_answer_has_content(x)) {
        /* HTTP/1.0 knows no chunks: the close is the end (RFC 9112 §6.3). */
        x->ends_connection = true;
    }
    return at;
}

bool rh_http1_encode_head(struct rh_exchange *x, struct rh_output *out, int64_t length)
{
    size_t need = HEAD_SPARE + RH_HEAD_START_MAX + x->type.len + x->response_bytes;
    if (need > rh_output_room(out)) {
        return false;
    }
    char *first = rh_output_tail(out);
    char *at = put_start(first, x->engine, x->status);
    if (x->type.base != NULL) {
        at = PUT(at, "Content-Type: ");
        rh_word_copy(at, x->type.base, x->type.len);
        at = PUT(at + x->type.len, "\r\n");
    }
    for (struct rh_response_field *f = x->response_first; f != NULL; f = f->next) {
        at = put(at, f->name.base, f->name.len);
        at = PUT(at, ": ");
        at = put(at, f->value.base, f->value.len);
        at = PUT(at, "\r\n");
    }
    at = put_framing(at, x, length);
    if (x->status == 101) {
        at = PUT(at, "Connection: Upgrade\r\n");
    } else if (x->ends_connection) {
        at = PUT(at, "Connection: close\r\n");
    } else if (x->head.version_minor == 0) {
        at = PUT(at, "Connection: keep-alive\r\n"); /* a 1.0 client must be told (RFC 9112 §9.3) */
    }
    at = PUT(at, "\r\n");
    rh_output_added(out, (size_t)(at - first));
    return true;
}

void rh_http1_encode_reply(const struct rh_http1 *h, struct rh_output *out)
{
    char body[512];
    unsigned status = h->reply_status;
    enum rh_rule rule = (enum rh_rule)h->reply_rule;
    const struct rh_rule_info *info = rh_rule_info(rule);
    int len = rule != RH_RULE_NONE
                  ? snprintf(body, sizeof body, "%u %s: %s (%s)\n", status,
                             rh_status_reason(status), info->text, info->section)
                  : snprintf(body, sizeof body, "%u %s\n", status, rh_status_reason(status));
    RH_ASSERT(len > 0 && (size_t)len < sizeof body);
    char *at = put_start(rh_output_tail(out), h->session.host->engine, status);
    at = PUT(at, "Content-Type: text/plain; charset=utf-8\r\n");
    at = put_length(at, (uint64_t)len);
    at = PUT(at, "Connection: close\r\n\r\n");
    if (!h->reply_to_head) {
        at = put(at, body, (size_t)len);
    }
    rh_output_added(out, (size_t)(at - rh_output_tail(out)));
}
