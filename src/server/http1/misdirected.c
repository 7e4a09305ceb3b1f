/* Reads a head without looking into it and answers 400. The head ends with an empty line, with the
 * limit for heads, with the end of the peer's bytes or with its deadline: all of them are answered.
 */
#include "server/http1/misdirected.h"

#include <string.h>

#include "server/engine/engine.h"
#include "server/output.h"
#include "server/speaker.h"

static const char fields[] = "Content-Type: text/plain; charset=utf-8\r\n"
                             "Content-Length: 49\r\n"
                             "Connection: close\r\n\r\n";
static const char content[] = "This port speaks HTTPS: use an https:// address.\n";
_Static_assert(sizeof content - 1 == 49, "as Content-Length says");
static const char head_method[] = "HEAD ";

static struct rh_misdirected *misdirected_of(struct rh_session *s)
{
    return RH_CONTAINER_OF(s, struct rh_misdirected, session);
}

static void answer(struct rh_session *s)
{
    if (!s->finished) {
        misdirected_of(s)->due = true;
        s->has_output = true;
        s->wants_input = false;
    }
}

static void see(struct rh_misdirected *m, char byte)
{
    if (m->matched == m->seen && m->matched < sizeof head_method - 1 &&
        byte == head_method[m->matched]) {
        m->matched++;
    }
    m->seen++;
    if (byte == '\n' && m->line_ended) {
        answer(&m->session);
    }
    m->line_ended = byte == '\n' || (byte == '\r' && m->line_ended);
}

static size_t feed(struct rh_session *s, char *bytes, size_t len)
{
    struct rh_misdirected *m = misdirected_of(s);
    size_t used = 0;
    while (used < len && !m->due) {
        see(m, bytes[used++]);
        if (m->seen >= s->host->engine->config.head_bytes_max) {
            answer(s);
        }
    }
    return used;
}

static void put(struct rh_output *out, const char *bytes, size_t len)
{
    memcpy(rh_output_tail(out), bytes, len);
    rh_output_added(out, len);
}

/* The output is empty: nothing was said before. */
static enum rh_pull pull(struct rh_session *s, struct rh_output *out)
{
    static const char status_line[] = "HTTP/1.1 400 Bad Request\r\n";
    struct rh_misdirected *m = misdirected_of(s);
    if (!m->due || s->finished) {
        return RH_PULL_NOTHING;
    }
    struct rh_slice start = rh_engine_head_start(s->host->engine);
    put(out, status_line, sizeof status_line - 1);
    put(out, start.base + RH_OK_LINE_BYTES, start.len - RH_OK_LINE_BYTES);
    put(out, fields, sizeof fields - 1);
    if (m->matched < sizeof head_method - 1) { /* HEAD has no content in its answer */
        put(out, content, sizeof content - 1);
    }
    s->has_output = false;
    s->finished = s->lingers = s->unread = true;
    return RH_PULL_ADDED;
}

static void nothing(struct rh_session *s)
{
    (void)s;
}

static void end(struct rh_session *s, enum rh_abort reason)
{
    (void)s;
    (void)reason;
}

static void expire(struct rh_session *s, enum rh_deadline_class which)
{
    (void)which;
    rh_counter_add(&s->host->engine->stats.deadline_ends, 1);
    answer(s);
}

static const struct rh_session_ops ops = {
    .feed = feed,
    .pull = pull,
    .sent = nothing,
    .eof = answer,
    .end = end,
    .expire = expire,
    .drain = answer,
};

static struct rh_session *open_misdirected(struct rh_host *host, union rh_speaker *speaker,
                                           void *argument)
{
    struct rh_misdirected *m = &speaker->misdirected;
    (void)argument;
    memset(m, 0, sizeof *m);
    m->session.ops = &ops;
    m->session.host = host;
    m->session.deadline = RH_DEADLINE_HEAD;
    m->session.wants_input = true;
    return &m->session;
}

const struct rh_session_kind rh_misdirected_kind = {
    .name = "HTTP/1.1 without TLS",
    .open = open_misdirected,
};
