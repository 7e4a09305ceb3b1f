/* CORS of the app, of a group and of a route: who answers a preflight, and what runs for it. */
#include <string.h>

#include "ask.h"
#include "rawhttp/middleware.h"

TestSuite(middleware_cors, .init = ask_setup, .fini = ask_teardown);

static const char preflight[] =
    "Origin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n";
static int guarded_times;

static void guarded(struct rh_exchange *x, void *data)
{
    (void)data;
    guarded_times++;
    rh_respond_error(x, 401, NULL);
}

static void mark(struct rh_exchange *x, void *data)
{
    rh_response_add(x, "X-Mark", data);
    rh_next(x);
}

static char first[] = "first";

static void use(struct rh_group *group, const char *origin, int credentials)
{
    static const char *lists[8][2];
    static size_t used;
    struct rh_cors cors;
    lists[used][0] = origin;
    rh_cors_init(&cors);
    cors.origins = lists[used++];
    cors.credentials = credentials;
    cors.expose = "X-Mark";
    rh_use_cors(app, group, &cors);
}

Test(middleware_cors, answers_preflights_for_the_routes_of_a_group)
{
    struct rh_group *group = rh_app_group(app, NULL, "/api");
    rh_group_use(group, mark, first);
    use(group, "https://a.example", 1);
    rh_group_use(group, guarded, NULL);
    rh_group_route(group, "PUT", "/items/:id", pong, NULL);
    rh_app_get(app, "/api/items/:id", pong, NULL);
    rh_app_get(app, "/open", pong, NULL);
    ask("OPTIONS /api/items/7", preflight);
    cr_assert_eq(status, 204, "%s", answer);
    cr_assert(has("Access-Control-Allow-Origin: https://a.example"));
    cr_assert(has("Access-Control-Allow-Credentials: true"));
    cr_assert(has("Access-Control-Max-Age: 600"));
    cr_assert(has("Vary: Origin"));
    cr_assert(has("X-Mark: first"), "what stands before it runs");
    cr_assert_eq(guarded_times, 0,
                 "what stands behind it does not: a browser sends no login with a preflight");
    ask("PUT /api/items/7", "Origin: https://a.example\r\nContent-Length: 0\r\n");
    cr_assert_eq(status, 401);
    cr_assert(has("Access-Control-Allow-Origin: https://a.example"), "an error can be read, too");
    cr_assert(has("Access-Control-Expose-Headers: X-Mark"));
    ask("OPTIONS /api/items/7",
        "Origin: https://evil.example\r\nAccess-Control-Request-Method: PUT\r\n");
    cr_assert_eq(status, 204);
    cr_assert_null(strstr(answer, "Access-Control"), "%s", answer);
    cr_assert(has("Allow: GET, HEAD, PUT, OPTIONS"), "%s", answer);
    static const char *const others[] = {
        "Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n",  /* that route has no
                                                                                   CORS */
        "Origin: https://a.example\r\nAccess-Control-Request-Method: put\r\n",  /* no such method */
        "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n", /* nor such a route
                                                                                 */
        "Origin: https://a.example\r\nAccess-Control-Request-Method:\r\n",
        "Access-Control-Request-Method: PUT\r\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ask("OPTIONS /api/items/7", others[i]);
        cr_assert_eq(status, 204);
        cr_assert_null(strstr(answer, "Access-Control"), "%s", others[i]);
        cr_assert(has("Allow: GET, HEAD, PUT, OPTIONS"));
    }
    ask("OPTIONS /open", preflight);
    cr_assert_null(strstr(answer, "Access-Control"));
}

Test(middleware_cors, serves_one_route)
{
    rh_app_put(app, "/shared", pong, NULL);
    use(rh_app_last(app), "*", 0);
    rh_app_put(app, "/own", pong, NULL);
    ask("OPTIONS /shared", preflight);
    cr_assert(has("Access-Control-Allow-Origin: *"));
    cr_assert_null(strstr(answer, "Vary"));
    ask("PUT /shared", "Origin: https://a.example\r\nContent-Length: 0\r\n");
    cr_assert_eq(status, 200);
    cr_assert(has("Access-Control-Allow-Origin: *"));
    ask("OPTIONS /own", preflight);
    cr_assert_null(strstr(answer, "Access-Control"));
    ask("PUT /own", "Origin: https://a.example\r\nContent-Length: 0\r\n");
    cr_assert_null(strstr(answer, "Access-Control"));
}

Test(middleware_cors, lets_the_last_one_decide)
{
    use(NULL, "https://a.example", 1);
    struct rh_group *group = rh_app_group(app, NULL, "/api");
    use(group, "https://b.example", 0);
    rh_group_route(group, "PUT", "/x", pong, NULL);
    rh_app_put(app, "/x", pong, NULL);
    ask("OPTIONS /api/x", preflight);
    cr_assert_null(strstr(answer, "Access-Control"), "the group does not allow it: %s", answer);
    ask("PUT /api/x", "Origin: https://a.example\r\nContent-Length: 0\r\n");
    cr_assert_eq(status, 200);
    cr_assert_null(strstr(answer, "Access-Control"), "%s", answer);
    ask("OPTIONS /api/x", "Origin: https://b.example\r\nAccess-Control-Request-Method: PUT\r\n");
    cr_assert(has("Access-Control-Allow-Origin: https://b.example"));
    cr_assert_null(strstr(answer, "Credentials"));
    ask("OPTIONS /x", preflight);
    cr_assert(has("Access-Control-Allow-Origin: https://a.example"));
    ask("OPTIONS /nowhere", preflight);
    cr_assert_eq(status, 204);
    cr_assert(has("Access-Control-Allow-Origin: https://a.example"),
              "of the app also where there is no route");
}

Test(middleware_cors, never_gives_logins_to_everybody)
{
    use(rh_app_group(app, NULL, "/api"), "*", 1);
    cr_assert_eq(rh_app_status(app), RH_ECONFIG);
}

Test(middleware_cors, takes_no_routes_for_the_last_route)
{
    struct rh_app *other = rh_app_create();
    use(rh_app_last(app), "*", 0);
    cr_assert_eq(rh_app_status(app), RH_EPATTERN, "there is none yet");
    rh_group_route(rh_app_last(other), "GET", "/x", pong, NULL);
    cr_assert_eq(rh_app_status(other), RH_EPATTERN);
    rh_app_unref(other);
    other = rh_app_create();
    cr_assert_null(rh_app_group(other, rh_app_last(other), "/x"));
    cr_assert_eq(rh_app_status(other), RH_EPATTERN);
    rh_app_unref(other);
    cr_assert_null(rh_app_last(NULL));
}
