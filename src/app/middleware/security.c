/* Fields that make browsers careful. They are set before the handler runs, so that it can replace
 * them. */
#include <stdio.h>
#include <string.h>

#include "app/middleware/middleware.h"
#include "util/options.h"

struct prepared {
    struct rh_security options;
    char hsts[48];
};

void rh_security_init_sized(struct rh_security *security, size_t size)
{
    static const struct rh_security defaults = {
        .content_security_policy =
            "default-src 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'self'",
        .frame_options = "SAMEORIGIN",
        .referrer_policy = "strict-origin-when-cross-origin",
        .opener_policy = "same-origin",
        .nosniff = 1,
    };
    rh_options_fill(security, size, &defaults, sizeof defaults);
}

static void set(struct rh_exchange *x, const char *name, const char *value)
{
    if (value != NULL) {
        RH_IGNORE(rh_response_set(x, name, value));
    }
}

static void secure(struct rh_exchange *x, void *data)
{
    const struct prepared *prepared = data;
    const struct rh_security *options = &prepared->options;
    set(x, "Content-Security-Policy", options->content_security_policy);
    set(x, "X-Frame-Options", options->frame_options);
    set(x, "Referrer-Policy", options->referrer_policy);
    set(x, "Permissions-Policy", options->permissions_policy);
    set(x, "Cross-Origin-Opener-Policy", options->opener_policy);
    set(x, "X-Content-Type-Options", options->nosniff ? "nosniff" : NULL);
    if (prepared->hsts[0] != '\0' &&
        rh_request_is_tls(x)) { /* RFC 6797 §7.2: never over plain HTTP */
        set(x, "Strict-Transport-Security", prepared->hsts);
    }
    rh_next(x);
}

void rh_use_security(struct rh_app *app, struct rh_group *group, const struct rh_security *security)
{
    struct prepared *prepared = rh_middleware_alloc(app, sizeof *prepared);
    if (prepared == NULL) {
        rh_middleware_add(app, group, secure, NULL); /* says what is wrong with the app */
        return;
    }
    rh_security_init(&prepared->options);
    rh_options_take(&prepared->options, sizeof prepared->options, security);
    if (prepared->options.hsts_seconds > 0) {
        snprintf(prepared->hsts, sizeof prepared->hsts, "max-age=%u; includeSubDomains",
                 (unsigned)prepared->options.hsts_seconds);
    }
    rh_middleware_add(app, group, secure, prepared);
}
