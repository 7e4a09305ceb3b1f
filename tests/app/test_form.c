/* Fields of bodies, by type, and what a broken body gets. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "leaks.h"
#include "rawhttp/form.h"

static struct live *live;
static int calls;
static int last_error;

/* Answers with every field as name=value; leaves errors to the library. */
static void show(struct rh_exchange *x, int error, void *data)
{
    char text[60000] = "";
    size_t at = 0;
    (void)data;
    calls++;
    last_error = error;
    if (error != 0) {
        cr_assert_eq(rh_form_count(x), 0);
        cr_assert_str_not_empty(rh_form_error(x));
        return;
    }
    for (size_t i = 0; i < rh_form_count(x); i++) {
        struct rh_slice name;
        struct rh_slice value;
        rh_form_at(x, i, &name, &value);
        at += (size_t)snprintf(text + at, sizeof text - at, "%.*s=%.*s\n", (int)name.len, name.base,
                               (int)value.len, value.base);
    }
    struct rh_slice name;
    struct rh_slice value;
    rh_form_at(x, rh_form_count(x), &name, &value);
    cr_assert(name.base == NULL && value.base == NULL);
    rh_respond(x, 200, "text/plain", text, at < 3000 ? at : 3000);
}

static void pick(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    cr_assert_eq(error, 0);
    struct rh_slice a = rh_form_field(x, "a");
    struct rh_slice second = rh_form_field_nth(x, "a", 1);
    struct rh_slice id = rh_request_param(x, "id");
    char text[100];
    snprintf(text, sizeof text, "%.*s|%.*s|%.*s|%d%d", (int)a.len, a.base, (int)second.len, second.base,
             (int)id.len, id.base, rh_form_field(x, "none").base == NULL,
             rh_form_field_nth(x, "a", 2).base == NULL);
    rh_respond_text(x, 200, text);
}

static void answer_oneself(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    rh_respond_text(x, 422, error == RH_EFORM ? "mine" : "?");
}

static void read_form(struct rh_exchange *x, void *data)
{
    (void)data;
    cr_assert_null(rh_form_field(x, "a").base);
    cr_assert_eq(rh_form_count(x), 0);
    rh_form_read(x, show, NULL);
}

static void read_and_pick(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_form_read(x, pick, NULL);
}

static void read_and_answer(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_form_read(x, answer_oneself, NULL);
}

static void setup(void)
{
    struct rh_app *app = rh_app_create();
    rh_app_post(app, "/form", read_form, NULL);
    rh_app_post(app, "/pick/:id", read_and_pick, NULL);
    rh_app_post(app, "/own", read_and_answer, NULL);
    live = live_open(app);
    calls = 0;
}

static void teardown(void)
{
    live_close(live);
    live = NULL;
    assert_no_leaks();
}

TestSuite(form, .init = setup, .fini = teardown, .timeout = 30);

static void post_bytes(const char *target, const char *type, const char *body, size_t len)
{
    char *request = malloc(len + 512);
    int head = snprintf(request, 512, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n%s%s%s\r\n",
                        target, len, type == NULL ? "" : "Content-Type: ", type == NULL ? "" : type,
                        type == NULL ? "" : "\r\n");
    memcpy(request + head, body, len);
    live_send(live, request, (size_t)head + len);
    free(request);
}

static void post(const char *target, const char *type, const char *body)
{
    post_bytes(target, type, body, strlen(body));
}

#define URLENCODED "application/x-www-form-urlencoded"
#define GIVES(type, sent, code, text)                                                              \
    do {                                                                                           \
        post("/form", type, sent);                                                                 \
        cr_assert_eq(live->status, code, "%s: %u", sent, live->status);                            \
        cr_assert_str_eq(live->body, text, "%s: %s", sent, live->body);                            \
    } while (0)

Test(form, reads_urlencoded_fields)
{
    GIVES(URLENCODED, "a=1&b=x+y&c=%C3%A9%26", 200, "a=1\nb=x y\nc=\xc3\xa9&\n");
    GIVES(URLENCODED "; charset=utf-8", "a=1&a=2&&b&=v&a%20b=c=d", 200, "a=1\na=2\nb=\n=v\na b=c=d\n");
    GIVES("APPLICATION/X-WWW-FORM-URLENCODED", "a=", 200, "a=\n");
    GIVES(URLENCODED, "", 200, "");
    cr_assert_eq(calls, 4);
}

