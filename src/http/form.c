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

ptrdiff_t rh_form_decode(struct rh_slice raw, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.base[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = raw.len - i > 2 ? rh_ascii_hex(raw.base[i + 1]) : -1;
            int low = high >= 0 ? rh_ascii_hex(raw.base[i + 2]) : -1;
            if (low < 0) {
                return -1;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[n++] = c;
    }
    return (ptrdiff_t)n;
}
