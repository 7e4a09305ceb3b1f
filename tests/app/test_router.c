/* The router by its facts: precedence, coming back, conflicts, Allow, and a slow model that agrees with it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/router.h"
#include "leaks.h"
#include "app/router_model.h"
#include "rawhttp/error.h"

static struct rh_router router;
static struct rh_route routes[64];
static size_t routes_count;
static const char *why;

static void setup(void)
{
    rh_router_init(&router);
    routes_count = 0;
    why = NULL;
}

static void teardown(void)
{
    rh_router_fini(&router);
    assert_no_leaks();
}

TestSuite(router, .init = setup, .fini = teardown);

static int insert(enum rh_method method, const char *pattern)
{
    struct rh_route *route = &routes[routes_count++];
    memset(route, 0, sizeof *route);
    route->pattern = rh_slice_from(pattern);
    return rh_router_insert(&router, method, route, &why);
}

static void add(const char *pattern)
{
    cr_assert_eq(insert(RH_GET, pattern), 0, "%s: %s", pattern, why);
}

static struct rh_match find_as(enum rh_method method, const char *path, size_t len)
{
    struct rh_match match;
    char *copy = malloc(len > 0 ? len : 1); /* its own block: a read behind the path is seen by ASan */
    memcpy(copy, path, len);
    memset(&match, 0xee, sizeof match);
    rh_router_match(&router, method, (struct rh_slice){copy, len}, &match);
    free(copy);
    return match;
}

/* The pattern that GET `path` finds, "" for none. */
static const char *found(const char *path)
{
    struct rh_match match = find_as(RH_GET, path, strlen(path));
    return match.route == NULL ? "" : match.route->pattern.base;
}

#define FINDS(path, pattern)                                                                       \
    cr_assert_str_eq(found(path), pattern, "%s found \"%s\"", path, found(path))

static struct rh_slice value_of(const struct rh_match *match, const char *name)
{
    int index = rh_router_param(match->route, name);
    if (index < 0) {
        return (struct rh_slice){NULL, 0};
    }
    return (unsigned)index == match->route->params ? match->rest : match->values[index];
}

Test(router, is_empty_at_first)
{
    FINDS("/", "");
    FINDS("/a/b", "");
}

Test(router, finds_literal_paths_exactly)
{
    add("/");
    add("/ping");
    add("/pin");
    add("/ping/pong");
    add("/a/b/c");
    FINDS("/", "/");
    FINDS("/ping", "/ping");
    FINDS("/pin", "/pin");
    FINDS("/ping/pong", "/ping/pong");
    FINDS("/a/b/c", "/a/b/c");
    FINDS("/pi", "");
    FINDS("/pings", "");
    FINDS("/a", "");
    FINDS("/a/b", "");
    FINDS("/a/b/c/d", "");
    FINDS("/PING", "");
}

Test(router, keeps_empty_segments_apart)
{
    add("/a");
    add("/a/");
    add("/a//b");
    FINDS("/a", "/a");
    FINDS("/a/", "/a/");
    FINDS("/a//b", "/a//b");
    FINDS("/a/b", "");
    FINDS("/a//", "");
    FINDS("//a", "");
    FINDS("//", "");
}

Test(router, gives_the_bytes_of_parameters)
{
    static const char path[] = "/users/j\0k/posts/7";
    struct rh_match match;
    add("/users/:id/posts/:post");
    rh_router_match(&router, RH_GET, (struct rh_slice){path, sizeof path - 1}, &match);
    cr_assert_not_null(match.route);
    cr_assert(rh_slice_equal(value_of(&match, "id"), (struct rh_slice){"j\0k", 3}),
              "a decoded slash does not end the segment");
    cr_assert(rh_slice_is(value_of(&match, "post"), "7"));
    cr_assert_null(value_of(&match, "posts").base);
    cr_assert_null(value_of(&match, "").base);
    FINDS("/users//posts/7", "");
    FINDS("/users/1/posts/", "");
}

Test(router, prefers_literal_then_param_then_rest)
{
    add("/*all");
    add("/:a");
    add("/x");
    add("/x/*rest");
    add("/x/:b");
    add("/x/y");
    FINDS("/x", "/x");
    FINDS("/q", "/:a");
    FINDS("/q/r", "/*all");
    FINDS("/", "/*all");
    FINDS("/x/y", "/x/y");
    FINDS("/x/z", "/x/:b");
    FINDS("/x/z/z", "/x/*rest");
    FINDS("/x/", "/x/*rest");
}

