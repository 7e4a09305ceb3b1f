/* Defaults, their check, and the memory that follows from them. */
#include "server/config.h"

#include <string.h>

#include "rawhttp/error.h"
#include "server/conn.h"
#include "server/exchange.h"
#include "server/output.h"
#include "server/pools.h"
#include "util/options.h"

enum { EXCHANGES_EXTRA = 64 }; /* answered, and waiting beside those of connections for a write */

static const struct rh_config defaults = {
    .size = sizeof(struct rh_config),
    .head_ms = 10000,
    .body_ms = 30000,
    .write_ms = 30000,
    .idle_ms = 120000,
    .answer_ms = 60000,
    .tls_ms = 10000,
    .linger_ms = 2000,
    .rate_bytes_min = 240,
    .rate_grace_ms = 5000,
    .connections_max = 10000,
    .head_bytes_max = 16384,
    .target_bytes_max = 8192,
    .fields_max = 100,
    .body_bytes_max = 10 << 20,
    .body_whole_bytes_max = 256 << 10,
    .body_whole_budget = 64 << 20,
    .arena_blocks_max = 32,
    .discard_bytes_max = 65536,
    .keep_alive = 1,
    .requests_max = 0,
    .log_level = RH_LOG_INFO,
    .server_name = "rawhttp-uv",
    .linger_max_ms = 30000,
    .http2 = 1,
};

void rh_config_init_sized(struct rh_config *config, size_t size)
{
    rh_options_fill(config, size, &defaults, sizeof defaults);
}

int rh_config_adopt(struct rh_config *ret_config, const struct rh_config *config)
{
    *ret_config = defaults;
    if (config != NULL) {
        if (config->size < offsetof(struct rh_config, head_ms) || config->size > 4096) {
            return RH_ECONFIG;
        }
    }
    rh_options_take(ret_config, sizeof *ret_config, config);
    if (ret_config->exchanges_max == 0) {
        ret_config->exchanges_max = ret_config->connections_max + EXCHANGES_EXTRA;
    }
    const struct rh_config *c = ret_config;
    bool good =
        c->connections_max >= 1 && c->connections_max <= 1 << 20 && c->exchanges_max <= 1 << 21 &&
        c->head_bytes_max >= 256 && c->head_bytes_max <= 65535 && c->target_bytes_max >= 64 &&
        c->target_bytes_max <= c->head_bytes_max && c->fields_max >= 1 && c->fields_max <= 1000 &&
        c->body_whole_bytes_max <= 1 << 30 && c->arena_blocks_max <= 4096 &&
        (c->server_name == NULL || strlen(c->server_name) <= 64);
    return good ? 0 : RH_ECONFIG;
}

void rh_config_memory(const struct rh_config *config, struct rh_memory *ret_memory)
{
    enum {
        LIBUV_PER_CONNECTION = 24,
        OPENSSL_IDLE = 14400,
        OPENSSL_BUSY = 36000,
        CIPHERTEXT = 2 * 20 * 1024
    };
    struct rh_config c;
    if (rh_config_adopt(&c, config) != 0) {
        memset(ret_memory, 0, sizeof *ret_memory);
        return;
    }
    uint64_t exchange = /* as a slab has it */
        (sizeof(struct rh_exchange) + rh_pools_inline_bytes(&c) + 63) / 64 * 64;
    uint64_t request = exchange + (uint64_t)RH_ARENA_BLOCK_BYTES * RH_ARENA_BLOCKS_PER_EXCHANGE +
                       RH_PIPE_BYTES + c.head_bytes_max + c.target_bytes_max + 64;
    uint64_t buffers =
        rh_pools_input_bytes(&c) + sizeof(struct rh_output) + (uint64_t)RH_OUTPUT_BYTES;
    ret_memory->connection_idle = sizeof(struct rh_conn) + LIBUV_PER_CONNECTION;
    ret_memory->connection_max = ret_memory->connection_idle + buffers + request;
    ret_memory->connection_tls = OPENSSL_BUSY + CIPHERTEXT;
    ret_memory->fixed = sizeof(struct rh_engine) + 256 * 1024 + rh_pools_bulk_bytes(&c) +
                        rh_pools_bulk_max(&c) * RH_CIPHER_BULK_BYTES + rh_pools_heap_bytes(&c);
    ret_memory->ceiling =
        ret_memory->fixed + c.body_whole_budget + request * c.exchanges_max +
        (ret_memory->connection_idle + buffers + ret_memory->connection_tls) * c.connections_max;
}
