/* Answers by the name of their status, and errors in the type that the peer asks for. */
#include "asked.h"

#include "rawhttp/respond.h"

TestSuite(respond, .init = asked_setup, .fini = asked_teardown);

static char long_text[5000];

static void answer_with(struct rh_exchange *x, void *data)
{
    struct rh_value *value;
    (void)data;
    switch (atoi(rh_request_query(x).base)) {
    case 200:
        value = rh_value_create();
        rh_value_set_text(value, "name",
                          rh_request_field(x, "long").base != NULL ? long_text : "Zo\xc3\xab");
        rh_respond_json(x, 200, value);
        rh_value_destroy(value);
        break;
    case 201:
        value = rh_value_create();
        rh_value_set_int(value, "id", 7);
        rh_respond_created(x, "/things/7",
                           rh_request_field(x, "quiet").base != NULL ? NULL : value);
        rh_value_destroy(value);
        break;
    case 204:
        rh_respond_no_content(x);
        break;
    case 400:
        rh_respond_bad_request(x, "a \"quoted\" <b> & 'c' \x01 \xff\xc3\xa9");
        break;
    case 401:
        rh_respond_unauthorized(x, "Basic realm=\"here\"", NULL);
        break;
    case 403:
        rh_respond_forbidden(x, NULL);
        break;
    case 404:
        rh_respond_not_found(x, "no such thing");
        break;
    case 405:
        rh_respond_method_not_allowed(x, "GET, HEAD", NULL);
        break;
    case 429:
        rh_respond_too_many_requests(x, 7, NULL);
        break;
    case 500:
        rh_respond_internal_error(x, "the disk is on fire");
        break;
    case 502:
        rh_respond_bad_gateway(x, "the other side said nothing");
        break;
    default:
        rh_respond_unavailable(x, rh_request_field(x, "never").base != NULL ? 0 : 120, "come back");
    }
}

static void build(void)
{
    rh_app_get(app, "/", answer_with, NULL);
}

Test(respond, says_where_what_was_created_is)
{
    build();
    ask("GET /?201", "");
    cr_expect_eq(status, 201);
    cr_expect(has("Location: /things/7"));
    cr_expect(has("Content-Type: application/json"));
    cr_expect_str_eq(body, "{\"id\":7}");
    ask("GET /?201", "Quiet: 1\r\n");
    cr_expect_eq(status, 201);
    cr_expect(has("Location: /things/7") && has("Content-Length: 0"));
}

Test(respond, has_no_body_and_no_length_in_a_204)
{
    build();
    ask("GET /?204", "");
    cr_expect_eq(status, 204);
    cr_expect_eq(body_len, 0);
    cr_expect_str_eq(value_of("Content-Length"), "");
}

Test(respond, sets_the_field_that_goes_with_its_status)
{
    build();
    ask("GET /?401", "");
    cr_expect(status == 401 && has("WWW-Authenticate: Basic realm=\"here\""));
    cr_expect_str_eq(body, "Unauthorized");
    ask("GET /?403", "");
    cr_expect(status == 403);
    ask("GET /?404", "");
    cr_expect(status == 404);
    cr_expect_str_eq(body, "no such thing");
    ask("GET /?405", "");
    cr_expect(status == 405 && has("Allow: GET, HEAD"));
    ask("GET /?429", "");
    cr_expect(status == 429 && has("Retry-After: 7"));
    ask("GET /?502", "");
    cr_expect(status == 502);
    ask("GET /?503", "");
    cr_expect(status == 503 && has("Retry-After: 120"));
    ask("GET /?503", "Never: 1\r\n");
    cr_expect_str_eq(value_of("Retry-After"), "");
}

Test(respond, tells_what_failed_inside_to_the_log_alone)
{
    build();
    ask("GET /?500", "");
    cr_expect_eq(status, 500);
    cr_expect_str_eq(body, "Internal Server Error");
    cr_expect(strstr(asked_log, "/: the disk is on fire") != NULL, "%s", asked_log);
}

