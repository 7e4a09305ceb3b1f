/* UTF-8 (RFC 3629). One table says which byte may follow which: a text is checked by it in one go,
 * in pieces that are split anywhere, or character by character. Overlong forms, surrogates and what
 * lies above U+10FFFF are no characters. */
#ifndef RH_UTIL_UTF8_H
#define RH_UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawhttp/slice.h"
#include "util/word.h"

/* What the next byte must be. */
enum rh_utf8_state {
    RH_UTF8_START, /* the first byte of a character */
    RH_UTF8_LAST,  /* the last one */
    RH_UTF8_TWO,   /* the first of two that are left */
    RH_UTF8_THREE,
    RH_UTF8_AFTER_E0, /* two are left, and this one has a range of its own */
    RH_UTF8_AFTER_ED,
    RH_UTF8_AFTER_F0, /* three are left, likewise */
    RH_UTF8_AFTER_F4,
    RH_UTF8_BROKEN /* for ever */
};

static inline uint8_t rh_utf8_first(unsigned char byte)
{
    return byte < 0x80    ? RH_UTF8_START
           : byte < 0xc2  ? RH_UTF8_BROKEN
           : byte < 0xe0  ? RH_UTF8_LAST
           : byte == 0xe0 ? RH_UTF8_AFTER_E0
           : byte == 0xed ? RH_UTF8_AFTER_ED
           : byte < 0xf0  ? RH_UTF8_TWO
           : byte == 0xf0 ? RH_UTF8_AFTER_F0
           : byte < 0xf4  ? RH_UTF8_THREE
           : byte == 0xf4 ? RH_UTF8_AFTER_F4
                          : RH_UTF8_BROKEN;
}

/* The state after `byte`. */
static inline uint8_t rh_utf8_step(uint8_t state, unsigned char byte)
{
    static const struct {
        unsigned char low;
        unsigned char high;
        uint8_t next;
    } follows[RH_UTF8_BROKEN + 1] = {
        [RH_UTF8_LAST] = {0x80, 0xbf, RH_UTF8_START},
        [RH_UTF8_TWO] = {0x80, 0xbf, RH_UTF8_LAST},
        [RH_UTF8_THREE] = {0x80, 0xbf, RH_UTF8_TWO},
        [RH_UTF8_AFTER_E0] = {0xa0, 0xbf, RH_UTF8_LAST},
        [RH_UTF8_AFTER_ED] = {0x80, 0x9f, RH_UTF8_LAST},
        [RH_UTF8_AFTER_F0] = {0x90, 0xbf, RH_UTF8_TWO},
        [RH_UTF8_AFTER_F4] = {0x80, 0x8f, RH_UTF8_TWO},
        [RH_UTF8_BROKEN] = {1, 0, RH_UTF8_BROKEN},
    };
    if (state == RH_UTF8_START) {
        return rh_utf8_first(byte);
    }
    bool may_follow = byte >= follows[state].low && byte <= follows[state].high;
    return may_follow ? follows[state].next : (uint8_t)RH_UTF8_BROKEN;
}

/* Continues a check with the next bytes of a text: RH_UTF8_START if it may end here, RH_UTF8_BROKEN
 * at the first byte that is wrong, else a state to continue with. */
static inline uint8_t rh_utf8_scan(uint8_t state, const char *bytes, size_t len)
{
    size_t i = 0;
    while (i < len && state != RH_UTF8_BROKEN) {
        if (state == RH_UTF8_START) { /* most text is ASCII */
            while (len - i >= 8 && (rh_word_load8(bytes + i) & UINT64_C(0x8080808080808080)) == 0) {
                i += 8;
            }
            if (i == len) {
                break;
            }
        }
        state = rh_utf8_step(state, (unsigned char)bytes[i++]);
    }
    return state;
}

static inline bool rh_utf8_is_valid(struct rh_slice text)
{
    return rh_utf8_scan(RH_UTF8_START, text.base, text.len) == RH_UTF8_START;
}

/* The length (1 to 4) of the character at `at`, with its code point in *ret_point; 0 if the bytes
 * are none. `at` is before `end`. */
static inline size_t rh_utf8_next(const char *at, const char *end, uint32_t *ret_point)
{
    unsigned char byte = (unsigned char)*at;
    uint8_t state = rh_utf8_first(byte);
    uint32_t point = byte < 0x80   ? byte
                     : byte < 0xe0 ? byte & 0x1f
                     : byte < 0xf0 ? byte & 15
                                   : byte & 7;
    size_t len = 1;
    while (state != RH_UTF8_START) {
        if (state == RH_UTF8_BROKEN || at + len == end) {
            return 0;
        }
        byte = (unsigned char)at[len++];
        state = rh_utf8_step(state, byte);
        point = point << 6 | (byte & 0x3f);
    }
    *ret_point = point;
    return len;
}

#endif
