/* Conditional requests and ranges, case by case. */
#include <criterion/criterion.h>

#include "http/condition.h"
#include "http/mime.h"

/* Sun, 06 Nov 1994 08:49:37 GMT is 784111777. */
#define AT "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

struct row {
    struct rh_conditions conditions;
    unsigned status;
    uint64_t first, len;
};

#define S(text)                \
    {                          \
        text, sizeof(text) - 1 \
    }

static const struct rh_validators validators = {S("\"a-1\""), 784111777, 1000};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rh_verdict verdict = rh_condition_check(&rows[i].conditions, &validators, true);
        cr_assert_eq(verdict.status, rows[i].status, "row %zu: %u", i, verdict.status);
        if (verdict.status == 200 || verdict.status == 206) {
            cr_assert_eq(verdict.first, rows[i].first, "row %zu: from %lu", i, verdict.first);
            cr_assert_eq(verdict.len, rows[i].len, "row %zu: %lu long", i, verdict.len);
        }
    }
}

Test(condition, is_whole_without_any)
{
    static const struct row rows[] = {{{.range = {NULL, 0}}, 200, 0, 1000}};
    check(rows, 1);
}

Test(condition, knows_what_is_not_modified)
{
    static const struct row rows[] = {
        {{.if_none_match = S("\"a-1\"")}, 304, 0, 0},
        {{.if_none_match = S("W/\"a-1\"")}, 304, 0, 0},
        {{.if_none_match = S("\"x\", \"a-1\"")}, 304, 0, 0},
        {{.if_none_match = S("*")}, 304, 0, 0},
        {{.if_none_match = S("\"a-2\"")}, 200, 0, 1000},
        {{.if_none_match = S("a-1")}, 200, 0, 1000},
        {{.if_none_match = S("")}, 200, 0, 1000},
        {{.if_modified_since = S(AT)}, 304, 0, 0},
        {{.if_modified_since = S(AFTER)}, 304, 0, 0},
        {{.if_modified_since = S(BEFORE)}, 200, 0, 1000},
        {{.if_modified_since = S("yesterday")}, 200, 0, 1000},
        {{.if_none_match = S("\"a-2\""), .if_modified_since = S(AT)}, 200, 0, 1000},
        {{.if_none_match = S("\"a-1\""), .range = S("bytes=0-0")}, 304, 0, 0},
    };
    check(rows, sizeof rows / sizeof *rows);
}

Test(condition, fails_what_must_match)
{
    static const struct row rows[] = {
        {{.if_match = S("\"a-1\"")}, 200, 0, 1000},
        {{.if_match = S("*")}, 200, 0, 1000},
        {{.if_match = S("W/\"a-1\"")}, 412, 0, 0}, /* compared strongly */
        {{.if_match = S("\"b\"")}, 412, 0, 0},
        {{.if_unmodified_since = S(AT)}, 200, 0, 1000},
        {{.if_unmodified_since = S(BEFORE)}, 412, 0, 0},
        {{.if_unmodified_since = S("never")}, 200, 0, 1000},
        {{.if_match = S("\"a-1\""), .if_unmodified_since = S(BEFORE)}, 200, 0, 1000},
        {{.if_match = S("\"a-1\""), .if_none_match = S("\"a-1\"")}, 304, 0, 0},
    };
    check(rows, sizeof rows / sizeof *rows);
}

Test(condition, compares_a_weak_tag_weakly)
{
    static const struct rh_validators weak = {S("W/\"a-1\""), 784111777, 1000};
    static const struct row rows[] = {
        {{.if_none_match = S("W/\"a-1\"")}, 304, 0, 0},
        {{.if_none_match = S("\"a-1\"")}, 304, 0, 0},
        {{.if_match = S("W/\"a-1\"")}, 412, 0, 0},
        {{.if_match = S("\"a-1\"")}, 412, 0, 0},
        {{.if_range = S("W/\"a-1\""), .range = S("bytes=0-0")}, 200, 0, 1000},
        {{.if_range = S("\"a-1\""), .range = S("bytes=0-0")}, 200, 0, 1000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rh_verdict verdict = rh_condition_check(&rows[i].conditions, &weak, true);
        cr_assert_eq(verdict.status, rows[i].status, "row %zu: %u", i, verdict.status);
    }
}

Test(condition, cuts_one_range)
{
    static const struct row rows[] = {
        {{.range = S("bytes=0-0")}, 206, 0, 1},
        {{.range = S("bytes=0-99999999999999999999")}, 206, 0, 1000},
        {{.range = S("bytes=-99999999999999999999")}, 206, 0, 1000},
        {{.range = S("bytes=0000000000000000000000001-2")}, 206, 1, 2},
        {{.range = S("bytes=99999999999999999999-99999999999999999999")}, 416, 0, 0},
        {{.range = S("bytes=99999999999999999999-1")}, 200, 0, 1000},
        {{.range = S("bytes=0-499")}, 206, 0, 500},
        {{.range = S("bytes=500-")}, 206, 500, 500},
        {{.range = S("bytes=999-5000")}, 206, 999, 1},
        {{.range = S("bytes=-1")}, 206, 999, 1},
        {{.range = S("bytes=-5000")}, 206, 0, 1000},
        {{.range = S("Bytes= 0-9")}, 206, 0, 10},
        {{.range = S("bytes=1000-")}, 416, 0, 0},
        {{.range = S("bytes=-0")}, 416, 0, 0},
        {{.range = S("bytes=9-8")}, 200, 0, 1000},
        {{.range = S("bytes=0-0,2-3")}, 206, 0, 4},
        {{.range = S("bytes=500-599, 0-499")}, 206, 0, 600},
        {{.range = S("bytes=2000-, 10-19")}, 206, 10, 10},
        {{.range = S("bytes=0-499,-500")}, 200, 0, 1000},
        {{.range = S("bytes=2000-,3000-")}, 416, 0, 0},
        {{.range = S("bytes=0-1,x")}, 200, 0, 1000},
        {{.range =
              S("bytes=1-1,300-300,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1")},
         200,
         0,
         1000},
        {{.range = S("bytes=-")}, 200, 0, 1000},
        {{.range = S("bytes=")}, 200, 0, 1000},
        {{.range = S("bytes=a-b")}, 200, 0, 1000},
        {{.range = S("bytes=+1-2")}, 200, 0, 1000},
        {{.range = S("bytes=99999999999999999999999-")}, 416, 0, 0},
        {{.range = S("rows=0-1")}, 200, 0, 1000},
    };
    check(rows, sizeof rows / sizeof *rows);
    struct rh_verdict head = rh_condition_check(&rows[0].conditions, &validators, false);
    cr_assert_eq(head.status, 200, "a range means something for GET only");
}

Test(condition, cuts_several_ranges_in_order)
{
    const struct rh_conditions conditions = {.range = S("bytes=-10, 5-9,500-600,  0-3, 550-650")};
    struct rh_verdict verdict = rh_condition_check(&conditions, &validators, true);
    cr_assert_eq(verdict.status, 206);
    cr_assert_eq(verdict.parts_n, 3);
    static const struct rh_range parts[] = {{0, 10}, {500, 151}, {990, 10}};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(verdict.parts[i].first, parts[i].first);
        cr_assert_eq(verdict.parts[i].len, parts[i].len);
    }
}

