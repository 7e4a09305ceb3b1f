/* Defaults, their check, and the memory that follows from them. */
#include "server/engine/config.h"

#include <string.h>

#include "rawhttp/error.h"
#include "server/conn/addresses.h"
#include "server/conn/conn.h"
#include "server/exchange/exchange.h"
#include "server/output.h"
#include "server/engine/pools.h"
#include "server/websocket/websocket.h"
#include "util/ascii.h"
#include "util/options.h"

enum { CONFIG_BYTES_MAX = 4096 };
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
    .websocket_windows_max = 0,
    .websocket_bytes_max = 32 << 20,
    .answer_budget = 32 << 20,
};

static uint64_t page_up(uint64_t bytes)
{
    return (bytes + RH_GATHER_PAGE - 1) / RH_GATHER_PAGE * RH_GATHER_PAGE;
}

void rh_config_init_sized(struct rh_config *config, size_t size)
{
    rh_options_fill(config, size, &defaults, sizeof defaults);
}

/* NULL, or a field value that can be written as it is (RFC 9110 §5.5). */
static bool is_server_name(const char *name)
{
    struct rh_slice value = name != NULL ? rh_slice_from(name) : (struct rh_slice){NULL, 0};
    return name == NULL || (value.len > 0 && value.len <= 64 && rh_field_value_is_valid(value) &&
                            rh_ascii_trim(value).len == value.len);
}

/* The name of the first field that breaks its rule, or NULL. */
static const char *fault_of(const struct rh_config *c)
{
    const struct {
        const char *name;
        bool good;
    } rules[] = {
        {"connections_max", c->connections_max >= 1 && c->connections_max <= 1 << 20},
        {"exchanges_max", c->exchanges_max <= 1 << 21},
        {"head_bytes_max", c->head_bytes_max >= 256 && c->head_bytes_max <= 65535},
        {"target_bytes_max", c->target_bytes_max >= 64 && c->target_bytes_max <= c->head_bytes_max},
        {"fields_max", c->fields_max >= 1 && c->fields_max <= 1000},
        {"body_whole_bytes_max", c->body_whole_bytes_max <= 1 << 30},
        {"body_whole_budget", c->body_whole_budget >= page_up(c->body_whole_bytes_max)},
        {"arena_blocks_max", c->arena_blocks_max <= 4096},
        {"websocket_windows_max", c->websocket_windows_max <= 1 << 16},
        {"server_name", is_server_name(c->server_name)},
        {"answer_budget", c->answer_budget >= page_up(rh_pools_answer_bytes(c))},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].good) {
            return rules[i].name;
        }
    }
    return NULL;
}

/* The configuration with the defaults for what the caller's struct does not have; the name of the
 * field that cannot work, or NULL. */
static const char *take(struct rh_config *ret_config, const struct rh_config *config)
{
    *ret_config = defaults;
    if (config != NULL &&
        (config->size < offsetof(struct rh_config, head_ms) || config->size > CONFIG_BYTES_MAX)) {
        return "size";
    }
    rh_options_take(ret_config, sizeof *ret_config, config);
    if (ret_config->exchanges_max == 0) {
        ret_config->exchanges_max = ret_config->connections_max + EXCHANGES_EXTRA;
    }
    return fault_of(ret_config);
}

const char *rh_config_fault(const struct rh_config *config)
{
    struct rh_config c;
    return take(&c, config);
}

int rh_config_adopt(struct rh_config *ret_config, const struct rh_config *config)
{
    return take(ret_config, config) == NULL ? 0 : RH_ECONFIG;
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
    uint64_t sockets =
        (uint64_t)sizeof(struct rh_websocket) * (c.connections_max + RH_WEBSOCKETS_EXTRA);
    uint64_t windows =
        (uint64_t)RH_WS_CODEC_BYTES * (c.websocket_windows_max + 1) + RH_WS_SCRATCH_BYTES;
    ret_memory->connection_idle = sizeof(struct rh_conn) + LIBUV_PER_CONNECTION;
    ret_memory->connection_max = ret_memory->connection_idle + buffers + request;
    ret_memory->connection_tls = OPENSSL_BUSY + CIPHERTEXT;
    ret_memory->fixed = sizeof(struct rh_engine) + 256 * 1024 + rh_pools_bulk_bytes(&c) +
                        rh_pools_heap_bytes(&c) + rh_addresses_bytes(c.connections_max) +
                        rh_pools_bulk_max(&c) * RH_CIPHER_BULK_BYTES + c.websocket_bytes_max + windows +
                        (uint64_t)RH_GATHERS * RH_GATHER_SLOT_BYTES * c.exchanges_max;
    ret_memory->ceiling =
        ret_memory->fixed + c.body_whole_budget + c.answer_budget + sockets + request * c.exchanges_max +
        (ret_memory->connection_idle + buffers + ret_memory->connection_tls) * c.connections_max;
}
