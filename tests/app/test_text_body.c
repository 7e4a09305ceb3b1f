/* Text bodies: what each charset gives, and what is refused. */
#include "asked.h"

#include "rawhttp/text.h"

static int calls;
static int last_error;

static void show(struct rh_exchange *x, struct rh_slice text, int error, void *data)
{
    (void)data;
    calls++;
    last_error = error;
    if (error == 0) {
        rh_respond(x, 200, "text/plain; charset=utf-8", text.base, text.len);
    }
}

static void read_it(struct rh_exchange *x, void *data)
{
    rh_text_read(x, show, data);
}

static void setup(void)
{
    asked_setup();
    asked_config.body_whole_bytes_max = 4096;
    rh_app_post(app, "/", read_it, NULL);
}

TestSuite(text_body, .init = setup, .fini = asked_teardown);

static void post(const char *type, const char *content, size_t len)
{
    char field[256];
    snprintf(field, sizeof field, "Content-Type: %s\r\n", type);
    calls = 0;
    ask_bytes("POST /", field, content, len);
    cr_expect_eq(calls, 1);
}

Test(text_body, gives_utf8_as_it_is)
{
    static const char *const types[] = {"text/plain", "text/plain; charset=utf-8",
                                        "Text/Plain;charset=\"UTF-8\"",
                                        "text/plain; format=flowed"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        post(types[i], "Zo\xc3\xab \xe2\x82\xac", 8);
        cr_expect_eq(status, 200, "%s", types[i]);
        cr_expect_str_eq(body, "Zo\xc3\xab \xe2\x82\xac");
    }
    post("text/plain", "\xef\xbb\xbfx", 4);
    cr_expect_str_eq(body, "x", "without its byte order mark");
}

Test(text_body, converts_latin1)
{
    post("text/plain; charset=ISO-8859-1", "Zo\xeb \xff\x80", 6);
    cr_expect_str_eq(body, "Zo\xc3\xab \xc3\xbf\xc2\x80");
    post("text/plain; charset=latin1", "plain", 5);
    cr_expect_str_eq(body, "plain");
}

Test(text_body, refuses_bytes_that_the_charset_does_not_have)
{
    static const char *const broken[] = {
        "\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        post("text/plain; charset=utf-8", broken[i], strlen(broken[i]));
        cr_expect_eq(status, 400);
        cr_expect_eq(last_error, RH_ETEXT);
    }
    post("text/plain; charset=us-ascii", "a\xc3\xab", 3);
    cr_expect_eq(status, 400);
    cr_expect(strstr(asked_log, "text body refused") != NULL);
}

Test(text_body, refuses_other_types_and_charsets)
{
    static const char *const types[] = {
        "text/plain; charset=utf-16",
        "text/html; charset=utf-8",
        "application/json",
        "text",
        "text/plain; charset=utf-8; charset=latin1",
        "text/plain; charset=a-name-that-is-longer-than-any-that-is-known",
        "text/plain; charset=windows-1252"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        post(types[i], "x", 1);
        cr_expect_eq(status, 415, "%s: %u", types[i], status);
        cr_expect_eq(last_error, RH_ETYPE);
    }
}

Test(text_body, is_empty_without_a_body_and_too_large_above_the_limit)
{
    calls = 0;
    ask("POST /", "Content-Length: 0\r\n");
    cr_expect(status == 200 && calls == 1 && body_len == 0);
    static char large[5000];
    memset(large, 'x', sizeof large);
    post("text/plain", large, sizeof large);
    cr_expect_eq(status, 413);
    cr_expect_eq(last_error, RH_EBODY_TOO_LARGE);
}