Test(respond, answers_errors_in_the_type_that_is_wanted_most)
{
    static const struct {
        const char *accept;
        const char *type;
    } cases[] = {
        {"", "text/plain; charset=utf-8"},
        {"Accept: */*\r\n", "text/plain; charset=utf-8"},
        {"Accept: text/html,application/xml;q=0.9,*/*;q=0.8\r\n", "text/html; charset=utf-8"},
        {"Accept: application/json\r\n", "application/problem+json"},
        {"Accept: image/png\r\nAccept: application/json\r\n", "application/problem+json"},
        {"Accept: application/problem+json, text/html;q=0.9\r\n", "application/problem+json"},
        {"Accept: application/json;q=0.2, text/html;q=0.3\r\n", "text/html; charset=utf-8"},
        {"Accept: text/plain;q=0, text/*;q=0.5\r\n", "text/html; charset=utf-8"},
        {"Accept: image/png\r\n", "text/plain; charset=utf-8"}, /* something beats nothing */
    };
    build();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask("GET /?404", cases[i].accept);
        cr_expect_eq(status, 404);
        cr_expect_str_eq(value_of("Content-Type"), cases[i].type, "%s", cases[i].accept);
        cr_expect(has("Vary: Accept"));
    }
}

Test(respond, escapes_a_detail_for_where_it_goes)
{
    build();
    ask("GET /?400", "Accept: application/problem+json\r\n");
    cr_expect_str_eq(
        body, "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":"
              "\"a \\u0022quoted\\u0022 <b> & 'c' \\u0001 \xef\xbf\xbd\xc3\xa9\"}");
    ask("GET /?400", "Accept: text/html\r\n");
    cr_expect(
        strstr(body,
               "a &#34;quoted&#34; &#60;b&#62; &#38; &#39;c&#39; \x01 \xef\xbf\xbd\xc3\xa9") !=
            NULL,
        "%s", body);
}

Test(respond, writes_json_of_any_size)
{
    build();
    ask("GET /?200", "");
    cr_expect_str_eq(body, "{\"name\":\"Zo\xc3\xab\"}");
    memset(long_text, 'x', sizeof long_text - 1);
    ask("GET /?200", "Long: 1\r\n");
    cr_expect_eq(status, 200);
    cr_expect_eq(body_len, sizeof long_text - 1 + strlen("{\"name\":\"\"}"));
}

static void answer_nothing(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_json(x, 200, NULL);
}

Test(respond, makes_a_500_of_a_tree_that_is_not_there)
{
    rh_app_get(app, "/", answer_nothing, NULL);
    ask("GET /", "");
    cr_expect_eq(status, 500);
    cr_expect(strstr(asked_log, "no memory") != NULL);
}

static void redirect_to_target(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_redirect(
        x, 307,
        rh_exchange_format(x, "%.*s", (int)rh_request_target(x).len, rh_request_target(x).base));
}

static void create_at_target(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_created(
        x, rh_exchange_format(x, "%.*s", (int)rh_request_target(x).len, rh_request_target(x).base),
        NULL);
}

/* A target is kept as it was sent; what is built from it is a URI again. */
Test(respond, a_location_is_encoded)
{
    rh_app_get(app, "/r/*rest", redirect_to_target, NULL);
    rh_app_get(app, "/c/*rest", create_at_target, NULL);
    ask("GET /r/a[0]{}?ids[]=1&p=5%&q=\\|^`", "");
    cr_expect_eq(status, 307);
    cr_expect_str_eq(value_of("Location"), "/r/a%5B0%5D%7B%7D?ids%5B%5D=1&p=5%25&q=%5C%7C%5E%60");
    ask("GET /c/\\\\evil.example", "");
    cr_expect_eq(status, 201);
    cr_expect_str_eq(value_of("Location"), "/c/%5C%5Cevil.example");
}

static void tell_path_and_query(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200,
                    rh_exchange_format(x, "%.*s %.*s", (int)rh_request_path(x).len,
                                       rh_request_path(x).base,
                                       (int)rh_request_query_value(x, "ids[]").len,
                                       rh_request_query_value(x, "ids[]").base));
}

Test(respond, raw_bytes_of_a_target_mean_themselves)
{
    rh_app_get(app, "/p/*rest", tell_path_and_query, NULL);
    ask("GET /p/a[0]\\{b}?ids[]=5%&x", "");
    cr_expect_str_eq(body, "/p/a[0]\\{b} 5%");
    ask("GET /p/%5B?ids%5B%5D=%4", "");
    cr_expect_str_eq(body, "/p/[ %4");
    ask("GET /p/%", "");
    cr_expect_eq(status, 400);
}
