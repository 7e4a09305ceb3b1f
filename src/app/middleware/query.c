/* QUERY (RFC 10008): which types of content the routes behind it take. The answer's Accept-Query
 * names them, whatever the method, so that a client learns of them from a GET; a QUERY without a
 * Content-Type or with another one is refused before its content is read. */
#include <string.h>

#include "app/middleware/middleware.h"
#include "http/media.h"
#include "rawhttp/respond.h"

enum { TEXT_MAX = 512 };

struct prepared {
    const char *const *types;
    char text[TEXT_MAX]; /* the value of Accept-Query */
};

static bool is_taken(const struct prepared *prepared, const struct rh_media *media)
{
    const char *const *at = prepared->types;
    while (*at != NULL && !rh_media_is(media, *at)) {
        at++;
    }
    return *at != NULL;
}

static void check(struct rh_exchange *x, void *data)
{
    const struct prepared *prepared = data;
    RH_IGNORE(rh_response_set(x, "Accept-Query", prepared->text));
    if (rh_request_method(x) == RH_QUERY) {
        struct rh_media media;
        struct rh_slice type = rh_request_field(x, "content-type");
        if (!rh_media_parse(type, &media)) {
            rh_respond_bad_request(x, "QUERY needs a Content-Type");
            return;
        }
        if (!is_taken(prepared, &media)) {
            rh_respond_error(x, 415, NULL);
            return;
        }
    }
    rh_next(x);
}

/* A list of tokens (RFC 9651 §3.1), which a plain media type is. */
static bool write_types(struct prepared *prepared)
{
    size_t used = 0;
    for (const char *const *at = prepared->types; *at != NULL; at++) {
        struct rh_media media;
        size_t len = strlen(*at);
        if (!rh_media_parse(rh_slice_from(*at), &media) || media.parameters.len > 0 ||
            used + len + 3 > sizeof prepared->text) {
            return false;
        }
        if (used > 0) {
            memcpy(prepared->text + used, ", ", 2);
            used += 2;
        }
        memcpy(prepared->text + used, *at, len + 1);
        used += len;
    }
    return used > 0;
}

void rh_use_query_types(struct rh_app *app, struct rh_group *group, const char *const *types)
{
    struct prepared *prepared = rh_middleware_alloc(app, sizeof *prepared);
    if (prepared != NULL) {
        prepared->types = types;
        if (types == NULL || !write_types(prepared)) {
            rh_app_spoil(
                app, RH_ECONFIG,
                "types of a QUERY: at least one, each as \"type/subtype\", %d bytes in all",
                TEXT_MAX);
            return;
        }
    }
    rh_middleware_add(app, group, check, prepared);
}
