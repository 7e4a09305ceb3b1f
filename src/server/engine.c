/* Everything that is per loop and not a socket. */
#include "server/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "http/date.h"
#include "rawhttp/error.h"
#include "server/config.h"

enum { LOG_LINE_MAX = 1024, TRAILERS_MAX = 32, TRAILER_BYTES_MAX = 8192, CHUNK_OVERHEAD_MAX = 16384 };

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
    engine->head_limits = (struct rh_head_limits){.head_bytes_max = engine->config.head_bytes_max,
                                                  .target_bytes_max = engine->config.target_bytes_max,
                                                  .fields_max = (uint16_t)engine->config.fields_max};
    engine->chunk_limits = (struct rh_chunk_limits){.overhead_bytes_max = CHUNK_OVERHEAD_MAX,
                                                    .trailer_bytes_max = TRAILER_BYTES_MAX,
                                                    .trailers_max = TRAILERS_MAX};
    rh_list_init(&engine->exchanges);
    rh_list_init(&engine->body_waiters);
    rh_list_init(&engine->drain_waits);
    rh_alarms_init(&engine->alarms);
    engine->thread = pthread_self();
    return 0;
}

void rh_engine_fini(struct rh_engine *engine)
{
    for (size_t i = 0; i < RH_SERVER_SLOTS; i++) {
        if (engine->slots[i].free_fn != NULL) {
            engine->slots[i].free_fn(engine->slots[i].value);
        }
    }
    RH_ASSERT(rh_list_is_empty(&engine->exchanges));
    rh_pools_fini(&engine->pools);
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

/* Date has a resolution of one second (RFC 9110 §6.6.1): made once, used until the second is over. */
static void refresh_common(struct rh_engine *engine)
{
    int64_t wall_us = rh_engine_wall_us(engine);
    size_t len = 0;
    if (engine->config.server_name != NULL) {
        int n = snprintf(engine->common, sizeof engine->common, "Server: %s\r\n", engine->config.server_name);
        len = n > 0 ? (size_t)n : 0;
    }
    memcpy(engine->common + len, "Date: ", 6);
    rh_date_format(engine->common + len + 6, wall_us / 1000000);
    memcpy(engine->common + len + 35, "\r\n", 2);
    engine->common_len = (uint8_t)(len + 37);
    engine->date_until_us = engine->now_us + (uint64_t)(1000000 - wall_us % 1000000);
}

struct rh_slice rh_engine_common_fields(struct rh_engine *engine)
{
    if (RH_UNLIKELY(engine->now_us >= engine->date_until_us)) {
        refresh_common(engine);
    }
    return (struct rh_slice){engine->common, engine->common_len};
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

static void add_latency(struct rh_engine *engine, uint64_t duration_us, uint64_t count)
{
    unsigned bucket = 0;
    while (bucket < 15 && duration_us >= (uint64_t)64 << bucket) {
        bucket++;
    }
    rh_counter_add(&engine->stats.latency_buckets[bucket], count);
    rh_counter_add(&engine->stats.latency_us_sum, duration_us * count);
}

void rh_engine_count(struct rh_engine *engine, unsigned status, uint64_t started_us)
{
    unsigned first = status / 100;
    rh_counter_add(&engine->stats.requests, 1);
    rh_counter_add(&engine->stats.by_class[first < 6 ? first : 0], 1);
    if (started_us == engine->now_us) {
        engine->quick_n++;
    } else {
        add_latency(engine, engine->now_us - started_us, 1);
    }
}

void rh_engine_settle(struct rh_engine *engine, uint64_t now_us)
{
    if (engine->quick_n > 0) {
        add_latency(engine, now_us - engine->now_us, engine->quick_n);
        engine->quick_n = 0;
    }
    engine->now_us = now_us;
}
