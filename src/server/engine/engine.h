/* The engine: all that sessions and exchanges need and that has no socket in it. A server embeds
 * one for its loop, the in-memory driver another with a clock of its own. */
#ifndef RH_SERVER_ENGINE_ENGINE_H
#define RH_SERVER_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "http/h1/chunked.h"
#include "http/head.h"
#include "rawhttp/config.h"
#include "rawhttp/server.h"
#include "server/engine/alarms.h"
#include "server/door.h"
#include "server/engine/pools.h"
#include "server/engine/post.h"
#include "util/counter.h"
#include "util/list.h"
#include "util/thread.h"

struct rh_engine_stats {
    rh_counter requests;
    rh_counter by_class[6];
    rh_counter rejected;
    rh_counter deadline_ends;
    rh_counter latency_us_sum;
    rh_counter messages_in; /* of WebSocket */
    rh_counter messages_out;
    rh_counter latency_buckets[16];
};

struct rh_conns;
struct rh_host;
struct rh_session_kind;
struct rh_tls_info;
struct rh_ws_store;

enum { RH_KINDS_MAX = 4 };

enum {
    RH_OK_LINE_BYTES = sizeof "HTTP/1.1 200 OK\r\n" - 1,
    RH_HEAD_START_USUAL = 96,
    RH_HEAD_START_MAX = 192
};

struct rh_slot {
    void *value;
    void (*free_fn)(void *value);
};

struct rh_engine {
    struct rh_config config;
    struct rh_pools pools;
    struct rh_door *door;
    struct rh_head_limits head_limits;
    struct rh_chunk_limits chunk_limits;
    uint64_t now_us;  /* monotonic; set by the host at each drive */
    uint32_t quick_n; /* answered within this drive: their duration is known when it is written */
    uint64_t date_until_us;             /* when `head_start` is made anew */
    char head_start[RH_HEAD_START_MAX]; /* how most answers begin: "HTTP/1.1 200 OK\r\nServer:
                                           …\r\nDate: …\r\n" */
    uint8_t head_start_len;
    bool manual_clock;   /* the driver's: wall time follows now_us */
    bool lame;           /* for /healthz: the end has been announced */
    bool draining;       /* every answer ends its connection */
    bool closing;        /* the host waits for the last exchange */
    struct rh_link held; /* exchanges that are, or once were, held */
    struct rh_link
        body_waiters; /* exchanges for whose whole body the budget had no room, first come first */
    struct rh_link drain_waits; /* who wants to hear of a drain (drain.c) */
    struct rh_post_box posts;
    uv_loop_t *loop;          /* NULL in the driver */
    struct rh_server *server; /* NULL in the driver */
    struct rh_conns *conns;
    /* What connections may speak, best first; the last one where nothing else was chosen. */
    const struct rh_session_kind *kinds[RH_KINDS_MAX];
    size_t kinds_n;
    /* Wakes a host inside of a session (RH_HOST_SESSION); NULL: there are none. */
    void (*wake_within)(struct rh_host *host);
    void (*tls_info)(struct rh_host *host, struct rh_tls_info *ret_info); /* NULL in the driver */
    /* An exchange was given back while the host is closing; NULL: nobody asks. */
    void (*released)(struct rh_engine *engine);
    struct rh_alarms alarms; /* of the app room */
    void (*alarm)(struct rh_engine *engine,
                  uint64_t at_ms); /* run them then; NULL in the driver, which asks */
    struct rh_slot slots[RH_SERVER_SLOTS];
    struct rh_ws_store *websockets; /* NULL: there was none yet */
    struct rh_engine_stats stats;
    rh_thread thread; /* the loop's; asserted */
    struct rh_link link; /* of all in the process, for a failed assertion */
};

/* Copies `config` (its fields checked: RH_ECONFIG), reserves the pools. 0, RH_ECONFIG or UV_ENOMEM.
 */
int RH_MUST_CHECK rh_engine_init(struct rh_engine *engine, struct rh_door *door,
                                 const struct rh_config *config, size_t connection_bytes);
void rh_engine_fini(struct rh_engine *engine);
/* Puts a kind in front of the others; before the first connection. */
void rh_engine_add_kind(struct rh_engine *engine, const struct rh_session_kind *kind);

/* The end has begun: every answer ends its connection from here on, and who wants to hear of it is
 * told. */
void rh_engine_drain(struct rh_engine *engine);

/* Time passed: called by the host at the start of each drive. */
static inline void rh_engine_tick(struct rh_engine *engine, uint64_t now_us)
{
    engine->now_us = now_us;
}
/* The driver's clock stands until it is moved. */
static inline uint64_t rh_engine_clock_us(const struct rh_engine *engine)
{
    struct timespec now;
    if (RH_UNLIKELY(engine->manual_clock)) {
        return engine->now_us;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
static inline void rh_engine_read_clock(struct rh_engine *engine)
{
    engine->now_us = rh_engine_clock_us(engine);
}
static inline uint64_t rh_engine_now_ms(const struct rh_engine *engine)
{
    return engine->now_us / 1000;
}

/* The status line of 200 (RH_OK_LINE_BYTES), then Server and Date as they are now: ready to be
 * copied into a head. Its memory is long enough for a copy of RH_HEAD_START_USUAL bytes even from
 * behind the status line. */
void rh_engine_refresh_head_start(struct rh_engine *engine);
static inline struct rh_slice rh_engine_head_start(struct rh_engine *engine)
{
    if (RH_UNLIKELY(engine->now_us >= engine->date_until_us)) {
        rh_engine_refresh_head_start(engine);
    }
    return (struct rh_slice){engine->head_start, engine->head_start_len};
}
/* Wall clock in microseconds since 1970. */
int64_t rh_engine_wall_us(const struct rh_engine *engine);

/* Rings once, `ms` from now; `alarm` is in no list. */
void rh_engine_alarm(struct rh_engine *engine, struct rh_alarm *alarm, uint32_t ms);

/* A log line; control bytes are escaped. Costs nothing where the level is off. */
void rh_engine_log(struct rh_engine *engine, enum rh_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline bool rh_engine_logs(const struct rh_engine *engine, enum rh_log_level level)
{
    return engine->config.log != NULL && level <= engine->config.log_level;
}

void rh_engine_add_latency(struct rh_engine *engine, uint64_t duration_us, uint64_t count);

/* One exchange has its outcome; `status` 0: lost before a head. */
static inline void rh_engine_count(struct rh_engine *engine, unsigned status, uint64_t started_us)
{
    unsigned first = status / 100;
    rh_counter_add(&engine->stats.requests, 1);
    rh_counter_add(&engine->stats.by_class[first < 6 ? first : 0], 1);
    if (started_us == engine->now_us) {
        engine->quick_n++;
    } else {
        rh_engine_add_latency(engine, engine->now_us - started_us, 1);
    }
}

/* The output of this drive is written: time has passed, and quick answers get their duration. */
static inline void rh_engine_settle(struct rh_engine *engine)
{
    uint64_t now_us = rh_engine_clock_us(engine);
    if (engine->quick_n > 0) {
        rh_engine_add_latency(engine, now_us - engine->now_us, engine->quick_n);
        engine->quick_n = 0;
    }
    engine->now_us = now_us;
}

#endif
