/* Parameters are walked by one reader, which knows tokens and quoted strings; what does not follow
 * the grammar makes the whole value malformed. In the Accept lists it is the element that is
 * skipped: a client that spells one wish badly still has the others. */
#include "http/media.h"

#include "http/chars.h"
#include "util/ascii.h"

static size_t token_bytes(struct rh_slice text)
{
    size_t n = 0;
    while (n < text.len && rh_char_is(text.base[n], RH_CHAR_TOKEN)) {
        n++;
    }
    return n;
}

static void skip(struct rh_slice *text, size_t n)
{
    text->base += n;
    text->len -= n;
}

static void skip_space(struct rh_slice *text)
{
    while (text->len > 0 && (*text->base == ' ' || *text->base == '\t')) {
        skip(text, 1);
    }
}

/* The bytes of a quoted string with both quotes, or 0. */
static size_t quoted_bytes(struct rh_slice text)
{
    if (text.len == 0 || text.base[0] != '"') {
        return 0;
    }
    for (size_t i = 1; i < text.len; i++) {
        if (text.base[i] == '"') {
            return i + 1;
        }
        if (text.base[i] == '\\') {
            i++;
            if (i == text.len || !rh_char_is(text.base[i], RH_CHAR_VALUE)) {
                return 0;
            }
        } else if (!rh_char_is(text.base[i], RH_CHAR_QUOTED)) {
            return 0;
        }
    }
    return 0;
}

enum next { NEXT_END, NEXT_PARAMETER, NEXT_MALFORMED };

/* parameters = *( OWS ";" OWS [ name "=" value ] ), RFC 9110 §5.6.6. A quoted value keeps its
 * quotes. */
static enum next parameter_next(struct rh_slice *rest, struct rh_slice *ret_name,
                                struct rh_slice *ret_value)
{
    for (;;) {
        skip_space(rest);
        if (rest->len == 0) {
            return NEXT_END;
        }
        if (*rest->base != ';') {
            return NEXT_MALFORMED;
        }
        skip(rest, 1);
        skip_space(rest);
        size_t name = token_bytes(*rest);
        if (name == 0) {
            continue; /* an empty parameter, or something that is found to be none above */
        }
        *ret_name = (struct rh_slice){rest->base, name};
        skip(rest, name);
        if (rest->len == 0 || *rest->base != '=') {
            return NEXT_MALFORMED;
        }
        skip(rest, 1);
        size_t value = token_bytes(*rest);
        if (value == 0) {
            value = quoted_bytes(*rest);
        }
        if (value == 0) {
            return NEXT_MALFORMED;
        }
        *ret_value = (struct rh_slice){rest->base, value};
        skip(rest, value);
        return NEXT_PARAMETER;
    }
}

/* "type/subtype" at the front of *text. */
static bool take_type(struct rh_slice *text, struct rh_media *media)
{
    size_t type = token_bytes(*text);
    media->type = (struct rh_slice){text->base, type};
    if (type == 0 || type == text->len || text->base[type] != '/') {
        return false;
    }
    skip(text, type + 1);
    size_t subtype = token_bytes(*text);
    media->subtype = (struct rh_slice){text->base, subtype};
    skip(text, subtype);
    return subtype > 0;
}

bool rh_media_parse(struct rh_slice text, struct rh_media *ret_media)
{
    struct rh_media media;
    struct rh_slice rest = rh_ascii_trim(text);
    struct rh_slice name;
    struct rh_slice value;
    enum next next;
    if (!take_type(&rest, &media)) {
        return false;
    }
    media.parameters = rest;
    do {
        next = parameter_next(&rest, &name, &value);
    } while (next == NEXT_PARAMETER);
    if (next == NEXT_MALFORMED) {
        return false;
    }
    *ret_media = media;
    return true;
}

bool rh_media_is(const struct rh_media *media, const char *lower)
{
    const char *slash = strchr(lower, '/');
    return slash != NULL &&
           rh_ascii_equal(media->type, (struct rh_slice){lower, (size_t)(slash - lower)}) &&
           rh_ascii_is(media->subtype, slash + 1);
}

/* Copies a token, or the inside of a quoted string, without going beyond `out_max`. */
static ptrdiff_t copy_value(struct rh_slice value, char *out, size_t out_max)
{
    size_t n = 0;
    bool quoted = *value.base == '"';
    size_t end = quoted ? value.len - 1 : value.len;
    for (size_t i = quoted ? 1 : 0; i < end; i++) {
        if (quoted && value.base[i] == '\\') {
            i++;
        }
        if (n == out_max) {
            return -1;
        }
        out[n++] = value.base[i];
    }
    return (ptrdiff_t)n;
}

