/* Registration, dispatch, middleware and error answers, over an exchange without a server. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "leaks.h"
#include "fake_exchange.h"

static struct rh_app *app;
static struct rh_exchange x;
static char trail[64]; /* what ran, in order */

#define T(text) ((char[]){text}) /* a handler's data: what it leaves in the trail */

static void setup(void)
{
    app = rh_app_create();
    trail[0] = '\0';
}

static void teardown(void)
{
    fake_fini(&x);
    rh_app_unref(app);
    app = NULL;
    assert_no_leaks();
}

TestSuite(app, .init = setup, .fini = teardown);

static void mark(struct rh_exchange *exchange, void *data)
{
    strcat(trail, data);
    rh_respond_text(exchange, 200, data);
}

static void pass(struct rh_exchange *exchange, void *data)
{
    strcat(trail, data);
    rh_next(exchange);
}

static void stop(struct rh_exchange *exchange, void *data)
{
    strcat(trail, data);
    rh_respond_error(exchange, 403, NULL);
}

static void hold(struct rh_exchange *exchange, void *data)
{
    strcat(trail, data);
    rh_exchange_hold(exchange);
}

static void run(enum rh_method method, const char *path)
{
    fake_fini(&x);
    trail[0] = '\0';
    cr_assert_eq(app->door.freeze(&app->door), 0, "%s", rh_app_error(app));
    fake_init(&x, &app->door, method, path);
    fake_run(&x);
}

static void run_accepting(const char *path, const char *accept)
{
    fake_fini(&x);
    cr_assert_eq(app->door.freeze(&app->door), 0, "%s", rh_app_error(app));
    fake_init(&x, &app->door, RH_GET, path);
    x.fields[0][0] = rh_slice_from("accept");
    x.fields[0][1] = rh_slice_from(accept);
    fake_run(&x);
}

static bool has_field(const char *line)
{
    return strstr(x.response, line) != NULL;
}

/* --- Dispatch
 * --------------------------------------------------------------------------------------- */

Test(app, calls_a_plain_handler_without_allocating)
{
    rh_app_get(app, "/ping", mark, T("p"));
    run(RH_GET, "/ping");
    cr_assert_str_eq(trail, "p");
    cr_assert_eq(x.status, 200);
    cr_assert(rh_slice_is(x.route, "/ping"));
    cr_assert_null(x.blocks);
    cr_assert_null(rh_request_param(&x, "id").base);
    cr_assert_null(rh_request_rest(&x, 0).base);
}

Test(app, has_a_function_for_each_method)
{
    rh_app_get(app, "/r", mark, T("g"));
    rh_app_post(app, "/r", mark, T("p"));
    rh_app_put(app, "/r", mark, T("u"));
    rh_app_patch(app, "/r", mark, T("a"));
    rh_app_delete(app, "/r", mark, T("d"));
    static const enum rh_method methods[] = {RH_GET, RH_POST, RH_PUT, RH_PATCH, RH_DELETE, RH_HEAD};
    for (int i = 0; i < 6; i++) {
        run(methods[i], "/r");
        cr_assert_eq(trail[0], "gpuadg"[i]);
    }
}

Test(app, gives_params_decoded)
{
    rh_app_get(app, "/u/:id/x/:k", mark, T(""));
    run(RH_GET, "/u/a b/x/7");
    cr_assert(rh_slice_is(rh_request_param(&x, "id"), "a b"));
    cr_assert(rh_slice_is(rh_request_param(&x, "k"), "7"));
    cr_assert_null(rh_request_param(&x, "u").base);
    x.path = (struct rh_slice){"/u/a\0b/x/7", 10};
    fake_run(&x);
    cr_assert(rh_slice_is(rh_request_param(&x, "id"), "a/b"), "%%2F is a slash again");
}

