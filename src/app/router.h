/* The router: from a method and a path in canonical form to a route and the slices of its
 * parameters. Pure data: filled once (by an app), then only read, from any thread. */
#ifndef RH_APP_ROUTER_H
#define RH_APP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawhttp/exchange.h"
#include "rawhttp/method.h"
#include "util/assert.h"

enum {
    RH_ROUTE_PARAMS_MAX = 16,   /* :param and *rest of one pattern together */
    RH_ROUTE_SEGMENTS_MAX = 64, /* of one pattern: bounds the recursion of a match */
    RH_ROUTER_METHODS_MAX = 32, /* methods of one router: sets of them are bits */
};

/* One middleware of a chain. */
struct rh_step {
    rh_handler_fn fn;
    void *data;
    bool is_cors; /* also runs for the preflights of its routes, which no route answers */
};

/* What a pattern leads to. The router reads `pattern` and fills `params` and `has_rest`. */
struct rh_route {
    struct rh_slice pattern; /* as registered; NUL-terminated; lives as long as the router */
    unsigned params;         /* how many :param segments */
    bool has_rest;           /* it ends with *rest */
    unsigned steps_count;    /* middleware that runs before the handler */
    const struct rh_step *steps;
    rh_handler_fn handler;
    void *data;
};

struct rh_router_node;
struct rh_router_literal;

struct rh_router {
    struct rh_router_literal *literals; /* patterns without parameters by their hash; NULL: none */
    uint32_t literals_mask;             /* places in that table (a power of two), less one */
    uint32_t literals_count;            /* how many of them are used */
    struct rh_router_node *root; /* stands before the first segment; NULL until the first insert */
    uint32_t methods;            /* every method that some route has, as bits (for OPTIONS *) */
    unsigned others_count;       /* methods that are no enum rh_method but named by a route... */
    struct rh_slice others[RH_ROUTER_METHODS_MAX - RH_METHODS]; /* ...numbered from RH_METHODS */
};

/* The result of a match. The slices point into the path. */
struct rh_match {
    const struct rh_route *route; /* NULL: nothing has this path and method */
    uint32_t allow; /* methods that routes with this path have; complete where route is NULL */
    bool has_rest;  /* *rest stands for one or more segments: `rest` */
    struct rh_slice rest;                        /* those segments with the slashes between them */
    struct rh_slice values[RH_ROUTE_PARAMS_MAX]; /* of the first route->params */
};

void rh_router_init(struct rh_router *router);
/* Frees the tree; routes and patterns are the caller's. */
void rh_router_fini(struct rh_router *router);

/* The number of the method with this name: an enum rh_method, or that of another token that was
 * named to the router; RH_ROUTER_METHODS_MAX if it knows none. */
unsigned rh_router_method(const struct rh_router *router, struct rh_slice name);
/* As that, and gives a new name a number; the text lives as long as the router.
 * RH_ROUTER_METHODS_MAX if there is none left. */
unsigned rh_router_name_method(struct rh_router *router, struct rh_slice name);
/* The name of a method by its number. */
struct rh_slice rh_router_method_name(const struct rh_router *router, unsigned method);

/* Adds `route` for `method`. 0; RH_EPATTERN or RH_ECONFLICT with the reason in *ret_why (a
 * literal); or -ENOMEM. After an error the router is as usable as before. */
int RH_MUST_CHECK rh_router_insert(struct rh_router *router, unsigned method,
                                   struct rh_route *route, const char **ret_why);

/* Which of the route's parameters has this name: 0 to params - 1, `params` for *rest, -1 for none.
 */
int rh_router_param(const struct rh_route *route, const char *name);

/* Finds the route of `path` for `method`; *ret_match->route is NULL where there is none. No
 * allocation. It is the two halves below one after the other: whoever has no use for a match where
 * a path is spelled out calls them itself. */
void rh_router_match(const struct rh_router *router, unsigned method, struct rh_slice path,
                     struct rh_match *ret_match);
/* The route whose pattern spells `path` out, without parameters; NULL where none does: then walk.
 */
const struct rh_route *rh_router_literal(const struct rh_router *router, unsigned method,
                                         struct rh_slice path);
/* The route whose pattern fits `path` segment by segment. */
void rh_router_walk(const struct rh_router *router, unsigned method, struct rh_slice path,
                    struct rh_match *ret_match);

#endif
