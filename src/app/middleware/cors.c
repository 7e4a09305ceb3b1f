/* The CORS protocol of the Fetch standard. An origin is allowed by exact comparison with the list,
 * never by a pattern: suffix matches are how "evil-example.org" gets in. An origin that is not
 * allowed is answered as if there were no CORS; the browser does the refusing. */
#include <stdio.h>
#include <string.h>

#include "app/middleware/middleware.h"
#include "rawhttp/method.h"
#include "util/options.h"

struct prepared {
    struct rh_cors options;
    bool allows_all;
    char max_age[16];
};

void rh_cors_init_sized(struct rh_cors *cors, size_t size)
{
    static const struct rh_cors defaults = {
        .methods = "GET, HEAD, POST, PUT, PATCH, DELETE",
        .headers = "Content-Type, Authorization",
        .max_age_s = 600,
    };
    rh_options_fill(cors, size, &defaults, sizeof defaults);
}

static void set(struct rh_exchange *x, const char *name, const char *value)
{
    if (value != NULL) {
        RH_IGNORE(rh_response_set(x, name, value));
    }
}

static bool is_allowed(const struct prepared *prepared, struct rh_slice origin)
{
    const char *const *at = prepared->options.origins;
    for (; at != NULL && *at != NULL; at++) {
        if (rh_slice_is(origin, *at)) {
            return true;
        }
    }
    return prepared->allows_all;
}

static void share(struct rh_exchange *x, void *data)
{
    const struct prepared *prepared = data;
    const struct rh_cors *options = &prepared->options;
    if (rh_app_cors_follows(x)) {
        rh_next(x);
        return;
    }
    struct rh_slice origin = rh_request_field(x, "origin");
    if (!prepared->allows_all) { /* caches must not give one origin's answer to another */
        RH_IGNORE(rh_response_add(x, "Vary", "Origin"));
    }
    if (origin.base == NULL || !is_allowed(prepared, origin)) {
        rh_next(x);
        return;
    }
    if (prepared->allows_all) {
        set(x, "Access-Control-Allow-Origin", "*");
    } else {
        RH_IGNORE(rh_response_set_slice(x, "Access-Control-Allow-Origin", origin));
    }
    set(x, "Access-Control-Allow-Credentials", options->credentials ? "true" : NULL);
    if (rh_request_method(x) == RH_OPTIONS &&
        rh_request_field(x, "access-control-request-method").base != NULL) {
        set(x, "Access-Control-Allow-Methods", options->methods);
        set(x, "Access-Control-Allow-Headers", options->headers);
        set(x, "Access-Control-Max-Age", prepared->max_age);
        rh_respond_empty(x, 204);
        return;
    }
    set(x, "Access-Control-Expose-Headers", options->expose);
    rh_next(x);
}

void rh_use_cors(struct rh_app *app, struct rh_group *group, const struct rh_cors *cors)
{
    struct prepared *prepared = rh_middleware_alloc(app, sizeof *prepared);
    if (prepared == NULL) {
        rh_app_add_step(app, group, true, share, NULL); /* says what is wrong with the app */
        return;
    }
    rh_cors_init(&prepared->options);
    rh_options_take(&prepared->options, sizeof prepared->options, cors);
    const char *const *at = prepared->options.origins;
    for (; at != NULL && *at != NULL; at++) {
        prepared->allows_all |= strcmp(*at, "*") == 0;
    }
    if (prepared->allows_all && prepared->options.credentials) {
        rh_app_spoil(app, RH_ECONFIG,
                     "CORS: credentials for every origin would open every login to every page");
        return;
    }
    snprintf(prepared->max_age, sizeof prepared->max_age, "%u",
             (unsigned)prepared->options.max_age_s);
    rh_app_add_step(app, group, true, share, prepared);
}
