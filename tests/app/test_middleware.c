/* The ready-made middleware, through a server in memory whose clock the test moves. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "rawhttp/body.h"
#include "rawhttp/middleware.h"

TestSuite(middleware, .init = ask_setup, .fini = ask_teardown);

/* --- Request id
 * -------------------------------------------------------------------------------------- */

Test(middleware, gives_every_exchange_another_id)
{
    char first[64];
    rh_use_request_id(app, NULL, 0);
    rh_app_get(app, "/ping", pong, NULL);
    ask("GET /ping", "X-Request-Id: mine\r\n");
    strcpy(first, value_of("X-Request-Id"));
    cr_assert_eq(strlen(first), 32, "%s", first);
    cr_assert_eq(strspn(first, "0123456789abcdef"), 32);
    ask("GET /nowhere", "");
    cr_assert_eq(status, 404);
    cr_assert_eq(strlen(value_of("X-Request-Id")), 32);
    cr_assert_str_neq(first, value_of("X-Request-Id"));
}

Test(middleware, keeps_the_id_of_a_trusted_peer_where_it_is_harmless)
{
    rh_use_request_id(app, NULL, 1);
    rh_app_get(app, "/ping", pong, NULL);
    ask("GET /ping", "X-Request-Id: a-B_9.z\r\n");
    cr_assert_str_eq(value_of("X-Request-Id"), "a-B_9.z");
    ask("GET /ping", "X-Request-Id: a\"b\r\n");
    cr_assert_eq(strlen(value_of("X-Request-Id")), 32);
    ask("GET /ping",
        "X-Request-Id: 0123456789012345678901234567890123456789012345678901234567890123x\r\n");
    cr_assert_eq(strlen(value_of("X-Request-Id")), 32);
    ask("GET /ping", "X-Request-Id:\r\n");
    cr_assert_eq(strlen(value_of("X-Request-Id")), 32);
}

/* --- Security
 * ---------------------------------------------------------------------------------------- */

static void frame_me(struct rh_exchange *x, void *data)
{
    rh_response_set(x, "X-Frame-Options", "DENY");
    pong(x, data);
}

Test(middleware, sets_fields_that_make_browsers_careful)
{
    struct rh_security security;
    rh_security_init(&security);
    security.hsts_seconds = 3600;
    security.permissions_policy = "camera=()";
    security.opener_policy = NULL;
    rh_use_security(app, NULL, &security);
    rh_app_get(app, "/ping", pong, NULL);
    rh_app_get(app, "/framed", frame_me, NULL);
    ask("GET /ping", "");
    cr_assert(has("X-Content-Type-Options: nosniff"));
    cr_assert(has("X-Frame-Options: SAMEORIGIN"));
    cr_assert(has("Permissions-Policy: camera=()"));
    cr_assert(has("Referrer-Policy: strict-origin-when-cross-origin"));
    cr_assert_not_null(strstr(answer, "Content-Security-Policy: default-src 'self';"));
    cr_assert_null(strstr(answer, "Cross-Origin-Opener-Policy"));
    cr_assert_null(strstr(answer, "Strict-Transport-Security"), "not over plain HTTP");
    ask("GET /framed", "");
    cr_assert(has("X-Frame-Options: DENY"));
    cr_assert(!has("X-Frame-Options: SAMEORIGIN"));
}

/* --- CORS
 * -------------------------------------------------------------------------------------------- */

static void use_cors(int credentials)
{
    static const char *const origins[] = {"https://a.example", "http://localhost:3000", NULL};
    struct rh_cors cors;
    rh_cors_init(&cors);
    cors.origins = origins;
    cors.expose = "X-Total";
    cors.credentials = credentials;
    rh_use_cors(app, NULL, &cors);
    rh_app_get(app, "/ping", pong, NULL);
}

Test(middleware, marks_answers_for_origins_that_may_read_them)
{
    use_cors(1);
    ask("GET /ping", "Origin: https://a.example\r\n");
    cr_assert_eq(status, 200);
    cr_assert(has("Access-Control-Allow-Origin: https://a.example"));
    cr_assert(has("Access-Control-Allow-Credentials: true"));
    cr_assert(has("Access-Control-Expose-Headers: X-Total"));
    cr_assert(has("Vary: Origin"));
    static const char *const others[] = {
        "",
        "Origin: null\r\n",
        "Origin: https://a.example.evil\r\n",
        "Origin: http://a.example\r\n",
        "Origin: https://A.example\r\n",
        "Origin: https://evila.example\r\n",
        "Origin: *\r\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ask("GET /ping", others[i]);
        cr_assert_eq(status, 200);
        cr_assert_null(strstr(answer, "Access-Control"), "%s", others[i]);
        cr_assert(has("Vary: Origin"));
    }
}

