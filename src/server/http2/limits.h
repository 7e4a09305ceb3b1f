/* What HTTP/2 offers its peers, and what that may cost. */
#ifndef RH_SERVER_HTTP2_LIMITS_H
#define RH_SERVER_HTTP2_LIMITS_H

#include <stddef.h>

#include "rawhttp/config.h"

enum {
    RH_HTTP2_STREAMS_MAX = 100,     /* SETTINGS_MAX_CONCURRENT_STREAMS, and exchanges that run */
    RH_HTTP2_STREAM_WINDOW = 65536, /* content of one stream that may wait for its handler */
    RH_HTTP2_CONNECTION_WINDOW = 1 << 20 /* 64 KiB, as it begins, would stall uploads */
};

/* Bytes that nghttp2 may use for one connection. */
size_t rh_http2_connection_bytes(const struct rh_config *config);
/* Bytes that one loop reserves for all connections and for content that waits. */
size_t rh_http2_heap_bytes(const struct rh_config *config);

#endif
