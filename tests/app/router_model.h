/* The slow model of the router: every pattern is held against the path, and the best is the one whose kinds of
 * segments compare lowest. */
#ifndef TESTS_APP_ROUTER_MODEL_H
#define TESTS_APP_ROUTER_MODEL_H

#include <stdbool.h>
#include <string.h>

#include "rawhttp/slice.h"

enum { MODEL_SEGMENTS_MAX = 80 };

/* The segments of a path or pattern that begins with '/'; those behind the 80th are left out. */
static inline size_t model_split(const char *text, size_t len, struct rh_slice out[MODEL_SEGMENTS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < MODEL_SEGMENTS_MAX;) { /* text[i] is '/' */
        size_t begin = ++i;
        while (i < len && text[i] != '/') {
            i++;
        }
        out[n++] = (struct rh_slice){text + begin, i - begin};
    }
    return n;
}

/* The kinds of the pattern's segments as text: '0' literal, '1' param, '2' rest. False: it does not fit. */
static inline bool model_fits(const char *pattern, const struct rh_slice *path, size_t path_count,
                              char rank[MODEL_SEGMENTS_MAX + 1])
{
    struct rh_slice parts[MODEL_SEGMENTS_MAX];
    size_t count = model_split(pattern, strlen(pattern), parts);
    size_t i = 0;
    for (; i < count; i++) {
        if (parts[i].len > 0 && parts[i].base[0] == '*') {
            rank[i] = '2';
            rank[i + 1] = '\0';
            return path_count >= i;
        }
        if (i >= path_count) {
            return false;
        }
        if (parts[i].len > 0 && parts[i].base[0] == ':') {
            if (path[i].len == 0) {
                return false;
            }
            rank[i] = '1';
        } else if (rh_slice_equal(parts[i], path[i])) {
            rank[i] = '0';
        } else {
            return false;
        }
    }
    rank[i] = '\0';
    return i == path_count;
}

#endif