Test(router, comes_back_from_a_dead_end)
{
    add("/a/b/c");
    add("/a/:x/d");
    add("/:y/b/e");
    add("/:y/:z/f");
    FINDS("/a/b/c", "/a/b/c");
    FINDS("/a/b/d", "/a/:x/d");
    FINDS("/a/b/e", "/:y/b/e");
    FINDS("/a/b/f", "/:y/:z/f");
    FINDS("/a/b/g", "");
    struct rh_match match;
    rh_router_match(&router, RH_GET, rh_slice_from("/a/b/f"), &match);
    cr_assert(rh_slice_is(value_of(&match, "y"), "a"), "values of the dead end are gone");
    cr_assert(rh_slice_is(value_of(&match, "z"), "b"));
}

Test(router, gives_rest_zero_or_more_segments)
{
    struct rh_match match;
    add("/files/*path");
    rh_router_match(&router, RH_GET, rh_slice_from("/files/a//b/"), &match);
    cr_assert_not_null(match.route);
    cr_assert(match.has_rest && rh_slice_is(match.rest, "a//b/"));
    rh_router_match(&router, RH_GET, rh_slice_from("/files/"), &match);
    cr_assert(match.route != NULL && match.has_rest && match.rest.len == 0);
    rh_router_match(&router, RH_GET, rh_slice_from("/files"), &match);
    cr_assert(match.route != NULL && !match.has_rest);
    FINDS("/file", "");
    FINDS("/", "");
}

Test(router, looks_for_the_method_behind_each_fit)
{
    add("/users/me");
    cr_assert_eq(insert(RH_POST, "/users/:id"), 0);
    cr_assert_eq(insert(RH_DELETE, "/*all"), 0);
    struct rh_match match = find_as(RH_POST, "/users/me", 9);
    cr_assert_str_eq(match.route->pattern.base, "/users/:id");
    match = find_as(RH_DELETE, "/users/me", 9);
    cr_assert_str_eq(match.route->pattern.base, "/*all");
    match = find_as(RH_PUT, "/users/me", 9);
    cr_assert_null(match.route);
    cr_assert_eq(match.allow, 1u << RH_GET | 1u << RH_POST | 1u << RH_DELETE,
                 "Allow names the methods of every fit");
    match = find_as(RH_PUT, "/users/you", 10);
    cr_assert_eq(match.allow, 1u << RH_POST | 1u << RH_DELETE);
}

Test(router, answers_head_by_get_unless_it_has_its_own)
{
    add("/a");
    cr_assert_eq(insert(RH_HEAD, "/a"), 0, "HEAD of its own is no conflict");
    add("/b");
    cr_assert_eq(insert(RH_HEAD, "/c"), 0);
    add("/c");
    cr_assert_eq(find_as(RH_HEAD, "/a", 2).route, &routes[1]);
    cr_assert_eq(find_as(RH_HEAD, "/b", 2).route, &routes[2]);
    cr_assert_eq(find_as(RH_HEAD, "/c", 2).route, &routes[3], "also when it came first");
    cr_assert_eq(find_as(RH_GET, "/c", 2).route, &routes[4]);
}

Test(router, refuses_two_that_mean_the_same)
{
    add("/users/:id");
    add("/files/*a");
    add("/x");
    cr_assert_eq(insert(RH_GET, "/users/:name"), RH_ECONFLICT);
    cr_assert_eq(insert(RH_GET, "/files/*b"), RH_ECONFLICT);
    cr_assert_eq(insert(RH_GET, "/x"), RH_ECONFLICT);
    cr_assert_not_null(why);
    cr_assert_eq(insert(RH_POST, "/users/:name"), 0, "another method is another meaning");
    add("/users/:id/");
    add("/files/:a");
    cr_assert(rh_slice_is(value_of(&(struct rh_match){.route = &routes[6], .values = {{"v", 1}}}, "name"),
                          "v"),
              "each method has the names of its own pattern");
}

