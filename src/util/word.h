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

#endif