Test(app, gives_rest_by_segments)
{
    rh_app_get(app, "/f/*p", mark, T(""));
    run(RH_GET, "/f/a//c");
    cr_assert(rh_slice_is(rh_request_rest(&x, 0), "a"));
    cr_assert(rh_request_rest(&x, 1).base != NULL && rh_request_rest(&x, 1).len == 0);
    cr_assert(rh_slice_is(rh_request_rest(&x, 2), "c"));
    cr_assert_null(rh_request_rest(&x, 3).base);
    cr_assert(rh_slice_is(rh_request_param(&x, "p"), "a//c"));
    run(RH_GET, "/f/");
    cr_assert(rh_request_rest(&x, 0).base != NULL && rh_request_rest(&x, 0).len == 0);
    cr_assert_null(rh_request_rest(&x, 1).base);
    run(RH_GET, "/f");
    cr_assert_null(rh_request_rest(&x, 0).base);
    cr_assert(rh_request_param(&x, "p").base != NULL && rh_request_param(&x, "p").len == 0);
}

Test(app, never_joins_a_rest_that_holds_a_decoded_slash)
{
    rh_app_get(app, "/f/*p", mark, T(""));
    run(RH_GET, "/f/x");
    x.path = (struct rh_slice){"/f/a\0..\0b/c", 11};
    fake_run(&x);
    cr_assert_null(rh_request_param(&x, "p").base);
    cr_assert(rh_slice_is(rh_request_rest(&x, 0), "a/../b"));
    cr_assert(rh_slice_is(rh_request_rest(&x, 1), "c"));
}

Test(app, answers_404_where_no_route_is)
{
    rh_app_get(app, "/a", mark, T("a"));
    run(RH_GET, "/b");
    cr_assert_eq(x.status, 404);
    cr_assert_str_eq(x.body, "Not Found");
    cr_assert_null(x.route.base);
}

Test(app, answers_405_with_allow)
{
    rh_app_get(app, "/a", mark, T("a"));
    rh_app_post(app, "/a", mark, T("a"));
    run(RH_DELETE, "/a");
    cr_assert_eq(x.status, 405);
    cr_assert(has_field("Allow: GET, HEAD, POST, OPTIONS\n"), "%s", x.response);
}

Test(app, answers_options_by_itself)
{
    rh_app_put(app, "/a", mark, T("a"));
    rh_app_patch(app, "/b", mark, T("b"));
    rh_app_route(app, "OPTIONS", "/c", mark, T("c"));
    run(RH_OPTIONS, "/a");
    cr_assert_eq(x.status, 204);
    cr_assert(has_field("Allow: PUT, OPTIONS\n"), "%s", x.response);
    run(RH_OPTIONS, "*");
    cr_assert_eq(x.status, 204);
    cr_assert(has_field("Allow: PUT, OPTIONS, PATCH\n"), "%s", x.response);
    run(RH_OPTIONS, "/c");
    cr_assert_str_eq(trail, "c");
    run(RH_OPTIONS, "/d");
    cr_assert_eq(x.status, 404);
}

Test(app, lets_a_handler_answer_for_unknown_paths)
{
    rh_app_not_found(app, mark, T("n"));
    run(RH_GET, "/nowhere");
    cr_assert_str_eq(trail, "n");
    cr_assert_null(x.blocks);
}

Test(app, answers_503_where_the_arena_is_full)
{
    rh_app_get(app, "/u/:id", mark, T("u"));
    run(RH_GET, "/");
    x.path = rh_slice_from("/u/1");
    x.allocs_left = 0;
    fake_run(&x);
    cr_assert_eq(x.status, 503);
    cr_assert_str_empty(trail);
}

/* --- Middleware
 * ------------------------------------------------------------------------------------- */

