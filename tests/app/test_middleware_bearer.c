/* Bearer tokens: what passes, and which error says what. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "rawhttp/auth.h"
#include "rawhttp/body.h"

static struct rh_exchange *held;

static void setup(void)
{
    ask_setup();
    ask_hear_access();
}

TestSuite(middleware_bearer, .init = setup, .fini = ask_teardown);

static void verify(struct rh_exchange *x, struct rh_slice token, void *data)
{
    (void)data;
    if (rh_slice_is(token, "good==")) {
        rh_bearer_accept(x, "ada");
    } else if (rh_slice_is(token, "narrow")) {
        rh_bearer_forbid(x, "read write");
    } else if (rh_slice_is(token, "later")) {
        held = x;
        rh_exchange_hold(x);
    } else if (rh_slice_is(token, "rude")) {
        rh_bearer_reject(x, "a \"quote\"\r\nX-Evil: 1");
    } else {
        rh_bearer_reject(x, "it expired");
    }
}

static void use(void)
{
    rh_use_bearer(app, NULL, "the site", verify, NULL);
    rh_app_get(app, "/ping", pong, NULL);
}

Test(middleware_bearer, lets_a_good_token_pass)
{
    use();
    ask("GET /ping", "Authorization: Bearer good==\r\n");
    cr_assert_eq(status, 200);
    cr_assert_str_eq(logged_user, "ada");
    ask("GET /ping", "Authorization: bEARER   good==  \r\n");
    cr_assert_eq(status, 200);
}

Test(middleware_bearer, names_no_error_where_no_token_came)
{
    use();
    static const char *const missing[] = {"", "Authorization: Basic Z29vZA==\r\n",
                                          "Authorization:\r\n", "Authorization: Bearergood==\r\n"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        ask("GET /ping?access_token=good", missing[i]);
        cr_assert_eq(status, 401, "%s", missing[i]);
        cr_assert(has("WWW-Authenticate: Bearer realm=\"the site\""), "%s", answer);
    }
}

Test(middleware_bearer, says_what_is_wrong)
{
    use();
    ask("GET /ping", "Authorization: Bearer bad\r\n");
    cr_assert_eq(status, 401);
    cr_assert(has("WWW-Authenticate: Bearer realm=\"the site\", error=\"invalid_token\", "
                  "error_description=\"it expired\""),
              "%s", answer);
    ask("GET /ping", "Authorization: Bearer narrow\r\n");
    cr_assert_eq(status, 403);
    cr_assert(has("WWW-Authenticate: Bearer realm=\"the site\", error=\"insufficient_scope\", "
                  "scope=\"read write\""),
              "%s", answer);
    ask("GET /ping", "Authorization: Bearer rude\r\n");
    cr_assert_eq(status, 401);
    cr_assert(has("WWW-Authenticate: Bearer realm=\"the site\", error=\"invalid_token\""), "%s",
              answer);
    cr_assert_null(strstr(answer, "X-Evil"));
}

Test(middleware_bearer, refuses_malformed_requests)
{
    use();
    static const char *const malformed[] = {
        "Authorization: Bearer\r\n",
        "Authorization: Bearer =\r\n",
        "Authorization: Bearer good== x\r\n",
        "Authorization: Bearer go=od\r\n",
        "Authorization: Bearer good==, Basic x\r\n",
        "Authorization: Bearer \"good\"\r\n",
        "Authorization: Bearer g\xc3\xb6\r\n",
        "Authorization: Bearer good==\r\nAuthorization: Bearer good==\r\n",
        "Authorization: Basic x\r\nAuthorization: Bearer good==\r\n",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        ask("GET /ping", malformed[i]);
        cr_assert_eq(status, 400, "%s: %u", malformed[i], status);
        cr_assert_not_null(strstr(answer, "Bearer realm=\"the site\", error=\"invalid_request\""),
                           "%s", answer);
    }
}

static void give_later(struct rh_exchange *x, void *data)
{
    const int *accepts = data;
    if (*accepts) {
        rh_bearer_accept(x, NULL);
    } else {
        rh_bearer_reject(x, NULL);
    }
}

static void forgets(struct rh_exchange *x, void *data)
{
    (void)x;
    (void)data;
}

Test(middleware_bearer, takes_an_answer_that_comes_later)
{
    static const char request[] =
        "GET /ping HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer later\r\n\r\n";
    static const char forgotten[] =
        "GET /forgets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer later\r\n\r\n";
    use();
    rh_app_get(app, "/forgets", forgets, NULL);
    ask("GET /ping", "");
    for (int accepts = 0; accepts < 2; accepts++) {
        struct rh_driver_conn *conn = rh_driver_open(driver);
        rh_driver_feed(conn, request, strlen(request));
        cr_assert_eq(rh_driver_output(conn).len, 0);
        cr_assert_eq(rh_exchange_post(held, give_later, &accepts), 0);
        while (rh_driver_poll(driver)) {
        }
        ask_take(rh_driver_output(conn));
        cr_assert_eq(status, accepts ? 200 : 401, "%s", answer);
    }
    struct rh_driver_conn *conn = rh_driver_open(driver);
    int accepts = 1;
    rh_driver_feed(conn, forgotten, strlen(forgotten));
    cr_assert_eq(rh_exchange_post(held, give_later, &accepts), 0);
    while (rh_driver_poll(driver)) {
    }
    ask_take(rh_driver_output(conn));
    cr_assert_eq(status, 500,
                 "a handler that does nothing is answered for, also when it was called later");
    conn = rh_driver_open(driver);
    rh_driver_feed(conn, request, strlen(request));
    rh_driver_reset(conn);
    rh_bearer_accept(held, "ada");
    cr_assert_eq(rh_driver_exchanges(driver), 0, "of a peer that left the hold ends there");
    conn = rh_driver_open(driver);
    rh_driver_feed(conn, request, strlen(request));
    rh_driver_reset(conn);
    rh_bearer_reject(held, NULL);
    cr_assert_eq(rh_driver_exchanges(driver), 0);
}

static void on_whole(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)data;
    if (error == 0) {
        rh_respond(x, 200, "text/plain", body.base, body.len);
    }
}

static void echo(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_whole(x, on_whole, NULL);
}

/* The hold of the middleware has ended: a body that fails is answered for by the library. */
Test(middleware_bearer, leaves_no_hold_to_a_handler_that_reads_a_body)
{
    static const char head[] = "POST /echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                               "later\r\nContent-Length: %s\r\n\r\n%s";
    char request[256];
    use();
    rh_app_post(app, "/echo", echo, NULL);
    ask("GET /ping", "");
    struct rh_driver_conn *conn = rh_driver_open(driver);
    int len = snprintf(request, sizeof request, head, "3", "abc");
    rh_driver_feed(conn, request, (size_t)len);
    rh_bearer_accept(held, NULL);
    while (rh_driver_poll(driver)) {
    }
    ask_take(rh_driver_output(conn));
    cr_assert_eq(status, 200);
    cr_assert_str_eq(body_of_answer(), "abc");
    conn = rh_driver_open(driver);
    len = snprintf(request, sizeof request, head, "99999999", "abc");
    rh_driver_feed(conn, request, (size_t)len);
    rh_bearer_accept(held, NULL);
    while (rh_driver_poll(driver)) {
    }
    ask_take(rh_driver_output(conn));
    cr_assert_eq(status, 413, "%s", answer);
    conn = rh_driver_open(driver);
    len = snprintf(request, sizeof request, head, "10", "abc");
    rh_driver_feed(conn, request, (size_t)len);
    rh_bearer_accept(held, NULL);
    rh_driver_reset(conn);
    cr_assert_eq(rh_driver_exchanges(driver), 0);
}

