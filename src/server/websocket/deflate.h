/* permessage-deflate (RFC 7692 §7.2): the one place of this room that knows zlib. Built without
 * zlib, there is never a codec. */
#ifndef RH_SERVER_WEBSOCKET_DEFLATE_H
#define RH_SERVER_WEBSOCKET_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawhttp/slice.h"

/* A deflater and an inflater. A loop has one for all sockets whose messages stand alone; a socket
 * whose windows stay from message to message has one of its own. All of zlib's memory lies inside.
 */
struct rh_ws_codec;

enum { RH_WS_CODEC_BYTES = 320 << 10 };

/* Makes a codec in `memory` (RH_WS_CODEC_BYTES, aligned to 16, the caller's). `bits` is the
 * deflater's largest window, 9 to 15. NULL if the library was built without zlib, or if this zlib
 * needs more memory. */
struct rh_ws_codec *rh_ws_codec_init(void *memory, unsigned bits);

/* Compresses a whole message. Without `keeps_window` it stands alone and fits a window of `bits`.
 * Returns the length, or 0 if it does not fit `out_max`: rh_ws_deflate_bound is always enough. */
size_t rh_ws_deflate(struct rh_ws_codec *codec, bool keeps_window, unsigned bits,
                     struct rh_slice message, char *out, size_t out_max);
size_t rh_ws_deflate_bound(size_t message_len);

/* Begins a compressed message. */
void rh_ws_inflate_begin(struct rh_ws_codec *codec, bool keeps_window);
/* Gives the next bytes of it, which stay valid until rh_ws_inflate_take returned 0. */
void rh_ws_inflate_give(struct rh_ws_codec *codec, struct rh_slice bytes, bool is_last);
/* Writes up to `room` bytes to `out`. Returns how many; 0 if all that was given is used up; -1 if
 * the data is broken. */
ptrdiff_t rh_ws_inflate_take(struct rh_ws_codec *codec, char *out, size_t room);

#endif