Test(app, runs_middleware_in_order_of_registration)
{
    rh_app_get(app, "/before", mark, T("h"));
    rh_app_use(app, pass, T("1"));
    rh_app_use(app, pass, T("2"));
    rh_app_get(app, "/a", mark, T("h"));
    rh_app_use_last(app, pass, T("3"));
    rh_app_get(app, "/b/:id", mark, T("h"));
    rh_app_use(app, pass, T("4"));
    run(RH_GET, "/before");
    cr_assert_str_eq(trail, "h", "registered before any middleware");
    run(RH_GET, "/a");
    cr_assert_str_eq(trail, "123h");
    run(RH_GET, "/b/9");
    cr_assert_str_eq(trail, "12h");
    cr_assert(rh_slice_is(rh_request_param(&x, "id"), "9"));
}

Test(app, runs_the_apps_middleware_where_no_route_is)
{
    rh_app_use(app, pass, T("1"));
    rh_app_post(app, "/a", mark, T("h"));
    rh_app_use(app, pass, T("2"));
    rh_app_not_found(app, mark, T("n"));
    run(RH_GET, "/nowhere");
    cr_assert_str_eq(trail, "12n");
    run(RH_GET, "/a");
    cr_assert_str_eq(trail, "12");
    cr_assert_eq(x.status, 405);
    run(RH_OPTIONS, "/a");
    cr_assert_str_eq(trail, "12");
    cr_assert_eq(x.status, 204);
    cr_assert(has_field("Allow: POST, OPTIONS\n"));
}

Test(app, stops_at_a_middleware_that_answers)
{
    rh_app_use(app, pass, T("1"));
    rh_app_use(app, stop, T("2"));
    rh_app_get(app, "/a", mark, T("h"));
    run(RH_GET, "/a");
    cr_assert_str_eq(trail, "12");
    cr_assert_eq(x.status, 403);
    cr_assert_eq(x.answers, 1);
}

Test(app, goes_on_later)
{
    rh_app_use(app, hold, T("w"));
    rh_app_use(app, pass, T("2"));
    rh_app_get(app, "/a", mark, T("h"));
    run(RH_GET, "/a");
    cr_assert_str_eq(trail, "w");
    cr_assert(x.held);
    rh_next(&x);
    cr_assert_str_eq(trail, "w2h");
}

static void pass_twice(struct rh_exchange *exchange, void *data)
{
    (void)data;
    rh_next(exchange);
    rh_next(exchange);
}

Test(app, ignores_a_next_too_many)
{
    rh_app_use(app, pass_twice, NULL);
    rh_app_get(app, "/a", mark, T("h"));
    run(RH_GET, "/a");
    cr_assert_str_eq(trail, "h");
    cr_assert_eq(x.log_lines, 1);
}

static void next_from_handler(struct rh_exchange *exchange, void *data)
{
    rh_next(exchange);
    mark(exchange, data);
}

Test(app, ignores_a_next_outside_of_middleware)
{
    rh_app_get(app, "/a", next_from_handler, T("h"));
    run(RH_GET, "/a");
    cr_assert_str_eq(trail, "h");
    cr_assert_eq(x.log_lines, 1);
}

Test(app, gives_groups_a_prefix_and_middleware)
{
    rh_app_use(app, pass, T("1"));
    struct rh_group *admin = rh_app_group(app, NULL, "/admin");
    rh_app_use(app, pass, T("2"));
    rh_group_use(admin, pass, T("a"));
    rh_group_route(admin, "GET", "", mark, T("r"));
    rh_group_route(admin, "GET", "/", mark, T("s"));
    struct rh_group *users = rh_app_group(app, admin, "/users/:id");
    rh_group_use(admin, pass, T("b"));
    rh_group_use(users, pass, T("u"));
    rh_group_route(users, "POST", "/keys/:key", mark, T("k"));
    rh_group_route(admin, "GET", "/late", mark, T("l"));
    struct rh_group *plain = rh_app_group(app, NULL, "");
    rh_group_route(plain, "GET", "/plain", mark, T("p"));
    run(RH_GET, "/admin");
    cr_assert_str_eq(trail, "1ar");
    run(RH_GET, "/admin/");
    cr_assert_str_eq(trail, "1as");
    run(RH_POST, "/admin/users/7/keys/k");
    cr_assert_str_eq(trail, "1auk");
    cr_assert(rh_slice_is(x.route, "/admin/users/:id/keys/:key"));
    cr_assert(rh_slice_is(rh_request_param(&x, "id"), "7"));
    run(RH_GET, "/admin/late");
    cr_assert_str_eq(trail, "1abl");
    run(RH_GET, "/plain");
    cr_assert_str_eq(trail, "12p");
}

