/* Logins in signed cookies: their whole life on a clock that the test moves, and what strangers
 * try. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "rawhttp/login.h"
#include "rawhttp/middleware.h"

static const char key_a[] = "0123456789abcdef0123456789abcdef";
static const char key_b[] = "fedcba9876543210fedcba9876543210";
static char cookie[1024]; /* "login=…", as a browser would send it */

static void setup(void)
{
    ask_setup();
    ask_hear_log(RH_LOG_DEBUG);
    ask_hear_access();
}

TestSuite(login, .init = setup, .fini = ask_teardown);

static void tell(struct rh_exchange *x, void *data)
{
    struct rh_slice user = rh_login_user(x);
    (void)data;
    rh_respond(x, 200, "text/plain", user.base != NULL ? user.base : "nobody",
               user.base != NULL ? user.len : 6);
}

static void log_in(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice user = rh_request_query_value(x, "user");
    int err = rh_login_start(x, user);
    if (err != 0) {
        rh_respond_text(x, 400, rh_strerror(err));
        return;
    }
    tell(x, NULL);
}

static void log_out(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_response_add(x, "Set-Cookie", "login2=stays");
    rh_login_end(x);
    tell(x, NULL);
}

static void next_of(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice next = rh_login_next(x);
    rh_respond(x, 200, "text/plain", next.base != NULL ? next.base : "none",
               next.base != NULL ? next.len : 4);
}

static struct rh_login options;

static void options_init(void)
{
    rh_login_init(&options);
    options.keys.keys[0] = rh_slice_from(key_a);
    options.keys.count = 1;
}

static void routes(struct rh_app *to)
{
    rh_use_login(to, NULL, &options);
    rh_app_get(to, "/who", tell, NULL);
    rh_app_get(to, "/in", log_in, NULL);
    rh_app_get(to, "/out", log_out, NULL);
    rh_app_get(to, "/next", next_of, NULL);
    struct rh_group *inside = rh_app_group(to, NULL, "/inside");
    rh_use_login_required(to, inside);
    rh_group_route(inside, "GET", "/who", tell, NULL);
    rh_group_route(inside, "POST", "/who", tell, NULL);
}

/* Keeps the cookie that the answer sets. */
static void keep_cookie(void)
{
    const char *value = value_of("Set-Cookie");
    snprintf(cookie, sizeof cookie, "%.*s", (int)strcspn(value, ";"), value);
}

static void ask_with_cookie(const char *line, const char *text)
{
    char fields[4096];
    snprintf(fields, sizeof fields, "Cookie: %s\r\n", text);
    ask(line, fields);
}

Test(login, begins_goes_on_and_ends)
{
    options_init();
    routes(app);
    ask("GET /who", "");
    cr_assert_str_eq(body_of_answer(), "nobody");
    cr_assert(has("Vary: Cookie"));
    cr_assert_str_eq(value_of("Set-Cookie"), "");
    cr_assert_str_eq(logged_user, "");
    ask("GET /in?user=Ada+L", "");
    cr_assert_str_eq(body_of_answer(), "Ada L");
    cr_assert_not_null(
        strstr(value_of("Set-Cookie"), "; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"), "%s",
        answer);
    cr_assert_null(strstr(value_of("Set-Cookie"), "Secure"),
                   "not over plain http, where no browser would keep it");
    cr_assert(has("Cache-Control: no-store"));
    cr_assert_str_eq(logged_user, "Ada L");
    keep_cookie();
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(body_of_answer(), "Ada L");
    cr_assert_str_eq(logged_user, "Ada L");
    cr_assert_str_eq(value_of("Set-Cookie"), "");
    ask_with_cookie("GET /inside/who", cookie);
    cr_assert_str_eq(body_of_answer(), "Ada L");
    ask_with_cookie("GET /out", cookie);
    cr_assert_str_eq(body_of_answer(), "nobody");
    cr_assert_not_null(
        strstr(answer, "Set-Cookie: login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax\r\n"), "%s",
        answer);
    cr_assert(has("Set-Cookie: login2=stays"));
}

Test(login, ends_by_time)
{
    options_init();
    routes(app);
    ask("GET /in?user=ada", "");
    keep_cookie();
    rh_driver_advance(driver, 43199u * 1000);
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(body_of_answer(), "ada");
    rh_driver_advance(driver, 1000);
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(body_of_answer(), "nobody");
    cr_assert_str_eq(log_text, "the cookie 'login' has expired: ignored");
}

