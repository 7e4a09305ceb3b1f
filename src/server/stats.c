/* Counters as one struct: each is read on its own, so a reader on another thread sees values of
 * about now. */
#include <malloc.h>
#include <string.h>

#include "server/server.h"

void rh_server_stats(const struct rh_server *server, struct rh_stats *ret_stats)
{
    const struct rh_engine_stats *stats = &server->engine.stats;
    const struct rh_wire *wire = &server->wire;
    memset(ret_stats, 0, sizeof *ret_stats);
    ret_stats->connections_accepted = rh_counter_get(&server->accepted);
    ret_stats->connections_open = server->conns.open;
    ret_stats->exchanges_open = rh_counter_get(&server->engine.pools.exchanges.in_use);
    ret_stats->requests = rh_counter_get(&stats->requests);
    for (unsigned i = 0; i < 6; i++) {
        ret_stats->requests_by_class[i] = rh_counter_get(&stats->by_class[i]);
    }
    ret_stats->rejected = rh_counter_get(&stats->rejected);
    ret_stats->bytes_in = rh_counter_get(&wire->bytes_in);
    ret_stats->bytes_out = rh_counter_get(&wire->bytes_out);
    ret_stats->accept_errors = rh_counter_get(&server->accept_errors);
    ret_stats->deadline_ends = rh_counter_get(&stats->deadline_ends);
    ret_stats->tls_handshakes = rh_counter_get(&wire->handshakes);
    ret_stats->tls_resumed = rh_counter_get(&wire->resumed);
    ret_stats->tls_failures = rh_counter_get(&wire->tls_failures);
    ret_stats->latency_us_sum = rh_counter_get(&stats->latency_us_sum);
    for (unsigned i = 0; i < 16; i++) {
        ret_stats->latency_buckets[i] = rh_counter_get(&stats->latency_buckets[i]);
    }
    ret_stats->websockets_open = rh_counter_get(&server->engine.pools.websockets.in_use);
    ret_stats->websocket_messages_in = rh_counter_get(&stats->messages_in);
    ret_stats->websocket_messages_out = rh_counter_get(&stats->messages_out);
    uint64_t busy = ret_stats->exchanges_open + ret_stats->websockets_open;
    ret_stats->connections_idle =
        ret_stats->connections_open > busy ? ret_stats->connections_open - busy : 0;
}

/* The loop's pools, and behind them those of its TLS connections. */
static const struct rh_slab *pool_at(const struct rh_server *server, size_t index)
{
    const struct rh_wire *wire = &server->wire;
    const struct rh_slab *of_tls[] = {&wire->engines, &wire->cipher_blocks, &wire->cipher_bulk};
    if (index < RH_POOLS) {
        return rh_pools_at(&server->engine.pools, index);
    }
    return index < RH_POOLS + sizeof of_tls / sizeof of_tls[0] ? of_tls[index - RH_POOLS] : NULL;
}

/* A gather in the units of its pages. */
static struct rh_pool_stats gather_stats(const struct rh_gather *gather)
{
    return (struct rh_pool_stats){
        .name = gather->name,
        .in_use = rh_counter_get(&gather->in_use) / RH_GATHER_PAGE,
        .peak = rh_counter_get(&gather->in_use_peak) / RH_GATHER_PAGE,
        .max = gather->pages_max,
        .object_bytes = RH_GATHER_PAGE,
        .exhausted = rh_counter_get(&gather->refused),
    };
}

int rh_server_pool_stats(const struct rh_server *server, size_t index,
                         struct rh_pool_stats *ret_stats)
{
    if (index < RH_GATHERS) {
        *ret_stats = gather_stats(rh_pools_gather_at(&server->engine.pools, index));
        return 0;
    }
    const struct rh_slab *slab = pool_at(server, index - RH_GATHERS);
    if (slab == NULL) {
        return RH_ENOTFOUND;
    }
    *ret_stats = (struct rh_pool_stats){
        .name = slab->name,
        .in_use = rh_counter_get(&slab->in_use),
        .peak = rh_counter_get(&slab->in_use_peak),
        .max = slab->objects_max,
        .object_bytes = slab->object_bytes,
        .exhausted = rh_counter_get(&slab->exhausted),
    };
    return 0;
}

uint64_t rh_server_trim(struct rh_server *server)
{
    struct rh_wire *wire = &server->wire;
    uint64_t bytes = rh_pools_trim(&server->engine.pools);
    bytes += rh_slab_trim(&wire->cipher_blocks);
    bytes += rh_slab_trim(&wire->cipher_bulk);
#ifdef __GLIBC__
    malloc_trim(0); /* what OpenSSL gave back */
#endif
    return bytes;
}
