/* An app: routes, middleware, static roots, error pages. Built once by one thread, frozen by the
 * first server that is created on it, then shared read-only by all loops. Registration returns
 * nothing: the first error stays in the app and rh_server_create or rh_run return it; all calls
 * accept a failed app and NULL. */
#ifndef RAWHTTP_APP_H
#define RAWHTTP_APP_H

#include <rawhttp/exchange.h>
#include <rawhttp/method.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_app;
struct rh_group; /* routes under a common prefix with middleware of their own; lives as long as the
                    app */

RH_API struct rh_app *rh_app_create(void); /* one reference; NULL when memory ran out */
RH_API void rh_app_ref(struct rh_app *app);
RH_API void rh_app_unref(struct rh_app *app); /* NULL accepted; any thread */
/* 0, or the first error of a registration; its text names the pattern. */
RH_API int rh_app_status(const struct rh_app *app);
RH_API const char *rh_app_error(const struct rh_app *app);

/* Routes. `method` is any token, copied: "GET", "QUERY", "PURGE", "PROPFIND"; case matters, and
 * CONNECT reaches no route. A request with a method that no route of the app names gets 501. A
 * pattern is '/'-separated: literal segments, :param (one whole segment), and *rest as the last one
 * (zero or more segments). Literals are written decoded. Static beats :param beats *rest, segment
 * by segment, with backtracking; two that mean the same are an error. HEAD works where GET does,
 * OPTIONS and 405 answer with Allow by themselves. */
RH_API void rh_app_route(struct rh_app *app, const char *method, const char *pattern,
                         rh_handler_fn handler, void *data);
RH_API void rh_app_get(struct rh_app *app, const char *pattern, rh_handler_fn handler, void *data);
RH_API void rh_app_post(struct rh_app *app, const char *pattern, rh_handler_fn handler, void *data);
RH_API void rh_app_put(struct rh_app *app, const char *pattern, rh_handler_fn handler, void *data);
RH_API void rh_app_patch(struct rh_app *app, const char *pattern, rh_handler_fn handler,
                         void *data);
RH_API void rh_app_delete(struct rh_app *app, const char *pattern, rh_handler_fn handler,
                          void *data);

/* Middleware: a handler that may call rh_next(x), now or later; runs for every route that is
 * registered after it in the app or group, in order of registration, and (app level) for requests
 * that match no route. */
RH_API void rh_app_use(struct rh_app *app, rh_handler_fn middleware, void *data);
/* Middleware for one route: applied to the route registered last. */
RH_API void rh_app_use_last(struct rh_app *app, rh_handler_fn middleware, void *data);
/* Stands for the route registered last where a ready-made middleware asks for a group:
 * rh_use_body_limit(app, rh_app_last(app), 4096). NULL for NULL. */
RH_API struct rh_group *rh_app_last(struct rh_app *app);
/* Goes on with the next middleware or the route's handler. At most once per middleware and
 * exchange. Later (from a callback, on the loop's thread) it also ends the hold of whoever calls:
 * what comes next answers or defers for itself, and where the exchange was cut meanwhile nothing
 * runs. */
RH_API void rh_next(struct rh_exchange *x);

/* A group under `prefix` ("" or "/admin"); `parent` NULL is the app itself. It begins with the
 * middleware that its parent has at that moment. */
RH_API struct rh_group *rh_app_group(struct rh_app *app, struct rh_group *parent,
                                     const char *prefix);
RH_API void rh_group_use(struct rh_group *group, rh_handler_fn middleware, void *data);
RH_API void rh_group_route(struct rh_group *group, const char *method, const char *pattern,
                           rh_handler_fn handler, void *data);

/* What answers where no route matched; default: 404. */
RH_API void rh_app_not_found(struct rh_app *app, rh_handler_fn handler, void *data);
/* The page for error answers of this status (400 to 599) that rh_respond_error gives, copied; HTML.
 * Who would rather have JSON or text by Accept gets that. */
RH_API void rh_app_error_page(struct rh_app *app, unsigned status, const char *html, size_t len);

/* `data` is freed by free_fn(data) when the app goes (for handlers' data); in reverse order. */
RH_API void rh_app_own(struct rh_app *app, void (*free_fn)(void *data), void *data);

#ifdef __cplusplus
}
#endif
#endif
