/* Logins in signed cookies. The value that is signed says when the login began, when this cookie
 * was issued, and who it is: "1700000000.1700003600.ada". Its end stands beside it, in what
 * cookie.c makes of it.
 *
 * Ways to fail: whatever is wrong with a cookie that comes in, the exchange goes on as nobody's. */
#include "rawhttp/login.h"

#include <stdio.h>
#include <string.h>

#include "app/middleware/middleware.h"
#include "http/media.h"
#include "rawhttp/log.h"
#include "rawhttp/respond.h"
#include "util/ascii.h"
#include "util/options.h"

enum {
    VALUE_MAX = RH_LOGIN_USER_BYTES_MAX + 48,
    COOKIES_MAX = 4, /* of our name: others may set some for a parent domain */
    NEXT_MAX = 1024,
};

struct rh_login_state {
    const struct rh_login *options; /* of the middleware */
    struct rh_slice user;           /* absent: nobody */
};

void rh_login_init_sized(struct rh_login *login, size_t size)
{
    static const struct rh_login defaults = {
        .name = "login",
        .path = "/",
        .lasts_s = 12 * 3600,
        .renew_after_s = 3600,
        .total_s = 7 * 24 * 3600,
        .same_site = RH_SAME_SITE_LAX,
    };
    rh_options_fill(login, size, &defaults, sizeof defaults);
}

static struct rh_login_state *state_of(struct rh_exchange *x)
{
    struct rh_app_state *state = *rh_exchange_app_slot(x);
    return state == NULL ? NULL : state->login;
}

/* --- Out --- */

/* Sets the cookie to `value`; `max_age_s` 0 removes it. */
static int set_cookie(struct rh_exchange *x, const struct rh_login *options, struct rh_slice value,
                      int64_t max_age_s)
{
    char text[RH_COOKIE_SIGNED_BYTES(VALUE_MAX) + 512];
    struct rh_cookie cookie;
    rh_cookie_init(&cookie, options->name, value);
    cookie.path = options->path;
    cookie.max_age_s = max_age_s;
    cookie.secure = rh_request_is_tls(x);
    cookie.same_site = options->same_site;
    ptrdiff_t len = rh_cookie_format(&cookie, text, sizeof text);
    if (len < 0) {
        return (int)len;
    }
    RH_IGNORE(rh_response_set(x, "Cache-Control", "no-store")); /* nobody else may be given this */
    return rh_exchange_replace_cookie(x, options->name, (struct rh_slice){text, (size_t)len});
}

static int issue(struct rh_exchange *x, const struct rh_login *options, struct rh_slice user,
                 int64_t begun_s)
{
    char value[VALUE_MAX];
    char text[RH_COOKIE_SIGNED_BYTES(VALUE_MAX)];
    int64_t now_s = rh_exchange_wall_s(x);
    int64_t ends_s = now_s + options->lasts_s;
    if (options->total_s > 0 && ends_s > begun_s + options->total_s) {
        ends_s = begun_s + options->total_s;
    }
    int len = snprintf(value, sizeof value, "%lld.%lld.", (long long)begun_s, (long long)now_s);
    if (user.len == 0 || user.len > RH_LOGIN_USER_BYTES_MAX) {
        return RH_EFIELD;
    }
    memcpy(value + len, user.base, user.len);
    ptrdiff_t text_len =
        rh_cookie_sign(&options->keys, options->name,
                       (struct rh_slice){value, (size_t)len + user.len}, ends_s, text, sizeof text);
    if (text_len < 0) {
        return (int)text_len;
    }
    return set_cookie(x, options, (struct rh_slice){text, (size_t)text_len}, ends_s - now_s);
}

/* --- In --- */

/* What a cookie of ours said. */
struct claim {
    int64_t begun_s;
    int64_t issued_s;
    struct rh_slice user; /* in the buffer that was read into */
};

static bool take_number(struct rh_slice *text, int64_t *ret_number)
{
    uint64_t number;
    const char *dot = text->len > 0 ? memchr(text->base, '.', text->len) : NULL;
    if (dot == NULL ||
        !rh_ascii_to_u64((struct rh_slice){text->base, (size_t)(dot - text->base)}, &number) ||
        number > INT64_MAX / 2) {
        return false;
    }
    text->len -= (size_t)(dot - text->base) + 1;
    text->base = dot + 1;
    *ret_number = (int64_t)number;
    return true;
}

