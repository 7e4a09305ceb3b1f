/* Every condition that cannot be read is one that was not sent (RFC 9110 §13.1.3, §14.2). Several
 * ranges are an old way to make a server work hard: so there may be a few, those that touch or
 * nearly touch become one, and when they come to the whole, the whole is sent. */
#include "http/condition.h"

#include <string.h>

#include "http/date.h"
#include "util/ascii.h"

enum { GAP_BYTES = 128 };

static bool is_weak(struct rh_slice tag)
{
    return tag.len > 2 && tag.base[0] == 'W' && tag.base[1] == '/';
}

/* Without W/. */
static struct rh_slice opaque(struct rh_slice tag)
{
    return is_weak(tag) ? (struct rh_slice){tag.base + 2, tag.len - 2} : tag;
}

/* RFC 9110 §8.8.3.2: strongly, two tags are the same only if neither is weak. */
static bool is_same(struct rh_slice a, struct rh_slice b, bool weakly)
{
    return weakly ? rh_slice_equal(opaque(a), opaque(b)) : rh_slice_equal(a, b) && !is_weak(a);
}

/* `list` is "*" or names the tag. */
static bool tags_name(struct rh_slice list, struct rh_slice etag, bool weakly)
{
    struct rh_slice tag;
    while (rh_ascii_list_next(&list, &tag)) {
        if (rh_slice_is(tag, "*") || is_same(tag, etag, weakly)) {
            return true;
        }
    }
    return false;
}

/* True where the field holds a date and the representation changed after it. */
static bool is_modified_after(struct rh_slice field, const struct rh_validators *validators,
                              bool *ret_is_date)
{
    int64_t date;
    *ret_is_date = rh_date_parse(field, &date);
    return *ret_is_date && validators->modified > date;
}

static unsigned precondition(const struct rh_conditions *conditions,
                             const struct rh_validators *validators)
{
    bool is_date;
    if (conditions->if_match.base != NULL) {
        if (!tags_name(conditions->if_match, validators->etag, false)) {
            return 412;
        }
    } else if (conditions->if_unmodified_since.base != NULL &&
               is_modified_after(conditions->if_unmodified_since, validators, &is_date)) {
        return 412;
    }
    if (conditions->if_none_match.base != NULL) {
        return tags_name(conditions->if_none_match, validators->etag, true) ? 304 : 200;
    }
    if (conditions->if_modified_since.base != NULL &&
        !is_modified_after(conditions->if_modified_since, validators, &is_date) && is_date) {
        return 304;
    }
    return 200;
}

/* If-Range (RFC 9110 §13.1.5): a strong tag, or exactly the date that was sent as Last-Modified. */
static bool range_is_wanted(const struct rh_conditions *conditions,
                            const struct rh_validators *validators)
{
    int64_t date;
    if (conditions->if_range.base == NULL) {
        return true;
    }
    if (conditions->if_range.len > 0 &&
        (conditions->if_range.base[0] == '"' || is_weak(conditions->if_range))) {
        return is_same(conditions->if_range, validators->etag, false);
    }
    return rh_date_parse(conditions->if_range, &date) && date == validators->modified;
}

/* A position of any number of digits (RFC 9110 §14.1.1): one that no file reaches is the largest.
 */
static bool take_position(struct rh_slice digits, uint64_t *ret_position)
{
    uint64_t position = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!rh_ascii_is_digit(digits.base[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)(digits.base[i] - '0');
        position = position <= (UINT64_MAX - digit) / 10 ? position * 10 + digit : UINT64_MAX;
    }
    *ret_position = position;
    return true;
}

enum spec { SPEC_MALFORMED, SPEC_UNSATISFIABLE, SPEC_RANGE };

