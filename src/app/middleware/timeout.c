/* A time limit for what comes behind it. The alarm stands in the server's list of those that last
 * as long; the outcome of the exchange takes it out again, which is also when a peer has left.
 *
 * 503 and not 504: the latter says that another server did not answer a gateway (RFC 9110 §15.6.5),
 * and it is what answer_ms gives. */
#include <stdio.h>

#include "app/middleware/middleware.h"

enum { MS_MAX = 24 * 60 * 60 * 1000 };

struct limit {
    struct rh_alarm alarm;
    struct rh_exchange *x;
    uint32_t ms;
};

static void on_alarm(struct rh_alarm *alarm)
{
    struct limit *limit = RH_CONTAINER_OF(alarm, struct limit, alarm);
    struct rh_exchange *x = limit->x;
    struct rh_slice route = rh_request_route(x);
    char text[128];
    snprintf(text, sizeof text, "%.*s did not answer within %u ms: 503", (int)route.len, route.base,
             (unsigned)limit->ms);
    rh_exchange_overrule(x, 503, text);
}

static void on_outcome(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    struct limit *limit = data;
    (void)x;
    (void)outcome;
    rh_list_remove(&limit->alarm.due.link);
}

static void watch(struct rh_exchange *x, void *data)
{
    struct limit *limit = rh_exchange_alloc(x, sizeof *limit);
    if (limit == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    *limit = (struct limit){.alarm.fn = on_alarm, .x = x, .ms = *(const uint32_t *)data};
    rh_list_init(&limit->alarm.due.link);
    if (rh_exchange_on_outcome(x, on_outcome, limit) != 0) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    rh_exchange_alarm(x, &limit->alarm, limit->ms);
    rh_next(x);
}

void rh_use_timeout(struct rh_app *app, struct rh_group *group, uint32_t ms)
{
    uint32_t *data = rh_middleware_alloc(app, sizeof *data);
    if (data != NULL && (ms == 0 || ms > MS_MAX)) {
        rh_app_spoil(app, RH_ECONFIG, "timeout of %u ms: from 1 to %d", (unsigned)ms, MS_MAX);
        return;
    }
    if (data != NULL) {
        *data = ms;
    }
    rh_middleware_add(app, group, watch, data);
}
