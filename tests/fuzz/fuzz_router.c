/* The router against its slow model. The input is lines: those before an empty one are patterns ("G/a/:b", "P/a"; the
 * first letter says GET or POST), those behind it are paths that are looked up for both. */
#include "app/router.h"
#include "app/router_model.h"
#include "fuzz/fuzz.h"

enum { ROUTES_MAX = 48 };

static struct rh_route routes[ROUTES_MAX];
static enum rh_method methods[ROUTES_MAX];
static size_t routes_count;

static void plant(struct rh_router *router, char *line)
{
    const char *why = NULL;
    if (routes_count == ROUTES_MAX || (line[0] != 'G' && line[0] != 'P')) {
        return;
    }
    struct rh_route *route = &routes[routes_count];
    *route = (struct rh_route){.pattern = rh_slice_from(line + 1)};
    methods[routes_count] = line[0] == 'G' ? RH_GET : RH_POST;
    if (rh_router_insert(router, methods[routes_count], route, &why) == 0) {
        routes_count++;
    } else {
        FUZZ_CHECK(why != NULL);
    }
}

static void look_up(const struct rh_router *router, enum rh_method method, const char *path, size_t len)
{
    struct rh_match match;
    struct rh_slice parts[MODEL_SEGMENTS_MAX];
    const struct rh_route *best = NULL;
    char best_rank[MODEL_SEGMENTS_MAX + 1] = "9";
    char *copy = fuzz_copy(path, len);
    rh_router_match(router, method, (struct rh_slice){copy, len}, &match);
    size_t count = len > 0 && copy[0] == '/' ? model_split(copy, len, parts) : 0;
    if (count < MODEL_SEGMENTS_MAX) { /* else the model does not see the whole path */
        for (size_t i = 0; count > 0 && i < routes_count; i++) {
            char rank[MODEL_SEGMENTS_MAX + 1];
            if (methods[i] == method && model_fits(routes[i].pattern.base, parts, count, rank) &&
                strcmp(rank, best_rank) < 0) {
                strcpy(best_rank, rank);
                best = &routes[i];
            }
        }
        FUZZ_CHECK(match.route == best);
    }
    for (unsigned i = 0; match.route != NULL && i < match.route->params; i++) {
        FUZZ_CHECK(match.values[i].len > 0 && match.values[i].base >= copy &&
                   match.values[i].base + match.values[i].len <= copy + len);
    }
    if (match.route != NULL && match.has_rest) {
        FUZZ_CHECK(match.route->has_rest && match.rest.base + match.rest.len == copy + len);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rh_router router;
    char *text = malloc(len + 1);
    FUZZ_CHECK(text != NULL);
    if (len > 0) {
        memcpy(text, data, len);
    }
    text[len] = '\0';
    rh_router_init(&router);
    routes_count = 0;
    char *at = text;
    for (char *end; (end = memchr(at, '\n', (size_t)(text + len - at))) != NULL && end != at; at = end + 1) {
        *end = '\0';
        plant(&router, at);
    }
    while (at < text + len) {
        char *end = memchr(at, '\n', (size_t)(text + len - at));
        size_t line = (size_t)((end != NULL ? end : text + len) - at);
        look_up(&router, RH_GET, at, line);
        look_up(&router, RH_POST, at, line);
        at += line + 1;
    }
    rh_router_fini(&router);
    free(text);
    return 0;
}