/* --- Errors of registration
 * --------------------------------------------------------------------------- */

Test(app, keeps_the_first_error_with_its_pattern)
{
    cr_assert_str_eq(rh_app_error(app), "");
    rh_app_get(app, "/a/:x", mark, T(""));
    rh_app_get(app, "/a/:y", mark, T(""));
    rh_app_get(app, "nonsense", mark, T(""));
    cr_assert_eq(rh_app_status(app), RH_ECONFLICT);
    cr_assert_not_null(strstr(rh_app_error(app), "GET /a/:y"), "%s", rh_app_error(app));
    cr_assert_eq(app->door.freeze(&app->door), RH_ECONFLICT);
    cr_assert_str_eq(app->door.error(&app->door), rh_app_error(app));
}

Test(app, refuses_what_can_not_be_registered)
{
    struct rh_app *const kept = app;
    for (int i = 0; i < 6; i++) {
        app = rh_app_create();
        switch (i) {
        case 0:
            rh_app_get(app, "/a", NULL, NULL);
            break;
        case 1:
            rh_app_use(app, NULL, NULL);
            break;
        case 2:
            rh_app_use_last(app, pass, T(""));
            break;
        case 3:
            cr_assert_null(rh_app_group(app, NULL, "admin"));
            break;
        case 4:
            cr_assert_null(rh_app_group(app, NULL, "/admin/"));
            break;
        case 5:
            rh_app_error_page(app, 399, "", 0);
            break;
        }
        cr_assert_lt(rh_app_status(app), 0, "case %d", i);
        cr_assert_str_not_empty(rh_app_error(app));
        rh_app_unref(app);
    }
    app = kept;
}

Test(app, accepts_calls_on_a_failed_or_missing_app)
{
    rh_app_get(app, "bad", mark, T(""));
    struct rh_app *const both[] = {app, NULL};
    for (int i = 0; i < 2; i++) {
        rh_app_get(both[i], "/a", mark, T(""));
        rh_app_use(both[i], pass, T(""));
        rh_app_use_last(both[i], pass, T(""));
        struct rh_group *group = rh_app_group(both[i], NULL, "/g");
        cr_assert_null(group);
        rh_group_use(group, pass, T(""));
        rh_group_route(group, "GET", "/a", mark, T(""));
        rh_app_not_found(both[i], mark, T(""));
        rh_app_error_page(both[i], 404, "", 0);
        rh_app_own(both[i], free, malloc(1));
        cr_assert_lt(rh_app_status(both[i]), 0);
        cr_assert_str_not_empty(rh_app_error(both[i]));
    }
    rh_app_ref(NULL);
    rh_app_unref(NULL);
}

Test(app, does_not_change_once_frozen)
{
    rh_app_get(app, "/a", mark, T("a"));
    struct rh_group *group = rh_app_group(app, NULL, "/g");
    run(RH_GET, "/a");
    rh_group_route(group, "GET", "/late", mark, T("l"));
    cr_assert_eq(rh_app_status(app), RH_EFROZEN);
    cr_assert_not_null(strstr(rh_app_error(app), "GET /late"), "%s", rh_app_error(app));
    fake_fini(&x);
    fake_init(&x, &app->door, RH_GET, "/g/late");
    fake_run(&x);
    cr_assert_eq(x.status, 404);
}

static void note(void *data)
{
    strcat(trail, data);
}

