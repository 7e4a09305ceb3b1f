/* One pool after the other; a failure gives back those before it. Address space is reserved for the
 * ceiling, memory is touched as it is used. */
#include "server/engine/pools.h"

#include "server/exchange/exchange.h"
#include "server/http2/limits.h"
#include "server/output.h"
#include "server/websocket/websocket.h"

enum { ANSWER_BYTES_MIN = 256 * 1024 };
#define ADDRESS_SPACE_MAX ((size_t)1 << 40)

static struct rh_slab *pool_at(struct rh_pools *pools, size_t index)
{
    struct rh_slab *all[RH_POOLS] = {&pools->connections,  &pools->exchanges, &pools->heads,
                                     &pools->inputs,       &pools->outputs,   &pools->bulk_inputs,
                                     &pools->bulk_outputs, &pools->arenas,    &pools->pipes,
                                     &pools->websockets};
    return index < RH_POOLS ? all[index] : NULL;
}

const struct rh_slab *rh_pools_at(const struct rh_pools *pools, size_t index)
{
    return pool_at((struct rh_pools *)(uintptr_t)pools, index);
}

const struct rh_gather *rh_pools_gather_at(const struct rh_pools *pools, size_t index)
{
    return index == 0 ? &pools->bodies : index == 1 ? &pools->answers : NULL;
}

size_t rh_pools_answer_bytes(const struct rh_config *config)
{
    size_t bytes = config->body_whole_bytes_max;
    return bytes > ANSWER_BYTES_MIN ? bytes : ANSWER_BYTES_MIN;
}

size_t rh_pools_input_bytes(const struct rh_config *config)
{
    return config->head_bytes_max > 16384 ? config->head_bytes_max : 16384;
}

size_t rh_pools_bulk_max(const struct rh_config *config)
{
    return config->connections_max < RH_BULK_MAX ? config->connections_max : RH_BULK_MAX;
}

size_t rh_pools_bulk_bytes(const struct rh_config *config)
{
    return rh_pools_bulk_max(config) * (RH_BULK_BYTES + sizeof(struct rh_output) + RH_BULK_BYTES);
}

size_t rh_pools_inline_bytes(const struct rh_config *config)
{
    size_t fields = config->fields_max * sizeof(struct rh_field);
    return fields > RH_EXCHANGE_INLINE_BYTES ? fields : RH_EXCHANGE_INLINE_BYTES;
}

size_t rh_pools_heap_bytes(const struct rh_config *config)
{
#if RH_HAVE_HTTP2
    return config->http2 != 0 ? rh_http2_heap_bytes(config) : 0;
#else
    (void)config;
    return 0;
#endif
}

/* One place for each exchange, unless that were more address space than anybody has. */
static size_t places_for(const struct rh_config *config, size_t piece)
{
    size_t places = piece > 0 ? ADDRESS_SPACE_MAX / piece : 0;
    return places < config->exchanges_max ? places : config->exchanges_max;
}

static int init_gathers(struct rh_pools *pools, const struct rh_config *config)
{
    size_t body = config->body_whole_bytes_max;
    size_t answer = rh_pools_answer_bytes(config);
    if (rh_gather_init(&pools->bodies, "bodies", body, places_for(config, body),
                       config->body_whole_budget) != 0) {
        return -1;
    }
    if (rh_gather_init(&pools->answers, "answers", answer, places_for(config, answer),
                       config->answer_budget) != 0) {
        rh_gather_fini(&pools->bodies);
        return -1;
    }
    return 0;
}

int rh_pools_init(struct rh_pools *pools, const struct rh_config *config, size_t connection_bytes)
{
    size_t n = config->connections_max;
    size_t requests = config->exchanges_max;
    const struct {
        const char *name;
        size_t bytes;
        size_t count;
    } plan[RH_POOLS] = {
        {"connections", connection_bytes > 0 ? connection_bytes : 64, connection_bytes > 0 ? n : 0},
        {"exchanges", sizeof(struct rh_exchange) + rh_pools_inline_bytes(config), requests},
        {"heads", config->head_bytes_max + config->target_bytes_max + 64, requests},
        {"inputs", rh_pools_input_bytes(config), n},
        {"outputs", sizeof(struct rh_output) + RH_OUTPUT_BYTES, n},
        {"bulk_inputs", RH_BULK_BYTES, rh_pools_bulk_max(config)},
        {"bulk_outputs", sizeof(struct rh_output) + RH_BULK_BYTES, rh_pools_bulk_max(config)},
        {"arenas", RH_ARENA_BLOCK_BYTES, requests * RH_ARENA_BLOCKS_PER_EXCHANGE},
        {"pipes", RH_PIPE_BYTES, requests},
        {"websockets", sizeof(struct rh_websocket), n + RH_WEBSOCKETS_EXTRA},
    };
    if (rh_heap_init(&pools->heap, rh_pools_heap_bytes(config),
                     4 * (size_t)config->head_bytes_max) != 0) {
        return -1;
    }
    for (size_t i = 0; i < RH_POOLS; i++) {
        if (rh_slab_init(pool_at(pools, i), plan[i].name, plan[i].bytes, plan[i].count) != 0) {
            while (i > 0) {
                rh_slab_fini(pool_at(pools, --i));
            }
            rh_heap_fini(&pools->heap);
            return -1;
        }
    }
    if (init_gathers(pools, config) != 0) {
        for (size_t i = 0; i < RH_POOLS; i++) {
            rh_slab_fini(pool_at(pools, i));
        }
        rh_heap_fini(&pools->heap);
        return -1;
    }
    return 0;
}

uint64_t rh_pools_trim(struct rh_pools *pools)
{
    uint64_t bytes = rh_gather_trim(&pools->bodies) + rh_gather_trim(&pools->answers);
    for (size_t i = 0; i < RH_POOLS; i++) {
        bytes += rh_slab_trim(pool_at(pools, i));
    }
    return bytes;
}

void rh_pools_fini(struct rh_pools *pools)
{
    rh_heap_fini(&pools->heap);
    rh_gather_fini(&pools->bodies);
    rh_gather_fini(&pools->answers);
    for (size_t i = 0; i < RH_POOLS; i++) {
        rh_slab_fini(pool_at(pools, i));
    }
}
