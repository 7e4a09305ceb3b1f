/* Whole contents, compressed once and kept: off the loop, with a level that fits their length. */
#ifndef RH_APP_CODING_PACK_H
#define RH_APP_CODING_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include "rawhttp/slice.h"

enum rh_coding { RH_CODING_NONE, RH_CODING_BROTLI, RH_CODING_GZIP, RH_CODING_ZSTD };

enum { RH_PACK_NAME_MAX = 32 };

/* Returns true if this build can make it. */
bool rh_pack_has(enum rh_coding coding);

/* Writes all of `content`, compressed, to `out`. Returns the length, or 0 if that would be more
 * than `out_max`, if memory ran out, or if this build cannot. `ret_maker` is what tells these bytes
 * from another compressor's, for entity tags: coding, version and level. */
size_t rh_pack(enum rh_coding coding, struct rh_slice content, char *out, size_t out_max,
               char ret_maker[RH_PACK_NAME_MAX]);

/* --- One file each, the homes of their libraries; 0 if built without --- */

size_t rh_brotli_whole(struct rh_slice content, int level, char *out, size_t out_max);
/* A window of at most 8 MiB, which all clients have (RFC 9659). */
size_t rh_zstd_whole(struct rh_slice content, int level, char *out, size_t out_max);
/* As numbers of the library's own making; 0: there is none. */
unsigned rh_brotli_version(void);
unsigned rh_zstd_version(void);

#endif
