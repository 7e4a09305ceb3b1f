/* Which byte may stand where: one table, one bit for each kind of place.
 *
 * RH_CHAR_PATH is wider than the grammar of a URI. RFC 3986 allows a path or a query to hold
 *
 *     A-Z a-z 0-9  - . _ ~  ! $ & ' ( ) * + , ; =  : @  /        and '?' in the query
 *
 * and eight bytes more are accepted in both, because browsers and their libraries send them raw
 * (the WHATWG URL standard encodes none of them in a query, and not all of them in a path):
 *
 *     [ ] { } | ^ \ `
 *
 * RFC 9112 §3.2 leaves it to the recipient whether it refuses an invalid target. These eight
 * delimit nothing in HTTP: each reader of the request line finds the same end of the target, so
 * they cannot be used to make two readers disagree. They mean themselves; a backslash is no
 * separator. In the query a '%' without two hexadecimal digits means itself, too; in the path it is
 * refused, because there decoding decides which resource is meant. What is built from a target, a
 * redirect or a link, is encoded again (http/reference.h).
 *
 * Refused in every place of a target: controls, space, DEL and bytes above 0x7E, which end or tear
 * a line for some readers; '"', '<' and '>', which browsers always encode; '#', which a client
 * keeps to itself. A host takes none of the eight. */
#ifndef RH_HTTP_CHARS_H
#define RH_HTTP_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum rh_char_class {
    RH_CHAR_TOKEN = 1,    /* tchar, RFC 9110 §5.6.2 */
    RH_CHAR_PATH = 2,     /* path and query but '%', '.' and '?': see above */
    RH_CHAR_REG_NAME = 4, /* unreserved and sub-delims: a reg-name but '%', RFC 3986 §3.2.2 */
    RH_CHAR_VALUE = 8,    /* HTAB, SP, VCHAR, obs-text: RFC 9110 §5.5 */
    RH_CHAR_QUOTED = 16   /* qdtext, RFC 9110 §5.6.4 */
};

extern const uint8_t rh_char_classes[256];

static inline bool rh_char_is(char c, enum rh_char_class kind)
{
    return (rh_char_classes[(unsigned char)c] & kind) != 0;
}

#endif
