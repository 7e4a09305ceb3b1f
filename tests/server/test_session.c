/* A second session, an echo of thirty lines: it shows that session.h says all that a protocol needs, and that a host
 * needs to know of one. The host here is as small as one can be. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/output.h"
#include "server/session.h"
#include "util/assert.h"

struct echo {
    struct rh_session session; /* first */
    char kept[64];
    size_t len;
};

static size_t echo_feed(struct rh_session *s, char *bytes, size_t len)
{
    struct echo *e = (struct echo *)(void *)s;
    size_t n = len < sizeof e->kept - e->len ? len : sizeof e->kept - e->len;
    memcpy(e->kept + e->len, bytes, n);
    e->len += n;
    s->has_output = e->len > 0;
    s->wants_input = e->len < sizeof e->kept;
    return n;
}

static enum rh_pull echo_pull(struct rh_session *s, struct rh_output *out)
{
    struct echo *e = (struct echo *)(void *)s;
    if (e->len == 0) {
        return RH_PULL_NOTHING;
    }
    if (rh_output_room(out) < e->len) {
        return RH_PULL_FULL;
    }
    memcpy(rh_output_tail(out), e->kept, e->len);
    rh_output_added(out, e->len);
    e->len = 0;
    s->has_output = false;
    s->wants_input = true;
    return RH_PULL_ADDED;
}

static void echo_eof(struct rh_session *s)
{
    s->finished = true;
}

static const struct rh_session_ops echo_ops = {.feed = echo_feed, .pull = echo_pull, .eof = echo_eof};

/* The host's loop of session.h, for an output of `cap` bytes that is written whenever it is full or input is used up. */
static void carry(struct rh_session *s, char *in, size_t len, char *written, size_t cap)
{
    struct rh_output *out = malloc(sizeof *out + cap);
    rh_output_init(out, (uint32_t)cap);
    while (len > 0 || s->has_output || !rh_output_is_empty(out)) {
        size_t used = s->wants_input && len > 0 ? s->ops->feed(s, in, len) : 0;
        in += used;
        len -= used;
        enum rh_pull pulled = s->has_output ? s->ops->pull(s, out) : RH_PULL_NOTHING;
        if (pulled == RH_PULL_FULL || (pulled == RH_PULL_NOTHING && used == 0)) {
            strncat(written, out->bytes, out->used);
            rh_output_init(out, (uint32_t)cap);
        }
    }
    free(out);
    s->ops->eof(s);
}

Test(session, may_be_any_protocol)
{
    static char text[] = "a session does no I/O: a host feeds it with bytes, pulls its answers, and tells it the end; "
                               "whatever does not fit waits, on either side";
    static const size_t caps[] = {64, 65, 100, 256};
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        struct echo echo = {.session = {.ops = &echo_ops, .wants_input = true}};
        char written[512] = "";
        carry(&echo.session, text, strlen(text), written, caps[i]);
        cr_expect_str_eq(written, text);
        cr_expect(echo.session.finished);
    }
}