Test(form, has_no_fields_without_a_body)
{
    GIVES(NULL, "", 200, "");
    GIVES("image/png", "", 200, "");
}

Test(form, gives_repeated_keys_and_params_together)
{
    post("/pick/7", URLENCODED, "b=0&a=first&a=second");
    cr_assert_str_eq(live->body, "first|second|7|11");
}

Test(form, refuses_malformed_encoding)
{
    GIVES(URLENCODED, "a=%zz", 400, "malformed percent-encoding in a form field");
    GIVES(URLENCODED, "a%=1", 400, "malformed percent-encoding in a form field");
    cr_assert_eq(last_error, RH_EFORM);
    cr_assert_eq(calls, 2);
}

Test(form, refuses_other_types)
{
    GIVES("text/plain", "a=1", 415, "the body's type holds no form fields");
    GIVES(NULL, "a=1", 415, "the body's type holds no form fields");
    GIVES("nonsense", "a=1", 415, "the body's type holds no form fields");
    cr_assert_eq(last_error, RH_ETYPE);
    char *large = calloc(1, 300000);
    post_bytes("/form", "image/png", large, 300000);
    cr_assert_eq(live->status, 415, "the type is said before the size: %u", live->status);
    post_bytes("/form", URLENCODED, large, 300000);
    cr_assert_eq(live->status, 413, "%u", live->status);
    cr_assert_eq(last_error, RH_EBODY_TOO_LARGE);
    free(large);
}

Test(form, lets_the_handler_answer_for_errors)
{
    post("/own", URLENCODED, "a=%");
    cr_assert_eq(live->status, 422);
    cr_assert_str_eq(live->body, "mine");
}

Test(form, limits_the_count_of_fields)
{
    char body[4096];
    for (size_t n = 999; n <= 1001; n++) {
        for (size_t i = 0; i < n; i++) {
            memcpy(body + i * 2, "a&", 2);
        }
        post_bytes("/form", URLENCODED, body, n * 2);
        cr_assert_eq(live->status, n <= 1000 ? 200 : 400, "%zu: %u", n, live->status);
    }
}

Test(form, reads_flat_json)
{
    GIVES("application/json", "{\"a\":\"x\\u00e9\",\"n\":-12,\"d\":1.5,\"t\":true,\"f\":false,\"z\":null,\"l\":[1,\"2\"],\"e\":[]}",
          200, "a=x\xc3\xa9\nn=-12\nd=1.5\nt=true\nf=false\nl=1\nl=2\n");
    GIVES("application/json; charset=utf-8", "{}", 200, "");
}

Test(form, refuses_nested_json)
{
    GIVES("application/json", "{\"a\":{}}", 400, "a form field must not be a list or an object");
    GIVES("application/json", "{\"a\":[[]]}", 400, "a form field must not be a list or an object");
    GIVES("application/json", "[1]", 400, "a form in JSON is an object");
    cr_assert_eq(last_error, RH_EFORM);
}

Test(form, says_where_json_is_broken)
{
    post("/form", "application/json", "{\"a\":1,\n \"b\":}");
    cr_assert_eq(live->status, 400);
    cr_assert_eq(last_error, RH_EJSON);
    cr_assert_not_null(strstr(live->body, "line 2"), "%s", live->body);
}

#define MULTIPART "multipart/form-data; boundary=XX"

Test(form, reads_multipart_fields_and_leaves_files_out)
{
    GIVES(MULTIPART,
          "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--X\r\n"
          "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\n\r\nfile\r\n"
          "--XX\r\nContent-Disposition: form-data; name=\"b b\"\r\n\r\n\r\n"
          "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n%41+\r\n--XX--\r\n",
          200, "a=one\r\n--X\nb b=\na=%41+\n");
}

Test(form, refuses_broken_multipart)
{
    post("/form", "multipart/form-data", "x");
    cr_assert_eq(live->status, 400);
    post("/form", MULTIPART, "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut");
    cr_assert_eq(live->status, 400);
    cr_assert_eq(last_error, RH_EFORM);
    post("/form", MULTIPART, "nonsense");
    cr_assert_eq(live->status, 400, "%s", live->raw);
    cr_assert_eq(calls, 3);
}
