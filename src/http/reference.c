/* One pass. The authority, the only place for brackets, stands between "//" and the next delimiter,
 * at the front or behind a scheme. */
#include "http/reference.h"

#include <stdbool.h>
#include <string.h>

#include "util/ascii.h"

/* Where the authority ends, as an offset; 0 if there is none. */
static size_t authority_end(struct rh_slice text)
{
    size_t at = 0;
    while (at < text.len && rh_ascii_is_alnum_or(text.base[at], "+-.")) {
        at++;
    }
    at = at > 0 && at < text.len && text.base[at] == ':' ? at + 1 : 0;
    if (text.len - at < 2 || text.base[at] != '/' || text.base[at + 1] != '/') {
        return 0;
    }
    for (at += 2; at < text.len && strchr("/?#\\", text.base[at]) == NULL; at++) {
    }
    return at;
}

/* RFC 3986 §2: unreserved and reserved, brackets only as `in_authority`. */
static bool may_stand(struct rh_slice text, size_t i, bool in_authority)
{
    unsigned char c = (unsigned char)text.base[i];
    if (c == '%') {
        return text.len - i > 2 && rh_ascii_hex(text.base[i + 1]) >= 0 &&
               rh_ascii_hex(text.base[i + 2]) >= 0;
    }
    if (c == '[' || c == ']') {
        return in_authority;
    }
    return c < 0x20 || c == 0x7f || rh_ascii_is_alnum_or((char)c, "-._~:/?#@!$&'()*+,;=");
}

size_t rh_reference_encode(char *out, struct rh_slice text)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t authority = authority_end(text);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.base[i];
        bool stays = may_stand(text, i, i < authority);
        if (out != NULL && stays) {
            out[len] = (char)c;
        } else if (out != NULL) {
            memcpy(out + len, (const char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
        }
        len += stays ? 1 : 3;
    }
    return len;
}
