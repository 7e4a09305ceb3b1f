/* The slab pools of one loop: who uses memory, how much of it, and the sum. */
#ifndef RH_SERVER_ENGINE_POOLS_H
#define RH_SERVER_ENGINE_POOLS_H

#include <stddef.h>
#include <stdint.h>

#include "rawhttp/config.h"
#include "server/engine/gather.h"
#include "util/heap.h"
#include "util/slab.h"

enum {
    RH_ARENA_BLOCK_BYTES = 4096,
    RH_OUTPUT_BYTES =
        17 * 1024, /* answers gathered for one write; also the step of a source: a full input and
                      its chunk's frame fit, so that an echo of it is one write */
    RH_BULK_BYTES =
        64 * 1024, /* input and output where much comes or goes: a quarter of the system calls... */
    RH_BULK_MAX = 64, /* ...for so many connections at once; the others have the usual ones */
    RH_PIPE_BYTES = 16 * 1024,       /* what rh_stream_write takes before the peer reads */
    RH_WEBSOCKETS_EXTRA = 64, /* that are referenced after their connections ended */
    RH_EXCHANGE_INLINE_BYTES = 2304, /* the first block of an exchange's arena */
    RH_ARENA_BLOCKS_PER_EXCHANGE = 8
};

/* Named users. Each object is counted against the pool's ceiling; nothing falls back to malloc. */
struct rh_pools {
    struct rh_slab connections; /* struct rh_conn: one for each connection */
    struct rh_slab exchanges;   /* struct rh_exchange with the first block of its arena */
    struct rh_slab heads;       /* heads too large for an arena block, and their canonical path */
    struct rh_slab inputs;      /* bytes read and not yet used: none for an idle connection */
    struct rh_slab outputs;     /* struct rh_output: none while nothing is to be written */
    struct rh_slab bulk_inputs;
    struct rh_slab bulk_outputs;
    struct rh_slab arenas;     /* further blocks of arenas */
    struct rh_slab pipes;      /* rh_stream_write's buffers */
    struct rh_slab websockets; /* struct rh_websocket */
    struct rh_gather bodies;   /* whole bodies */
    struct rh_gather answers;  /* copies of answers that fit no arena */
    struct rh_heap heap;       /* HTTP/2's sessions, and streams' content that waits */
};

enum { RH_POOLS = 10, RH_GATHERS = 2 }; /* the slabs come first */

/* Reserves all pools for this configuration; `connection_bytes` is 0 where there are no sockets. 0
 * or -1. */
int RH_MUST_CHECK rh_pools_init(struct rh_pools *pools, const struct rh_config *config,
                                size_t connection_bytes);
void rh_pools_fini(struct rh_pools *pools);

/* Slab `index` in the order of the struct, and gather `index`; NULL past the last. */
const struct rh_slab *rh_pools_at(const struct rh_pools *pools, size_t index);
const struct rh_gather *rh_pools_gather_at(const struct rh_pools *pools, size_t index);

/* The largest answer that can be copied. */
size_t rh_pools_answer_bytes(const struct rh_config *config);

/* Returns what nobody uses to the system; how many bytes. */
uint64_t rh_pools_trim(struct rh_pools *pools);

/* How many bulk buffers there are of each kind, and what they need together. */
size_t rh_pools_bulk_max(const struct rh_config *config);
size_t rh_pools_bulk_bytes(const struct rh_config *config);
/* Bytes that HTTP/2 may use beside the pools. */
size_t rh_pools_heap_bytes(const struct rh_config *config);
/* Bytes of one input buffer: a whole head must fit. */
size_t rh_pools_input_bytes(const struct rh_config *config);
/* Bytes of an exchange's own memory, the first block of its arena: all field lines of a head must
 * fit. */
size_t rh_pools_inline_bytes(const struct rh_config *config);

#endif
