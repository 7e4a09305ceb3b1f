/* Media types (RFC 9110 §8.3.1) and what a client would rather have (§12.4.2, §12.5). */
#ifndef RH_HTTP_MEDIA_H
#define RH_HTTP_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

#include <rawhttp/slice.h>

struct rh_media {
    struct rh_slice type;       /* "text" */
    struct rh_slice subtype;    /* "html" */
    struct rh_slice parameters; /* from the first ';' on, checked; perhaps empty */
};

/* Takes the value of a Content-Type apart; slices of `text`. False where it is malformed. */
bool rh_media_parse(struct rh_slice text, struct rh_media *ret_media);

/* It is exactly "type/subtype", given in lower case, whatever its parameters. */
bool rh_media_is(const struct rh_media *media, const char *lower);

/* Copies the value of a parameter ("charset", "boundary"; in lower case) to `out`, quotes and
 * escapes resolved. Returns its length, or -1 where it is absent, given twice or longer than
 * `out_max`. */
ptrdiff_t rh_media_parameter(const struct rh_media *media, const char *lower, char *out,
                             size_t out_max);

/* The place in `offers` (full types in lower case, best first) of the one that the Accept field
 * likes most; among equals the first. The most specific range speaks for an offer. -1 where it
 * wants none of them. An absent or empty field wants anything. */
ptrdiff_t rh_media_choose(struct rh_slice accept, const char *const *offers, size_t offers_n);

/* What a list such as Accept-Encoding gives to `lower`, 0 to 1000 (for q=1), its own entry before
 * "*"; `otherwise` where neither is there. */
unsigned rh_accept_quality(struct rh_slice list, const char *lower, unsigned otherwise);

#endif