Test(login, is_renewed_by_use_but_not_for_ever)
{
    options_init();
    options.total_s = 100000;
    routes(app);
    ask("GET /in?user=ada", "");
    keep_cookie();
    rh_driver_advance(driver, 3599u * 1000);
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(value_of("Set-Cookie"), "");
    rh_driver_advance(driver, 1000);
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(body_of_answer(), "ada");
    cr_assert_not_null(strstr(value_of("Set-Cookie"), "Max-Age=43200"), "%s", answer);
    cr_assert(has("Cache-Control: no-store"));
    keep_cookie();
    rh_driver_advance(driver, 43000u * 1000);
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(body_of_answer(), "ada");
    keep_cookie();
    rh_driver_advance(driver, 43000u * 1000);
    ask_with_cookie("GET /who", cookie);
    cr_assert_not_null(strstr(value_of("Set-Cookie"), "Max-Age=10400;"),
                       "what is left of the whole: %s", answer);
    keep_cookie();
    ask_with_cookie("GET /out", cookie);
    const char *first = strstr(answer, "Set-Cookie: login=");
    cr_assert_not_null(first);
    cr_assert_null(strstr(first + 1, "Set-Cookie: login="), "one for each name: %s", answer);
    rh_driver_advance(driver, 10400u * 1000);
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(body_of_answer(), "nobody");
}

Test(login, believes_no_cookie_that_it_did_not_make)
{
    char text[2048];
    options_init();
    routes(app);
    ask("GET /in?user=ada", "");
    keep_cookie();
    size_t len = strlen(cookie);
    for (size_t i = strlen("login="); i < len; i++) { /* every byte counts */
        strcpy(text, cookie);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        ask_with_cookie("GET /who", text);
        cr_assert_str_eq(body_of_answer(), "nobody", "%zu", i);
    }
    static const char *const made_up[] = {
        "login=", "login=ada", "login=..", "login=YWRh.9999999999.", "login", "Login=x"};
    for (size_t i = 0; i < sizeof made_up / sizeof *made_up; i++) {
        ask_with_cookie("GET /who", made_up[i]);
        cr_assert_str_eq(body_of_answer(), "nobody", "%s", made_up[i]);
    }
    snprintf(text, sizeof text, "other%s", cookie + 5); /* a value of ours under another name */
    ask_with_cookie("GET /who", text);
    cr_assert_str_eq(body_of_answer(), "nobody");
    snprintf(text, sizeof text, "login=planted; login=x; %s", cookie);
    ask_with_cookie("GET /who", text);
    cr_assert_str_eq(body_of_answer(), "ada", "past what a sibling site has planted");
    snprintf(text, sizeof text, "login=1; login=2; login=3; login=4; %s", cookie);
    ask_with_cookie("GET /who", text);
    cr_assert_str_eq(body_of_answer(), "nobody", "but not for ever");
}

/* A signed value of ours that says something else. */
Test(login, reads_only_logins)
{
    static const char *const values[] = {
        "", "ada", "1.2", "1.2.", "x.2.ada", "1..ada", "-1.2.ada", "99999999999999999999.1.a"};
    options_init();
    routes(app);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[512] = "login=";
        ptrdiff_t len = rh_cookie_sign(&options.keys, "login", rh_slice_from(values[i]), 9999999999,
                                       text + 6, sizeof text - 6);
        cr_assert_gt(len, 0);
        text[6 + len] = '\0';
        ask_with_cookie("GET /who", text);
        cr_assert_str_eq(body_of_answer(), "nobody", "%s", values[i]);
    }
}

Test(login, rotates_keys)
{
    options_init();
    routes(app);
    ask("GET /in?user=ada", "");
    keep_cookie();
    rh_driver_destroy(driver);
    driver = NULL;
    rh_app_unref(app);
    app = rh_app_create();
    options.keys.keys[1] = options.keys.keys[0];
    options.keys.keys[0] = rh_slice_from(key_b);
    options.keys.count = 2;
    routes(app);
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(body_of_answer(), "ada", "signed by the older key");
    rh_driver_destroy(driver);
    driver = NULL;
    rh_app_unref(app);
    app = rh_app_create();
    options.keys.count = 1;
    routes(app);
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(body_of_answer(), "nobody", "which is gone now");
}

Test(login, is_required)
{
    options_init();
    options.page = "/login";
    routes(app);
    ask("GET /inside/who", "");
    cr_assert_eq(status, 401);
    cr_assert(has("WWW-Authenticate: Cookie cookie-name=\"login\""));
    cr_assert(has("Cache-Control: no-store"));
    ask("GET /inside/who", "Accept: application/json\r\n");
    cr_assert_eq(status, 401);
    ask("GET /inside/who?a=b&c=%2F", "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n");
    cr_assert_eq(status, 303);
    cr_assert(has("Location: /login?next=/inside/who%3Fa%3Db%26c%3D%252F"), "%s", answer);
    ask("POST /inside/who", "Accept: text/html\r\nContent-Length: 0\r\n");
    cr_assert_eq(status, 401, "what a form has sent would be lost on the way");
    ask_with_cookie("GET /inside/who", "login=forged");
    cr_assert_eq(status, 401);
}