Test(app, frees_what_it_owns_in_reverse_order_with_its_last_reference)
{
    struct rh_app *other = rh_app_create();
    rh_app_own(other, note, T("1"));
    rh_app_own(other, note, T("2"));
    rh_app_ref(other);
    rh_app_unref(other);
    cr_assert_str_empty(trail);
    other->door.unref(&other->door);
    cr_assert_str_eq(trail, "21");
}

static void *ref_and_unref(void *data)
{
    for (int i = 0; i < 10000; i++) {
        rh_app_ref(data);
        rh_app_unref(data);
    }
    return NULL;
}

Test(app, counts_references_from_many_threads)
{
    pthread_t threads[4];
    static char mark_of_end[] = "x";
    rh_app_own(app, note, mark_of_end);
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, ref_and_unref, app);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_str_empty(trail);
    cr_assert_eq(app->references, 1);
}

/* --- Error answers
 * ------------------------------------------------------------------------------------ */

Test(app, answers_errors_as_the_peer_prefers)
{
    static const char *const cases[][3] = {
        {"", "text/plain", "Not Found"},
        {"*/*", "text/plain", "Not Found"},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html",
         "<h1>404 Not Found</h1>"},
        {"application/json", "application/problem+json", "\"status\":404"},
        {"application/json, text/plain;q=0.9, */*;q=0.8", "application/problem+json",
         "\"title\":\"Not Found\""},
        {"application/problem+json", "application/problem+json", "\"status\":404"},
        {"text/plain, application/json", "text/plain", "Not Found"},
        {"text/html;q=0.2, application/json;q=0.1", "text/html", "<h1>"},
        {"text/html;q=0.2, application/json;q=0.25", "application/problem+json", "{"},
        {"text/*", "text/plain", "Not Found"},
        {"TEXT/HTML", "text/html", "<h1>"},
        {"image/png", "text/plain", "Not Found"},
        {",;q=,;,q", "text/plain", "Not Found"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_accepting("/nowhere", cases[i][0]);
        cr_assert_eq(x.status, 404);
        cr_assert_eq(strncmp(x.type, cases[i][1], strlen(cases[i][1])), 0, "%s: %s", cases[i][0],
                     x.type);
        cr_assert_not_null(strstr(x.body, cases[i][2]), "%s: %s", cases[i][0], x.body);
        cr_assert(has_field("Vary: Accept\n"));
    }
}

static void fail_with(struct rh_exchange *exchange, void *data)
{
    rh_respond_error(exchange, 400, data);
}

Test(app, escapes_the_detail_of_an_error)
{
    rh_app_get(app, "/", fail_with, T("<b a='1'>\"\\&\x01"));
    run_accepting("/", "text/html");
    cr_assert_not_null(strstr(x.body, "<p>&#60;b a=&#39;1&#39;&#62;&#34;\\&#38;\x01</p>"), "%s",
                       x.body);
    run_accepting("/", "application/json");
    cr_assert_not_null(strstr(x.body, ",\"detail\":\"<b a='1'>\\u0022\\u005c&\\u0001\"}"), "%s",
                       x.body);
    run_accepting("/", "text/plain");
    cr_assert_str_eq(x.body, "<b a='1'>\"\\&\x01");
}

Test(app, answers_in_plain_text_where_the_arena_is_full)
{
    rh_app_get(app, "/", fail_with, T("why"));
    run(RH_GET, "/x");
    for (int left = 0; left < 2; left++) {
        fake_fini(&x);
        fake_init(&x, &app->door, RH_GET, "/");
        x.fields[0][0] = rh_slice_from("Accept");
        x.fields[0][1] = rh_slice_from(left == 0 ? "text/html" : "application/json");
        x.allocs_left = left;
        fake_run(&x);
        cr_assert_eq(x.status, 400);
        cr_assert_str_eq(x.body, "why");
    }
}

