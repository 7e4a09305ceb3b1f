/* The values of the opening handshake (RFC 6455 §4): the key and its answer, the choice of a
 * subprotocol, and the origin. */
#ifndef RH_SERVER_WEBSOCKET_HANDSHAKE_H
#define RH_SERVER_WEBSOCKET_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "rawhttp/slice.h"

enum {
    RH_WS_KEY_BYTES = 24,   /* 16 bytes in base64 */
    RH_WS_ACCEPT_BYTES = 28 /* 20 bytes in base64 */
};

/* True if the value is 16 bytes in base64 (RFC 6455 §4.1). */
bool rh_ws_key_is_valid(struct rh_slice key);

/* Writes the value of Sec-WebSocket-Accept for a valid key (RFC 6455 §4.2.2), without a NUL. */
void rh_ws_accept_write(struct rh_slice key, char ret_accept[RH_WS_ACCEPT_BYTES]);

/* Returns the first of `known` (a comma-separated list in the server's order) that `offered` lists;
 * absent if there is none. Case matters. The slice is one of `known`. */
struct rh_slice rh_ws_protocol_choose(struct rh_slice known, struct rh_slice offered);
/* True if `text` is such a list: tokens, none of them twice (RFC 6455 §4.1). */
bool rh_ws_protocols_are_valid(struct rh_slice text);

/* True if a page of `origin` and a request for `host` by this scheme have the same origin
 * (RFC 6454 §5). `host` may have a port. */
bool rh_ws_origin_is_same(struct rh_slice origin, bool is_tls, struct rh_slice host);
/* True if `origin` is in the list of origins, separated by spaces; "*" lists all. */
bool rh_ws_origin_is_listed(struct rh_slice origin, struct rh_slice list);

#endif
