/* What HTTP/2 may use: nghttp2's session, tables and frame buffer, and for each stream its state,
 * its head on the way out and its place in queues. */
#include "server/http2/limits.h"

enum { SESSION_BYTES = 40 * 1024, TABLES_BYTES = 48 * 1024, STREAM_BYTES = 1024 };
enum { ACKS_BYTES = 256 * 240, LOOP_BYTES = 64 << 20, USUAL_BYTES = 32 * 1024 };

/* HPACK decodes a field into buffers of twice its size. */
static size_t field_bytes(const struct rh_config *config)
{
    return 4 * (size_t)config->head_bytes_max;
}

size_t rh_http2_connection_bytes(const struct rh_config *config)
{
    return SESSION_BYTES + TABLES_BYTES + ACKS_BYTES + field_bytes(config) +
           (size_t)RH_HTTP2_STREAMS_MAX * STREAM_BYTES;
}

/* Not all connections are as busy as one may be: beside what an ordinary one needs there is a share
 * for all of them, and who finds it used up is refused. */
size_t rh_http2_heap_bytes(const struct rh_config *config)
{
    return (size_t)config->connections_max * USUAL_BYTES + LOOP_BYTES;
}
