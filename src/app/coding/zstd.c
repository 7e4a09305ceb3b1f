/* Zstandard (RFC 8878): the one place that knows libzstd. */
#include "app/coding/pack.h"
#include "rh-build.h"
#include "util/assert.h"

#if RH_HAVE_ZSTD

#include <zstd.h>

enum { WINDOW_BYTES_MAX = 8 << 20 }; /* of a frame: never more than its content has */

size_t rh_zstd_whole(struct rh_slice content, int level, char *out, size_t out_max)
{
    RH_ASSERT(content.len <= WINDOW_BYTES_MAX);
    size_t len = ZSTD_compress(out, out_max, content.base, content.len, level);
    return ZSTD_isError(len) ? 0 : len;
}

unsigned rh_zstd_version(void)
{
    return ZSTD_versionNumber();
}

#else

size_t rh_zstd_whole(struct rh_slice content, int level, char *out, size_t out_max)
{
    (void)content;
    (void)level;
    (void)out;
    (void)out_max;
    return 0;
}

unsigned rh_zstd_version(void)
{
    return 0;
}

#endif
