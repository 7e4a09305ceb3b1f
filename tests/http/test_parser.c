#include <criterion/criterion.h>

#include "http/h1/chunked.h"
#include "http/h1/parser.h"

/* The text cases say what comes out of which bytes; here is how the machines behave. */
static const struct rh_head_limits limits = {16384, 8192, 64};
static const struct rh_chunk_limits chunk_limits = {1000, 1000, 8};
static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next";

Test(parser, answer_stays_after_done)
{
    struct rh_field fields[64];
    struct rh_parser parser;
    rh_parser_init(&parser, fields, &limits);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(rh_parser_feed(&parser, request, sizeof request - 1), RH_PARSE_DONE);
        cr_expect_eq(parser.head.bytes, 27);
        cr_expect_eq(parser.head.fields_n, 1);
    }
}

Test(parser, answer_stays_after_reject)
{
    struct rh_field fields[64];
    struct rh_parser parser;
    rh_parser_init(&parser, fields, &limits);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(rh_parser_feed(&parser, "GET / X", 7), RH_PARSE_REJECT);
        cr_expect_eq(parser.rule, RH_RULE_VERSION_MALFORMED);
    }
}

Test(parser, can_be_used_again)
{
    struct rh_field fields[64];
    struct rh_parser parser;
    memset(&parser, 0xa5, sizeof parser);
    rh_parser_init(&parser, fields, &limits);
    cr_expect_eq(rh_parser_feed(&parser, "POST /%41?x HTTP/1.0\r\nHost: b\r\nUpgrade: x\r\n", 43),
                 RH_PARSE_MORE);
    rh_parser_init(&parser, fields, &limits);
    cr_expect_not(rh_parser_has_begun(&parser));
    cr_expect_eq(rh_parser_feed(&parser, request, sizeof request - 1), RH_PARSE_DONE);
    cr_expect(parser.head.path_is_plain);
    cr_expect_not(parser.head.has_query);
    cr_expect_not(parser.head.upgrade);
    cr_expect_eq(parser.head.method, RH_GET);
    cr_expect_eq(parser.head.version_minor, 1);
}

Test(parser, feeding_nothing_changes_nothing)
{
    struct rh_field fields[64];
    struct rh_parser parser;
    rh_parser_init(&parser, fields, &limits);
    for (size_t n = 0; n < 27; n++) {
        cr_expect_eq(rh_parser_feed(&parser, request, n), RH_PARSE_MORE);
        cr_expect_eq(rh_parser_feed(&parser, request, n), RH_PARSE_MORE);
        cr_expect_eq(rh_parser_has_begun(&parser), n > 0);
    }
    cr_expect_eq(rh_parser_feed(&parser, request, 27), RH_PARSE_DONE);
}

Test(parser, never_looks_back)
{
    /* What was fed is overwritten before the next feed: only the names and values that are looked
     * at when they are complete must still be there. */
    struct rh_field fields[64];
    struct rh_parser parser;
    char text[] = "GET /a/b?c=d HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n\r\n";
    size_t len = sizeof text - 1;
    char copy[sizeof text];
    rh_parser_init(&parser, fields, &limits);
    enum rh_parse answer = RH_PARSE_MORE;
    for (size_t n = 1; n <= len; n++) {
        memcpy(copy, text, sizeof text);
        if (n > 43) {
            memset(copy, '\0', n - 10); /* deep inside the last value: all before was judged */
        }
        answer = rh_parser_feed(&parser, copy, n);
        cr_assert_neq(answer, RH_PARSE_REJECT, "at %zu", n);
    }
    cr_expect_eq(answer, RH_PARSE_DONE);
    cr_expect_eq(parser.head.fields_n, 2);
}

Test(parser, is_small)
{
    cr_expect_leq(sizeof(struct rh_parser), 128);
    cr_expect_eq(sizeof(struct rh_field), 10);
}

Test(chunked, data_is_a_slice_of_the_input)
{
    struct rh_chunked chunked;
    size_t used = 0;
    size_t trailers = 0;
    struct rh_slice data = {NULL, 0};
    const char *text = "5\r\nhello\r\n0\r\n\r\n";
    rh_chunked_init(&chunked, NULL, &chunk_limits);
    cr_assert_eq(rh_chunked_feed(&chunked, text, 15, &used, &data, &trailers), RH_CHUNK_DATA);
    cr_expect_eq(used, 8);
    cr_expect_eq(data.base, text + 3);
    cr_expect_eq(data.len, 5);
    cr_assert_eq(rh_chunked_feed(&chunked, text + 8, 7, &used, &data, &trailers), RH_CHUNK_DONE);
    cr_expect_eq(used, 7);
    cr_expect_eq(rh_chunked_feed(&chunked, text, 15, &used, &data, &trailers), RH_CHUNK_DONE);
    cr_expect_eq(used, 0);
}

Test(chunked, trailer_section_is_used_only_whole)
{
    struct rh_field fields[8];
    struct rh_chunked chunked;
    size_t used = 0;
    size_t trailers = 0;
    struct rh_slice data = {NULL, 0};
    const char *text = "0\r\nA: b\r\nC: d\r\n\r\nGET";
    rh_chunked_init(&chunked, fields, &chunk_limits);
    cr_assert_eq(rh_chunked_feed(&chunked, text, 12, &used, &data, &trailers), RH_CHUNK_MORE);
    cr_expect_eq(used, 3);
    for (size_t n = 9; n < 14; n++) {
        cr_assert_eq(rh_chunked_feed(&chunked, text + 3, n, &used, &data, &trailers), RH_CHUNK_MORE);
        cr_expect_eq(used, 0);
    }
    cr_assert_eq(rh_chunked_feed(&chunked, text + 3, 17, &used, &data, &trailers), RH_CHUNK_DONE);
    cr_expect_eq(used, 14);
    cr_expect_eq(trailers, 0);
    cr_expect_eq(chunked.trailers_n, 2);
    cr_expect_eq(text[3 + fields[1].value_at], 'd');
}

Test(chunked, trailers_at_counts_from_the_input)
{
    struct rh_field fields[8];
    struct rh_chunked chunked;
    size_t used = 0;
    size_t trailers = 0;
    struct rh_slice data = {NULL, 0};
    const char *text = "0;x=y\r\nA: b\r\n\r\n";
    rh_chunked_init(&chunked, fields, &chunk_limits);
    cr_assert_eq(rh_chunked_feed(&chunked, text, 15, &used, &data, &trailers), RH_CHUNK_DONE);
    cr_expect_eq(used, 15);
    cr_expect_eq(trailers, 7);
    cr_expect_eq(text[trailers + fields[0].name_at], 'A');
}

Test(chunked, reject_stays)
{
    struct rh_chunked chunked;
    size_t used = 0;
    size_t trailers = 0;
    struct rh_slice data = {NULL, 0};
    rh_chunked_init(&chunked, NULL, &chunk_limits);
    cr_expect_eq(rh_chunked_feed(&chunked, "x", 1, &used, &data, &trailers), RH_CHUNK_REJECT);
    cr_expect_eq(rh_chunked_feed(&chunked, "0\r\n\r\n", 5, &used, &data, &trailers), RH_CHUNK_REJECT);
    cr_expect_eq(chunked.rule, RH_RULE_CHUNK_SIZE);
}
