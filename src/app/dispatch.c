/* From an exchange to its handler. The happy path, a route without parameters and without
 * middleware: look the path up, note the pattern for the log, call the handler; nothing is
 * allocated. Parameters or middleware put a small state into the exchange's arena; rh_next and
 * rh_request_param find it there, at once or much later.
 *
 * Where no route has the path and the method, one of three handlers of the app's answers, behind
 * the app's middleware: not found (404), another method (405 with Allow), OPTIONS by itself (204
 * with Allow). A method that no route of the app names is 501. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "http/method.h"
#include "rawhttp/log.h"

static void run_next(struct rh_exchange *x, struct rh_app_state *state)
{
    const struct rh_route *route = state->route;
    unsigned index = state->next;
    if (index > route->steps_count) {
        rh_exchange_log(x, RH_LOG_ERROR, "rh_next after the handler of %s has run: ignored",
                        route->pattern.base);
        return;
    }
    state->next++;
    if (index < route->steps_count) {
        route->steps[index].fn(x, route->steps[index].data);
    } else {
        route->handler(x, route->data);
    }
}

/* The exchange stays for the whole of this, whatever the handlers do. */
static void run_within(struct rh_exchange *x, void *data)
{
    struct rh_app_state *state = data;
    state->is_dispatching = true;
    run_next(x, state);
    state->is_dispatching = false;
}

static struct rh_app_state *state_create(struct rh_exchange *x, const struct rh_route *route,
                                         size_t values_bytes)
{
    struct rh_app_state *state = rh_exchange_alloc(x, sizeof *state + values_bytes);
    if (state != NULL) {
        memset(state, 0, sizeof *state);
        state->route = route;
        *rh_exchange_app_slot(x) = state;
    }
    return state;
}

struct rh_app_state *rh_app_state(struct rh_exchange *x)
{
    struct rh_app_state *state = *rh_exchange_app_slot(x);
    return state != NULL ? state : state_create(x, NULL, 0);
}

