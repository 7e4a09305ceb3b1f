/* Everything that is per loop and not a socket. */
#include "server/engine/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "http/date.h"
#include "rawhttp/error.h"
#include "server/engine/config.h"
#include "server/engine/fatal.h"
#include "server/http1/http1.h"
#include "server/http2/kind.h"
#include "server/websocket/store.h"

enum {
    LOG_LINE_MAX = 1024,
    TRAILERS_MAX = 32,
    TRAILER_BYTES_MAX = 8192,
    CHUNK_OVERHEAD_MAX = 16384
};
enum { DATE_LINE_BYTES = 37 };

int rh_engine_init(struct rh_engine *engine, struct rh_door *door, const struct rh_config *config,
                   size_t connection_bytes)
{
    memset(engine, 0, sizeof *engine);
    int err = rh_config_adopt(&engine->config, config);
    if (err != 0) {
        return err;
    }
    if (rh_pools_init(&engine->pools, &engine->config, connection_bytes) != 0) {
        return UV_ENOMEM;
    }
    engine->door = door;
    engine->head_limits =
        (struct rh_head_limits){.head_bytes_max = engine->config.head_bytes_max,
                                .target_bytes_max = engine->config.target_bytes_max,
                                .fields_max = (uint16_t)engine->config.fields_max};
    engine->chunk_limits = (struct rh_chunk_limits){.overhead_bytes_max = CHUNK_OVERHEAD_MAX,
                                                    .trailer_bytes_max = TRAILER_BYTES_MAX,
                                                    .trailers_max = TRAILERS_MAX};
    rh_fatal_watch(engine);
    rh_list_init(&engine->held);
    rh_list_init(&engine->body_waiters);
    rh_list_init(&engine->drain_waits);
    rh_alarms_init(&engine->alarms);
    engine->thread = rh_thread_self();
    rh_engine_add_kind(engine, &rh_http1_kind);
#if RH_HAVE_HTTP2
    if (engine->config.http2 != 0) {
        rh_engine_add_kind(engine, &rh_http2_kind);
    }
#endif
    return 0;
}

void rh_engine_add_kind(struct rh_engine *engine, const struct rh_session_kind *kind)
{
    RH_ASSERT(engine->kinds_n < RH_KINDS_MAX);
    memmove(engine->kinds + 1, engine->kinds, engine->kinds_n * sizeof *engine->kinds);
    engine->kinds[0] = kind;
    engine->kinds_n++;
}

void rh_engine_fini(struct rh_engine *engine)
{
    rh_fatal_forget(engine);
    for (size_t i = 0; i < RH_SERVER_SLOTS; i++) {
        if (engine->slots[i].value != NULL) { /* it was asked for, and there was memory for it */
            engine->slots[i].free_fn(engine->slots[i].value);
        }
    }
    rh_ws_store_destroy(engine->websockets);
    rh_pools_fini(&engine->pools);
}

void rh_engine_alarm(struct rh_engine *engine, struct rh_alarm *alarm, uint32_t ms)
{
    rh_alarms_set(&engine->alarms, alarm, ms, rh_engine_now_ms(engine));
    if (engine->alarm != NULL) {
        engine->alarm(engine, alarm->due.at_ms);
    }
}

int64_t rh_engine_wall_us(const struct rh_engine *engine)
{
    struct timespec now;
    if (engine->manual_clock) {
        return (int64_t)engine->now_us;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Date has a resolution of one second (RFC 9110 §6.6.1): made once, used until the second is over.
 */
void rh_engine_refresh_head_start(struct rh_engine *engine)
{
    int64_t wall_us = rh_engine_wall_us(engine);
    char *start = engine->head_start;
    size_t room = sizeof engine->head_start - DATE_LINE_BYTES;
    const char *name = engine->config.server_name;
    int n = snprintf(start, room, "HTTP/1.1 200 OK\r\n%s%s%s", name != NULL ? "Server: " : "",
                     name != NULL ? name : "", name != NULL ? "\r\n" : "");
    RH_ASSERT(n >= RH_OK_LINE_BYTES && (size_t)n < room);
    memcpy(start + n, "Date: ", 6);
    rh_date_format(start + n + 6, wall_us / 1000000);
    memcpy(start + n + 35, "\r\n", 2);
    engine->head_start_len = (uint8_t)(n + DATE_LINE_BYTES);
    engine->date_until_us = engine->now_us + (uint64_t)(1000000 - wall_us % 1000000);
}

/* Control bytes would let a peer write lines, or colours, of its own into somebody's log. */
static void escape(char *out, size_t cap, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (; *text != '\0' && n + 5 < cap; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) {
            out[n++] = '\\';
            out[n++] = 'x';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        } else {
            out[n++] = (char)c;
        }
    }
    out[n] = '\0';
}

void rh_engine_log(struct rh_engine *engine, enum rh_log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    char clean[LOG_LINE_MAX];
    if (!rh_engine_logs(engine, level)) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    escape(clean, sizeof clean, line);
    engine->config.log(engine->config.log_data, level, clean);
}

void rh_engine_add_latency(struct rh_engine *engine, uint64_t duration_us, uint64_t count)
{
    unsigned bucket = 0;
    while (bucket < 15 && duration_us >= (uint64_t)64 << bucket) {
        bucket++;
    }
    rh_counter_add(&engine->stats.latency_buckets[bucket], count);
    rh_counter_add(&engine->stats.latency_us_sum, duration_us * count);
}
