/* UTF-8 (RFC 3629): the one question asked here is whether the next bytes are a whole character. */
#ifndef RH_APP_UTF8_H
#define RH_APP_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length (1 to 4) of the well-formed character at `at`, with its code point in *ret_point; 0
 * where the bytes are none: overlong forms, surrogates and what lies above U+10FFFF included. */
static inline size_t rh_utf8_next(const char *at, const char *end, uint32_t *ret_point)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*at;
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (len == 0 || first > 0xf4 || (size_t)(end - at) < len) {
        return 0;
    }
    uint32_t point = len == 1 ? first : first & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        unsigned char next = (unsigned char)at[i];
        if ((next & 0xc0) != 0x80) {
            return 0;
        }
        point = point << 6 | (next & 0x3f);
    }
    if (point < smallest[len] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        return 0;
    }
    *ret_point = point;
    return len;
}

#endif
