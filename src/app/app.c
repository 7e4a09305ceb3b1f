/* Registration. An app is a pool of small things (patterns, routes, chains) and a router over them;
 * it is filled by one thread, and the first server's freeze ends that. Nothing here returns an
 * error: the first one stays with its text, later calls do nothing, and whoever creates a server is
 * told. So a caller writes its routes as a table and looks once.
 *
 * Each of these calls accepts NULL, which stands for an app that memory did not suffice for. */
#include "app/app.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/field.h"
#include "http/method.h"

void rh_app_spoil(struct rh_app *app, int status, const char *format, ...)
{
    if (atomic_load(&app->status) != 0) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(app->error, sizeof app->error, format, args);
    va_end(args);
    atomic_store(&app->status, status);
}

bool rh_app_is_open(struct rh_app *app, const char *what, const char *name)
{
    if (app == NULL || atomic_load(&app->status) != 0) {
        return false;
    }
    if (atomic_load(&app->frozen)) {
        rh_app_spoil(app, RH_EFROZEN, "%s %s: the app is in use by a server and cannot change",
                     what != NULL ? what : "route", name != NULL ? name : "NULL");
        return false;
    }
    return true;
}

static void *app_alloc(struct rh_app *app, size_t bytes)
{
    void *memory = rh_pool_alloc(&app->pool, bytes);
    if (memory == NULL) {
        rh_app_spoil(app, -ENOMEM, "out of memory while the app was built");
    }
    return memory;
}

/* --- Life --- */

static int door_freeze(struct rh_door *door)
{
    struct rh_app *app = RH_CONTAINER_OF(door, struct rh_app, door);
    if (!atomic_exchange(&app->frozen, true)) {
        enum { FALLBACKS = 4 };
        struct rh_route *const fallbacks[FALLBACKS] = {&app->not_found, &app->no_method,
                                                       &app->unknown_method, &app->options};
        for (size_t i = 0; i < FALLBACKS; i++) {
            fallbacks[i]->steps = app->root.chain.steps;
            fallbacks[i]->steps_count = app->root.chain.count;
        }
    }
    return atomic_load(&app->status);
}

static const char *door_error(const struct rh_door *door)
{
    return rh_app_error((const struct rh_app *)(const void *)door);
}

static void door_ref(struct rh_door *door)
{
    rh_app_ref(RH_CONTAINER_OF(door, struct rh_app, door));
}

static void door_unref(struct rh_door *door)
{
    rh_app_unref(RH_CONTAINER_OF(door, struct rh_app, door));
}

struct rh_app *rh_app_create(void)
{
    struct rh_app *app = calloc(1, sizeof *app);
    if (app == NULL) {
        return NULL;
    }
    app->door = (struct rh_door){.handle = rh_app_handle,
                                 .fail = rh_app_fail,
                                 .freeze = door_freeze,
                                 .error = door_error,
                                 .ref = door_ref,
                                 .unref = door_unref};
    atomic_init(&app->references, 1);
    rh_router_init(&app->router);
    rh_pool_init(&app->pool);
    app->root.app = app;
    app->root.prefix = rh_slice_from("");
    app->last_route = app->root;
    const struct rh_slice none = rh_slice_from("");
    app->not_found = (struct rh_route){.pattern = none, .handler = rh_app_answer_not_found};
    app->no_method = (struct rh_route){
        .pattern = none, .handler = rh_app_answer_no_method, .data = &app->router};
    app->unknown_method =
        (struct rh_route){.pattern = none, .handler = rh_app_answer_unknown_method};
    app->options =
        (struct rh_route){.pattern = none, .handler = rh_app_answer_options, .data = &app->router};
    return app;
}

void rh_app_ref(struct rh_app *app)
{
    if (app != NULL) {
        atomic_fetch_add_explicit(&app->references, 1, memory_order_relaxed);
    }
}

