/* What a peer prefers: media types of Accept (RFC 9110 §12.5.1) and codings of Accept-Encoding (§12.5.3). */
#ifndef RH_APP_ACCEPT_H
#define RH_APP_ACCEPT_H

#include <stddef.h>

#include "rawhttp/slice.h"

/* The index of the candidate ("text/html") that `accept` likes best; between equals the one that it names more
 * exactly, then the one that it names earlier, then the first candidate. 0 where it names none of them, or is
 * absent: an error answer of the wrong type is better than none. */
size_t rh_accept_media(struct rh_slice accept, const char *const *candidates, size_t count);

/* The weight of a coding ("gzip"), 0 to 1000, by name or by "*"; 0 where the field is absent or silent. */
unsigned rh_accept_coding(struct rh_slice accept_encoding, const char *coding);

#endif
