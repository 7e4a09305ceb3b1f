/* Heads out of fields: what each rule of RFC 9113 §8.2 and §8.3 refuses, and what the head looks
 * like when none does. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "server/http2/request.h"

#define START ":method: GET\n:scheme: https\n:authority: example.org\n:path: /\n"

static struct rh_http2_request r;
static struct rh_field fields[20];
static char text[2048];
static const struct rh_head_limits limits = {
    .head_bytes_max = 1500, .target_bytes_max = 100, .fields_max = 20};

/* Each line is "name: value"; a '|' in a value stands for a byte that C cannot write in one. */
static enum rh_http2_verdict read_lines(const char *lines)
{
    enum rh_http2_verdict verdict = RH_HTTP2_GOOD;
    while (*lines != '\0') {
        const char *end = strchr(lines, '\n');
        const char *colon = strchr(lines + 1, ':');
        char value[1200];
        size_t len = (size_t)(end - colon) - 2;
        memcpy(value, colon + 2, len);
        for (size_t i = 0; i < len; i++) {
            value[i] = value[i] == '|' ? '\0' : value[i];
        }
        enum rh_http2_verdict got = rh_http2_request_field(
            &r, (struct rh_slice){lines, (size_t)(colon - lines)}, (struct rh_slice){value, len});
        verdict = got != RH_HTTP2_GOOD ? got : verdict;
        lines = end + 1;
    }
    return verdict;
}

static enum rh_http2_verdict read_request(const char *lines, bool ends)
{
    rh_http2_request_init(&r, fields, text, sizeof text, &limits);
    read_lines(lines);
    return rh_http2_request_end(&r, ends);
}

static const char *fault_of(const char *lines)
{
    return read_request(lines, true) == RH_HTTP2_REFUSED && r.fault != 0
               ? rh_http2_rule_info((enum rh_http2_rule)r.fault)->id
               : "none";
}

static const char *rule_of(const char *lines)
{
    return read_request(lines, false) == RH_HTTP2_REFUSED && r.fault == 0
               ? rh_rule_info((enum rh_rule)r.rule)->id
               : "none";
}

static struct rh_slice value_of(enum rh_field_id id)
{
    for (unsigned i = 0; i < r.head.fields_n; i++) {
        if (fields[i].id == id) {
            return (struct rh_slice){r.text + fields[i].value_at, fields[i].value_len};
        }
    }
    return (struct rh_slice){NULL, 0};
}

static void expect_slice(struct rh_slice slice, const char *want)
{
    cr_expect(slice.len == strlen(want) && memcmp(slice.base, want, slice.len) == 0,
              "\"%.*s\" is not \"%s\"", (int)slice.len, slice.base, want);
}

Test(http2_request, becomes_the_head_that_http1_has)
{
    cr_assert_eq(read_request(":method: POST\n:scheme: https\n:path: /a/%62?x=1&y\n"
                              ":authority: example.org:8443\ncontent-type: text/plain\n"
                              "content-length: 12\nuser-agent: test\n",
                              false),
                 RH_HTTP2_GOOD);
    cr_expect_eq(r.head.method, RH_POST);
    cr_expect_eq(r.head.form, RH_ORIGIN_FORM);
    expect_slice((struct rh_slice){text + r.head.target_at, r.head.target_len}, "/a/%62?x=1&y");
    expect_slice((struct rh_slice){text + r.head.path_at, r.head.path_len}, "/a/%62");
    cr_expect(r.head.has_query && !r.head.path_is_plain && r.head.keep_alive);
    expect_slice((struct rh_slice){text + r.head.query_at, r.head.query_len}, "x=1&y");
    expect_slice((struct rh_slice){text + r.head.host_at, r.head.host_len}, "example.org:8443");
    expect_slice(value_of(RH_FIELD_HOST), "example.org:8443");
    expect_slice(value_of(RH_FIELD_CONTENT_TYPE), "text/plain");
    cr_expect_eq(r.head.fields_n, 4);
    cr_expect_eq(r.head.body_kind, RH_BODY_LENGTH);
    cr_expect_eq(r.head.content_length, 12);
}

