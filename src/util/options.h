/* Structs of options that may grow: the first field is `size_t size`, the struct's length as the
 * caller was compiled with, and fields are only ever appended. So a library that is newer than its
 * caller takes the fields that the caller knows, and has its own defaults for the rest; an older
 * one leaves what it does not know. */
#ifndef RH_UTIL_OPTIONS_H
#define RH_UTIL_OPTIONS_H

#include <stddef.h>
#include <string.h>

/* Fills the caller's `size` bytes: with `defaults`, `known` bytes of them, and zeros where the
 * caller knows more. */
static inline void rh_options_fill(void *ret_options, size_t size, const void *defaults,
                                   size_t known)
{
    memset(ret_options, 0, size);
    memcpy(ret_options, defaults, size < known ? size : known);
    memcpy(ret_options, &size, sizeof size);
}

/* Over the defaults in `options`, `known` bytes, goes what the caller gave; NULL leaves them. */
static inline void rh_options_take(void *options, size_t known, const void *given)
{
    if (given != NULL) {
        size_t size;
        memcpy(&size, given, sizeof size);
        memcpy(options, given, size < known ? size : known);
        memcpy(options, &known, sizeof known);
    }
}

#endif