ptrdiff_t rh_media_parameter(const struct rh_media *media, const char *lower, char *out,
                             size_t out_max)
{
    struct rh_slice rest = media->parameters;
    struct rh_slice found = {NULL, 0};
    struct rh_slice name;
    struct rh_slice value;
    while (parameter_next(&rest, &name, &value) == NEXT_PARAMETER) {
        if (rh_ascii_is(name, lower)) {
            if (found.base != NULL) {
                return -1; /* two boundaries are two ways to read the body */
            }
            found = value;
        }
    }
    return found.base != NULL ? copy_value(found, out, out_max) : -1;
}

/* qvalue, RFC 9110 §12.4.2: 0 to 1 with up to three decimals, in thousandths; -1 if it is none. */
static int quality_from(struct rh_slice text)
{
    if (text.len == 0 || text.len > 5 || (text.base[0] != '0' && text.base[0] != '1') ||
        (text.len > 1 && text.base[1] != '.')) {
        return -1;
    }
    int quality = text.base[0] == '1' ? 1000 : 0;
    int unit = 100;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (!rh_ascii_is_digit(text.base[i])) {
            return -1;
        }
        quality += (text.base[i] - '0') * unit;
    }
    return quality <= 1000 ? quality : -1;
}

/* The weight among the parameters of a list element; 1000 where there is none, -1 if malformed.
 * *ret_others: how many parameters are not the weight; they narrow a media range. */
static int element_quality(struct rh_slice parameters, int *ret_others)
{
    struct rh_slice name;
    struct rh_slice value;
    enum next next;
    int quality = 1000;
    *ret_others = 0;
    while ((next = parameter_next(&parameters, &name, &value)) == NEXT_PARAMETER) {
        if (rh_ascii_is(name, "q")) {
            quality = quality_from(value);
        } else {
            ++*ret_others;
        }
        if (quality < 0) {
            return -1;
        }
    }
    return next == NEXT_END ? quality : -1;
}

/* What the Accept field gives to one type, and -1 where no range names it. */
static int quality_of(struct rh_slice accept, const char *offer)
{
    struct rh_slice element;
    int quality = -1;
    int specific = 0;
    const char *slash = strchr(offer, '/');
    struct rh_slice type = {offer, slash != NULL ? (size_t)(slash - offer) : strlen(offer)};
    while (rh_ascii_list_next(&accept, &element)) {
        struct rh_media range;
        int others = 0;
        if (!take_type(&element, &range)) {
            continue;
        }
        int given = element_quality(element, &others);
        int how = rh_media_is(&range, offer)                                            ? 3
                  : rh_slice_is(range.subtype, "*") && rh_ascii_equal(range.type, type) ? 2
                  : rh_slice_is(range.subtype, "*") && rh_slice_is(range.type, "*")     ? 1
                                                                                        : 0;
        /* A range with parameters ("text/html;level=1") asks for a variant that is not offered. */
        if (given >= 0 && others == 0 && how > specific) {
            specific = how;
            quality = given;
        }
    }
    return quality;
}

ptrdiff_t rh_media_choose(struct rh_slice accept, const char *const *offers, size_t offers_n)
{
    ptrdiff_t best = -1;
    int best_quality = 0;
    if (rh_ascii_trim(accept).len == 0) {
        return offers_n > 0 ? 0 : -1;
    }
    for (size_t i = 0; i < offers_n; i++) {
        int quality = quality_of(accept, offers[i]);
        if (quality > best_quality) {
            best_quality = quality;
            best = (ptrdiff_t)i;
        }
    }
    return best;
}

unsigned rh_accept_quality(struct rh_slice list, const char *lower, unsigned otherwise)
{
    struct rh_slice element;
    unsigned quality = otherwise;
    while (rh_ascii_list_next(&list, &element)) {
        int others = 0;
        struct rh_slice name = {element.base, token_bytes(element)};
        skip(&element, name.len);
        int given = element_quality(element, &others);
        if (given < 0) {
            continue;
        }
        if (rh_ascii_is(name, lower)) {
            return (unsigned)given;
        }
        if (rh_slice_is(name, "*")) {
            quality = (unsigned)given;
        }
    }
    return quality;
}
