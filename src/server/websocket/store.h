/* What the sockets of one loop share: the memory that their messages may take together, the terms
 * under which they were accepted, the codec for messages that stand alone, and counters. Created
 * with the first socket of a loop. */
#ifndef RH_SERVER_WEBSOCKET_STORE_H
#define RH_SERVER_WEBSOCKET_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawhttp/websocket.h"
#include "server/websocket/deflate.h"
#include "util/list.h"
#include "util/slab.h"

struct rh_engine;

/* The options of one or more sockets. */
struct rh_ws_terms {
    struct rh_link link; /* in store->terms */
    uint32_t references;
    struct rh_websocket_options options; /* its texts are copies */
};

enum { RH_WS_SCRATCH_BYTES = 32 << 10 };

struct rh_ws_store {
    struct rh_link terms;
    size_t bytes; /* that messages take now */
    size_t bytes_max;
    struct rh_slab windows; /* codecs of sockets that have their own */
    bool has_windows;
    void *codec_memory; /* NULL: no message was compressed yet */
    struct rh_ws_codec *codec;
    char *scratch; /* with codec_memory: inflated bytes on their way */
};

/* The store of this loop, created if there is none yet; NULL when memory ran out. */
struct rh_ws_store *rh_ws_store_of(struct rh_engine *engine);
void rh_ws_store_destroy(struct rh_ws_store *store); /* NULL accepted */

/* Counts `bytes` against the limit of the loop. False if they exceed it. */
static inline bool rh_ws_store_take(struct rh_ws_store *store, size_t bytes)
{
    if (bytes > store->bytes_max - store->bytes) {
        return false;
    }
    store->bytes += bytes;
    return true;
}
static inline void rh_ws_store_give(struct rh_ws_store *store, size_t bytes)
{
    RH_ASSERT(bytes <= store->bytes);
    store->bytes -= bytes;
}

/* The loop's codec; NULL without zlib or memory. */
struct rh_ws_codec *rh_ws_store_codec(struct rh_ws_store *store);

/* Terms that equal `options`, with one more reference; NULL when memory ran out. */
struct rh_ws_terms *rh_ws_terms_ref(struct rh_ws_store *store,
                                    const struct rh_websocket_options *options);
void rh_ws_terms_unref(struct rh_ws_terms *terms);

#endif