Test(http2_request, may_have_any_token_as_its_method)
{
    cr_assert_eq(read_request(":method: BREW\n:scheme: http\n:authority: x\n:path: /\n", true),
                 RH_HTTP2_GOOD);
    cr_expect_eq(r.head.method, RH_METHOD_OTHER);
    expect_slice((struct rh_slice){text + r.head.method_at, r.head.method_len}, "BREW");
}

Test(http2_request, has_content_of_a_length_that_is_known_or_not)
{
    cr_expect_eq(read_request(START, true), RH_HTTP2_GOOD);
    cr_expect_eq(r.head.body_kind, RH_BODY_NONE);
    cr_expect_eq(read_request(START, false), RH_HTTP2_GOOD);
    cr_expect_eq(r.head.body_kind, RH_BODY_CHUNKED);
    cr_expect_eq(read_request(START "content-length: 0\n", true), RH_HTTP2_GOOD);
    cr_expect_str_eq(fault_of(START "content-length: 1\n"), "length-differs");
}

Test(http2_request, knows_a_plain_path)
{
    static const struct {
        const char *path;
        bool plain;
    } cases[] = {{"/", true},      {"/a.b/c..d", true}, {"/a/.", false},    {"/a/./b", false},
                 {"/..", false},   {"/.a", true},       {"/%41", false},    {"/a?b=%41", true},
                 {"/a?../", true}, {"/.../", true},     {"/a/../b", false}, {"//", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char lines[200];
        snprintf(lines, sizeof lines, ":method: GET\n:scheme: http\n:authority: x\n:path: %s\n",
                 cases[i].path);
        cr_expect_eq(read_request(lines, true), RH_HTTP2_GOOD, "%s", cases[i].path);
        cr_expect_eq(r.head.path_is_plain, cases[i].plain, "%s", cases[i].path);
    }
}

Test(http2_request, malformed_costs_its_stream)
{
    static const struct {
        const char *lines;
        const char *id;
    } cases[] = {
        {START "Accept: x\n", "name-case"},
        {START "a b: x\n", "name-char"},
        {START "a: x|y\n", "value-char"},
        {START "a: x\r\n", "value-char"},
        {START "a:  x\n", "value-space"},
        {START "a: x\t\n", "value-space"},
        {START "connection: close\n", "connection-field"},
        {START "keep-alive: 5\n", "connection-field"},
        {START "proxy-connection: close\n", "connection-field"},
        {START "transfer-encoding: chunked\n", "connection-field"},
        {START "upgrade: h2c\n", "connection-field"},
        {START "te: gzip\n", "te"},
        {":method: GET\na: b\n:scheme: http\n:authority: x\n:path: /\n", "pseudo-late"},
        {START ":status: 200\n", "pseudo-unknown"},
        {START ":test: 1\n", "pseudo-unknown"},
        {START ":Path: /\n", "pseudo-unknown"},
        {START ":method: GET\n", "pseudo-repeated"},
        {START ":scheme: http\n", "pseudo-repeated"},
        {START ":path: /\n", "pseudo-repeated"},
        {START ":authority: x\n", "pseudo-repeated"},
        {":scheme: http\n:authority: x\n:path: /\n", "method"},
        {":method: G T\n:scheme: http\n:authority: x\n:path: /\n", "method"},
        {":method: GET\n:authority: x\n:path: /\n", "scheme"},
        {":method: GET\n:scheme: ftp\n:authority: x\n:path: /\n", "scheme"},
        {":method: GET\n:scheme: http\n:authority: x\n", "path"},
        {":method: GET\n:scheme: http\n:authority: x\n:path: \n", "path"},
        {":method: GET\n:scheme: http\n:authority: x\n:path: a\n", "path"},
        {":method: GET\n:scheme: http\n:authority: x\n:path: *\n", "path"},
        {":method: GET\n:scheme: http\n:authority: a@b\n:path: /\n", "authority"},
        {":method: GET\n:scheme: http\n:authority: \n:path: /\n", "authority"},
        {START "host: other\n", "host-differs"},
        {":method: CONNECT\n:scheme: http\n:authority: x:80\n:path: /\n", "connect"},
        {":method: CONNECT\n:authority: x\n", "connect"},
        {":method: CONNECT\n", "connect"},
        {":method: CONNECT\n:protocol: websocket\n:scheme: http\n:authority: x\n:path: /\n",
         "protocol"},
        {START "content-length: 1\ncontent-length: 1\n", "length-malformed"},
        {START "content-length: -1\n", "length-malformed"},
        {START "content-length: 0x1\n", "length-malformed"},
        {START "content-length: \n", "length-malformed"},
        {START "content-length: 5\n", "length-differs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_str_eq(fault_of(cases[i].lines), cases[i].id, "%s", cases[i].lines);
    }
}

Test(http2_request, refused_is_answered)
{
    char lines[1500];
    cr_expect_str_eq(rule_of(":method: BREWBREWBREWBREWBREWBREWBREWBREWBREW\n:scheme: http\n"
                             ":authority: x\n:path: /\n"),
                     "method-long");
    cr_expect_str_eq(rule_of(":method: GET\n:scheme: http\n:path: /\n"), "host-missing");
    cr_expect_str_eq(rule_of(":method: GET\n:scheme: http\n:authority: x\n:path: /%zz\n"),
                     "target-percent");
    cr_expect_str_eq(rule_of(":method: GET\n:scheme: http\n:authority: x\n:path: /a#b\n"),
                     "target-fragment");
    cr_expect_str_eq(rule_of(":method: GET\n:scheme: http\n:authority: x\n:path: /a b\n"),
                     "target-char");
    cr_expect_str_eq(rule_of(START "expect: more\n"), "expect-unknown");
    cr_expect_str_eq(rule_of(START "content-length: 99999999999999999999\n"), "cl-overflow");
    cr_expect_str_eq(rule_of(":method: TRACE\n:scheme: http\n:authority: x\n:path: /\n"),
                     "trace-content");
    snprintf(lines, sizeof lines, ":method: GET\n:scheme: http\n:authority: x\n:path: /%0100d\n",
             0);
    cr_expect_str_eq(rule_of(lines), "target-long");
    snprintf(lines, sizeof lines, START "a: %01100d\nb: %0200d\n", 0, 0);
    cr_expect_str_eq(rule_of(lines), "head-long");
}

Test(http2_request, counts_what_a_field_costs)
{
    /* RFC 9113 §6.5.2: 32 octets beside name and value. */
    cr_assert_eq(read_request(":method: GET\n:scheme: http\n:authority: x\n:path: /\n", true),
                 RH_HTTP2_GOOD);
    cr_expect_eq(r.cost, 4 * 32 + 7 + 3 + 7 + 4 + 10 + 1 + 5 + 1);
    char lines[1500] = START;
    for (unsigned i = 0; i < 25; i++) {
        strcat(lines, "a: \n");
    }
    cr_expect_str_eq(rule_of(lines), "fields-many");
    strcpy(lines, START);
    for (unsigned i = 0; i < 50; i++) {
        strcat(lines, "cookie: a\n"); /* one byte each on the wire, by HPACK */
    }
    cr_expect_str_eq(rule_of(lines), "head-long");
}

Test(http2_request, joins_the_crumbs_of_a_cookie)
{
    cr_assert_eq(read_request(START "cookie: a=1\ncookie: b=2\ncookie: c=3\naccept: x\n", true),
                 RH_HTTP2_GOOD);
    expect_slice(value_of(RH_FIELD_COOKIE), "a=1; b=2; c=3");
    expect_slice(value_of(RH_FIELD_ACCEPT), "x");
    cr_expect_eq(r.head.fields_n, 3);
    cr_assert_eq(read_request(START "cookie: a=1\naccept: x\ncookie: b=2\n", true), RH_HTTP2_GOOD);
    expect_slice(value_of(RH_FIELD_COOKIE), "a=1; b=2");
    expect_slice(value_of(RH_FIELD_ACCEPT), "x");
}

Test(http2_request, that_needs_more_room_says_so_and_goes_on)
{
    static char larger[2048];
    static const char lines[] = START "accept: abcdefghijklmnopqrstuvwxyz\n";
    rh_http2_request_init(&r, fields, text, 40, &limits);
    cr_expect_eq(read_lines(lines), RH_HTTP2_ROOM);
    uint32_t cost = r.cost;
    memcpy(larger, r.text, r.text_len);
    rh_http2_request_move(&r, larger, sizeof larger);
    cr_expect_eq(read_lines("accept: abcdefghijklmnopqrstuvwxyz\n"), RH_HTTP2_GOOD);
    cr_expect_eq(r.cost, cost + 6 + 26 + 32);
    cr_expect_eq(rh_http2_request_end(&r, true), RH_HTTP2_GOOD);
    expect_slice(value_of(RH_FIELD_ACCEPT), "abcdefghijklmnopqrstuvwxyz");
    expect_slice(value_of(RH_FIELD_HOST), "example.org");
}

Test(http2_request, takes_host_in_the_place_of_authority)
{
    cr_assert_eq(read_request(":method: GET\n:scheme: http\n:path: /\nhost: example.org\n", true),
                 RH_HTTP2_GOOD);
    expect_slice((struct rh_slice){text + r.head.host_at, r.head.host_len}, "example.org");
    cr_expect_eq(read_request(START "host: EXAMPLE.org\n", true), RH_HTTP2_GOOD);
    cr_expect_eq(r.head.fields_n, 1);
}

Test(http2_request, knows_connect)
{
    cr_assert_eq(read_request(":method: CONNECT\n:authority: example.org:443\n", true),
                 RH_HTTP2_GOOD);
    cr_expect_eq(r.head.form, RH_AUTHORITY_FORM);
    expect_slice((struct rh_slice){text + r.head.target_at, r.head.target_len}, "example.org:443");
    rh_http2_request_init(&r, fields, text, sizeof text, &limits);
    r.offers_protocol = true;
    read_lines(":method: CONNECT\n:protocol: websocket\n:scheme: http\n:authority: x\n:path: /a\n");
    cr_expect_eq(rh_http2_request_end(&r, false), RH_HTTP2_GOOD);
    cr_expect_eq(r.head.form, RH_ORIGIN_FORM);
    expect_slice((struct rh_slice){text + r.protocol_at, r.protocol_len}, "websocket");
}

Test(http2_request, reads_priorities)
{
    static const struct {
        const char *value;
        unsigned urgency;
        bool incremental;
    } cases[] = {{"u=5", 5, false},  {"u=0, i", 0, true},     {"i", 3, true},
                 {"i=?0", 3, false}, {"i=?1,u=7", 7, true},   {"u=8", 3, false},
                 {"u=-1", 3, false}, {"u=1;x=2, i", 1, true}, {"", 3, false},
                 {",,", 3, false},   {"urgent", 3, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t urgency = 3;
        bool incremental = false;
        rh_http2_priority_parse(rh_slice_from(cases[i].value), &urgency, &incremental);
        cr_expect_eq(urgency, cases[i].urgency, "%s", cases[i].value);
        cr_expect_eq(incremental, cases[i].incremental, "%s", cases[i].value);
    }
    cr_assert_eq(read_request(START "priority: u=1, i\n", true), RH_HTTP2_GOOD);
    cr_expect(r.has_priority && r.urgency == 1 && r.incremental);
}

Test(http2_request, trailers_have_rules_of_their_own)
{
    static const struct {
        const char *name;
        const char *value;
        enum rh_http2_rule rule;
    } cases[] = {{"digest", "x", RH_HTTP2_OK},
                 {":path", "/", RH_HTTP2_PSEUDO_TRAILER},
                 {"A", "x", RH_HTTP2_NAME_CASE},
                 {"a", "x ", RH_HTTP2_VALUE_SPACE},
                 {"connection", "close", RH_HTTP2_CONNECTION_FIELD},
                 {"content-length", "1", RH_HTTP2_TRAILER_FORBIDDEN},
                 {"host", "x", RH_HTTP2_TRAILER_FORBIDDEN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(
            rh_http2_trailer_check(rh_slice_from(cases[i].name), rh_slice_from(cases[i].value)),
            cases[i].rule, "%s", cases[i].name);
    }
}
