/* Brotli (RFC 7932): the one place that knows libbrotlienc. */
#include "app/coding/pack.h"
#include "rh-build.h"

#if RH_HAVE_BROTLI

#include <brotli/encode.h>

size_t rh_brotli_whole(struct rh_slice content, int level, char *out, size_t out_max)
{
    size_t len = out_max;
    BROTLI_BOOL is_done =
        BrotliEncoderCompress(level, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, content.len,
                              (const uint8_t *)content.base, &len, (uint8_t *)out);
    return is_done ? len : 0;
}

unsigned rh_brotli_version(void)
{
    return BrotliEncoderVersion();
}

#else

size_t rh_brotli_whole(struct rh_slice content, int level, char *out, size_t out_max)
{
    (void)content;
    (void)level;
    (void)out;
    (void)out_max;
    return 0;
}

unsigned rh_brotli_version(void)
{
    return 0;
}

#endif
