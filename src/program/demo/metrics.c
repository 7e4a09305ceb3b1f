/* The counters of all loops as Prometheus reads them (text format 0.0.4). Each counter has one
 * writer, its loop, and is read here without a lock: a little stale, never torn. */
#include "program/demo/demo.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "program/kit/text.h"

/* For each loop about 6 KiB of lines, and the texts that explain them once. */
enum { TEXT_BYTES = 8192, LOOP_BYTES = 12288, BUCKETS = 16 };

struct metric {
    const char *name, *type, *help;
    size_t offset; /* in struct rh_stats */
};

#define STAT(field) offsetof(struct rh_stats, field)

static const struct metric metrics[] = {
    {"rawhttp_connections_accepted_total", "counter", "Connections since the start.",
     STAT(connections_accepted)},
    {"rawhttp_connections_open", "gauge", "Connections now.", STAT(connections_open)},
    {"rawhttp_connections_idle", "gauge", "Connections between two requests.",
     STAT(connections_idle)},
    {"rawhttp_exchanges_open", "gauge", "Requests that are being answered.", STAT(exchanges_open)},
    {"rawhttp_rejected_heads_total", "counter", "Heads that broke a rule.", STAT(rejected)},
    {"rawhttp_received_bytes_total", "counter", "Bytes from sockets.", STAT(bytes_in)},
    {"rawhttp_sent_bytes_total", "counter", "Bytes taken by sockets.", STAT(bytes_out)},
    {"rawhttp_accept_errors_total", "counter", "Failures to accept a connection.",
     STAT(accept_errors)},
    {"rawhttp_deadline_ends_total", "counter", "Connections ended by a deadline or a rate.",
     STAT(deadline_ends)},
    {"rawhttp_tls_handshakes_total", "counter", "TLS handshakes.", STAT(tls_handshakes)},
    {"rawhttp_tls_resumed_total", "counter", "TLS handshakes that resumed a session.",
     STAT(tls_resumed)},
    {"rawhttp_tls_failures_total", "counter", "TLS handshakes that failed.", STAT(tls_failures)},
    {"rawhttp_websockets_open", "gauge", "Open WebSockets.", STAT(websockets_open)},
    {"rawhttp_websocket_messages_in_total", "counter", "WebSocket messages received.",
     STAT(websocket_messages_in)},
    {"rawhttp_websocket_messages_out_total", "counter", "WebSocket messages sent.",
     STAT(websocket_messages_out)},
};

static void add_head(struct text *text, const char *name, const char *type, const char *help)
{
    text_printf(text, "# HELP %s %s\n", name, help);
    text_printf(text, "# TYPE %s %s\n", name, type);
}

static void add_requests(struct text *text, const struct rh_stats *stats, unsigned loops)
{
    static const char *const classes[] = {"lost", "1xx", "2xx", "3xx", "4xx", "5xx"};
    add_head(text, "rawhttp_requests_total", "counter", "Requests by the class of their status.");
    for (unsigned loop = 0; loop < loops; loop++)
        for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
            text_printf(text, "rawhttp_requests_total{loop=\"%u\",code=\"%s\"} %" PRIu64 "\n", loop,
                        classes[i], stats[loop].requests_by_class[i]);
}

/* Bucket i holds durations below 2^i * 64 microseconds; Prometheus wants them summed up. */
static void add_latencies(struct text *text, const struct rh_stats *stats, unsigned loops)
{
    static const char name[] = "rawhttp_request_duration_seconds";
    add_head(text, name, "histogram",
             "From the first byte of a request to the last byte of its answer.");
    for (unsigned loop = 0; loop < loops; loop++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < BUCKETS; i++) {
            sum += stats[loop].latency_buckets[i];
            if (i + 1 < BUCKETS)
                text_printf(text, "%s_bucket{loop=\"%u\",le=\"%.6g\"} %" PRIu64 "\n", name, loop,
                            (double)(UINT64_C(64) << i) / 1e6, sum);
        }
        text_printf(text, "%s_bucket{loop=\"%u\",le=\"+Inf\"} %" PRIu64 "\n", name, loop, sum);
        text_printf(text, "%s_sum{loop=\"%u\"} %.6f\n", name, loop,
                    (double)stats[loop].latency_us_sum / 1e6);
        text_printf(text, "%s_count{loop=\"%u\"} %" PRIu64 "\n", name, loop, sum);
    }
}

/* Which members of rh_pool_stats are shown, one family each: the format wants a family's lines
 * together. */
static void add_pools(struct text *text, struct rh_runner *runner, unsigned loops)
{
    static const struct metric families[] = {
        {"rawhttp_slab_in_use", "gauge", "Objects of a slab pool handed out.",
         offsetof(struct rh_pool_stats, in_use)},
        {"rawhttp_slab_peak", "gauge", "The most that were out at once.",
         offsetof(struct rh_pool_stats, peak)},
        {"rawhttp_slab_max", "gauge", "The ceiling of the pool.",
         offsetof(struct rh_pool_stats, max)},
        {"rawhttp_slab_object_bytes", "gauge", "Bytes of one object.",
         offsetof(struct rh_pool_stats, object_bytes)},
        {"rawhttp_slab_exhausted_total", "counter", "How often it was empty.",
         offsetof(struct rh_pool_stats, exhausted)},
    };
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        add_head(text, families[i].name, families[i].type, families[i].help);
        for (unsigned loop = 0; loop < loops; loop++) {
            struct rh_pool_stats pool;
            for (size_t index = 0;
                 rh_server_pool_stats(rh_runner_server(runner, loop), index, &pool) == 0; index++)
                text_printf(
                    text, "%s{loop=\"%u\",pool=\"%s\"} %" PRIu64 "\n", families[i].name, loop,
                    pool.name,
                    *(const uint64_t *)(const void *)((const char *)&pool + families[i].offset));
        }
    }
}

static void metrics_row(struct rh_exchange *x, void *data)
{
    const struct demo *demo = data;
    unsigned loops = rh_runner_loops(demo->runner);
    size_t size = TEXT_BYTES + (size_t)loops * LOOP_BYTES;
    struct rh_stats *stats = calloc(loops, sizeof *stats);
    char *bytes = malloc(size);
    if (stats == NULL || bytes == NULL) {
        free(stats);
        free(bytes);
        rh_respond_error(x, 503, "no memory for this answer");
        return;
    }
    struct text text = {bytes, 0, size};
    for (unsigned loop = 0; loop < loops; loop++)
        rh_server_stats(rh_runner_server(demo->runner, loop), &stats[loop]);
    add_requests(&text, stats, loops);
    add_latencies(&text, stats, loops);
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        add_head(&text, metrics[i].name, metrics[i].type, metrics[i].help);
        for (unsigned loop = 0; loop < loops; loop++)
            text_printf(
                &text, "%s{loop=\"%u\"} %" PRIu64 "\n", metrics[i].name, loop,
                *(const uint64_t *)(const void *)((const char *)&stats[loop] + metrics[i].offset));
    }
    add_pools(&text, demo->runner, loops);
    free(stats);
    rh_respond_owned(x, 200, "text/plain; version=0.0.4; charset=utf-8", bytes, text.used, free,
                     bytes);
}

void demo_metrics_add(struct rh_app *app, struct demo *demo)
{
    rh_app_get(app, "/metrics", metrics_row, demo);
}
