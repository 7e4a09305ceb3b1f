/* The negotiation of permessage-deflate (RFC 7692 §7.1) in Sec-WebSocket-Extensions. */
#ifndef RH_SERVER_WEBSOCKET_EXTENSION_H
#define RH_SERVER_WEBSOCKET_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawhttp/slice.h"

enum rh_ws_offer {
    RH_WS_OFFER_DECLINED, /* none that this server takes */
    RH_WS_OFFER_TAKEN,
    RH_WS_OFFER_MALFORMED /* not of the form of RFC 6455 §9.1 */
};

/* What both sides agreed on. */
struct rh_ws_deflate_terms {
    bool is_on;
    bool server_keeps_window; /* messages refer to the ones before them: context takeover */
    bool client_keeps_window;
    uint8_t server_bits; /* the largest window of the server, 9 to 15 */
};

enum { RH_WS_TERMS_BYTES_MAX = 112 };

/* Takes the first offer of the list that this server can keep. `keeps_windows`: it has memory for
 * windows that stay from message to message. *ret_terms is set with RH_WS_OFFER_TAKEN. */
enum rh_ws_offer rh_ws_deflate_choose(struct rh_slice list, bool keeps_windows,
                                      struct rh_ws_deflate_terms *ret_terms);

/* Writes the answer to the offer, without a NUL, to `out` (room for RH_WS_TERMS_BYTES_MAX). Returns
 * its length. */
size_t rh_ws_deflate_write_terms(const struct rh_ws_deflate_terms *terms, char *out);

#endif