Test(middleware, answers_preflights)
{
    use_cors(0);
    ask("OPTIONS /ping", "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: PUT\r\n");
    cr_assert_eq(status, 204);
    cr_assert(has("Access-Control-Allow-Origin: http://localhost:3000"));
    cr_assert(has("Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE"));
    cr_assert(has("Access-Control-Allow-Headers: Content-Type, Authorization"));
    cr_assert(has("Access-Control-Max-Age: 600"));
    cr_assert_null(strstr(answer, "Credentials"));
    ask("OPTIONS /ping", "Origin: https://evil.example\r\nAccess-Control-Request-Method: PUT\r\n");
    cr_assert_eq(status, 204, "the plain OPTIONS answer");
    cr_assert(has("Allow: GET, HEAD, OPTIONS"));
    cr_assert_null(strstr(answer, "Access-Control"));
    ask("OPTIONS /ping", "Origin: http://localhost:3000\r\n");
    cr_assert(has("Allow: GET, HEAD, OPTIONS"), "no preflight without its method");
}

Test(middleware, shares_with_all_but_never_their_logins)
{
    static const char *const all[] = {"*", NULL};
    struct rh_cors cors;
    rh_cors_init(&cors);
    cors.origins = all;
    rh_use_cors(app, NULL, &cors);
    rh_app_get(app, "/ping", pong, NULL);
    ask("GET /ping", "Origin: https://who.example\r\n");
    cr_assert(has("Access-Control-Allow-Origin: *"));
    cr_assert_null(strstr(answer, "Vary"));
    struct rh_app *other = rh_app_create();
    cors.credentials = 1;
    rh_use_cors(other, NULL, &cors);
    cr_assert_eq(rh_app_status(other), RH_ECONFIG);
    rh_app_unref(other);
}

/* --- Basic authentication
 * ------------------------------------------------------------------------------ */

static int check(void *data, struct rh_slice user, struct rh_slice password)
{
    return rh_same_bytes(user, rh_slice_from("admin")) &
           rh_same_bytes(password, rh_slice_from(data));
}

Test(middleware, asks_for_user_and_password)
{
    static char password[] = "se:cret";
    struct rh_group *group = rh_app_group(app, NULL, "/admin");
    rh_use_basic_auth(app, group, "The site", check, password);
    rh_group_route(group, "GET", "/x", pong, NULL);
    rh_app_get(app, "/open", pong, NULL);
    ask("GET /admin/x", "Authorization: Basic YWRtaW46c2U6Y3JldA==\r\n");
    cr_assert_eq(status, 200);
    ask("GET /admin/x", "Authorization: bAsIc   YWRtaW46c2U6Y3JldA==\r\n");
    cr_assert_eq(status, 200);
    ask("GET /open", "");
    cr_assert_eq(status, 200);
    static const char *const wrong[] = {
        "",
        "Authorization: Basic\r\n",
        "Authorization: Basic \r\n",
        "Authorization: Bearer YWRtaW46c2U6Y3JldA==\r\n",
        "Authorization: Basic YWRtaW46c2U6Y3JldA\r\n",   /* no padding */
        "Authorization: Basic YWRtaW46c2U6Y3JldB==\r\n", /* bits that must be zero */
        "Authorization: Basic YWRtaW46c2U6Y3J=dA=\r\n",
        "Authorization: Basic YWRtaW4=\r\n",             /* no colon */
        "Authorization: Basic YWRtaW46eA==\r\n",         /* admin:x */
        "Authorization: Basic YWRtaW4AOnNlOmNyZXQ=\r\n", /* a NUL */
        "Authorization: Basic !!!!\r\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ask("GET /admin/x", wrong[i]);
        cr_assert_eq(status, 401, "%s: %u", wrong[i], status);
        cr_assert(has("WWW-Authenticate: Basic realm=\"The site\", charset=\"UTF-8\""));
        cr_assert_null(strstr(answer, "pong"));
    }
    char longest[1200];
    snprintf(longest, sizeof longest, "Authorization: Basic %01000d\r\n", 0);
    ask("GET /admin/x", longest);
    cr_assert_eq(status, 401);
}

Test(middleware, refuses_a_realm_that_could_break_out)
{
    rh_use_basic_auth(app, NULL, "a\"b", check, NULL);
    cr_assert_eq(rh_app_status(app), RH_ECONFIG);
}

/* --- Rate limit
 * --------------------------------------------------------------------------------------- */

static struct rh_slice by_field(struct rh_exchange *x, void *data)
{
    return rh_request_field(x, data);
}

static char key_field[] = "x-key";

static void use_rate(double per_second, double burst, uint32_t keys_max)
{
    struct rh_rate rate;
    rh_rate_init(&rate);
    rate.per_second = per_second;
    rate.burst = burst;
    rate.keys_max = keys_max;
    rate.key = by_field;
    rate.data = key_field;
    rh_use_rate_limit(app, NULL, &rate);
    rh_app_get(app, "/ping", pong, NULL);
}