Test(login, lets_nobody_pass_where_nobody_asked)
{
    rh_use_login_required(app, NULL);
    rh_app_get(app, "/who", tell, NULL);
    ask("GET /who", "");
    cr_assert_eq(status, 500);
}

Test(login, can_not_begin_without_its_middleware)
{
    rh_app_get(app, "/in", log_in, NULL);
    rh_app_get(app, "/who", tell, NULL);
    ask("GET /in?user=ada", "");
    cr_assert_str_eq(body_of_answer(), rh_strerror(RH_ESTATE));
    ask("GET /who", "");
    cr_assert_str_eq(body_of_answer(), "nobody");
}

Test(login, takes_users_of_a_bounded_length)
{
    char line[400];
    options_init();
    routes(app);
    snprintf(line, sizeof line, "GET /in?user=%0256d", 1);
    ask(line, "");
    cr_assert_eq(status, 200);
    keep_cookie();
    ask_with_cookie("GET /who", cookie);
    cr_assert_eq(strlen(body_of_answer()), 256);
    snprintf(line, sizeof line, "GET /in?user=%0257d", 1);
    ask(line, "");
    cr_assert_eq(status, 400);
    ask("GET /in?user=", "");
    cr_assert_eq(status, 400);
    cr_assert_str_eq(value_of("Set-Cookie"), "");
}

Test(login, leads_nobody_to_another_site)
{
    options_init();
    routes(app);
    static const char *const good[] = {"/", "/a?b=c&d", "/a%2fb//c"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char line[200];
        snprintf(line, sizeof line, "GET /next?next=%s",
                 i == 0   ? "/"
                 : i == 1 ? "/a%3Fb%3Dc%26d"
                          : "/a%252fb//c");
        ask(line, "");
        cr_assert_str_eq(body_of_answer(), good[i]);
    }
    static const char *const bad[] = {
        "",         "//evil.example",    "/%5Cevil.example", "https://evil.example",
        "%5C/evil", "/%09/evil.example", "/a%0d%0aX: y",     "/%c3%a4",
        "a",        "%2F%2Fevil.example"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[200];
        snprintf(line, sizeof line, "GET /next?next=%s", bad[i]);
        if (strchr(bad[i], ' ') != NULL) {
            continue; /* no request line */
        }
        ask(line, "");
        cr_assert_str_eq(body_of_answer(), "none", "%s", bad[i]);
    }
}

Test(login, is_secure_where_the_exchange_is)
{
    static const char *const trusted[] = {"unix", NULL};
    struct rh_proxies proxies;
    rh_proxies_init(&proxies);
    proxies.trusted = trusted;
    rh_use_proxies(app, NULL, &proxies);
    options_init();
    options.same_site = RH_SAME_SITE_STRICT;
    options.path = "/x";
    routes(app);
    ask("GET /in?user=ada", "X-Forwarded-Proto: https\r\n");
    cr_assert_not_null(strstr(value_of("Set-Cookie"),
                              "; Path=/x; Max-Age=43200; Secure; HttpOnly; SameSite=Strict"),
                       "%s", answer);
}

Test(login, refuses_what_it_can_not_use)
{
    for (int i = 0; i < 6; i++) {
        struct rh_app *other = rh_app_create();
        options_init();
        switch (i) {
        case 0:
            options.keys.count = 0;
            break;
        case 1:
            options.keys.keys[0].len = 31;
            break;
        case 2:
            options.name = "a=b";
            break;
        case 3:
            options.path = "no slash";
            break;
        case 4:
            options.lasts_s = 0;
            break;
        default:
            options.keys.count = RH_COOKIE_KEYS_MAX + 1;
        }
        rh_use_login(other, NULL, &options);
        cr_expect_eq(rh_app_status(other), RH_ECONFIG, "%d", i);
        rh_app_unref(other);
    }
    options_init();
    rh_use_login(NULL, NULL, &options);
    rh_use_login_required(NULL, NULL);
}

static int64_t void_before_s;

static int is_revoked(void *data, struct rh_slice user, int64_t begun_s)
{
    return data == &void_before_s && rh_slice_is(user, "Ada") && begun_s < void_before_s;
}

Test(login, can_be_revoked)
{
    options_init();
    options.is_revoked = is_revoked;
    options.revoked_data = &void_before_s;
    routes(app);
    ask("GET /in?user=Ada", "");
    keep_cookie();
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(body_of_answer(), "Ada");
    void_before_s = INT64_MAX;
    ask_with_cookie("GET /who", cookie);
    cr_assert_str_eq(body_of_answer(), "nobody");
    cr_assert_not_null(strstr(log_text, "was revoked"), "%s", log_text);
    ask_with_cookie("POST /inside/who", cookie);
    cr_assert_eq(status, 401);
}
