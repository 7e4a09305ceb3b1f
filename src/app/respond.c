/* Answers by the name of their status. Each sets the field that goes with it and leaves the body to
 * rh_respond_error or the JSON writer. A field that can not be set (a line break in a challenge, no
 * room) is told by the log hook, and the answer goes out without it: its status still says what
 * matters. */
#include "rawhttp/respond.h"

#include <stdio.h>
#include <stdlib.h>

#include "rawhttp/log.h"
#include "server/door.h"
#include "util/assert.h"

enum { JSON_ON_STACK = 1024 };

static void set(struct rh_exchange *x, const char *name, const char *value)
{
    if (value != NULL) {
        RH_IGNORE(rh_response_set(x, name, value));
    }
}

static void set_retry_after(struct rh_exchange *x, unsigned seconds)
{
    char text[16];
    if (seconds > 0) {
        snprintf(text, sizeof text, "%u", seconds);
        set(x, "Retry-After", text);
    }
}

void rh_respond_json(struct rh_exchange *x, unsigned status, const struct rh_value *value)
{
    static const char type[] = "application/json";
    char small[JSON_ON_STACK];
    if (value == NULL || !rh_value_is_whole(value)) {
        rh_respond_internal_error(x, "no memory for an answer in JSON");
        return;
    }
    size_t len = rh_json_write_to(value, 0, small, sizeof small);
    if (len <= sizeof small) {
        rh_respond(x, status, type, small, len);
        return;
    }
    char *text = malloc(len);
    if (text == NULL) {
        rh_respond_internal_error(x, "no memory for an answer in JSON");
        return;
    }
    rh_json_write_to(value, 0, text, len);
    rh_respond_owned(x, status, type, text, len, free, text);
}

void rh_respond_created(struct rh_exchange *x, const char *location, const struct rh_value *value)
{
    if (location != NULL) {
        RH_IGNORE(rh_exchange_set_location(x, location));
    }
    if (value != NULL) {
        rh_respond_json(x, 201, value);
    } else {
        rh_respond_empty(x, 201);
    }
}

void rh_respond_no_content(struct rh_exchange *x)
{
    rh_respond_empty(x, 204);
}

void rh_respond_bad_request(struct rh_exchange *x, const char *detail)
{
    rh_respond_error(x, 400, detail);
}

void rh_respond_unauthorized(struct rh_exchange *x, const char *challenge, const char *detail)
{
    set(x, "WWW-Authenticate", challenge);
    rh_respond_error(x, 401, detail);
}

void rh_respond_forbidden(struct rh_exchange *x, const char *detail)
{
    rh_respond_error(x, 403, detail);
}

void rh_respond_not_found(struct rh_exchange *x, const char *detail)
{
    rh_respond_error(x, 404, detail);
}

void rh_respond_method_not_allowed(struct rh_exchange *x, const char *allow, const char *detail)
{
    set(x, "Allow", allow);
    rh_respond_error(x, 405, detail);
}

void rh_respond_too_many_requests(struct rh_exchange *x, unsigned retry_after_s, const char *detail)
{
    set_retry_after(x, retry_after_s);
    rh_respond_error(x, 429, detail);
}

void rh_respond_internal_error(struct rh_exchange *x, const char *detail)
{
    if (detail != NULL) {
        struct rh_slice route = rh_request_route(x);
        rh_exchange_log(x, RH_LOG_ERROR, "%.*s: %s", (int)route.len, route.base, detail);
    }
    rh_respond_error(x, 500, NULL);
}

void rh_respond_bad_gateway(struct rh_exchange *x, const char *detail)
{
    rh_respond_error(x, 502, detail);
}

void rh_respond_unavailable(struct rh_exchange *x, unsigned retry_after_s, const char *detail)
{
    set_retry_after(x, retry_after_s);
    rh_respond_error(x, 503, detail);
}
