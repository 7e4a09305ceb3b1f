/* The text of one template and where in it something went wrong. */
#ifndef RH_TEMPLATE_SOURCE_H
#define RH_TEMPLATE_SOURCE_H

#include <stdbool.h>

#include "util/pool.h"
#include "rawhttp/slice.h"

struct rh_node;

struct rh_source {
    struct rh_source *next;
    struct rh_slice name; /* what templates call it: without the ending */
    struct rh_slice file; /* what errors call it */
    struct rh_slice text;
    bool is_html;
    bool is_partial_only; /* its name begins with _ */
    struct rh_node *tree; /* what it was parsed to */
    const char *error;    /* why it did not parse or compile; NULL: it did */
    size_t unit;          /* the compiled form, where there is no error */
};

/* Notes an error at a byte of the source's text, unless there is one already: the first is the one
 * that a person wants to read. */
__attribute__((format(printf, 4, 5))) void rh_source_complain(struct rh_source *source,
                                                              struct rh_pool *pool, const char *at,
                                                              const char *format, ...);

/* True when `at` points into the source's text. */
bool rh_source_holds(const struct rh_source *source, const char *at);

#endif