/* NULL where the cookie is good, else what is wrong with it. */
static const char *read_cookie(const struct rh_login *options, struct rh_slice text, int64_t now_s,
                               char value[RH_COOKIE_SIGNED_MAX], struct claim *ret_claim)
{
    size_t len = 0;
    switch (rh_cookie_verify(&options->keys, options->name, text, now_s, value,
                             RH_COOKIE_SIGNED_MAX, &len)) {
    case RH_COOKIE_GOOD:
        break;
    case RH_COOKIE_MALFORMED:
        return "is no signed value";
    case RH_COOKIE_FORGED:
        return "has no signature of ours";
    case RH_COOKIE_EXPIRED:
        return "has expired";
    default:
        return "could not be verified";
    }
    struct rh_slice rest = {value, len};
    if (!take_number(&rest, &ret_claim->begun_s) || !take_number(&rest, &ret_claim->issued_s) ||
        rest.len == 0 || rest.len > RH_LOGIN_USER_BYTES_MAX) {
        return "says something else than a login";
    }
    if (options->total_s > 0 && now_s >= ret_claim->begun_s + options->total_s) {
        return "is of a login that has lasted long enough";
    }
    if (options->is_revoked != NULL &&
        options->is_revoked(options->revoked_data, rest, ret_claim->begun_s)) {
        return "is of a login that was revoked";
    }
    ret_claim->user = rest;
    return NULL;
}

/* The first good one of our name, in all Cookie fields (RFC 6265 §5.4 sends one; proxies have been
 * seen to split it). */
static bool find_login(struct rh_exchange *x, const struct rh_login *options,
                       char value[RH_COOKIE_SIGNED_MAX], struct claim *ret_claim)
{
    struct rh_slice field_name;
    struct rh_slice field;
    struct rh_slice name;
    struct rh_slice text;
    unsigned tried = 0;
    for (size_t i = 0; i < rh_request_fields(x); i++) {
        rh_request_field_at(x, i, &field_name, &field);
        if (!rh_ascii_is(field_name, "cookie")) {
            continue;
        }
        while (tried < COOKIES_MAX && rh_cookie_next(&field, &name, &text)) {
            if (!rh_slice_is(name, options->name)) {
                continue;
            }
            const char *wrong = read_cookie(options, text, rh_exchange_wall_s(x), value, ret_claim);
            if (wrong == NULL) {
                return true;
            }
            rh_exchange_log(x, RH_LOG_DEBUG, "the cookie '%s' %s: ignored", options->name, wrong);
            tried++;
        }
    }
    return false;
}

/* Makes `user` the one of this exchange; false at the arena's cap. */
static bool adopt(struct rh_exchange *x, struct rh_login_state *login, struct rh_slice user)
{
    char *copy = rh_exchange_alloc(x, user.len + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, user.base, user.len);
    copy[user.len] = '\0';
    login->user = (struct rh_slice){copy, user.len};
    rh_exchange_set_user(x, copy);
    return true;
}

