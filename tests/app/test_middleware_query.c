/* QUERY and the types of its content (RFC 10008). */
#include <stdio.h>

#include "ask.h"
#include "rawhttp/app.h"
#include "rawhttp/error.h"
#include "rawhttp/middleware.h"

TestSuite(middleware_query, .init = ask_setup, .fini = ask_teardown);

static const char *const types[] = {"application/json", "application/x-www-form-urlencoded", NULL};

static void begin(void)
{
    rh_app_route(app, "QUERY", "/search", pong, NULL);
    rh_use_query_types(app, rh_app_last(app), types);
    rh_app_get(app, "/search", pong, NULL);
    rh_use_query_types(app, rh_app_last(app), types);
}

Test(middleware_query, names_the_types_with_every_answer)
{
    begin();
    ask("GET /search", "");
    cr_expect_eq(status, 200);
    cr_expect_str_eq(value_of("Accept-Query"),
                     "application/json, application/x-www-form-urlencoded");
    ask("QUERY /search", "Content-Type: application/json; charset=utf-8\r\n");
    cr_expect_eq(status, 200);
    cr_expect(has("Accept-Query: application/json, application/x-www-form-urlencoded"));
}

Test(middleware_query, refuses_what_it_does_not_take)
{
    begin();
    ask("QUERY /search", "Content-Type: text/plain\r\n");
    cr_expect_eq(status, 415);
    cr_expect_neq(value_of("Accept-Query")[0], '\0');
    ask("QUERY /search", "");
    cr_expect_eq(status, 400);
    ask("QUERY /search", "Content-Type: nonsense\r\n");
    cr_expect_eq(status, 400);
}

Test(middleware_query, wants_types_that_are_types)
{
    static const char *const none[] = {NULL};
    static const char *const bad[] = {"json", NULL};
    static const char *const parameters[] = {"text/plain; charset=utf-8", NULL};
    const char *const *const lists[] = {NULL, none, bad, parameters};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct rh_app *other = rh_app_create();
        rh_use_query_types(other, NULL, lists[i]);
        cr_expect_eq(rh_app_status(other), RH_ECONFIG, "%zu", i);
        rh_app_unref(other);
    }
}
