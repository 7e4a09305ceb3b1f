/* ASCII without locales: case, digits, hex, and the comparisons that HTTP asks for. */
#ifndef RH_UTIL_ASCII_H
#define RH_UTIL_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rawhttp/slice.h"

static inline char rh_ascii_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}

static inline bool rh_ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool rh_ascii_is_alpha(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* A letter, a digit, or one of `marks`. */
static inline bool rh_ascii_is_alnum_or(char c, const char *marks)
{
    return rh_ascii_is_alpha(c) || rh_ascii_is_digit(c) || (c != '\0' && strchr(marks, c) != NULL);
}

/* The value of a hexadecimal digit, or -1. */
static inline int rh_ascii_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}

/* Every byte is a letter, a digit, or one of `marks`; so is none. */
bool rh_ascii_all_alnum_or(struct rh_slice slice, const char *marks);

/* Percent-encodes what is neither (RFC 3986 §2.1); `out` has room for three times as much. How much it wrote. */
size_t rh_ascii_percent_encode(char *out, struct rh_slice text, const char *marks);

/* Equal but for ASCII case. */
bool rh_ascii_equal(struct rh_slice a, struct rh_slice b);

/* `slice` equals the lower-case literal `lower`, but for ASCII case. */
bool rh_ascii_is(struct rh_slice slice, const char *lower);

/* Without spaces and tabs at both ends (OWS, RFC 9110 §5.6.3). */
struct rh_slice rh_ascii_trim(struct rh_slice slice);

/* Reads 1 to 20 decimal digits that fill the slice; false for anything else or above UINT64_MAX. */
bool rh_ascii_to_u64(struct rh_slice slice, uint64_t *ret_value);

/* Writes `value` in decimal without a NUL; needs up to 20 bytes; returns how many it took. */
size_t rh_ascii_from_u64(char *out, uint64_t value);

/* The next element of a comma-separated list (RFC 9110 §5.6.1), trimmed, empty ones skipped;
 * takes it off the front of `*list`; false at the end. Quoted strings are kept whole. */
bool rh_ascii_list_next(struct rh_slice *list, struct rh_slice *ret_element);

#endif
