/* One pass over the segments: each is decoded behind the '/' that begins it; what turns out to be
 * "." is dropped again, ".." drops the segment before it too. Decoding never makes a segment
 * longer, so what was written is never ahead of what was read. */
#include "http/path.h"

#include "util/ascii.h"

/* Decodes one segment to `out`; returns its length or, in *ret_rule, why not. */
static size_t decode_segment(const char *at, const char *stop, char *out, enum rh_rule *ret_rule)
{
    char *first = out;
    while (at < stop) {
        char c = *at++;
        if (c == '%') {
            int high = stop - at >= 2 ? rh_ascii_hex(at[0]) : -1;
            int low = high >= 0 ? rh_ascii_hex(at[1]) : -1;
            if (low < 0) {
                *ret_rule = RH_RULE_PATH_PERCENT;
                return 0;
            }
            at += 2;
            c = (char)(high << 4 | low);
            if (c == '\0') {
                *ret_rule = RH_RULE_PATH_NUL;
                return 0;
            }
            if (c == '/') {
                c = '\0';
            }
        } else if (c == '\0') {
            *ret_rule = RH_RULE_PATH_NUL;
            return 0;
        }
        *out++ = c;
    }
    return (size_t)(out - first);
}

enum rh_rule rh_path_canonical(struct rh_slice raw, char *out, size_t *ret_len)
{
    const char *at = raw.base;
    const char *stop = raw.base + raw.len;
    size_t len = 0; /* of what was written: always "/segment" pairs */
    enum rh_rule rule = RH_RULE_NONE;
    if (raw.len == 0) {
        out[0] = '/';
        *ret_len = 1;
        return RH_RULE_NONE;
    }
    while (at < stop) {
        at += *at == '/'; /* the first segment of a relative path has none */
        const char *end = at;
        while (end < stop && *end != '/') {
            end++;
        }
        out[len] = '/';
        char *segment = out + len + 1;
        size_t n = decode_segment(at, end, segment, &rule);
        if (rule != RH_RULE_NONE) {
            return rule;
        }
        bool dot = n == 1 && segment[0] == '.';
        bool dots = n == 2 && segment[0] == '.' && segment[1] == '.';
        if (dots) {
            if (len == 0) {
                return RH_RULE_PATH_ABOVE_ROOT;
            }
            while (out[--len] != '/') {
            }
        }
        if (!dot && !dots) {
            len += 1 + n;
        } else if (end == stop) {
            len++; /* "/a/." and "/a/b/.." name the folder "/a/" */
        }
        at = end;
    }
    *ret_len = len;
    return RH_RULE_NONE;
}