Test(condition, gives_the_whole_where_the_range_is_of_another_version)
{
    static const struct row rows[] = {
        {{.range = S("bytes=0-0"), .if_range = S("\"a-1\"")}, 206, 0, 1},
        {{.range = S("bytes=0-0"), .if_range = S("\"a-2\"")}, 200, 0, 1000},
        {{.range = S("bytes=0-0"), .if_range = S("W/\"a-1\"")}, 200, 0, 1000},
        {{.range = S("bytes=0-0"), .if_range = S(AT)}, 206, 0, 1},
        {{.range = S("bytes=0-0"), .if_range = S(AFTER)}, 200, 0, 1000},
        {{.range = S("bytes=0-0"), .if_range = S("")}, 200, 0, 1000},
    };
    check(rows, sizeof rows / sizeof *rows);
}

Test(condition, cuts_nothing_out_of_nothing)
{
    const struct rh_validators empty = {S("\"e\""), 0, 0};
    const struct rh_conditions conditions = {.range = S("bytes=0-")};
    cr_assert_eq(rh_condition_check(&conditions, &empty, true).status, 416);
}

Test(mime, knows_types_by_extension)
{
    cr_assert_str_eq(rh_mime_of("index.html")->type, "text/html; charset=utf-8");
    cr_assert_str_eq(rh_mime_of("a/b.c/STYLE.CSS")->type, "text/css; charset=utf-8");
    cr_assert_str_eq(rh_mime_of("7z.7z")->type, "application/x-7z-compressed");
    cr_assert_str_eq(rh_mime_of("x.zst")->type, "application/zstd");
    cr_assert_str_eq(rh_mime_of("a.tar.gz")->type, "application/gzip");
    cr_assert_str_eq(rh_mime_of("README")->type, "application/octet-stream");
    cr_assert_str_eq(rh_mime_of("a.m3u8")->type, "application/vnd.apple.mpegurl");
    cr_assert_str_eq(rh_mime_of("main.rs")->type, "text/plain; charset=utf-8");
    cr_assert_str_eq(rh_mime_of("a.svgz")->coding, "gzip");
    cr_assert_str_eq(rh_mime_of("a.html/b")->type, "application/octet-stream");
    cr_assert_str_eq(rh_mime_of("x.")->type, "application/octet-stream");
    cr_assert_str_eq(rh_mime_of("x.averyveryverylongextension")->type, "application/octet-stream");
    cr_assert_str_eq(rh_mime_of("")->type, "application/octet-stream");
}

static const char *judged(const char *name, const char *bytes, size_t len, bool is_whole)
{
    return rh_mime_judge(rh_mime_of(name), (struct rh_slice){bytes, len}, is_whole)->type;
}

Test(mime, looks_at_the_bytes_of_what_it_does_not_know)
{
    static const char text[] = "text/plain; charset=utf-8";
    static const char bytes[] = "application/octet-stream";
    cr_assert_str_eq(judged("README", "Hello\tyou\r\n\x1b[1m", 15, true), text);
    cr_assert_str_eq(judged("Makefile", "", 0, true), text);
    cr_assert_str_eq(judged("x.unknown", "gr\xc3\xbc\xc3\x9f", 6, true), text);
    cr_assert_str_eq(judged("x.unknown", "gr\xc3\xbc\xc3", 5, false), text,
                     "cut within a character");
    cr_assert_str_eq(judged("x.unknown", "gr\xc3\xbc\xc3", 5, true), bytes);
    cr_assert_str_eq(judged("x.unknown", "gr\xfc\xdf", 4, false), bytes);
    cr_assert_str_eq(judged("a.out",
                            "\x7f"
                            "ELF",
                            4, false),
                     bytes);
    cr_assert_str_eq(judged("x", "a\0b", 3, true), bytes);
    cr_assert_str_eq(judged("page", "<script>", 8, true), text, "never what a browser would run");
    cr_assert_str_eq(judged("a.ts", "let a = 1", 9, true), text);
    cr_assert_str_eq(judged("a.ts", "G\x40\0\x10", 4, false), "video/mp2t");
    cr_assert_str_eq(judged("a.png", "no picture", 10, true), "image/png", "the table knows");
}