void rh_app_unref(struct rh_app *app)
{
    if (app == NULL || atomic_fetch_sub_explicit(&app->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (const struct rh_owned *owned = app->owned; owned != NULL; owned = owned->next) {
        owned->free_fn(owned->data);
    }
    rh_router_fini(&app->router);
    rh_pool_fini(&app->pool);
    free(app);
}

int rh_app_status(const struct rh_app *app)
{
    return app == NULL ? -ENOMEM : atomic_load(&app->status);
}

const char *rh_app_error(const struct rh_app *app)
{
    if (app == NULL) {
        return "out of memory";
    }
    return atomic_load(&app->status) == 0 ? "" : app->error;
}

void rh_app_own(struct rh_app *app, void (*free_fn)(void *data), void *data)
{
    /* Taken also by a failed or a frozen app: whoever gives something away must not have to ask. */
    struct rh_owned *owned = app == NULL ? NULL : app_alloc(app, sizeof *owned);
    if (owned == NULL) {
        free_fn(data);
        return;
    }
    *owned = (struct rh_owned){app->owned, free_fn, data};
    app->owned = owned;
}

/* --- Routes --- */

/* The name in upper case is one of the known methods: whoever wrote "get" meant GET, but methods
 * are case-sensitive (RFC 9110 §9.1), and no client would ever find the route. */
static bool is_misspelled(struct rh_slice name)
{
    char upper[16];
    if (name.len > sizeof upper || rh_method_find(name) != RH_METHOD_OTHER) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        upper[i] =
            (char)(name.base[i] >= 'a' && name.base[i] <= 'z' ? name.base[i] - 0x20 : name.base[i]);
    }
    return rh_method_find((struct rh_slice){upper, name.len}) != RH_METHOD_OTHER;
}

/* The number of the method with this name, or RH_ROUTER_METHODS_MAX, and then the app is spoiled.
 */
static unsigned method_number(struct rh_app *app, const char *text)
{
    struct rh_slice name = rh_slice_from(text);
    const char *why = NULL;
    if (!rh_field_name_is_valid(name) || name.len > RH_METHOD_BYTES_MAX) {
        why = "a method is a token of at most 32 bytes";
    } else if (rh_method_find(name) == RH_CONNECT) {
        why = "CONNECT asks for a tunnel and reaches no route";
    } else if (is_misspelled(name)) {
        why = "methods are case-sensitive: write it in upper case";
    }
    if (why != NULL) {
        rh_app_spoil(app, RH_EPATTERN, "%s: %s", text, why);
        return RH_ROUTER_METHODS_MAX;
    }
    unsigned method = rh_router_method(&app->router, name);
    if (method == RH_ROUTER_METHODS_MAX) {
        struct rh_slice copy = rh_pool_copy(&app->pool, name);
        if (copy.base == NULL) {
            rh_app_spoil(app, -ENOMEM, "out of memory while the app was built");
            return RH_ROUTER_METHODS_MAX;
        }
        method = rh_router_name_method(&app->router, copy);
        if (method == RH_ROUTER_METHODS_MAX) {
            rh_app_spoil(app, RH_EPATTERN, "%s: more than %d methods", text, RH_ROUTER_METHODS_MAX);
        }
    }
    return method;
}

static struct rh_slice app_join(struct rh_app *app, struct rh_slice prefix, const char *rest)
{
    size_t rest_len = strlen(rest);
    char *text = app_alloc(app, prefix.len + rest_len + 1);
    if (text == NULL) {
        return (struct rh_slice){NULL, 0};
    }
    memcpy(text, prefix.base, prefix.len);
    memcpy(text + prefix.len, rest, rest_len + 1);
    return (struct rh_slice){text, prefix.len + rest_len};
}

static void route_add(struct rh_group *group, const char *method, const char *pattern,
                      rh_handler_fn handler, void *data)
{
    struct rh_app *app = group->app;
    if (method == NULL || pattern == NULL) {
        rh_app_spoil(app, RH_EPATTERN, "route without a %s", method == NULL ? "method" : "pattern");
        return;
    }
    if (group == &app->last_route) {
        rh_app_spoil(app, RH_EPATTERN, "%s %s: rh_app_last takes middleware, not routes", method,
                     pattern);
        return;
    }
    app->last = NULL;
    if (handler == NULL) {
        rh_app_spoil(app, RH_EPATTERN, "%s %s%s: no handler", method, group->prefix.base, pattern);
        return;
    }
    unsigned number = method_number(app, method);
    if (number == RH_ROUTER_METHODS_MAX) {
        return;
    }
    struct rh_route *route = app_alloc(app, sizeof *route);
    struct rh_slice joined = app_join(app, group->prefix, pattern);
    if (route == NULL || joined.base == NULL) {
        return;
    }
    *route = (struct rh_route){.pattern = joined,
                               .steps = group->chain.steps,
                               .steps_count = group->chain.count,
                               .handler = handler,
                               .data = data};
    const char *why = "out of memory";
    int err = rh_router_insert(&app->router, number, route, &why);
    if (err != 0) {
        rh_app_spoil(app, err, "%s %s: %s", method, joined.base, why);
        return;
    }
    app->last = route;
}

void rh_app_route(struct rh_app *app, const char *method, const char *pattern,
                  rh_handler_fn handler, void *data)
{
    if (rh_app_is_open(app, method, pattern)) {
        route_add(&app->root, method, pattern, handler, data);
    }
}

void rh_app_get(struct rh_app *app, const char *pattern, rh_handler_fn handler, void *data)
{
    rh_app_route(app, "GET", pattern, handler, data);
}

void rh_app_post(struct rh_app *app, const char *pattern, rh_handler_fn handler, void *data)
{
    rh_app_route(app, "POST", pattern, handler, data);
}

void rh_app_put(struct rh_app *app, const char *pattern, rh_handler_fn handler, void *data)
{
    rh_app_route(app, "PUT", pattern, handler, data);
}

void rh_app_patch(struct rh_app *app, const char *pattern, rh_handler_fn handler, void *data)
{
    rh_app_route(app, "PATCH", pattern, handler, data);
}

void rh_app_delete(struct rh_app *app, const char *pattern, rh_handler_fn handler, void *data)
{
    rh_app_route(app, "DELETE", pattern, handler, data);
}

/* --- Middleware and groups --- */

/* `chain` with one more step, in an array of its own. */
static void chain_append(struct rh_app *app, struct rh_chain *chain, bool is_cors, rh_handler_fn fn,
                         void *data)
{
    if (fn == NULL) {
        rh_app_spoil(app, RH_EPATTERN, "a middleware is missing");
        return;
    }
    struct rh_step *steps = app_alloc(app, (chain->count + 1) * sizeof *steps);
    if (steps == NULL) {
        return;
    }
    if (chain->count > 0) {
        memcpy(steps, chain->steps, chain->count * sizeof *steps);
    }
    steps[chain->count] = (struct rh_step){fn, data, is_cors};
    chain->steps = steps;
    chain->count++;
}

static void use_last(struct rh_app *app, bool is_cors, rh_handler_fn middleware, void *data)
{
    if (!rh_app_is_open(app, "middleware", "of a route")) {
        return;
    }
    if (app->last == NULL) {
        rh_app_spoil(app, RH_EPATTERN, "rh_app_use_last before any route");
        return;
    }
    struct rh_chain chain = {app->last->steps, app->last->steps_count};
    chain_append(app, &chain, is_cors, middleware, data);
    app->last->steps = chain.steps;
    app->last->steps_count = chain.count;
}

void rh_app_add_step(struct rh_app *app, struct rh_group *group, bool is_cors, rh_handler_fn fn,
                     void *data)
{
    if (group != NULL && group == &group->app->last_route) {
        use_last(group->app, is_cors, fn, data);
    } else if (group != NULL) {
        if (rh_app_is_open(group->app, "middleware of group", group->prefix.base)) {
            chain_append(group->app, &group->chain, is_cors, fn, data);
        }
    } else if (rh_app_is_open(app, "middleware", "of the app")) {
        chain_append(app, &app->root.chain, is_cors, fn, data);
    }
}

void rh_app_use(struct rh_app *app, rh_handler_fn middleware, void *data)
{
    rh_app_add_step(app, NULL, false, middleware, data);
}

void rh_app_use_last(struct rh_app *app, rh_handler_fn middleware, void *data)
{
    use_last(app, false, middleware, data);
}

struct rh_group *rh_app_last(struct rh_app *app)
{
    return app == NULL ? NULL : &app->last_route;
}

struct rh_group *rh_app_group(struct rh_app *app, struct rh_group *parent, const char *prefix)
{
    if (!rh_app_is_open(app, "group", prefix)) {
        return NULL;
    }
    if (parent == &app->last_route) {
        rh_app_spoil(app, RH_EPATTERN, "group %s: rh_app_last takes middleware, not groups",
                     prefix);
        return NULL;
    }
    if (parent == NULL) {
        parent = &app->root;
    }
    size_t len = prefix != NULL ? strlen(prefix) : 0;
    if (prefix == NULL) {
        rh_app_spoil(app, RH_EPATTERN, "group without a prefix");
        return NULL;
    }
    if (len > 0 && (prefix[0] != '/' || prefix[len - 1] == '/')) {
        rh_app_spoil(app, RH_EPATTERN,
                     "group %s: a prefix is \"\" or begins with '/' and does not end with one",
                     prefix);
        return NULL;
    }
    struct rh_group *group = app_alloc(app, sizeof *group);
    struct rh_slice joined = app_join(app, parent->prefix, prefix);
    if (group == NULL || joined.base == NULL) {
        return NULL;
    }
    *group = (struct rh_group){app, joined, parent->chain};
    return group;
}

void rh_group_use(struct rh_group *group, rh_handler_fn middleware, void *data)
{
    if (group != NULL) {
        rh_app_add_step(group->app, group, false, middleware, data);
    }
}

void rh_group_route(struct rh_group *group, const char *method, const char *pattern,
                    rh_handler_fn handler, void *data)
{
    if (group != NULL && rh_app_is_open(group->app, method, pattern)) {
        route_add(group, method, pattern, handler, data);
    }
}

/* --- What answers where no route does --- */

void rh_app_not_found(struct rh_app *app, rh_handler_fn handler, void *data)
{
    if (!rh_app_is_open(app, "handler", "for paths that are not found")) {
        return;
    }
    app->not_found.handler = handler != NULL ? handler : rh_app_answer_not_found;
    app->not_found.data = data;
}

void rh_app_error_page(struct rh_app *app, unsigned status, const char *html, size_t len)
{
    if (!rh_app_is_open(app, "error", "page")) {
        return;
    }
    if (status < RH_APP_STATUS_MIN || status > RH_APP_STATUS_MAX) {
        rh_app_spoil(app, RH_ECONFIG, "error page for status %u: 400 to 599 have one", status);
        return;
    }
    struct rh_slice page = rh_pool_copy(&app->pool, (struct rh_slice){html, len});
    if (page.base == NULL) {
        rh_app_spoil(app, -ENOMEM, "out of memory while the app was built");
        return;
    }
    app->pages[status - RH_APP_STATUS_MIN] = page;
}
