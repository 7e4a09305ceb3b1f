/* One deflate state, reset for each answer: setting it up anew would cost more than compressing a
 * small answer. What does not fit into the room that it is given is given up at once: who
 * compresses wants it shorter. */
#include "app/coding/gzip.h"

#include "rh-build.h"
#include "util/assert.h"

#if RH_HAVE_GZIP

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    WINDOW_GZIP = 15 + 16,
    MEMORY_LEVEL = 8
}; /* 256 KiB; 16: with the frame of gzip, not of zlib */

struct rh_gzip {
    z_stream stream;
    char name[RH_GZIP_NAME_MAX];
};

struct rh_gzip *rh_gzip_create(int level)
{
    struct rh_gzip *gzip = calloc(1, sizeof *gzip);
    if (gzip == NULL) {
        return NULL;
    }
    if (deflateInit2(&gzip->stream, level, Z_DEFLATED, WINDOW_GZIP, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(gzip);
        return NULL;
    }
    snprintf(gzip->name, sizeof gzip->name, "%.16s-%d", zlibVersion(), level);
    return gzip;
}

void rh_gzip_destroy(struct rh_gzip *gzip)
{
    if (gzip != NULL) {
        deflateEnd(&gzip->stream);
        free(gzip);
    }
}

size_t rh_gzip_whole(struct rh_gzip *gzip, struct rh_slice content, char *out, size_t out_max)
{
    z_stream *stream = &gzip->stream;
    RH_ASSERT(content.len <= UINT_MAX && out_max <= UINT_MAX);
    if (deflateReset(stream) != Z_OK) {
        return 0;
    }
    stream->next_in = (Bytef *)(uintptr_t)content.base; /* zlib only reads it */
    stream->avail_in = (uInt)content.len;
    stream->next_out = (Bytef *)out;
    stream->avail_out = (uInt)out_max;
    return deflate(stream, Z_FINISH) == Z_STREAM_END ? out_max - stream->avail_out : 0;
}

const char *rh_gzip_name(const struct rh_gzip *gzip)
{
    return gzip->name;
}

#else

struct rh_gzip *rh_gzip_create(int level)
{
    (void)level;
    return NULL;
}

void rh_gzip_destroy(struct rh_gzip *gzip)
{
    (void)gzip;
}

size_t rh_gzip_whole(struct rh_gzip *gzip, struct rh_slice content, char *out, size_t out_max)
{
    (void)gzip;
    (void)content;
    (void)out;
    (void)out_max;
    return 0;
}

const char *rh_gzip_name(const struct rh_gzip *gzip)
{
    (void)gzip;
    return "";
}

#endif
