/* Conditional requests (RFC 9110 §13) and ranges (§14) over a representation: pure decisions. */
#ifndef RH_HTTP_CONDITION_H
#define RH_HTTP_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawhttp/slice.h"

/* The fields of a request that take part; absent ones have base NULL. */
struct rh_conditions {
    struct rh_slice if_match;
    struct rh_slice if_none_match;
    struct rh_slice if_modified_since;
    struct rh_slice if_unmodified_since;
    struct rh_slice if_range;
    struct rh_slice range;
};

/* What there is to send. */
struct rh_validators {
    struct rh_slice etag; /* with its quotes, and W/ if it is weak */
    int64_t modified;     /* Unix seconds */
    uint64_t size;        /* bytes of the whole representation */
};

struct rh_range {
    uint64_t first;
    uint64_t len;
};

enum { RH_RANGES_MAX = 16 }; /* of one request; more are answered whole */

/* What to send. */
struct rh_verdict {
    unsigned status; /* 200, 206, 304, 412 or 416 */
    uint64_t first;  /* 200 and 206: the first byte */
    uint64_t len;    /* and how many */
    size_t parts_n;  /* 206: 0, or at least two parts instead, in order, none near another */
    struct rh_range parts[RH_RANGES_MAX];
};

/* Decides for GET (`is_get`, where ranges count) or HEAD, in the order of RFC 9110 §13.2.2. */
struct rh_verdict rh_condition_check(const struct rh_conditions *conditions,
                                     const struct rh_validators *validators, bool is_get);

#endif
