/* What a lookup costs with 10, 1,000 and 10,000 routes: nanoseconds each, over all paths in turn
 * (so the tables must come from the caches they would be in), and one hot path of each kind. Three
 * in four routes are literal ("/v1/things17/list"), one in four has a parameter.
 *
 *     bench-router [--csv]    prints a table
 *     bench-router ping N     looks /ping up N times among the demo's routes: for callgrind
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/router.h"

enum { LOOKUPS = 400000, RUNS = 15, PATHS_MAX = 10000 };

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void plant(struct rh_router *router, struct rh_route *route, const char *pattern)
{
    const char *why;
    route->pattern = rh_slice_from(pattern);
    if (rh_router_insert(router, RH_GET, route, &why) != 0) {
        fprintf(stderr, "%s: %s\n", pattern, why);
        exit(1);
    }
}

static double lookups(const struct rh_router *router, const struct rh_slice *paths, size_t count)
{
    struct rh_match match;
    double begin = now_ns();
    for (size_t i = 0, at = 0; i < LOOKUPS; i++) {
        rh_router_match(router, RH_GET, paths[at], &match);
        if (match.route == NULL) {
            fprintf(stderr, "no route for %s\n", paths[at].base);
            exit(1);
        }
        at = at + 1 == count ? 0 : at + 1;
    }
    return (now_ns() - begin) / LOOKUPS;
}

/* The best of some runs: what disturbs one only ever makes it longer. */
static double best_lookups(const struct rh_router *router, const struct rh_slice *paths,
                           size_t count)
{
    double best = lookups(router, paths, count);
    for (int i = 1; i < RUNS; i++) {
        double ns = lookups(router, paths, count);
        best = ns < best ? ns : best;
    }
    return best;
}

static void row(size_t count, bool csv)
{
    static char patterns[PATHS_MAX][40];
    static char texts[PATHS_MAX][40];
    static struct rh_slice paths[PATHS_MAX];
    static struct rh_route routes[PATHS_MAX];
    struct rh_router router;
    rh_router_init(&router);
    for (size_t i = 0; i < count; i++) {
        bool has_param = i % 4 == 3;
        snprintf(patterns[i], sizeof patterns[i], "/v%zu/things%zu/%s", i % 3, i,
                 has_param ? ":id" : "list");
        snprintf(texts[i], sizeof texts[i], "/v%zu/things%zu/%s", i % 3, i,
                 has_param ? "4711" : "list");
        plant(&router, &routes[i], patterns[i]);
        paths[i] = rh_slice_from(texts[i]);
    }
    double all = best_lookups(&router, paths, count);
    double literal = best_lookups(&router, &paths[count / 2 & ~(size_t)3], 1);
    double param = best_lookups(&router, &paths[count / 2 | 3], 1);
    if (csv) {
        printf("%zu,%.2f,%.2f,%.2f\n", count, all, literal, param);
    } else {
        printf("%7zu routes: %6.1f ns over all paths in turn, %6.1f ns one literal, %6.1f ns one "
               "with :id\n",
               count, all, literal, param);
    }
    rh_router_fini(&router);
}

static int ping(long times)
{
    static const char *const demo[] = {"/",        "/welcome", "/login",      "/hello",  "/ping",
                                       "/data",    "/json",    "/plaintext",  "/echo",   "/stream",
                                       "/slow",    "/compute", "/users/:id",  "/panic",  "/events",
                                       "/metrics", "/healthz", "/api/create", "/upload", "/*path"};
    static struct rh_route routes[sizeof demo / sizeof *demo];
    struct rh_router router;
    struct rh_match match = {0};
    rh_router_init(&router);
    for (size_t i = 0; i < sizeof demo / sizeof *demo; i++) {
        plant(&router, &routes[i], demo[i]);
    }
    struct rh_slice path = rh_slice_from("/ping");
    for (long i = 0; i < times; i++) {
        rh_router_match(&router, RH_GET, path, &match);
    }
    rh_router_fini(&router);
    return match.route == &routes[4] ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "ping") == 0) {
        return ping(atol(argv[2]));
    }
    bool csv = argc > 1 && strcmp(argv[1], "--csv") == 0;
    if (argc != 1 + csv) {
        fprintf(stderr, "usage: %s [--csv]\n       %s ping COUNT\n", argv[0], argv[0]);
        return 2;
    }
    if (csv) {
        printf("routes,all_ns,literal_ns,param_ns\n");
    }
    row(10, csv);
    row(1000, csv);
    row(10000, csv);
    return 0;
}
