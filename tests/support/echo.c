#include "support/echo.h"

#include <stdlib.h>
#include <string.h>

#include "server/output.h"
#include "server/session.h"

unsigned echo_opened, echo_ended, echo_drained, echo_cancelled, echo_expired, echo_fed_in_flight;
enum rh_abort echo_reason;
bool echo_fails, echo_reads_while_writing, echo_is_quiet;

struct echo {
    struct rh_session session; /* first */
    char *kept;
    size_t len;
    bool in_call;
    bool waits_for_sent;
};

static struct echo *echo_of(struct rh_session *s)
{
    return (struct echo *)(void *)s;
}

/* Calls never nest. */
static struct echo *enter(struct rh_session *s)
{
    struct echo *e = echo_of(s);
    RH_ASSERT(!e->in_call);
    e->in_call = true;
    return e;
}

static void leave(struct echo *e)
{
    e->in_call = false;
    e->session.has_output = e->len > 0;
}

static void keep(struct echo *e, const char *bytes, size_t len)
{
    e->kept = realloc(e->kept, e->len + len + 1);
    RH_ASSERT(e->kept != NULL);
    memcpy(e->kept + e->len, bytes, len);
    e->len += len;
}

static size_t echo_feed(struct rh_session *s, char *bytes, size_t len)
{
    struct echo *e = enter(s);
    if (e->waits_for_sent) {
        echo_fed_in_flight += (unsigned)len;
    }
    keep(e, bytes, len);
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '!') { /* says no more */
            s->finished = s->lingers = true;
        }
    }
    s->deadline = echo_is_quiet ? RH_DEADLINE_QUIET : RH_DEADLINE_IDLE;
    s->at_rest = false;
    leave(e);
    return len;
}

static enum rh_pull echo_pull(struct rh_session *s, struct rh_output *out)
{
    struct echo *e = enter(s);
    enum rh_pull result = RH_PULL_NOTHING;
    size_t room = rh_output_room(out);
    if (e->len > 0 && room == 0) {
        result = RH_PULL_FULL;
    } else if (e->len > 0) {
        size_t n = e->len < room ? e->len : room;
        memcpy(rh_output_tail(out), e->kept, n);
        rh_output_added(out, n);
        memmove(e->kept, e->kept + n, e->len - n);
        e->len -= n;
        e->waits_for_sent = true;
        result = RH_PULL_ADDED;
    }
    leave(e);
    return result;
}

static void echo_sent(struct rh_session *s)
{
    leave(enter(s));
}

static void echo_eof(struct rh_session *s)
{
    struct echo *e = enter(s);
    s->finished = true;
    leave(e);
}

static void echo_end(struct rh_session *s, enum rh_abort reason)
{
    struct echo *e = enter(s);
    echo_ended++;
    echo_reason = reason;
    free(e->kept);
    free(e);
}

static void echo_expire(struct rh_session *s, enum rh_deadline_class which)
{
    struct echo *e = enter(s);
    (void)which;
    echo_expired++;
    s->finished = true;
    leave(e);
}

static void echo_drain(struct rh_session *s)
{
    struct echo *e = enter(s);
    echo_drained++;
    keep(e, "drained", 7);
    s->finished = true;
    leave(e);
}

static const struct rh_session_ops ops = {
    .feed = echo_feed,
    .pull = echo_pull,
    .sent = echo_sent,
    .eof = echo_eof,
    .end = echo_end,
    .expire = echo_expire,
    .drain = echo_drain,
};

static struct rh_session *echo_open(struct rh_host *host, union rh_speaker *speaker, void *argument)
{
    const struct echo_argument *a = argument;
    (void)speaker;
    if (echo_fails) {
        echo_cancelled += argument != NULL;
        return NULL;
    }
    struct echo *e = calloc(1, sizeof *e);
    RH_ASSERT(e != NULL);
    e->session.ops = &ops;
    e->session.host = host;
    e->session.wants_input = true;
    e->session.reads_while_writing = echo_reads_while_writing;
    e->session.deadline = RH_DEADLINE_HEAD;
    if (a != NULL) {
        keep(e, a->greeting, strlen(a->greeting));
    }
    leave(e);
    echo_opened++;
    return &e->session;
}

static void echo_cancel(void *argument)
{
    (void)argument;
    echo_cancelled++;
}

static enum rh_claim echo_claims(const char *bytes, size_t len)
{
    size_t n = len < 5 ? len : 5;
    return memcmp(bytes, "ECHO\n", n) != 0 ? RH_CLAIM_NO : n < 5 ? RH_CLAIM_MORE : RH_CLAIM_YES;
}

const struct rh_session_kind echo_kind = {
    .name = "echo",
    .alpn = "echo",
    .claims = echo_claims,
    .open = echo_open,
    .cancel = echo_cancel,
};
