/* Bytes that somebody else owns: a pointer and a length, not NUL-terminated. */
#ifndef RAWHTTP_SLICE_H
#define RAWHTTP_SLICE_H

#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A view of `len` bytes at `base`. An absent value has base == NULL; an empty one does not. */
struct rh_slice {
    const char *base;
    size_t len;
};

/* The bytes of a NUL-terminated string, without the NUL; NULL gives the absent slice. */
static inline struct rh_slice rh_slice_from(const char *text)
{
    struct rh_slice slice = {text, text != NULL ? strlen(text) : 0};
    return slice;
}

/* True where both hold the same bytes (an absent slice equals an empty one). */
static inline int rh_slice_equal(struct rh_slice a, struct rh_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}

/* True where `slice` holds exactly the bytes of `text`. */
static inline int rh_slice_is(struct rh_slice slice, const char *text)
{
    return rh_slice_equal(slice, rh_slice_from(text));
}

#ifdef __cplusplus
}
#endif
#endif
