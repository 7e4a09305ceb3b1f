/* Server-sent events: a counter once a second. A browser that comes back after a break says what it
 * saw last, and the counter goes on from there; a shutdown ends the stream, so that the browser
 * comes back to whoever answers then. */
#include "program/demo/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { PERIOD_MS = 1000, RETRY_MS = 1000, RETRY_SPREAD_MS = 4000 };

struct listener {
    uv_timer_t timer;
    struct rh_exchange *x; /* NULL once the stream has ended */
    uint64_t next;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void finish(struct listener *listener)
{
    struct rh_exchange *x = listener->x;
    listener->x = NULL;
    uv_close((uv_handle_t *)&listener->timer, on_closed);
    rh_stream_end(x);
}

/* The event of each second is its own heartbeat. One that finds no room is left out: the next one
 * says where the counter is. */
static void on_second(uv_timer_t *timer)
{
    struct listener *listener = timer->data;
    char id[24], data[64];
    snprintf(id, sizeof id, "%llu", (unsigned long long)listener->next);
    int length = snprintf(data, sizeof data, "{\"count\":%s}", id);
    (void)!rh_sse_send(listener->x, "counter", id, (struct rh_slice){data, (size_t)length});
    listener->next++;
}

/* Those who listen come back spread over some seconds, not all in the same one. */
static void on_drain(struct rh_exchange *x, void *data)
{
    struct listener *listener = data;
    if (listener->x == NULL)
        return;
    (void)!rh_sse_retry(x, RETRY_MS + rh_request_peer_port(x) % RETRY_SPREAD_MS);
    finish(listener);
}

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    struct listener *listener = data;
    (void)x;
    (void)reason; /* also at an end of file: nobody sends half a request and listens */
    if (listener->x != NULL)
        finish(listener);
}

/* Where to go on: after the number that the browser saw last, or at 1. */
static uint64_t first_number(const struct rh_exchange *x)
{
    struct rh_slice last = rh_sse_last_id(x);
    uint64_t number = 0;
    for (size_t i = 0; i < last.len && i < 18; i++) {
        if (last.base[i] < '0' || last.base[i] > '9')
            return 1;
        number = number * 10 + (uint64_t)(last.base[i] - '0');
    }
    return number + 1;
}

static void events(struct rh_exchange *x, void *data)
{
    (void)data;
    if (rh_request_method(x) == RH_HEAD) { /* the head is all there is to say */
        rh_sse_open(x, NULL, NULL);
        rh_stream_end(x);
        return;
    }
    struct listener *listener = malloc(sizeof *listener);
    if (listener == NULL || uv_timer_init(rh_exchange_loop(x), &listener->timer) != 0) {
        free(listener);
        rh_respond_error(x, 503, "no memory for a timer");
        return;
    }
    listener->timer.data = listener;
    listener->x = x;
    listener->next = first_number(x);
    rh_sse_open(x, NULL, NULL);
    (void)!rh_sse_retry(x, RETRY_MS);
    uv_timer_start(&listener->timer, on_second, 0, PERIOD_MS);
    if (rh_exchange_on_abort(x, on_abort, listener) != 0)
        finish(listener);    /* it would stay for ever */
    if (listener->x != NULL) /* else it has left already */
        (void)!rh_exchange_on_drain(x, on_drain, listener);
}

void demo_events_add(struct rh_app *app)
{
    rh_app_get(app, "/events", events, NULL);
}