/* "first-last", "first-" or "-suffix" (RFC 9110 §14.1.2). */
static enum spec take_spec(struct rh_slice spec, uint64_t size, struct rh_range *ret_range)
{
    const char *dash = memchr(spec.base, '-', spec.len);
    if (dash == NULL) {
        return SPEC_MALFORMED;
    }
    struct rh_slice left = {spec.base, (size_t)(dash - spec.base)};
    struct rh_slice right = {dash + 1, spec.len - left.len - 1};
    uint64_t first = 0;
    uint64_t last = 0;
    if (!take_position(left, &first) || !take_position(right, &last) ||
        (left.len == 0 && right.len == 0)) {
        return SPEC_MALFORMED;
    }
    if (left.len == 0) { /* the last `last` bytes */
        uint64_t suffix = last < size ? last : size;
        *ret_range = (struct rh_range){size - suffix, suffix};
        return suffix == 0 ? SPEC_UNSATISFIABLE : SPEC_RANGE;
    }
    if (right.len > 0 && last < first) {
        return SPEC_MALFORMED;
    }
    if (first >= size) {
        return SPEC_UNSATISFIABLE;
    }
    last = right.len == 0 || last >= size ? size - 1 : last;
    *ret_range = (struct rh_range){first, last - first + 1};
    return SPEC_RANGE;
}

/* Puts a range in its place among the others, which are in order. */
static void insert(struct rh_verdict *verdict, struct rh_range range)
{
    size_t at = verdict->parts_n++;
    for (; at > 0 && verdict->parts[at - 1].first > range.first; at--) {
        verdict->parts[at] = verdict->parts[at - 1];
    }
    verdict->parts[at] = range;
}

/* Makes one of those that overlap, touch, or have less between them than a part's head is long
 * (RFC 9110 §15.3.7.2). Returns how many bytes are left in all. */
static uint64_t merge(struct rh_verdict *verdict)
{
    size_t n = 1;
    for (size_t i = 1; i < verdict->parts_n; i++) {
        struct rh_range *last = &verdict->parts[n - 1];
        struct rh_range next = verdict->parts[i];
        uint64_t end = next.first + next.len;
        if (next.first > last->first + last->len + GAP_BYTES) {
            verdict->parts[n++] = next;
        } else if (end > last->first + last->len) {
            last->len = end - last->first;
        }
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += verdict->parts[i].len;
    }
    verdict->parts_n = n;
    return sum;
}

/* A list of ranges; one that does not follow the grammar is answered whole. */
static struct rh_verdict range_check(struct rh_slice range, uint64_t size)
{
    const struct rh_verdict whole = {.status = 200, .len = size};
    struct rh_verdict verdict = {.status = 206};
    struct rh_slice spec;
    size_t specs = 0;
    if (range.len < 7 || !rh_ascii_is((struct rh_slice){range.base, 6}, "bytes=")) {
        return whole;
    }
    struct rh_slice list = {range.base + 6, range.len - 6};
    while (rh_ascii_list_next(&list, &spec)) {
        struct rh_range one;
        enum spec kind = take_spec(spec, size, &one);
        if (kind == SPEC_MALFORMED || ++specs > RH_RANGES_MAX) {
            return whole;
        }
        if (kind == SPEC_RANGE) {
            insert(&verdict, one);
        }
    }
    if (verdict.parts_n == 0) {
        return specs == 0 ? whole : (struct rh_verdict){.status = 416};
    }
    uint64_t sum = merge(&verdict);
    if (verdict.parts_n == 1) {
        verdict.first = verdict.parts[0].first;
        verdict.len = verdict.parts[0].len;
        verdict.parts_n = 0;
    }
    return specs > 1 && sum == size ? whole : verdict;
}

struct rh_verdict rh_condition_check(const struct rh_conditions *conditions,
                                     const struct rh_validators *validators, bool is_get)
{
    unsigned status = precondition(conditions, validators);
    if (status != 200) {
        return (struct rh_verdict){.status = status};
    }
    if (is_get && conditions->range.base != NULL && range_is_wanted(conditions, validators)) {
        return range_check(conditions->range, validators->size);
    }
    return (struct rh_verdict){.status = 200, .len = validators->size};
}
