/* Spans, scanned wide: each function walks from `at` to the first byte that does not belong to
 * the span, or to `stop`. `low` is the first readable byte before `at`: where fewer than 16 bytes
 * are left, the last 16 before `stop` are loaded instead and those before `at` shifted out, so
 * nothing beyond `stop` is ever touched. SSE2 belongs to the base line of x86-64; elsewhere the
 * plain scans do the same, byte by byte, and tests compare the two. */
#ifndef RH_HTTP_SCAN_H
#define RH_HTTP_SCAN_H

#include "http/chars.h"
#include "util/assert.h"
#include "util/word.h"

static inline const char *rh_scan_plain(const char *at, const char *stop, enum rh_char_class kind)
{
    while (at < stop && rh_char_is(*at, kind)) {
        at++;
    }
    return at;
}

#if defined __SSE2__ && !defined RH_SCAN_PLAIN
#include <emmintrin.h>

static RH_ALWAYS_INLINE __m128i rh_scan_load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* Letters, in either case. Bytes from 0x80 are negative here and so below every bound. */
static RH_ALWAYS_INLINE __m128i rh_scan_letters(__m128i bytes)
{
    __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    return _mm_and_si128(_mm_cmpgt_epi8(lower, _mm_set1_epi8('a' - 1)),
                         _mm_cmplt_epi8(lower, _mm_set1_epi8('z' + 1)));
}

/* One bit for each byte that is not certainly a tchar or in a reg-name: in are letters, digits,
 * '-' and '.'. The rest of either alphabet is rare and left to the table. */
static RH_ALWAYS_INLINE unsigned rh_scan_mask_name(__m128i bytes)
{
    __m128i digits = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('-' - 1)),
                                   _mm_cmplt_epi8(bytes, _mm_set1_epi8('9' + 1)));
    digits = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('/')), digits);
    __m128i in = _mm_or_si128(rh_scan_letters(bytes), digits);
    return (unsigned)_mm_movemask_epi8(in) ^ 0xffffU;
}

/* The same for RH_CHAR_PATH: in are letters, '&' to ';' without '.', and '='. */
static RH_ALWAYS_INLINE unsigned rh_scan_mask_path(__m128i bytes)
{
    __m128i marks = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('&' - 1)),
                                  _mm_cmplt_epi8(bytes, _mm_set1_epi8(';' + 1)));
    marks = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')), marks);
    marks = _mm_or_si128(marks, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('=')));
    __m128i in = _mm_or_si128(rh_scan_letters(bytes), marks);
    return (unsigned)_mm_movemask_epi8(in) ^ 0xffffU;
}

/* The same for RH_CHAR_VALUE, exactly: out are 0 to 0x1f but HTAB, and 0x7f. */
static RH_ALWAYS_INLINE unsigned rh_scan_mask_value(__m128i bytes)
{
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    control = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')), control);
    control = _mm_or_si128(control, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
    return (unsigned)_mm_movemask_epi8(control);
}

typedef unsigned (*rh_scan_mask_fn)(__m128i bytes);

/* The loop around a mask; with constant arguments nothing of the pointer is left. */
static RH_ALWAYS_INLINE const char *rh_scan_wide(const char *low, const char *at, const char *stop,
                                                 rh_scan_mask_fn mask, enum rh_char_class kind)
{
    for (;;) {
        unsigned out;
        if (RH_LIKELY(stop - at >= 16)) {
            out = mask(rh_scan_load(at));
            if (out == 0) {
                at += 16;
                continue;
            }
        } else {
            if (at == stop) {
                return stop;
            }
            if (RH_UNLIKELY(stop - low < 16)) {
                return rh_scan_plain(at, stop, kind);
            }
            out = mask(rh_scan_load(stop - 16)) >> (16 - (stop - at));
            if (out == 0) {
                return stop;
            }
        }
        at += __builtin_ctz(out);
        if (!rh_char_is(*at, kind)) {
            return at;
        }
        at++;
    }
}
#define RH_SCAN(low, at, stop, mask, kind) rh_scan_wide(low, at, stop, mask, kind)
#else
#define RH_SCAN(low, at, stop, mask, kind) ((void)(low), rh_scan_plain(at, stop, kind))
#endif

/* A token: a method or a field name. */
static RH_ALWAYS_INLINE const char *rh_scan_token(const char *low, const char *at, const char *stop)
{
    return RH_SCAN(low, at, stop, rh_scan_mask_name, RH_CHAR_TOKEN);
}

/* A reg-name without '%'. */
static RH_ALWAYS_INLINE const char *rh_scan_reg_name(const char *low, const char *at,
                                                     const char *stop)
{
    return RH_SCAN(low, at, stop, rh_scan_mask_name, RH_CHAR_REG_NAME);
}

/* A path with its slashes, or a query; stops at '%' and '.', which their reader looks at. */
static RH_ALWAYS_INLINE const char *rh_scan_path(const char *low, const char *at, const char *stop)
{
    return RH_SCAN(low, at, stop, rh_scan_mask_path, RH_CHAR_PATH);
}

/* A field value. */
static RH_ALWAYS_INLINE const char *rh_scan_value(const char *low, const char *at, const char *stop)
{
    return RH_SCAN(low, at, stop, rh_scan_mask_value, RH_CHAR_VALUE);
}

#endif
