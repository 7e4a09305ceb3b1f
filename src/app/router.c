/* A path that some pattern spells out whole is found in one hash table, eight bytes at a time: no
 * other pattern can beat it. Every other path walks a tree with one node for each segment of a
 * pattern. A node finds its literal children in a small hash table of its own, so a step costs the
 * bytes of its segment, whatever the number of routes. The path is read once from left to right;
 * only where a node has a :param or a *rest beside the literal that fits does the walk keep a place
 * to come back to (recursion, bounded by RH_ROUTE_SEGMENTS_MAX; no node is visited twice for one
 * path).
 *
 * The order: a literal segment beats :param beats *rest, segment by segment from the left. A branch
 * that ends nowhere, or at routes that lack the method, is left again and the next one is tried;
 * the methods that were met on the way are the Allow of a 405. Empty segments are segments ("/a//b"
 * has three, "/a/" has two); :param takes none that is empty; *rest takes zero or more segments of
 * any kind: one that follows "/a" fits
 * "/a" (zero), "/a/" (one, empty) and "/a/b/c" (two).
 *
 * Rejected: a radix tree on bytes. Precedence goes by segment, so it would need a mark at every
 * slash and a way back to the last one, and a step would cost a node for each place where some two
 * patterns part. */
#include "app/router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "http/method.h"
#include "rawhttp/error.h"

/* Where patterns end: the routes by method. HEAD without a route of its own points to that of GET.
 */
struct end {
    struct rh_route *routes[RH_ROUTER_METHODS_MAX];
    uint32_t methods; /* those that were registered, as bits */
};

/* A pattern without parameters. */
struct rh_router_literal {
    uint32_t hash;
    uint32_t len;
    const char *text;
    const struct end *end; /* NULL: the place is free */
};

struct slot {
    uint32_t hash;
    uint32_t len;
    const char *text;             /* the segment, in the pattern that brought it */
    struct rh_router_node *child; /* NULL: the slot is free */
};

struct rh_router_node {
    struct slot *slots;           /* literal children by hash; a power of two, at most half full */
    uint32_t slots_mask;          /* how many slots, less one */
    uint32_t children;            /* how many of them are used */
    struct rh_router_node *param; /* the child behind :param */
    struct end *end;              /* routes whose pattern ends here */
    struct end *rest;             /* routes whose pattern goes on with *rest */
};

/* A table of one free slot, so that a lookup in a node without children needs no test of its own.
 */
static struct slot no_slots[1];

/* FNV-1a for segments, written out where the walk needs it: it looks for the slash in the same
 * loop. */
#define HASH_SEED 0x811c9dc5u
#define HASH_PRIME 0x01000193u

static uint32_t hash_of(const char *text, size_t len)
{
    uint32_t hash = HASH_SEED;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)text[i]) * HASH_PRIME;
    }
    return hash;
}

/* FNV's low bits are weak for short keys; this mixes the high ones in. */
static uint32_t slot_of(uint32_t hash)
{
    return hash ^ (hash >> 15);
}

static inline uint64_t load64(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint32_t load32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* The hash of a whole path (at least one byte): multiply and fold, in words that may overlap at the
 * end. It need not withstand an attack: only registered patterns are in the table. */
static inline uint32_t path_hash(const char *at, size_t len)
{
    const uint64_t factor = 0x9e3779b97f4a7c15;
    uint64_t hash = len;
    if (len >= 8) {
        const char *last = at + len - 8;
        for (; at < last; at += 8) {
            hash = (hash ^ load64(at)) * factor;
            hash ^= hash >> 32;
        }
        hash ^= load64(last);
    } else if (len >= 4) {
        hash ^= load32(at) ^ (uint64_t)load32(at + len - 4) << 32;
    } else {
        hash ^= (uint64_t)(unsigned char)at[len / 2] << 16 | (uint64_t)(unsigned char)at[len - 1]
                                                                 << 32;
    }
    hash *= factor;
    return (uint32_t)(hash >> 32);
}

static inline bool path_equal(const char *a, const char *b, size_t len)
{
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8) {
            if (load64(a + i) != load64(b + i)) {
                return false;
            }
        }
        return load64(a + len - 8) == load64(b + len - 8);
    }
    if (len >= 4) {
        return load32(a) == load32(b) && load32(a + len - 4) == load32(b + len - 4);
    }
    return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
}

static struct rh_router_node *node_create(void)
{
    struct rh_router_node *node = calloc(1, sizeof *node);
    if (node != NULL) {
        node->slots = no_slots;
    }
    return node;
}

