/* Short names compared as machine words: with a constant length these become one to four loads
 * and compares, which is how methods and field names are told apart. */
#ifndef RH_UTIL_WORD_H
#define RH_UTIL_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RH_ALWAYS_INLINE inline __attribute__((always_inline))

static RH_ALWAYS_INLINE uint64_t rh_word_load8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static RH_ALWAYS_INLINE uint32_t rh_word_load4(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static RH_ALWAYS_INLINE uint16_t rh_word_load2(const char *at)
{
    uint16_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The `len` bytes at `at` are those of `name`; `len` (at least 4) is a constant. */
static RH_ALWAYS_INLINE bool rh_word_is(const char *at, const char *name, size_t len)
{
    if (len < 8) {
        return ((rh_word_load4(at) ^ rh_word_load4(name)) |
                (rh_word_load4(at + len - 4) ^ rh_word_load4(name + len - 4))) == 0;
    }
    uint64_t differs = rh_word_load8(at + len - 8) ^ rh_word_load8(name + len - 8);
    for (size_t i = 0; i + 8 < len; i += 8) {
        differs |= rh_word_load8(at + i) ^ rh_word_load8(name + i);
    }
    return differs == 0;
}

/* As rh_word_is, but for ASCII case; `lower` is in lower case. Only where the name has a letter may
 * bit 5 differ, so that '\r' is never taken for '-'. */
static RH_ALWAYS_INLINE bool rh_word_is_caseless(const char *at, const char *lower, size_t len)
{
    const uint64_t letters8 = UINT64_C(0x4040404040404040);
    const uint32_t letters4 = UINT32_C(0x40404040);
    if (len < 8) {
        uint32_t first = rh_word_load4(lower);
        uint32_t last = rh_word_load4(lower + len - 4);
        return (((rh_word_load4(at) | ((first & letters4) >> 1)) ^ first) |
                ((rh_word_load4(at + len - 4) | ((last & letters4) >> 1)) ^ last)) == 0;
    }
    uint64_t last = rh_word_load8(lower + len - 8);
    uint64_t differs = (rh_word_load8(at + len - 8) | ((last & letters8) >> 1)) ^ last;
    for (size_t i = 0; i + 8 < len; i += 8) {
        uint64_t word = rh_word_load8(lower + i);
        differs |= (rh_word_load8(at + i) | ((word & letters8) >> 1)) ^ word;
    }
    return differs == 0;
}

/* A copy of what is mostly short: up to 32 bytes by two loads and two stores that may overlap. */
static RH_ALWAYS_INLINE void rh_word_copy(char *to, const char *from, size_t len)
{
    if (len > 32) {
        memcpy(to, from, len);
    } else if (len >= 16) {
        char first[16];
        char last[16];
        memcpy(first, from, 16);
        memcpy(last, from + len - 16, 16);
        memcpy(to, first, 16);
        memcpy(to + len - 16, last, 16);
    } else if (len >= 8) {
        uint64_t first = rh_word_load8(from);
        uint64_t last = rh_word_load8(from + len - 8);
        memcpy(to, &first, 8);
        memcpy(to + len - 8, &last, 8);
    } else if (len >= 4) {
        uint32_t first = rh_word_load4(from);
        uint32_t last = rh_word_load4(from + len - 4);
        memcpy(to, &first, 4);
        memcpy(to + len - 4, &last, 4);
    } else {
        for (size_t i = 0; i < len; i++) {
            to[i] = from[i];
        }
    }
}

/* Zeroes a constant number of bytes that is not small by plain moves: a memset of so many becomes a string instruction,
 * which takes longer to begin than these take to end. */
static RH_ALWAYS_INLINE void rh_word_zero(void *memory, size_t len)
{
    char *at = memory;
#pragma GCC unroll 16
    for (size_t i = 0; i + 64 <= len; i += 64) {
        memset(at + i, 0, 64);
    }
    memset(at + (len & ~(size_t)63), 0, len & 63);
}

/* The `len` bytes before `end` (at most 8) are decimal digits; the 8 bytes before `end` must be readable. */
static RH_ALWAYS_INLINE bool rh_word_is_digits(const char *end, size_t len)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t zeros = UINT64_C(0x3030303030303030);
    const uint64_t highs = UINT64_C(0xf0f0f0f0f0f0f0f0);
    uint64_t others = len < 8 ? ~UINT64_C(0) >> 8 * len : 0; /* bytes of the word that stand before them */
    uint64_t word = (rh_word_load8(end - 8) & ~others) | (zeros & others);
    /* '0' to '9' are those bytes whose high half is 3, also with 6 added. */
    return ((word ^ zeros) & highs) == 0 && (((word + UINT64_C(0x0606060606060606)) ^ zeros) & highs) == 0;
#else
    for (size_t i = 1; i <= len; i++) {
        if (end[-(ptrdiff_t)i] < '0' || end[-(ptrdiff_t)i] > '9') {
            return false;
        }
    }
    return true;
#endif
}

#endif
