/* gzip (RFC 1952): the one place that knows zlib. Built without it, there is never a compressor. */
#ifndef RH_APP_CODING_GZIP_H
#define RH_APP_CODING_GZIP_H

#include <stddef.h>

#include <rawhttp/slice.h>

enum { RH_GZIP_NAME_MAX = 24 };

struct rh_gzip; /* a compressor that is used again and again: about 270 KiB, by malloc */

/* NULL where memory ran out or the library was built without zlib. */
struct rh_gzip *rh_gzip_create(int level);
void rh_gzip_destroy(struct rh_gzip *gzip); /* NULL accepted */

/* Writes all of `content`, compressed, to `out`. Returns the length, or 0 where that would be more
 * than `out_max`: then not all of it was looked at. The same bytes at the same level give the same
 * bytes, for one zlib. */
size_t rh_gzip_whole(struct rh_gzip *gzip, struct rh_slice content, char *out, size_t out_max);

/* What tells this compressor's output from another's, for entity tags: zlib's version and the
 * level. */
const char *rh_gzip_name(const struct rh_gzip *gzip);

#endif