static void node_destroy(struct rh_router_node *node)
{
    if (node == NULL) {
        return;
    }
    if (node->slots != no_slots) {
        for (uint32_t i = 0; i <= node->slots_mask; i++) {
            node_destroy(node->slots[i].child);
        }
        free(node->slots);
    }
    node_destroy(node->param);
    free(node->end);
    free(node->rest);
    free(node);
}

void rh_router_init(struct rh_router *router)
{
    memset(router, 0, sizeof *router);
}

void rh_router_fini(struct rh_router *router)
{
    node_destroy(router->root);
    free(router->literals);
    rh_router_init(router);
}

/* --- Methods --- */

unsigned rh_router_method(const struct rh_router *router, struct rh_slice name)
{
    unsigned method = rh_method_find(name);
    if (method != RH_METHOD_OTHER) {
        return method;
    }
    for (unsigned i = 0; i < router->others_count; i++) {
        if (rh_slice_equal(router->others[i], name)) {
            return RH_METHODS + i;
        }
    }
    return RH_ROUTER_METHODS_MAX;
}

unsigned rh_router_name_method(struct rh_router *router, struct rh_slice name)
{
    unsigned method = rh_router_method(router, name);
    if (method == RH_ROUTER_METHODS_MAX &&
        router->others_count < RH_ROUTER_METHODS_MAX - RH_METHODS) {
        method = RH_METHODS + router->others_count;
        router->others[router->others_count++] = name;
    }
    return method;
}

struct rh_slice rh_router_method_name(const struct rh_router *router, unsigned method)
{
    return method < RH_METHODS ? rh_slice_from(rh_method_name((enum rh_method)method))
                               : router->others[method - RH_METHODS];
}

/* --- Registration --- */

static void slot_put(struct slot *slots, uint32_t mask, struct slot slot)
{
    uint32_t at = slot_of(slot.hash) & mask;
    while (slots[at].child != NULL) {
        at = (at + 1) & mask;
    }
    slots[at] = slot;
}

