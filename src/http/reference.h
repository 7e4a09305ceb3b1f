/* URI references as this side writes them, in Location and in links (RFC 3986 §4.1). */
#ifndef RH_HTTP_REFERENCE_H
#define RH_HTTP_REFERENCE_H

#include <stddef.h>

#include <rawhttp/slice.h>

/* Writes `text` so that each byte may stand in a URI: a byte that may not, a bracket outside of the
 * authority, and a '%' without two hexadecimal digits become %XX; escapes that are there stay.
 * Control bytes are copied: the check of the field's value refuses them. Returns
 * the length, at most three times that of `text`; `out` may be NULL, to learn it, and not `text`.
 */
size_t rh_reference_encode(char *out, struct rh_slice text);

#endif