Test(router, refuses_malformed_patterns)
{
    static const char *const bad[] = {
        "",       "a",      "*",      "a/b",     "/:",        "/*",       "/a/:/b",   "/*a/b",
        "/*a/",   "/.",     "/a/../b", "/:a/:a", "/:a/*a",    "/:x/:y/:x", ":a",
        "/:a/:b/:c/:d/:e/:f/:g/:h/:i/:j/:k/:l/:m/:n/:o/:p/:q",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why = NULL;
        cr_assert_eq(insert(RH_GET, bad[i]), RH_EPATTERN, "\"%s\"", bad[i]);
        cr_assert_not_null(why);
    }
    char deep[2 * 65 + 1] = "";
    for (int i = 0; i < 65; i++) {
        strcat(deep, "/d");
    }
    cr_assert_eq(insert(RH_GET, deep), RH_EPATTERN);
    cr_assert_eq(insert(RH_METHODS, "/a"), RH_EPATTERN);
    cr_assert_null(router.root, "nothing was planted");
    add("/:a/:b/:c/:d/:e/:f/:g/:h/:i/:j/:k/:l/:m/:n/:o/:p/*q");
    add("/a:b/c*d/...");
    FINDS("/a:b/c*d/...", "/a:b/c*d/...");
}

Test(router, takes_any_bytes_as_a_path)
{
    add("/a");
    add("/:p/*r");
    cr_assert_null(find_as(RH_GET, "", 0).route);
    cr_assert_null(find_as(RH_OPTIONS, "*", 1).route);
    cr_assert_null(find_as(RH_GET, "a", 1).route);
    cr_assert_not_null(find_as(RH_GET, "/\xff\x01/\0", 5).route);
}

Test(router, finds_each_of_many)
{
    enum { MANY = 5000 };
    struct rh_route *many = calloc(MANY, sizeof *many);
    char(*text)[24] = calloc(MANY, sizeof *text);
    for (int i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], i % 3 == 0 ? "/r%d/:id" : "/api/r%d", i);
        many[i].pattern = rh_slice_from(text[i]);
        cr_assert_eq(rh_router_insert(&router, RH_GET, &many[i], &why), 0);
    }
    for (int i = 0; i < MANY; i++) {
        char path[24];
        snprintf(path, sizeof path, i % 3 == 0 ? "/r%d/x" : "/api/r%d", i);
        cr_assert_eq(find_as(RH_GET, path, strlen(path)).route, &many[i]);
    }
    FINDS("/api/r5000", "");
    free(text);
    free(many);
}

/* --- The model ------------------------------------------------------------------------------------- */

Test(router, agrees_with_a_slow_model)
{
    static const char *const parts[] = {"/a", "/b", "/", "/:p", "/:q", "/ab"};
    unsigned seed = 1;
    static char text[24][40];
    for (int round = 0; round < 400; round++) {
        rh_router_fini(&router);
        setup();
        size_t planted = 0;
        for (int i = 0; i < 24; i++) {
            text[planted][0] = '\0';
            int segments = 1 + rand_r(&seed) % 4;
            for (int s = 0; s < segments; s++) {
                strcat(text[planted], parts[rand_r(&seed) % 6]);
            }
            if (rand_r(&seed) % 4 == 0) {
                strcat(text[planted], "/*r");
            }
            if (insert(RH_GET, text[planted]) == 0) {
                routes[planted] = routes[routes_count - 1]; /* in a row */
                planted++;
            }
            routes_count = planted;
        }
        /* The tree points at the places of first insertion: plant again, in a row. */
        rh_router_fini(&router);
        setup();
        for (size_t i = 0; i < planted; i++) {
            cr_assert_eq(insert(RH_GET, text[i]), 0);
        }
        for (int i = 0; i < 60; i++) {
            char path[40] = "";
            struct rh_slice path_parts[MODEL_SEGMENTS_MAX];
            int segments = 1 + rand_r(&seed) % 5;
            for (int s = 0; s < segments; s++) {
                strcat(path, (const char *[]){"/a", "/b", "/", "/ab", "/x"}[rand_r(&seed) % 5]);
            }
            size_t n = model_split(path, strlen(path), path_parts);
            const char *best = "";
            char best_rank[MODEL_SEGMENTS_MAX + 1] = "9";
            for (size_t r = 0; r < planted; r++) {
                char rank[MODEL_SEGMENTS_MAX + 1];
                if (model_fits(text[r], path_parts, n, rank) && strcmp(rank, best_rank) < 0) {
                    strcpy(best_rank, rank);
                    best = text[r];
                }
            }
            FINDS(path, best);
        }
    }
}
