/* Who made the browser send this? The happy path: the request is safe, or the browser says that a
 * page of ours asked. Everything else ends here with 403 and a line in the debug log.
 *
 * The scheme of Origin is not compared: behind a proxy that ends TLS the server may not know its
 * own, and every browser that would be fooled sends Sec-Fetch-Site, which knows. */
#include "app/middleware/middleware.h"
#include "rawhttp/log.h"
#include "util/ascii.h"

static bool is_safe(int method)
{
    return method == RH_GET || method == RH_HEAD || method == RH_OPTIONS || method == RH_QUERY;
}

static bool is_trusted(const char *const *trusted, struct rh_slice origin)
{
    for (; trusted != NULL && *trusted != NULL; trusted++) {
        if (rh_ascii_is(origin, *trusted)) {
            return true;
        }
    }
    return false;
}

/* "https://host:port" without its scheme; absent for "null". */
static struct rh_slice authority_of(struct rh_slice origin)
{
    for (size_t i = 0; i + 2 < origin.len; i++) {
        if (origin.base[i] == ':' && origin.base[i + 1] == '/' && origin.base[i + 2] == '/') {
            return (struct rh_slice){origin.base + i + 3, origin.len - i - 3};
        }
    }
    return (struct rh_slice){NULL, 0};
}

static bool is_own(struct rh_exchange *x, struct rh_slice origin)
{
    struct rh_slice authority = authority_of(origin);
    return authority.len > 0 && rh_ascii_equal(authority, rh_request_host(x));
}

static void guard(struct rh_exchange *x, void *data)
{
    struct rh_slice origin = rh_request_field(x, "Origin");
    struct rh_slice site = rh_request_field(x, "Sec-Fetch-Site");
    bool passes = is_safe(rh_request_method(x)) || is_trusted(data, origin);
    if (!passes && site.base != NULL) {
        passes = rh_ascii_is(site, "same-origin") || rh_ascii_is(site, "none");
    } else if (!passes) {
        passes = origin.base == NULL || is_own(x, origin);
    }
    if (passes) {
        rh_next(x);
        return;
    }
    rh_exchange_log(x, RH_LOG_DEBUG, "a request from another site is refused: %.*s",
                    origin.len < 200 ? (int)origin.len : 200,
                    origin.base != NULL ? origin.base : "");
    rh_respond_error(x, 403, "this request comes from another site");
}

void rh_use_same_origin(struct rh_app *app, struct rh_group *group, const char *const *trusted)
{
    /* The list is the caller's, who keeps it like the other texts of middleware. */
    rh_middleware_add(app, group, guard, (void *)(uintptr_t)trusted);
}