Test(middleware, limits_the_rate_of_each_key)
{
    use_rate(0.5, 3, 4096);
    for (int i = 0; i < 3; i++) {
        ask("GET /ping", "X-Key: a\r\n");
        cr_assert_eq(status, 200);
    }
    ask("GET /ping", "X-Key: a\r\n");
    cr_assert_eq(status, 429);
    cr_assert(has("Retry-After: 2"), "%s", answer);
    ask("GET /ping", "X-Key: b\r\n");
    cr_assert_eq(status, 200, "another key has a bucket of its own");
    ask("GET /ping", "");
    cr_assert_eq(status, 200, "without a key there is no limit");
    rh_driver_advance(driver, 1500);
    ask("GET /ping", "X-Key: a\r\n");
    cr_assert_eq(status, 429);
    cr_assert(has("Retry-After: 1"), "%s", answer);
    rh_driver_advance(driver, 500);
    ask("GET /ping", "X-Key: a\r\n");
    cr_assert_eq(status, 200);
    ask("GET /ping", "X-Key: a\r\n");
    cr_assert_eq(status, 429);
    rh_driver_advance(driver, 60000);
    for (int i = 0; i < 3; i++) {
        ask("GET /ping", "X-Key: a\r\n");
        cr_assert_eq(status, 200);
    }
    ask("GET /ping", "X-Key: a\r\n");
    cr_assert_eq(status, 429, "a bucket holds no more than the burst");
}

Test(middleware, remembers_a_bounded_number_of_keys)
{
    char field[40];
    use_rate(0.001, 1, 8);
    for (int i = 0; i < 500; i++) {
        snprintf(field, sizeof field, "X-Key: k%d\r\n", i);
        ask("GET /ping", field);
        cr_assert_eq(status, 200);
    }
    ask("GET /ping", field);
    cr_assert_eq(status, 429, "the newest is remembered");
}

Test(middleware, limits_by_address_where_no_key_is_given)
{
    struct rh_rate rate;
    rh_rate_init(&rate);
    rate.burst = 1;
    rh_use_rate_limit(app, NULL, &rate);
    rh_use_rate_limit(app, NULL, NULL); /* a second one counts for itself */
    rh_app_get(app, "/ping", pong, NULL);
    ask("GET /ping", "");
    cr_assert_eq(status, 200);
    ask("GET /ping", "");
    cr_assert_eq(status, 429);
    rate.per_second = 0;
    struct rh_app *other = rh_app_create();
    rh_use_rate_limit(other, NULL, &rate);
    cr_assert_eq(rh_app_status(other), RH_ECONFIG);
    rh_app_unref(other);
}

/* --- Body limit
 * --------------------------------------------------------------------------------------- */

static void on_body(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)data;
    if (error == 0) {
        rh_respond(x, 200, "text/plain", body.base, body.len);
    }
}

static void read_body(struct rh_exchange *x, void *data)
{
    rh_body_whole(x, on_body, data);
}

Test(middleware, limits_bodies)
{
    struct rh_group *group = rh_app_group(app, NULL, "");
    rh_use_body_limit(app, group, 4);
    rh_group_route(group, "POST", "/small", read_body, NULL);
    rh_app_post(app, "/any", read_body, NULL);
    ask("POST /small", "Content-Length: 4\r\n\r\nabcd");
    cr_assert_eq(status, 200, "%s", answer);
    ask("POST /small", "Content-Length: 5\r\n\r\nabcde");
    cr_assert_eq(status, 413);
    ask("POST /small", "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n");
    cr_assert_eq(status, 413, "also where the length was not announced");
    ask("POST /any", "Content-Length: 5\r\n\r\nabcde");
    cr_assert_eq(status, 200);
}

/* --- Registration
 * ------------------------------------------------------------------------------------- */

Test(middleware, accepts_a_failed_or_missing_app)
{
    struct rh_app *failed = rh_app_create();
    rh_app_get(failed, "bad", pong, NULL);
    struct rh_app *const both[] = {failed, NULL};
    struct rh_cors cors;
    rh_cors_init(&cors);
    for (int i = 0; i < 2; i++) {
        rh_use_request_id(both[i], NULL, 0);
        rh_use_security(both[i], NULL, NULL);
        rh_use_cors(both[i], NULL, &cors);
        rh_use_basic_auth(both[i], NULL, "r", check, NULL);
        rh_use_rate_limit(both[i], NULL, NULL);
        rh_use_body_limit(both[i], NULL, 1);
        cr_assert_lt(rh_app_status(both[i]), 0);
    }
    rh_app_unref(failed);
}
