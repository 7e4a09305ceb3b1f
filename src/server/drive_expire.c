/* What happens when a connection's deadline has passed. Those of its own (write, linger, handshake,
 * rest) are looked at here; the session's are told to it. */
#include "server/drive.h"
#include "server/engine/engine.h"

/* The peer may be reading slowly rather than not at all: what is still unsent shows it. */
static bool write_moved(struct rh_drive *d)
{
    const struct rh_config *config = &d->host.engine->config;
    uint32_t unsent = (uint32_t)rh_drive_carrier(d)->unsent(d);
    uint32_t moved = d->count.unsent > unsent ? d->count.unsent - unsent : 0;
    bool fast_enough =
        config->rate_bytes_min == 0 ||
        (uint64_t)moved * 1000 >= (uint64_t)config->rate_bytes_min * config->write_ms;
    d->count.unsent = unsent;
    return moved > 0 && fast_enough;
}

/* A peer that goes on sending is worth reading: closing resets it, and the reset may overtake the
 * answer. So its time is bounded, and so is how slowly it may send. */
static bool linger_goes_on(struct rh_drive *d)
{
    const struct rh_config *config = &d->host.engine->config;
    uint64_t least = (uint64_t)config->rate_bytes_min * config->linger_ms / 1000;
    bool fast_enough = d->count.linger.came > 0 && d->count.linger.came >= least;
    d->count.linger.came = 0;
    d->count.linger.periods++;
    return fast_enough &&
           (uint64_t)(d->count.linger.periods + 1) * config->linger_ms <= config->linger_max_ms;
}

static void expire_session(struct rh_drive *d, enum rh_deadline_class which)
{
    struct rh_session *s = rh_drive_session(d);
    rh_drive_enter(d);
    s->ops->expire(s, which);
    RH_IGNORE(rh_drive_leave(d));
    if (!rh_drive_is_closing(d)) {
        rh_drive_set_deadline(d, RH_DEADLINE_NONE);
        rh_drive_run(d);
    }
}

void rh_drive_expire(struct rh_drive *d, enum rh_deadline_class which)
{
    struct rh_engine *engine = d->host.engine;
    switch (which) {
    case RH_DEADLINE_REST:
        d->rested = true;
        rh_drive_carrier(d)->rest(d);
        rh_drive_set_deadline(d, (enum rh_deadline_class)rh_drive_session(d)->deadline);
        return;
    case RH_DEADLINE_WRITE:
        if (write_moved(d)) {
            rh_drive_set_deadline(d, RH_DEADLINE_WRITE);
            return;
        }
        rh_engine_log(engine, RH_LOG_DEBUG, "a peer does not read: cut after %u ms",
                      engine->config.write_ms);
        rh_counter_add(&engine->stats.deadline_ends, 1);
        rh_drive_close(d, RH_DEADLINE);
        return;
    case RH_DEADLINE_TLS:
        rh_counter_add(&engine->stats.deadline_ends, 1);
        rh_drive_close(d, RH_DEADLINE);
        return;
    case RH_DEADLINE_LINGER:
        if (linger_goes_on(d)) {
            rh_drive_set_deadline(d, RH_DEADLINE_LINGER);
        } else {
            rh_drive_close(d, RH_DEADLINE);
        }
        return;
    default:
        expire_session(d, which);
    }
}