/* Doubles the table, so that at most half of it is used and a lookup always meets a free slot. */
static bool node_grow(struct rh_router_node *node)
{
    uint32_t mask = node->slots == no_slots ? 3 : node->slots_mask * 2 + 1;
    struct slot *slots = calloc((size_t)mask + 1, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    if (node->slots != no_slots) {
        for (uint32_t i = 0; i <= node->slots_mask; i++) {
            if (node->slots[i].child != NULL) {
                slot_put(slots, mask, node->slots[i]);
            }
        }
        free(node->slots);
    }
    node->slots = slots;
    node->slots_mask = mask;
    return true;
}

static void literal_put(struct rh_router_literal *literals, uint32_t mask,
                        struct rh_router_literal literal)
{
    uint32_t at = literal.hash & mask;
    while (literals[at].end != NULL) {
        at = (at + 1) & mask;
    }
    literals[at] = literal;
}

/* Room for one more literal pattern in a table that stays at most half full. */
static bool literals_reserve(struct rh_router *router)
{
    uint32_t mask = router->literals == NULL ? 7 : router->literals_mask;
    if (router->literals != NULL && (router->literals_count + 1) * 2 <= mask + 1) {
        return true;
    }
    mask = router->literals == NULL ? mask : mask * 2 + 1;
    struct rh_router_literal *literals = calloc((size_t)mask + 1, sizeof *literals);
    if (literals == NULL) {
        return false;
    }
    for (uint32_t i = 0; router->literals != NULL && i <= router->literals_mask; i++) {
        if (router->literals[i].end != NULL) {
            literal_put(literals, mask, router->literals[i]);
        }
    }
    free(router->literals);
    router->literals = literals;
    router->literals_mask = mask;
    return true;
}

static struct rh_router_node *literal_child(struct rh_router_node *node, const char *text,
                                            size_t len)
{
    struct slot slot = {hash_of(text, len), (uint32_t)len, text, NULL};
    for (uint32_t at = slot_of(slot.hash) & node->slots_mask; node->slots[at].child != NULL;
         at = (at + 1) & node->slots_mask) {
        const struct slot *found = &node->slots[at];
        if (found->hash == slot.hash && found->len == len && memcmp(found->text, text, len) == 0) {
            return found->child;
        }
    }
    if ((node->children + 1) * 2 > node->slots_mask + 1 && !node_grow(node)) {
        return NULL;
    }
    slot.child = node_create();
    if (slot.child != NULL) {
        slot_put(node->slots, node->slots_mask, slot);
        node->children++;
    }
    return slot.child;
}

static const char *segment_end(const char *at)
{
    while (*at != '/' && *at != '\0') {
        at++;
    }
    return at;
}

/* A name may stand once in a pattern: a second one could never be asked for. */
static bool name_is_taken(const char *pattern, const char *begin, size_t len)
{
    for (const char *at = pattern; at < begin - 1; at = segment_end(at + 1)) {
        if (at[1] == ':' && (size_t)(segment_end(at + 1) - at - 1) == len &&
            memcmp(at + 2, begin + 1, len - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Looks the whole pattern through before the tree is touched. NULL, or what is wrong with it. */
static const char *pattern_check(const char *pattern, unsigned *ret_params, bool *ret_has_rest)
{
    unsigned segments = 0;
    unsigned params = 0;
    bool has_rest = false;
    for (const char *at = pattern; *at != '\0' || segments == 0;) {
        const char *begin = at + 1;
        if (*at != '/') {
            return "a pattern begins with '/'";
        }
        at = segment_end(begin);
        size_t len = (size_t)(at - begin);
        if (has_rest) {
            return "*rest must be the last segment";
        }
        if (++segments > RH_ROUTE_SEGMENTS_MAX) {
            return "more than 64 segments";
        }
        if ((len == 1 && begin[0] == '.') || (len == 2 && begin[0] == '.' && begin[1] == '.')) {
            return "'.' and '..' are resolved before routes are looked up";
        }
        if (*begin != ':' && *begin != '*') {
            continue;
        }
        if (len == 1) {
            return "a :param or *rest needs a name";
        }
        if (name_is_taken(pattern, begin, len)) {
            return "two parameters of one name";
        }
        has_rest = *begin == '*';
        if (!has_rest && ++params > RH_ROUTE_PARAMS_MAX) {
            return "more than 16 parameters";
        }
    }
    *ret_params = params;
    *ret_has_rest = has_rest;
    return NULL;
}

/* The place in the tree where the pattern ends; made where it is not there. NULL: no memory. */
static struct end *pattern_place(struct rh_router *router, const char *pattern)
{
    if (router->root == NULL && (router->root = node_create()) == NULL) {
        return NULL;
    }
    struct rh_router_node *node = router->root;
    struct end **place = &node->end;
    for (const char *at = pattern; *at != '\0';) {
        const char *begin = at + 1;
        at = segment_end(begin);
        if (*begin == '*') {
            place = &node->rest;
            break;
        }
        if (*begin == ':') {
            if (node->param == NULL) {
                node->param = node_create();
            }
            node = node->param;
        } else {
            node = literal_child(node, begin, (size_t)(at - begin));
        }
        if (node == NULL) {
            return NULL;
        }
        place = &node->end;
    }
    if (*place == NULL) {
        *place = calloc(1, sizeof **place);
    }
    return *place;
}

int rh_router_insert(struct rh_router *router, unsigned method, struct rh_route *route,
                     const char **ret_why)
{
    const char *why = pattern_check(route->pattern.base, &route->params, &route->has_rest);
    if (why == NULL && method >= RH_METHODS + router->others_count) {
        why = "unknown method";
    }
    if (why != NULL) {
        *ret_why = why;
        return RH_EPATTERN;
    }
    bool is_literal = route->params == 0 && !route->has_rest;
    if (is_literal && !literals_reserve(router)) {
        return -ENOMEM;
    }
    struct end *end = pattern_place(router, route->pattern.base);
    if (end == NULL) {
        return -ENOMEM;
    }
    if (is_literal && end->methods == 0) {
        struct rh_slice path = route->pattern;
        uint32_t hash = path_hash(path.base, path.len);
        literal_put(router->literals, router->literals_mask,
                    (struct rh_router_literal){hash, (uint32_t)path.len, path.base, end});
        router->literals_count++;
    }
    if ((end->methods & (1u << method)) != 0) {
        *ret_why = "a route that means the same is there already";
        return RH_ECONFLICT;
    }
    end->routes[method] = route;
    end->methods |= 1u << method;
    router->methods |= 1u << method;
    if (method == RH_GET && (end->methods & (1u << RH_HEAD)) == 0) {
        end->routes[RH_HEAD] = route; /* RFC 9110 §9.3.2: HEAD is GET without the content */
    }
    return 0;
}

int rh_router_param(const struct rh_route *route, const char *name)
{
    size_t len = strlen(name);
    int index = 0;
    for (const char *at = route->pattern.base; *at != '\0';) {
        const char *begin = at + 1;
        at = segment_end(begin);
        if (*begin == ':' || *begin == '*') {
            if ((size_t)(at - begin - 1) == len && memcmp(begin + 1, name, len) == 0) {
                return index;
            }
            index++;
        }
    }
    return -1;
}

/* --- Matching --- */

/* What stays the same while one path is walked. */
struct walk {
    const char *path_end;
    struct rh_match *match;
    unsigned method;
    unsigned params; /* how many of match->values are filled */
};

static bool end_accept(const struct walk *walk, const struct end *end)
{
    walk->match->allow |= end->methods;
    walk->match->route = end->routes[walk->method];
    return walk->match->route != NULL;
}

/* The place of the pattern that spells this path out, or NULL. */
static inline const struct end *literal_find(const struct rh_router *router, struct rh_slice path)
{
    uint32_t hash = path_hash(path.base, path.len);
    for (uint32_t at = hash & router->literals_mask;; at = (at + 1) & router->literals_mask) {
        const struct rh_router_literal *literal = &router->literals[at];
        if (literal->end == NULL) {
            return NULL;
        }
        if (literal->hash == hash && literal->len == path.len &&
            path_equal(literal->text, path.base, path.len)) {
            return literal->end;
        }
    }
}

/* The path ends at this node: a pattern that ends here, else one that goes on with an empty *rest.
 */
static bool node_finish(const struct walk *walk, const struct rh_router_node *node)
{
    if (node->end != NULL && end_accept(walk, node->end)) {
        return true;
    }
    return node->rest != NULL && end_accept(walk, node->rest);
}

static bool node_walk(struct walk *walk, const struct rh_router_node *node, const char *begin);

static bool node_enter(struct walk *walk, const struct rh_router_node *node,
                       const char *segment_end_at)
{
    return segment_end_at == walk->path_end ? node_finish(walk, node)
                                            : node_walk(walk, node, segment_end_at + 1);
}

/* `begin` is the first byte of a segment (which may be empty) below `node`. */
static bool node_walk(struct walk *walk, const struct rh_router_node *node, const char *begin)
{
    for (;;) {
        const char *at = begin;
        uint32_t hash = HASH_SEED;
        for (; at != walk->path_end && *at != '/'; at++) {
            hash = (hash ^ (unsigned char)*at) * HASH_PRIME;
        }
        size_t len = (size_t)(at - begin);

        const struct slot *slot = &node->slots[slot_of(hash) & node->slots_mask];
        while (slot->child != NULL &&
               (slot->hash != hash || slot->len != len || !path_equal(slot->text, begin, len))) {
            slot = slot == &node->slots[node->slots_mask] ? node->slots : slot + 1;
        }
        if (slot->child != NULL) {
            if (node->param == NULL && node->rest == NULL) { /* no place to come back to */
                if (at == walk->path_end) {
                    return node_finish(walk, slot->child);
                }
                node = slot->child;
                begin = at + 1;
                continue;
            }
            if (node_enter(walk, slot->child, at)) {
                return true;
            }
        }
        if (node->param != NULL && len > 0) {
            walk->match->values[walk->params++] = (struct rh_slice){begin, len};
            if (node_enter(walk, node->param, at)) {
                return true;
            }
            walk->params--;
        }
        if (node->rest != NULL && end_accept(walk, node->rest)) {
            walk->match->rest = (struct rh_slice){begin, (size_t)(walk->path_end - begin)};
            walk->match->has_rest = true;
            return true;
        }
        return false;
    }
}

const struct rh_route *rh_router_literal(const struct rh_router *router, unsigned method,
                                         struct rh_slice path)
{
    if (RH_UNLIKELY(router->literals == NULL || path.len == 0)) {
        return NULL;
    }
    const struct end *end = literal_find(router, path);
    return end != NULL ? end->routes[method] : NULL;
}

void rh_router_walk(const struct rh_router *router, unsigned method, struct rh_slice path,
                    struct rh_match *ret_match)
{
    ret_match->route = NULL;
    ret_match->allow = 0;
    ret_match->has_rest = false;
    if (router->root != NULL && path.len > 0 && *path.base == '/') {
        struct walk walk = {path.base + path.len, ret_match, method, 0};
        RH_IGNORE(node_walk(&walk, router->root, path.base + 1));
    }
}

void rh_router_match(const struct rh_router *router, unsigned method, struct rh_slice path,
                     struct rh_match *ret_match)
{
    const struct rh_route *route = rh_router_literal(router, method, path);
    if (route == NULL) {
        rh_router_walk(router, method, path, ret_match);
        return;
    }
    ret_match->route = route;
    ret_match->allow = 0;
    ret_match->has_rest = false;
}
