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

/* Bytes from `low` to `high`: moved to the top of the signed range, where one compare is enough. */
static RH_ALWAYS_INLINE __m128i rh_scan_range(__m128i bytes, char low, char high)
{
    __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8((char)(127 - high)));
    return _mm_cmpgt_epi8(moved, _mm_set1_epi8((char)(126 - (high - low))));
}

/* Letters, in either case. */
static RH_ALWAYS_INLINE __m128i rh_scan_letters(__m128i bytes)
{
    return rh_scan_range(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
}

/* One bit for each byte that is not certainly a tchar and in a reg-name: in are letters, and '-' to
 * '9' but '/'. The rest of either alphabet is rare and left to the table. */
static RH_ALWAYS_INLINE unsigned rh_scan_mask_name(__m128i bytes)
{
    __m128i digits =
        _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('/')), rh_scan_range(bytes, '-', '9'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(rh_scan_letters(bytes), digits)) ^ 0xffffU;
}

/* The same for RH_CHAR_PATH: in are letters, '&' to ';' without '.', and '='; the rest is left to
 * the table. */
static RH_ALWAYS_INLINE unsigned rh_scan_mask_path(__m128i bytes)
{
    __m128i marks =
        _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')), rh_scan_range(bytes, '&', ';'));
    marks = _mm_or_si128(marks, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('=')));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(rh_scan_letters(bytes), marks)) ^ 0xffffU;
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

/* The loop around a mask, which is `exact` where no byte that it takes out belongs to the span;
 * with constant arguments nothing of the pointer is left. */
static RH_ALWAYS_INLINE const char *rh_scan_loop(const char *low, const char *at, const char *stop,
                                                 rh_scan_mask_fn mask, bool exact,
                                                 enum rh_char_class kind)
{
    for (;;) {
        unsigned out;
        if (stop - at >= 16) {
            out = mask(rh_scan_load(at));
            if (out == 0) {
                at += 16;
                continue;
            }
        } else {
            if (at == stop) {
                return stop;
            }
            if (stop - low < 16) {
                return rh_scan_plain(at, stop, kind);
            }
            out = mask(rh_scan_load(stop - 16)) >> (16 - (stop - at));
            if (out == 0) {
                return stop;
            }
        }
        at += __builtin_ctz(out);
        if (exact || !rh_char_is(*at, kind)) {
            return at;
        }
        at++;
    }
}

/* NAME(low, at, stop): most spans end within 16 bytes and at the byte `usual`, so that much is
 * inlined; the rest of a longer one is a call. */
#define RH_SCAN(name, mask, exact, kind, usual)                                                 \
    static __attribute__((noinline, unused))                                                    \
    const char *name##_on(const char *low, const char *at, const char *stop)                    \
    {                                                                                           \
        return rh_scan_loop(low, at, stop, mask, exact, kind);                                  \
    }                                                                                           \
    static RH_ALWAYS_INLINE const char *name(const char *low, const char *at, const char *stop) \
    {                                                                                           \
        if (RH_LIKELY(stop - at >= 16)) {                                                       \
            unsigned out = mask(rh_scan_load(at));                                              \
            const char *end = at + (out != 0 ? __builtin_ctz(out) : 16);                        \
            if (RH_LIKELY(out != 0 && *end == (usual))) {                                       \
                return end;                                                                     \
            }                                                                                   \
            at = end;                                                                           \
        }                                                                                       \
        return name##_on(low, at, stop);                                                        \
    }
#else
#define RH_SCAN(name, mask, exact, kind, usual)                                       \
    static inline const char *name(const char *low, const char *at, const char *stop) \
    {                                                                                 \
        (void)low;                                                                    \
        return rh_scan_plain(at, stop, kind);                                         \
    }
#endif

/* A token that is a method, and one that is a field name. */
RH_SCAN(rh_scan_method, rh_scan_mask_name, false, RH_CHAR_TOKEN, ' ')
RH_SCAN(rh_scan_token, rh_scan_mask_name, false, RH_CHAR_TOKEN, ':')

/* A reg-name without '%'. */
RH_SCAN(rh_scan_reg_name, rh_scan_mask_name, false, RH_CHAR_REG_NAME, ':')

/* A path with its slashes, or a query; stops at '%' and '.', which their reader looks at. */
RH_SCAN(rh_scan_path, rh_scan_mask_path, false, RH_CHAR_PATH, ' ')

/* A field value. */
RH_SCAN(rh_scan_value, rh_scan_mask_value, true, RH_CHAR_VALUE, '\r')

#endif
