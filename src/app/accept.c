/* Content negotiation, as little of it as answers need. A malformed element is one that the peer did not send:
 * preferences are hints, so nothing here fails. */
#include "app/accept.h"

#include <stdbool.h>
#include <string.h>

#include "util/ascii.h"

/* The weight behind ";q=" in thousandths (RFC 9110 §12.4.2), 1000 without one; `*element` keeps what is before
 * its first parameter. Parameters other than q do not take part. */
static unsigned weight_take(struct rh_slice *element)
{
    unsigned weight = 1000;
    const char *at = memchr(element->base, ';', element->len);
    const char *end = element->base + element->len;
    if (at == NULL) {
        return weight;
    }
    element->len = (size_t)(at - element->base);
    *element = rh_ascii_trim(*element);
    while (at != NULL) {
        const char *next = memchr(at + 1, ';', (size_t)(end - at - 1));
        const char *stop = next != NULL ? next : end;
        struct rh_slice param = rh_ascii_trim((struct rh_slice){at + 1, (size_t)(stop - at - 1)});
        at = next;
        if (param.len < 3 || rh_ascii_lower(param.base[0]) != 'q' || param.base[1] != '=') {
            continue;
        }
        weight = param.base[2] == '1' ? 1000 : 0;
        unsigned scale = weight == 0 ? 100 : 0;
        for (size_t i = 4; i < param.len && rh_ascii_is_digit(param.base[i]); i++, scale /= 10) {
            weight += (unsigned)(param.base[i] - '0') * scale;
        }
    }
    return weight;
}

/* How exactly `range` names `type`: 3 by name, 2 by "text" "/" "*", 1 by "*" "/" "*", 0 not at all. */
static unsigned exactness(struct rh_slice range, const char *type)
{
    if (rh_ascii_is(range, type)) {
        return 3;
    }
    if (range.len < 3 || range.base[range.len - 1] != '*' || range.base[range.len - 2] != '/') {
        return 0;
    }
    if (range.len == 3 && range.base[0] == '*') {
        return 1;
    }
    struct rh_slice whole = rh_slice_from(type);
    return whole.len >= range.len - 1 && rh_ascii_equal((struct rh_slice){whole.base, range.len - 1},
                                                        (struct rh_slice){range.base, range.len - 1})
               ? 2
               : 0;
}

size_t rh_accept_media(struct rh_slice accept, const char *const *candidates, size_t count)
{
    size_t best = 0;
    unsigned best_weight = 0;
    unsigned best_exact = 0;
    size_t best_place = 0;
    for (size_t i = 0; i < count; i++) {
        struct rh_slice rest = accept;
        struct rh_slice element;
        unsigned weight = 0;
        unsigned exact = 0;
        size_t place = 0;
        for (size_t n = 0; rest.base != NULL && rh_ascii_list_next(&rest, &element); n++) {
            unsigned element_weight = weight_take(&element);
            unsigned element_exact = exactness(element, candidates[i]);
            if (element_exact > exact) { /* the most exact range that fits decides (RFC 9110 §12.5.1) */
                exact = element_exact;
                weight = element_weight;
                place = n;
            }
        }
        if (weight > best_weight ||
            (weight == best_weight && weight > 0 &&
             (exact > best_exact || (exact == best_exact && place < best_place)))) {
            best = i;
            best_weight = weight;
            best_exact = exact;
            best_place = place;
        }
    }
    return best;
}

unsigned rh_accept_coding(struct rh_slice accept_encoding, const char *coding)
{
    struct rh_slice element;
    unsigned weight = 0;
    bool is_named = false;
    while (accept_encoding.base != NULL && rh_ascii_list_next(&accept_encoding, &element)) {
        unsigned element_weight = weight_take(&element);
        if (rh_ascii_is(element, coding)) {
            weight = element_weight;
            is_named = true;
        } else if (!is_named && element.len == 1 && element.base[0] == '*') {
            weight = element_weight;
        }
    }
    return weight;
}
