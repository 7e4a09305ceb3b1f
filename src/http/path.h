/* The canonical form of a path: what routes and files are looked up by. */
#ifndef RH_HTTP_PATH_H
#define RH_HTTP_PATH_H

#include <rawhttp/slice.h>

#include "http/rule.h"

/* Writes the canonical form of `raw` (a path as it was sent, "/…" or empty) to `out`, which has
 * room for raw.len + 1 bytes; no NUL is added. An empty path becomes "/".
 *
 * It is cut at '/' before anything is decoded; then "." and ".." segments, also spelled with %2e,
 * are taken out (RFC 3986 §5.2.4): above the root is an error and not the root. "//" stays, since
 * an empty segment is a segment. Each %XX is decoded, once. A '/' that was %2F is written as the
 * byte NUL, which can not occur otherwise (%00 is refused): so it stays inside its segment and
 * whoever shows the segment turns it back. `out` may not overlap `raw`. On failure *ret_len is
 * untouched and `out` undefined. */
enum rh_rule rh_path_canonical(struct rh_slice raw, char *out, size_t *ret_len);

#endif
