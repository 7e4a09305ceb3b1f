/* Which kind of session speaks on a connection: the default from the start, one that the handshake
 * or the first bytes choose, or one that another hands over to. Ways to fail: no memory for the new
 * one, and then the connection closes. */
#include <string.h>

#include "server/drive.h"
#include "server/engine/engine.h"

/* Ends the session that speaks and begins one of another kind. */
static void speak(struct rh_drive *d, const struct rh_session_kind *kind, void *argument)
{
    struct rh_session *old = rh_drive_session(d);
    old->ops->end(old, RH_CLOSED);
    struct rh_session *s = kind->open(&d->host, &d->speaker, argument);
    if (s == NULL) {
        RH_IGNORE(rh_http1_open(&d->host, &d->speaker, NULL) == NULL);
        d->boxed = false;
        rh_drive_close(d, RH_CLOSED);
        return;
    }
    d->boxed = s != &d->speaker.http1.session;
    if (d->boxed) {
        d->speaker.boxed = s;
    }
    if (d->input == RH_INPUT_TOLD) {
        RH_MOVE(rh_input_moves, d->input, RH_INPUT_ENDED);
    }
}

void rh_drive_hand_over(struct rh_drive *d)
{
    struct rh_session *s = rh_drive_session(d);
    void *argument = NULL;
    const struct rh_session_kind *kind = s->ops->become(s, &argument);
    speak(d, kind, argument);
    s = rh_drive_session(d);
    if (d->host.engine->draining && !rh_drive_is_closing(d)) {
        s->ops->drain(s);
    }
}

/* By the first bytes: false if more of them are needed. */
bool rh_drive_choose(struct rh_drive *d)
{
    const struct rh_engine *engine = d->host.engine;
    bool more = false;
    for (size_t i = 0; i < engine->kinds_n; i++) {
        const struct rh_session_kind *kind = engine->kinds[i];
        if (kind->claims == NULL) {
            continue;
        }
        switch (kind->claims(d->in != NULL ? d->in + d->in_at : "", d->in_len - d->in_at)) {
        case RH_CLAIM_YES:
            d->chosen = true;
            speak(d, kind, NULL);
            return true;
        case RH_CLAIM_MORE:
            more = true;
            break;
        case RH_CLAIM_NO:
            break;
        }
    }
    d->chosen = !more || d->input != RH_INPUT_OPEN;
    return d->chosen;
}

void rh_drive_secured(struct rh_drive *d, struct rh_slice alpn)
{
    const struct rh_engine *engine = d->host.engine;
    RH_MOVE(rh_life_moves, d->life, RH_LIFE_OPEN);
    d->chosen = true;
    rh_drive_set_deadline(d, RH_DEADLINE_HEAD);        /* a first head is counted from here */
    for (size_t i = 0; i + 1 < engine->kinds_n; i++) { /* the last one speaks already */
        const char *name = engine->kinds[i]->alpn;
        if (name != NULL && alpn.len == strlen(name) && memcmp(alpn.base, name, alpn.len) == 0) {
            speak(d, engine->kinds[i], NULL);
            return;
        }
    }
}

void rh_drive_plain(struct rh_drive *d)
{
    RH_MOVE(rh_life_moves, d->life, RH_LIFE_OPEN);
    d->host.secure = false;
    d->chosen = true;
    d->rested = true;
    rh_drive_set_deadline(d, RH_DEADLINE_HEAD);
    speak(d, &rh_misdirected_kind, NULL);
}
