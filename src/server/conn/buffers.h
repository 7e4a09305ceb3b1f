/* Input and output buffers: usual ones, of which there is one for each connection, and a few large
 * ones for connections where much comes or goes. Whoever asks for a large one and finds none gets a
 * usual one. */
#ifndef RH_SERVER_CONN_BUFFERS_H
#define RH_SERVER_CONN_BUFFERS_H

#include <stdbool.h>

#include "server/engine/pools.h"
#include "server/output.h"

/* An empty output, or NULL. */
static inline struct rh_output *rh_buffers_output_from(struct rh_slab *pool, uint32_t cap)
{
    struct rh_output *out = rh_slab_acquire(pool);
    if (RH_LIKELY(out != NULL)) {
        rh_output_init(out, cap);
    }
    return out;
}

static inline struct rh_output *rh_buffers_acquire_output(struct rh_pools *pools, bool bulk)
{
    struct rh_output *out = NULL;
    if (RH_UNLIKELY(bulk)) {
        out = rh_buffers_output_from(&pools->bulk_outputs, RH_BULK_BYTES);
    }
    return out != NULL ? out : rh_buffers_output_from(&pools->outputs, RH_OUTPUT_BYTES);
}

static inline void rh_buffers_release_output(struct rh_pools *pools, struct rh_output *out)
{
    rh_slab_release(out->cap == RH_BULK_BYTES ? &pools->bulk_outputs : &pools->outputs, out);
}

/* Returns a large output for an empty usual one, which is given back, or `out` itself. */
static inline struct rh_output *rh_buffers_grow_output(struct rh_pools *pools,
                                                       struct rh_output *out)
{
    struct rh_output *bulk = NULL;
    if (out->cap < RH_BULK_BYTES) {
        bulk = rh_buffers_output_from(&pools->bulk_outputs, RH_BULK_BYTES);
    }
    if (bulk == NULL) {
        return out;
    }
    rh_buffers_release_output(pools, out);
    return bulk;
}

/* *bulk: a large one is wanted, and whether it is one. NULL: there is none at all. */
static inline char *rh_buffers_acquire_input(struct rh_pools *pools, bool *bulk)
{
    if (RH_UNLIKELY(*bulk)) {
        char *in = rh_slab_acquire(&pools->bulk_inputs);
        if (in != NULL) {
            return in;
        }
        *bulk = false;
    }
    return rh_slab_acquire(&pools->inputs);
}

static inline size_t rh_buffers_input_bytes(const struct rh_pools *pools, bool bulk)
{
    return bulk ? RH_BULK_BYTES : pools->inputs.object_bytes;
}

static inline void rh_buffers_release_input(struct rh_pools *pools, char *in, bool bulk)
{
    rh_slab_release(bulk ? &pools->bulk_inputs : &pools->inputs, in);
}

#endif
