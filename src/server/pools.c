/* One pool after the other; a failure gives back those before it. Address space is reserved for the
 * ceiling, memory is touched as it is used. */
#include "server/pools.h"

#include "server/exchange.h"
#include "server/http2/limits.h"
#include "server/output.h"

static struct rh_slab *pool_at(struct rh_pools *pools, size_t index)
{
    struct rh_slab *all[RH_POOLS] = {&pools->connections,  &pools->exchanges, &pools->heads,
                                     &pools->inputs,       &pools->outputs,   &pools->bulk_inputs,
                                     &pools->bulk_outputs, &pools->arenas,    &pools->pipes,
                                     &pools->bodies_small, &pools->bodies};
    return index < RH_POOLS ? all[index] : NULL;
}

const struct rh_slab *rh_pools_at(const struct rh_pools *pools, size_t index)
{
    return pool_at((struct rh_pools *)(uintptr_t)pools, index);
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

int rh_pools_init(struct rh_pools *pools, const struct rh_config *config, size_t connection_bytes)
{
    size_t n = config->connections_max;
    size_t requests = config->exchanges_max;
    size_t large = config->body_whole_bytes_max;
    size_t small_n = large == 0 ? 0 : config->body_whole_budget / 4 / RH_BODY_SMALL_BYTES;
    size_t large_n = large > RH_BODY_SMALL_BYTES ? config->body_whole_budget / 4 * 3 / large : 0;
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
        {"bodies_small", RH_BODY_SMALL_BYTES, small_n},
        {"bodies", large > 0 ? large : 64, large_n},
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
    return 0;
}

void rh_pools_fini(struct rh_pools *pools)
{
    rh_heap_fini(&pools->heap);
    for (size_t i = 0; i < RH_POOLS; i++) {
        rh_slab_fini(pool_at(pools, i));
    }
}
