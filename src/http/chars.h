/* Which byte may stand where: one table, one bit for each kind of place. */
#ifndef RH_HTTP_CHARS_H
#define RH_HTTP_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum rh_char_class {
    RH_CHAR_TOKEN = 1,    /* tchar, RFC 9110 §5.6.2 */
    RH_CHAR_PATH = 2,     /* pchar but '%' and '.', and '/': RFC 3986 §3.3 */
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
