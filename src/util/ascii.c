/* ASCII helpers: no locale, no allocation, no error but "no". */
#include "util/ascii.h"

bool rh_ascii_all_alnum_or(struct rh_slice slice, const char *marks)
{
    size_t i = 0;
    while (i < slice.len && rh_ascii_is_alnum_or(slice.base[i], marks)) {
        i++;
    }
    return i == slice.len;
}

size_t rh_ascii_percent_encode(char *out, struct rh_slice text, const char *marks)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.base[i];
        if (rh_ascii_is_alnum_or((char)c, marks)) {
            out[len++] = (char)c;
        } else {
            out[len++] = '%';
            out[len++] = hex[c >> 4];
            out[len++] = hex[c & 15];
        }
    }
    return len;
}

bool rh_ascii_equal(struct rh_slice a, struct rh_slice b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (rh_ascii_lower(a.base[i]) != rh_ascii_lower(b.base[i])) {
            return false;
        }
    }
    return true;
}

bool rh_ascii_is(struct rh_slice slice, const char *lower)
{
    size_t i = 0;
    while (i < slice.len && lower[i] != '\0' && rh_ascii_lower(slice.base[i]) == lower[i]) {
        i++;
    }
    return i == slice.len && lower[i] == '\0';
}

struct rh_slice rh_ascii_trim(struct rh_slice slice)
{
    while (slice.len > 0 && (*slice.base == ' ' || *slice.base == '\t')) {
        slice.base++;
        slice.len--;
    }
    while (slice.len > 0 &&
           (slice.base[slice.len - 1] == ' ' || slice.base[slice.len - 1] == '\t')) {
        slice.len--;
    }
    return slice;
}

bool rh_ascii_to_u64(struct rh_slice slice, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (slice.len == 0 || slice.len > 20) {
        return false;
    }
    for (size_t i = 0; i < slice.len; i++) {
        if (!rh_ascii_is_digit(slice.base[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)(slice.base[i] - '0');
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

size_t rh_ascii_from_u64(char *out, uint64_t value)
{
    char reversed[20];
    size_t n = 0;
    do {
        reversed[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < n; i++) {
        out[i] = reversed[n - 1 - i];
    }
    return n;
}

bool rh_ascii_list_next(struct rh_slice *list, struct rh_slice *ret_element)
{
    while (list->len > 0) {
        size_t end = 0;
        bool quoted = false;
        while (end < list->len && (quoted || list->base[end] != ',')) {
            if (list->base[end] == '"') {
                quoted = !quoted;
            } else if (quoted && list->base[end] == '\\' && end + 1 < list->len) {
                end++;
            }
            end++;
        }
        struct rh_slice element = rh_ascii_trim((struct rh_slice){list->base, end});
        size_t step = end < list->len ? end + 1 : end;
        list->base += step;
        list->len -= step;
        if (element.len > 0) {
            *ret_element = element;
            return true;
        }
    }
    return false;
}
