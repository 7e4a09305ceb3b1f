/* Levels are such that a content takes some tens of milliseconds at most, once: small ones, which
 * are many and asked for often, get the best that there is. */
#include "app/coding/pack.h"

#include <stdio.h>

#include "app/coding/gzip.h"
#include "rh-build.h"
#include "util/assert.h"

enum { SMALL = 16 << 10, MIDDLE = 128 << 10, GZIP_LEVEL = 6 };

static int level_of(size_t len, int small, int middle, int large)
{
    return len <= SMALL ? small : len <= MIDDLE ? middle : large;
}

bool rh_pack_has(enum rh_coding coding)
{
    switch (coding) {
    case RH_CODING_BROTLI:
        return RH_HAVE_BROTLI;
    case RH_CODING_GZIP:
        return RH_HAVE_GZIP;
    case RH_CODING_ZSTD:
        return RH_HAVE_ZSTD;
    default:
        return false;
    }
}

static size_t pack_gzip(struct rh_slice content, char *out, size_t out_max,
                        char ret_maker[RH_PACK_NAME_MAX])
{
    struct rh_gzip *gzip = rh_gzip_create(GZIP_LEVEL);
    if (gzip == NULL) {
        return 0;
    }
    size_t len = rh_gzip_whole(gzip, content, out, out_max);
    snprintf(ret_maker, RH_PACK_NAME_MAX, "gzip-%s", rh_gzip_name(gzip));
    rh_gzip_destroy(gzip);
    return len;
}

size_t rh_pack(enum rh_coding coding, struct rh_slice content, char *out, size_t out_max,
               char ret_maker[RH_PACK_NAME_MAX])
{
    int level;
    switch (coding) {
    case RH_CODING_BROTLI:
        level = level_of(content.len, 11, 9, 5);
        snprintf(ret_maker, RH_PACK_NAME_MAX, "br-%x-%d", rh_brotli_version(), level);
        return rh_brotli_whole(content, level, out, out_max);
    case RH_CODING_ZSTD:
        level = level_of(content.len, 19, 12, 6);
        snprintf(ret_maker, RH_PACK_NAME_MAX, "zstd-%u-%d", rh_zstd_version(), level);
        return rh_zstd_whole(content, level, out, out_max);
    case RH_CODING_GZIP:
        return pack_gzip(content, out, out_max, ret_maker);
    default:
        return 0;
    }
}