static void run_with_state(struct rh_exchange *x, const struct rh_route *route,
                           const struct rh_match *match)
{
    size_t values_bytes = route->params * sizeof(struct rh_slice);
    struct rh_app_state *state = state_create(x, route, values_bytes);
    if (state == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    state->allow = match->allow;
    state->has_rest = match->has_rest;
    state->rest = match->has_rest ? match->rest : (struct rh_slice){NULL, 0};
    memcpy(state->values, match->values, values_bytes);
    run_within(x, state);
}

/* A preflight (Fetch, CORS protocol) asks for the route that another method would take: where that
 * one has CORS in its chain, the chain up to there answers, and an OPTIONS answer stands behind it.
 * False where there is nothing of this. */
static bool handle_preflight(struct rh_exchange *x, const struct rh_app *app, struct rh_slice path,
                             const struct rh_match *options)
{
    struct rh_match match;
    struct rh_slice name = rh_request_field(x, "access-control-request-method");
    unsigned method =
        name.base != NULL ? rh_router_method(&app->router, name) : RH_ROUTER_METHODS_MAX;
    if (method == RH_ROUTER_METHODS_MAX || rh_request_field(x, "origin").base == NULL) {
        return false;
    }
    rh_router_match(&app->router, method, path, &match);
    unsigned count = match.route != NULL ? match.route->steps_count : 0;
    while (count > 0 && !match.route->steps[count - 1].is_cors) {
        count--;
    }
    struct rh_route *route = count > 0 ? rh_exchange_alloc(x, sizeof *route) : NULL;
    if (route == NULL) {
        return false;
    }
    *route = (struct rh_route){.pattern = match.route->pattern,
                               .steps = match.route->steps,
                               .steps_count = count,
                               .handler = rh_app_answer_options,
                               .data = app->options.data};
    match = (struct rh_match){.allow = options->allow};
    rh_exchange_set_route(x, route->pattern);
    run_with_state(x, route, &match);
    return true;
}

bool rh_app_cors_follows(struct rh_exchange *x)
{
    const struct rh_app_state *state = *rh_exchange_app_slot(x);
    for (unsigned i = state->next; i < state->route->steps_count; i++) {
        if (state->route->steps[i].is_cors) {
            return true;
        }
    }
    return false;
}

/* What a match says of a path that a pattern spells out. */
static const struct rh_match spelled_out = {.route = NULL};

/* No route has this path with this method. */
static void handle_unrouted(struct rh_exchange *x, const struct rh_app *app, unsigned method,
                            struct rh_slice path, struct rh_match *match)
{
    const struct rh_route *route = &app->not_found;
    if (method == RH_OPTIONS && match->allow != 0 && handle_preflight(x, app, path, match)) {
        return;
    }
    if (method == RH_OPTIONS &&
        rh_slice_is(path, "*")) { /* RFC 9110 §9.3.7: the server as a whole */
        match->allow = app->router.methods | 1u << RH_OPTIONS;
        route = &app->options;
    } else if (match->allow != 0) {
        route = method == RH_OPTIONS ? &app->options : &app->no_method;
    } else if (route->steps_count == 0) {
        route->handler(x, route->data);
        return;
    }
    run_with_state(x, route, match);
}

static __attribute__((noinline)) void handle_walked(struct rh_exchange *x, const struct rh_app *app,
                                                    unsigned method, struct rh_slice path)
{
    struct rh_match match;
    rh_router_walk(&app->router, method, path, &match);
    if (match.route == NULL) {
        handle_unrouted(x, app, method, path, &match);
        return;
    }
    rh_exchange_set_route(x, match.route->pattern);
    run_with_state(x, match.route, &match);
}

void rh_app_handle(struct rh_exchange *x, struct rh_door *door)
{
    const struct rh_app *app = RH_CONTAINER_OF(door, struct rh_app, door);
    unsigned method = (unsigned)rh_request_method(x);
    if (RH_UNLIKELY(method == RH_METHOD_OTHER)) {
        method = rh_router_method(&app->router, rh_request_method_name(x));
        if (method == RH_ROUTER_METHODS_MAX) {
            run_with_state(x, &app->unknown_method, &spelled_out);
            return;
        }
    }
    struct rh_slice path = rh_request_path(x);
    const struct rh_route *route = rh_router_literal(&app->router, method, path);
    if (route == NULL) {
        handle_walked(x, app, method, path);
        return;
    }
    rh_exchange_set_route(x, route->pattern);
    if (RH_LIKELY(route->steps_count == 0)) {
        route->handler(x, route->data);
    } else {
        run_with_state(x, route, &spelled_out);
    }
}

void rh_next(struct rh_exchange *x)
{
    struct rh_app_state *state = *rh_exchange_app_slot(x);
    if (state == NULL || state->route == NULL) {
        rh_exchange_log(x, RH_LOG_ERROR, "rh_next outside of a middleware: ignored");
        return;
    }
    if (state->is_dispatching) {
        run_next(x, state);
    } else { /* later: the hold of whoever calls is not that of what comes next */
        rh_exchange_continue(x, run_within, state);
    }
}

/* --- What the handler asks --- */

/* A slash that came as %2F is NUL inside the path: here it becomes what the peer meant. */
static struct rh_slice with_slashes(struct rh_exchange *x, struct rh_slice segment)
{
    if (segment.len == 0 || memchr(segment.base, '\0', segment.len) == NULL) {
        return segment;
    }
    char *copy = rh_exchange_alloc(x, segment.len);
    if (copy == NULL) {
        return (struct rh_slice){NULL, 0};
    }
    for (size_t i = 0; i < segment.len; i++) {
        copy[i] = segment.base[i] == '\0' ? '/' : segment.base[i];
    }
    return (struct rh_slice){copy, segment.len};
}

struct rh_slice rh_request_param(struct rh_exchange *x, const char *name)
{
    const struct rh_slice absent = {NULL, 0};
    const struct rh_app_state *state = *rh_exchange_app_slot(x);
    int index = state == NULL || state->route == NULL ? -1 : rh_router_param(state->route, name);
    if (index < 0) {
        return absent;
    }
    if ((unsigned)index < state->route->params) {
        return with_slashes(x, state->values[index]);
    }
    /* *rest in one piece: only where every slash in it is a separator, else "a%2F..%2Fb" would read
     * like a path. */
    if (state->has_rest && memchr(state->rest.base, '\0', state->rest.len) != NULL) {
        return absent;
    }
    return state->has_rest ? state->rest : rh_slice_from("");
}

struct rh_slice rh_request_rest(struct rh_exchange *x, size_t index)
{
    const struct rh_slice absent = {NULL, 0};
    const struct rh_app_state *state = *rh_exchange_app_slot(x);
    if (state == NULL || !state->has_rest) {
        return absent;
    }
    const char *at = state->rest.base;
    const char *end = at + state->rest.len;
    for (;; index--) {
        const char *slash = at == end ? NULL : memchr(at, '/', (size_t)(end - at));
        if (index == 0) {
            return with_slashes(x, (struct rh_slice){at, (size_t)((slash ? slash : end) - at)});
        }
        if (slash == NULL) {
            return absent;
        }
        at = slash + 1;
    }
}

/* --- The answers of no route --- */

void rh_app_answer_not_found(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_error(x, 404, NULL);
}

/* Sets Allow (RFC 9110 §10.2.1). HEAD goes with GET, OPTIONS with everything. */
static void set_allow(struct rh_exchange *x, const struct rh_router *router)
{
    const struct rh_app_state *state = *rh_exchange_app_slot(x);
    uint32_t methods = state->allow | 1u << RH_OPTIONS;
    char text[RH_ROUTER_METHODS_MAX * (RH_METHOD_BYTES_MAX + 2)];
    size_t len = 0;
    if ((methods & (1u << RH_GET)) != 0) {
        methods |= 1u << RH_HEAD;
    }
    for (unsigned method = 0; method < RH_ROUTER_METHODS_MAX; method++) {
        if ((methods & (1u << method)) == 0) {
            continue;
        }
        struct rh_slice name = rh_router_method_name(router, method);
        if (len > 0) {
            memcpy(text + len, ", ", 2);
            len += 2;
        }
        memcpy(text + len, name.base, name.len);
        len += name.len;
    }
    RH_IGNORE(rh_response_set_slice(x, "Allow", (struct rh_slice){text, len}));
}

void rh_app_answer_no_method(struct rh_exchange *x, void *data)
{
    set_allow(x, data);
    rh_respond_error(x, 405, NULL);
}

void rh_app_answer_unknown_method(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_error(x, 501, NULL); /* RFC 9110 §9.1 */
}

void rh_app_answer_options(struct rh_exchange *x, void *data)
{
    set_allow(x, data);
    rh_respond_empty(x, 204);
}
