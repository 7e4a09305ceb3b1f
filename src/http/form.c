/* Cutting and decoding are two steps: who looks for one name decodes only that. */
#include "http/form.h"

#include "util/ascii.h"

bool rh_form_next(struct rh_slice *rest, struct rh_slice *ret_name, struct rh_slice *ret_value)
{
    while (rest->len > 0 && *rest->base == '&') {
        rest->base++;
        rest->len--;
    }
    if (rest->len == 0) {
        return false;
    }
    const char *piece = rest->base;
    const char *end = memchr(piece, '&', rest->len);
    size_t len = end != NULL ? (size_t)(end - piece) : rest->len;
    const char *equals = memchr(piece, '=', len);
    size_t name_len = equals != NULL ? (size_t)(equals - piece) : len;
    size_t value_at = equals != NULL ? name_len + 1 : len;
    *ret_name = (struct rh_slice){piece, name_len};
    *ret_value = (struct rh_slice){piece + value_at, len - value_at};
    rest->base += len;
    rest->len -= len;
    return true;
}

/* The byte that the '%' at `at` and the two digits after it stand for, or -1. */
static int escaped_byte(const char *at, const char *stop)
{
    int high = stop - at > 2 ? rh_ascii_hex(at[1]) : -1;
    int low = high >= 0 ? rh_ascii_hex(at[2]) : -1;
    return low >= 0 ? high << 4 | low : -1;
}

ptrdiff_t rh_form_decode(struct rh_slice raw, char *out)
{
    const char *stop = raw.base + raw.len;
    for (const char *at = raw.base; at < stop; at++) {
        if (*at == '%' && escaped_byte(at, stop) < 0) {
            return -1;
        }
    }
    return (ptrdiff_t)rh_form_decode_query(raw, out);
}

size_t rh_form_decode_query(struct rh_slice raw, char *out)
{
    const char *stop = raw.base + raw.len;
    size_t n = 0;
    for (const char *at = raw.base; at < stop; at++) {
        int byte = *at == '%' ? escaped_byte(at, stop) : -1;
        out[n++] = byte >= 0 ? (char)byte : *at == '+' ? ' ' : *at;
        at += byte >= 0 ? 2 : 0;
    }
    return n;
}
