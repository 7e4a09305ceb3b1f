/* nghttp2's memory for one connection: out of the loop's heap, and counted, so that no peer can
 * make a connection cost more than its share. */
#ifndef RH_SERVER_HTTP2_MEMORY_H
#define RH_SERVER_HTTP2_MEMORY_H

#include <nghttp2/nghttp2.h>

#include "util/heap.h"

struct rh_http2_memory {
    nghttp2_mem hooks; /* for nghttp2_session_server_new3 */
    struct rh_heap *heap;
    size_t used; /* bytes, as the heap counts them */
    size_t limit;
};

/* `memory` must stay where it is until the last object is returned. */
void rh_http2_memory_init(struct rh_http2_memory *memory, struct rh_heap *heap, size_t limit);

#endif