Test(app, has_pages_for_errors)
{
    static char large[10000];
    memset(large, 'x', sizeof large);
    char page[] = "<h1>gone</h1>";
    rh_app_error_page(app, 404, page, sizeof page - 1);
    rh_app_error_page(app, 400, large, sizeof large);
    rh_app_get(app, "/", fail_with, NULL);
    memset(page, '?', sizeof page); /* it was copied */
    run_accepting("/nowhere", "application/json");
    cr_assert_str_eq(x.type, "application/problem+json");
    run_accepting("/nowhere", "text/plain, text/html;q=0.5");
    cr_assert_str_eq(x.type, "text/plain; charset=utf-8");
    run_accepting("/nowhere", "*/*");
    cr_assert_eq(x.status, 404);
    cr_assert_str_eq(x.body, "<h1>gone</h1>");
    cr_assert_str_eq(x.type, "text/html; charset=utf-8");
    run(RH_GET, "/");
    cr_assert_eq(x.body_len, sizeof large);
}

/* One question with any token as its method. */
static void ask_other(const char *method, const char *path)
{
    fake_fini(&x);
    cr_assert_eq(app->door.freeze(&app->door), 0, "%s", rh_app_error(app));
    fake_init(&x, &app->door, RH_METHOD_OTHER, path);
    x.method_name = rh_slice_from(method);
    trail[0] = '\0';
    fake_run(&x);
}

Test(app, any_token_may_be_routed)
{
    rh_app_route(app, "PURGE", "/a", mark, T("p"));
    rh_app_route(app, "PROPFIND", "/a/:x", mark, T("f"));
    rh_app_route(app, "QUERY", "/a", mark, T("q"));
    rh_app_get(app, "/a", mark, T("g"));
    ask_other("PURGE", "/a");
    cr_expect_str_eq(trail, "p");
    ask_other("PROPFIND", "/a/1");
    cr_expect_str_eq(trail, "f");
    run(RH_QUERY, "/a");
    cr_expect_str_eq(trail, "q");
    run(RH_POST, "/a");
    cr_expect_eq(x.status, 405);
    cr_expect(has_field("Allow: GET, HEAD, OPTIONS, QUERY, PURGE\n"), "%s", x.response);
}

Test(app, a_method_that_no_route_names_is_501)
{
    rh_app_use(app, pass, T("m"));
    rh_app_route(app, "PURGE", "/a", mark, T("p"));
    rh_app_get(app, "/b", mark, T("g"));
    ask_other("BREW", "/a");
    cr_expect_eq(x.status, 501);
    cr_expect_str_eq(trail, "m");
    ask_other("get", "/b"); /* case matters (RFC 9110 §9.1) */
    cr_expect_eq(x.status, 501);
    ask_other("PURGE", "/b"); /* known here, and not for this path */
    cr_expect_eq(x.status, 405);
    ask_other("PURGE", "/c");
    cr_expect_eq(x.status, 404);
}

Test(app, refuses_methods_that_no_request_could_have)
{
    static const char *const methods[] = {
        "", "G T", "G\r\nT", "get", "Post", "CONNECT", "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct rh_app *bad = rh_app_create();
        rh_app_route(bad, methods[i], "/a", mark, T("x"));
        cr_expect_eq(rh_app_status(bad), RH_EPATTERN, "%s", methods[i]);
        rh_app_unref(bad);
    }
}

Test(app, has_room_for_twenty_two_other_methods)
{
    char name[8];
    for (int i = 0; i < RH_ROUTER_METHODS_MAX - RH_METHODS; i++) {
        snprintf(name, sizeof name, "X%d", i);
        rh_app_route(app, name, "/a", mark, T("x"));
    }
    cr_expect_eq(rh_app_status(app), 0);
    rh_app_route(app, "X0", "/b", mark, T("x"));
    cr_expect_eq(rh_app_status(app), 0);
    rh_app_route(app, "Y", "/a", mark, T("x"));
    cr_expect_eq(rh_app_status(app), RH_EPATTERN);
}
