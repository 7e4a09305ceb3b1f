/* What waits to be written on one connection: answers of a burst copied one behind the other, then
 * perhaps one piece by reference, or a range of an open file. A slab object that a connection holds
 * only while it is not empty. */
#ifndef RH_SERVER_OUTPUT_H
#define RH_SERVER_OUTPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "io/transport.h"
#include "rawhttp/slice.h"
#include "util/assert.h"
#include "util/list.h"

struct rh_output {
    struct rh_transport_write write; /* for what the socket does not take at once */
    struct rh_slice ref;             /* bytes behind the copied ones; they stay until `sent` */
    struct rh_file_range
        file; /* or bytes of a file behind them, where the host takes such; open until `sent` */
    struct rh_link answered; /* exchanges whose last byte is in here and who want to know */
    uint32_t used;           /* bytes copied so far */
    uint32_t cap;
    uint16_t answered_n;
    char bytes[];
};

static inline void rh_output_init(struct rh_output *out, uint32_t cap)
{
    out->ref = (struct rh_slice){NULL, 0};
    out->file.len = 0;
    rh_list_init(&out->answered);
    out->used = 0;
    out->cap = cap;
    out->answered_n = 0;
}

static inline size_t rh_output_room(const struct rh_output *out)
{
    return (out->ref.len | out->file.len) > 0 ? 0 : out->cap - out->used;
}

static inline char *rh_output_tail(struct rh_output *out)
{
    return out->bytes + out->used;
}

static inline void rh_output_added(struct rh_output *out, size_t len)
{
    RH_ASSERT(len <= out->cap - out->used);
    out->used += (uint32_t)len;
}

static inline bool rh_output_is_empty(const struct rh_output *out)
{
    return out->used == 0 && (out->ref.len | out->file.len) == 0;
}

#endif