static void identify(struct rh_exchange *x, void *data)
{
    char value[RH_COOKIE_SIGNED_MAX];
    const struct rh_login *options = data;
    struct rh_login_state *login = rh_exchange_alloc(x, sizeof *login);
    struct rh_app_state *state = rh_app_state(x);
    struct claim claim;
    if (login == NULL || state == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    *login = (struct rh_login_state){options, {NULL, 0}};
    state->login = login;
    RH_IGNORE(rh_response_add(x, "Vary", "Cookie"));
    if (find_login(x, options, value, &claim) && adopt(x, login, claim.user)) {
        int64_t age_s = rh_exchange_wall_s(x) - claim.issued_s;
        if (options->renew_after_s > 0 && age_s >= options->renew_after_s) {
            RH_IGNORE(issue(x, options, claim.user, claim.begun_s));
        }
    }
    rh_next(x);
}

/* --- Required --- */

static bool wants_page(struct rh_exchange *x)
{
    static const char *const types[] = {"application/json",
                                        "text/html"}; /* who takes anything is a program */
    int method = rh_request_method(x);
    return (method == RH_GET || method == RH_HEAD) &&
           rh_media_choose(rh_request_list(x, "accept"), types, sizeof types / sizeof *types) == 1;
}

static void send_to_page(struct rh_exchange *x, const char *page)
{
    char next[NEXT_MAX * 3];
    struct rh_slice target = rh_request_target(x);
    const char *location = page;
    if (target.len > 0 && target.len <= NEXT_MAX && target.base[0] == '/') {
        size_t len =
            rh_ascii_percent_encode(next, target, "-._~/"); /* a query's value (RFC 3986 §3.4) */
        location = rh_exchange_format(x, "%s%cnext=%.*s", page,
                                      strchr(page, '?') != NULL ? '&' : '?', (int)len, next);
    }
    rh_respond_redirect(x, 303, location != NULL ? location : page);
}

static void require(struct rh_exchange *x, void *data)
{
    const struct rh_login_state *login = state_of(x);
    (void)data;
    if (login == NULL) {
        rh_exchange_log(x, RH_LOG_ERROR,
                        "rh_use_login_required without rh_use_login before it: nobody passes");
        rh_respond_error(x, 500, NULL);
        return;
    }
    if (login->user.base != NULL) {
        rh_next(x);
        return;
    }
    RH_IGNORE(rh_response_set(x, "Cache-Control", "no-store"));
    if (login->options->page != NULL && wants_page(x)) {
        send_to_page(x, login->options->page);
        return;
    }
    /* A 401 has a challenge (RFC 9110 §15.5.2); browsers pass over a scheme that they do not know.
     */
    char challenge[160];
    snprintf(challenge, sizeof challenge, "Cookie cookie-name=\"%.100s\"", login->options->name);
    rh_respond_unauthorized(x, challenge, NULL);
}

/* --- For handlers --- */

struct rh_slice rh_login_user(struct rh_exchange *x)
{
    const struct rh_login_state *login = state_of(x);
    return login != NULL ? login->user : (struct rh_slice){NULL, 0};
}

int rh_login_start(struct rh_exchange *x, struct rh_slice user)
{
    struct rh_login_state *login = state_of(x);
    if (login == NULL) {
        return RH_ESTATE;
    }
    int err = issue(x, login->options, user, rh_exchange_wall_s(x));
    if (err == 0 && !adopt(x, login, user)) {
        return RH_ENOROOM;
    }
    return err;
}

int rh_login_end(struct rh_exchange *x)
{
    struct rh_login_state *login = state_of(x);
    if (login == NULL) {
        return RH_ESTATE;
    }
    login->user = (struct rh_slice){NULL, 0};
    return set_cookie(x, login->options, rh_slice_from(""), 0);
}

struct rh_slice rh_login_next(struct rh_exchange *x)
{
    struct rh_slice next = rh_request_query_value(x, "next");
    if (next.len == 0 || next.base[0] != '/' || (next.len > 1 && next.base[1] == '/')) {
        return (struct rh_slice){NULL, 0};
    }
    for (size_t i = 0; i < next.len;
         i++) { /* browsers read '\' as '/', and skip what does not show */
        unsigned char c = (unsigned char)next.base[i];
        if (c <= 0x20 || c >= 0x7f || c == '\\') {
            return (struct rh_slice){NULL, 0};
        }
    }
    return next;
}

/* --- Registration --- */

/* Copies the keys; false where memory ran out or one is short. */
static bool keep_keys(struct rh_app *app, struct rh_cookie_keys *keys)
{
    if (keys->count == 0 || keys->count > RH_COOKIE_KEYS_MAX) {
        return false;
    }
    for (size_t i = 0; i < keys->count; i++) {
        struct rh_slice key = keys->keys[i];
        char *copy = key.len < RH_COOKIE_KEY_BYTES_MIN ? NULL : rh_middleware_alloc(app, key.len);
        if (copy == NULL) {
            return false;
        }
        memcpy(copy, key.base, key.len);
        keys->keys[i] = (struct rh_slice){copy, key.len};
    }
    return true;
}

/* Asks cookie.c, so that its rules stand in one place. */
static bool is_cookie(const struct rh_login *options)
{
    char text[512];
    struct rh_cookie cookie;
    rh_cookie_init(&cookie, options->name, rh_slice_from("x"));
    cookie.path = options->path;
    cookie.same_site = options->same_site;
    cookie.secure = true;
    return strlen(options->name) <= 64 && rh_cookie_format(&cookie, text, sizeof text) > 0;
}

void rh_use_login(struct rh_app *app, struct rh_group *group, const struct rh_login *login)
{
    struct rh_login *options = rh_middleware_alloc(app, sizeof *options);
    if (options == NULL) {
        rh_middleware_add(app, group, identify, NULL); /* says what is wrong with the app */
        return;
    }
    rh_login_init(options);
    rh_options_take(options, sizeof *options, login);
    if (options->name == NULL || !is_cookie(options) || options->lasts_s == 0) {
        rh_app_spoil(app, RH_ECONFIG,
                     "login: a name and a path that a cookie can have, and some time to last");
        return;
    }
    if (!keep_keys(app, &options->keys)) {
        rh_app_spoil(app, RH_ECONFIG, "login: 1 to %d keys of %d bytes or more", RH_COOKIE_KEYS_MAX,
                     RH_COOKIE_KEY_BYTES_MIN);
        return;
    }
    rh_middleware_add(app, group, identify, options);
}

void rh_use_login_required(struct rh_app *app, struct rh_group *group)
{
    rh_middleware_add(app, group, require, NULL);
}
