/* Lines of the access log: formats, and that nothing of the peer's can break out of a line. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program/log/access_line.h"

static char line[ACCESS_LINE_MAX + 1];

static struct rh_access sample(void)
{
    return (struct rh_access){
        .peer = rh_slice_from("192.0.2.7"),
        .method = rh_slice_from("GET"),
        .target = rh_slice_from("/a?b=c"),
        .user_agent = rh_slice_from("curl/8"),
        .time_us = INT64_C(1700000000123456),
        .duration_us = 1234,
        .bytes_out = 42,
        .status = 200,
        .version_major = 1,
        .version_minor = 1,
    };
}

static const char *format(enum access_format access_format, bool color,
                          const struct rh_access *access)
{
    struct text text = {line, 0, ACCESS_LINE_MAX};
    access_line_add(&text, access_format, color, access);
    line[text.used] = '\0';
    return line;
}

static void utc(void)
{
    setenv("TZ", "UTC0", 1);
    tzset();
}

Test(access_line, dev_is_short, .init = utc)
{
    struct rh_access access = sample();
    cr_assert_str_eq(format(ACCESS_DEV, false, &access), "GET /a?b=c 200 1.234 ms - 42\n");
    access.status = 404;
    access.aborted = 1;
    cr_assert_str_eq(format(ACCESS_DEV, true, &access),
                     "GET /a?b=c \033[33m404\033[0m 1.234 ms - 42 aborted\n");
}

Test(access_line, common_and_combined_are_apaches, .init = utc)
{
    struct rh_access access = sample();
    cr_assert_str_eq(format(ACCESS_COMMON, false, &access),
                     "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /a?b=c HTTP/1.1\" 200 42\n");
    cr_assert_str_eq(format(ACCESS_COMBINED, false, &access),
                     "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /a?b=c HTTP/1.1\" 200 42 "
                     "\"-\" \"curl/8\"\n");
    access.version_major = 2;
    access.version_minor = 0;
    cr_assert_str_eq(format(ACCESS_COMMON, false, &access),
                     "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /a?b=c HTTP/2\" 200 42\n");
}

Test(access_line, a_request_that_could_not_be_read_is_a_dash, .init = utc)
{
    struct rh_access access = {.peer = rh_slice_from("::1"), .status = 400};
    cr_assert_str_eq(format(ACCESS_COMMON, false, &access),
                     "::1 - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 -\n");
}

Test(access_line, a_refused_head_names_its_peer_and_the_rule, .init = utc)
{
    struct rh_access access = {
        .peer = rh_slice_from("192.0.2.7"), .status = 400, .refusal = rh_slice_from("cl-with-te")};
    cr_assert_str_eq(format(ACCESS_DEV, false, &access),
                     "192.0.2.7 refused: cl-with-te 400 0.000 ms - 0\n");
    cr_assert_not_null(strstr(format(ACCESS_JSON, false, &access), ",\"refused\":\"cl-with-te\"}"));
}

Test(access_line, control_bytes_and_quotes_are_escaped_in_all_formats, .init = utc)
{
    struct rh_access access = sample();
    access.target = rh_slice_from("/\033[2J\n\"\\\x9b");
    for (int i = ACCESS_DEV; i <= ACCESS_JSON; i++) {
        const char *text = format((enum access_format)i, false, &access);
        cr_assert_eq(strcspn(text, "\n"), strlen(text) - 1, "one line break, at the end");
        cr_assert_null(strchr(text, 033));
        cr_assert_null(strchr(text, '\x9b'));
    }
    cr_assert_not_null(
        strstr(format(ACCESS_COMBINED, false, &access), "/\\x1B[2J\\x0A\\x22\\x5C\\x9B"));
}

Test(access_line, json_has_only_what_is_there, .init = utc)
{
    struct rh_access access = sample();
    cr_assert_str_eq(
        format(ACCESS_JSON, false, &access),
        "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"peer\":\"192.0.2.7\",\"method\":\"GET\","
        "\"target\":\"/a?b=c\",\"version\":\"1.1\",\"tls\":false,\"status\":200,"
        "\"bytes_in\":0,\"bytes_out\":42,\"duration_us\":1234,\"aborted\":false,"
        "\"user_agent\":\"curl/8\"}\n");
}

Test(access_line, the_longest_parts_still_end_with_a_line_break, .init = utc)
{
    static char bytes[16384];
    memset(bytes, 1, sizeof bytes);
    struct rh_slice much = {bytes, sizeof bytes};
    struct rh_access access = {.peer = much,
                               .method = much,
                               .target = much,
                               .host = much,
                               .referer = much,
                               .user_agent = much,
                               .route = much,
                               .user = much,
                               .request_id = much};
    for (int i = ACCESS_DEV; i <= ACCESS_JSON; i++) {
        const char *text = format((enum access_format)i, true, &access);
        cr_assert_eq(text[strlen(text) - 1], '\n');
        cr_assert_lt(strlen(text), ACCESS_LINE_MAX);
    }
}
