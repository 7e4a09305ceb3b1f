/* An answer that comes later: the handler holds the exchange and a timer answers it. Where the
 * client leaves, the timer ends early. The timer is a libuv handle, so its memory lives until its
 * close callback, whatever became of the exchange. */
#include "program/demo/demo.h"

#include <stdlib.h>
#include <uv.h>

enum { SLOW_MS_MAX = 50000 };

struct slow {
    uv_timer_t timer;
    struct rh_exchange *x; /* NULL once answered or given back */
    unsigned ms;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_time(uv_timer_t *timer)
{
    struct slow *slow = timer->data;
    const char *text = rh_exchange_format(slow->x, "answered after %u ms\n", slow->ms);
    struct rh_exchange *x = slow->x;
    slow->x = NULL;
    rh_respond_text(x, 200, text != NULL ? text : "answered\n");
    uv_close((uv_handle_t *)timer, on_closed);
}

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    struct slow *slow = data;
    /* A half-closed connection still wants its answer. */
    if (reason == RH_PEER_EOF || slow->x == NULL)
        return;
    slow->x = NULL;
    uv_close((uv_handle_t *)&slow->timer, on_closed);
    rh_exchange_release(x);
}

static void slow_row(struct rh_exchange *x, void *data)
{
    (void)data;
    int64_t ms = demo_query_number(x, "ms", 1000, SLOW_MS_MAX);
    if (ms < 0)
        return;
    struct slow *slow = malloc(sizeof *slow);
    if (slow == NULL || uv_timer_init(rh_exchange_loop(x), &slow->timer) != 0) {
        free(slow);
        rh_respond_error(x, 503, "no memory for a timer");
        return;
    }
    slow->timer.data = slow;
    slow->x = x;
    slow->ms = (unsigned)ms;
    rh_exchange_hold(x);
    uv_timer_start(&slow->timer, on_time, (uint64_t)ms, 0);
    rh_exchange_on_abort(x, on_abort, slow);
}

void demo_slow_add(struct rh_app *app)
{
    rh_app_get(app, "/slow", slow_row, NULL);
}
