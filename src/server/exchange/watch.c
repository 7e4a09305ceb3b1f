/* An alarm for one exchange. Silence is measured lazily: a piece of the body only notes the time,
 * and the alarm that comes too early is set again for the rest. */
#include "server/exchange/watch.h"

#include "server/exchange/exchange.h"

static uint32_t limit_of(const struct rh_exchange *x, enum rh_watch what)
{
    const struct rh_config *config = &x->engine->config;
    return what == RH_WATCH_ANSWER ? config->answer_ms : config->body_ms;
}

static void on_alarm(struct rh_alarm *alarm)
{
    struct rh_exchange *x = RH_CONTAINER_OF(alarm, struct rh_exchange, alarm);
    uint64_t until_ms = x->seen_ms + limit_of(x, (enum rh_watch)x->watch);
    uint64_t now_ms = rh_engine_now_ms(x->engine);
    if (until_ms > now_ms) {
        rh_exchange_alarm(x, alarm, (uint32_t)(until_ms - now_ms));
        return;
    }
    x->overdue = true;
    rh_exchange_ready(x);
}

void rh_exchange_watch_for(struct rh_exchange *x, enum rh_watch what)
{
    if (x->watch != RH_WATCH_NONE) {
        rh_list_remove(&x->alarm.due.link);
    }
    x->watch = RH_WATCH_NONE;
    x->overdue = false;
    if (what != RH_WATCH_NONE) {
        x->watch = (uint8_t)what;
        x->seen_ms = rh_engine_now_ms(x->engine);
        x->alarm.fn = on_alarm;
        rh_list_init(&x->alarm.due.link);
        if (limit_of(x, what) > 0) {
            rh_exchange_alarm(x, &x->alarm, limit_of(x, what));
        }
    }
}

/* The minimum rate. A body begins with the grace in hand, and each byte pays for its time. What was
 * paid is good for no longer than a silence may last: a burst buys no long trickle, and nobody is
 * cut for a pause that body_ms allows. */
bool rh_exchange_watch_bytes(struct rh_exchange *x, size_t n)
{
    const struct rh_config *config = &x->engine->config;
    uint64_t now_ms = rh_engine_now_ms(x->engine);
    uint64_t rate = config->rate_bytes_min;
    x->seen_ms = now_ms;
    if (rate == 0) {
        return false;
    }
    if (x->rate_from_ms == 0) {
        x->rate_from_ms = now_ms;
        x->rate_paid = rate * config->rate_grace_ms;
    }
    x->rate_paid += (uint64_t)n * 1000;
    uint64_t owed = (now_ms - x->rate_from_ms) * rate;
    uint64_t most =
        rate * (config->body_ms > config->rate_grace_ms ? config->body_ms : config->rate_grace_ms);
    if (x->rate_paid < owed) {
        return true;
    }
    if (x->rate_paid - owed > most) {
        x->rate_from_ms = now_ms;
        x->rate_paid = most;
    }
    return false;
}

void rh_exchange_watch_resumes(struct rh_exchange *x)
{
    x->rate_from_ms = 0;
}