Test(middleware_bearer, knows_a_fixed_list)
{
    static const char *const tokens[] = {"first-token", "second/token==", NULL};
    rh_use_bearer_tokens(app, NULL, "r", tokens);
    rh_app_get(app, "/ping", pong, NULL);
    ask("GET /ping", "Authorization: Bearer second/token==\r\n");
    cr_assert_eq(status, 200);
    ask("GET /ping", "Authorization: Bearer first-token\r\n");
    cr_assert_eq(status, 200);
    static const char *const wrong[] = {"first-toke", "first-tokenx", "First-token",
                                        "second/token=", "x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char field[80];
        snprintf(field, sizeof field, "Authorization: Bearer %s\r\n", wrong[i]);
        ask("GET /ping", field);
        cr_assert_eq(status, 401, "%s", wrong[i]);
        cr_assert(has("WWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\""));
    }
}

static void stray(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_bearer_accept(x, NULL);
}

Test(middleware_bearer, passes_nobody_outside_of_itself)
{
    rh_app_get(app, "/ping", stray, NULL);
    ask("GET /ping", "Authorization: Bearer good==\r\n");
    cr_assert_eq(status, 500);
}

Test(middleware_bearer, refuses_what_it_can_not_use)
{
    static const char *const none[] = {NULL};
    static const char *const odd[] = {"a b", NULL};
    for (int i = 0; i < 5; i++) {
        struct rh_app *other = rh_app_create();
        switch (i) {
        case 0:
            rh_use_bearer(other, NULL, "a\"b", verify, NULL);
            break;
        case 1:
            rh_use_bearer(other, NULL, "r", NULL, NULL);
            break;
        case 2:
            rh_use_bearer_tokens(other, NULL, "r", none);
            break;
        case 3:
            rh_use_bearer_tokens(other, NULL, "r", odd);
            break;
        default:
            rh_use_bearer_tokens(other, NULL, "r", NULL);
        }
        cr_expect_eq(rh_app_status(other), RH_ECONFIG, "%d", i);
        rh_app_unref(other);
    }
    rh_use_bearer_tokens(NULL, NULL, "r", odd);
    rh_use_bearer(NULL, NULL, "r", verify, NULL);
}
