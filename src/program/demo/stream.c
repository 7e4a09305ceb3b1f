/* An answer of unknown length, made piece by piece: one chunk at each tick of a timer. */
#include "program/demo/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { CHUNKS_MAX = 100000, DELAY_MS_MAX = 60000 };

struct ticks {
    uv_timer_t timer;
    struct rh_exchange *x; /* NULL once the stream has ended */
    unsigned next, chunks;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void finish(struct ticks *ticks)
{
    struct rh_exchange *x = ticks->x;
    ticks->x = NULL;
    uv_close((uv_handle_t *)&ticks->timer, on_closed);
    rh_stream_end(x);
}

static void on_tick(uv_timer_t *timer)
{
    struct ticks *ticks = timer->data;
    char chunk[64];
    size_t length =
        (size_t)snprintf(chunk, sizeof chunk, "chunk %u of %u\n", ticks->next, ticks->chunks);
    /* No room for a whole chunk: the client reads more slowly than the timer ticks; the next tick
     * tries again. */
    if (rh_stream_room(ticks->x) < length)
        return;
    rh_stream_write(ticks->x, chunk, length);
    if (ticks->next++ == ticks->chunks)
        finish(ticks);
}

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    struct ticks *ticks = data;
    (void)x;
    if (reason != RH_PEER_EOF && ticks->x != NULL)
        finish(ticks);
}

static void stream(struct rh_exchange *x, void *data)
{
    (void)data;
    int64_t chunks = demo_query_number(x, "chunks", 5, CHUNKS_MAX);
    if (chunks < 0)
        return;
    int64_t delay = demo_query_number(x, "delay", 200, DELAY_MS_MAX);
    if (delay < 0)
        return;
    struct ticks *ticks = malloc(sizeof *ticks);
    if (ticks == NULL || uv_timer_init(rh_exchange_loop(x), &ticks->timer) != 0) {
        free(ticks);
        rh_respond_error(x, 503, "no memory for a timer");
        return;
    }
    ticks->timer.data = ticks;
    ticks->x = x;
    ticks->next = 1;
    ticks->chunks = (unsigned)chunks;
    rh_stream_open(x, 200, "text/plain; charset=utf-8", RH_LENGTH_UNKNOWN, NULL, NULL);
    if (chunks == 0 || rh_request_method(x) == RH_HEAD) {
        finish(ticks);
        return;
    }
    /* A repeat of 0 would stop the timer after one tick: no delay is one tick per turn of the loop.
     */
    uv_timer_start(&ticks->timer, on_tick, 0, delay > 0 ? (uint64_t)delay : 1);
    if (rh_exchange_on_abort(x, on_abort, ticks) != 0)
        finish(ticks); /* nobody would end it where the client leaves */
}

void demo_stream_add(struct rh_app *app)
{
    rh_app_get(app, "/stream", stream, NULL);
}
