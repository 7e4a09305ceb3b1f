/* Compressed answers: when, what the head says, and that they decompress to what was given. */
#include "asked.h"

#include <zlib.h>

#include "rawhttp/compress.h"
#include "rawhttp/stream.h"

enum { LARGE = 100 << 10 };

static char text[LARGE + 1]; /* compresses well */
static size_t text_len;
static const char *type;
static const char *field_name, *field_value; /* of the answer, or NULL */
static int freed;

static void setup(void)
{
    asked_setup();
    for (size_t i = 0; i < LARGE; i++) {
        text[i] = "words that come back, again and again "[i % 38 - (i / 4096) % 7 * (i % 38 > 8)];
    }
    text_len = 20000;
    type = "text/html; charset=utf-8";
    field_name = NULL;
    freed = 0;
}

TestSuite(compress, .init = setup, .fini = asked_teardown);

static void on_free(void *data)
{
    (void)data;
    freed++;
}

static void give(struct rh_exchange *x, void *data)
{
    struct rh_slice query = rh_request_query(x);
    (void)data;
    if (field_name != NULL) {
        rh_response_set(x, field_name, field_value);
    }
    if (rh_slice_is(query, "owned")) {
        rh_respond_owned(x, 200, type, text, text_len, on_free, NULL);
    } else if (rh_slice_is(query, "static")) {
        rh_respond_static(x, 200, type, text, text_len);
    } else if (rh_slice_is(query, "206")) {
        rh_respond(x, 206, type, text, text_len);
    } else if (rh_slice_is(query, "stream")) {
        rh_stream_open(x, 200, type, RH_LENGTH_UNKNOWN, NULL, NULL);
        rh_stream_write(x, text, 2000);
        rh_stream_end(x);
    } else {
        rh_respond(x, 200, type, text, text_len);
    }
}

static void build(void)
{
    rh_app_compress(app, NULL);
    rh_app_get(app, "/", give, NULL);
}

static const char gzip[] = "Accept-Encoding: gzip\r\n";

static bool is_compressed(void)
{
    return has("Content-Encoding: gzip");
}

/* The body is what was given, compressed or not; its announced length is its length. */
static void expect_text(void)
{
    static char plain[LARGE + 1];
    size_t len = body_len;
    cr_expect_eq((size_t)atol(value_of("Content-Length")), body_len);
    if (is_compressed()) {
        z_stream stream = {.next_in = (Bytef *)(uintptr_t)body,
                           .avail_in = (uInt)body_len,
                           .next_out = (Bytef *)plain,
                           .avail_out = sizeof plain};
        cr_assert_eq(inflateInit2(&stream, 31), Z_OK);
        cr_expect_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
        cr_expect_eq(stream.avail_in, 0);
        len = stream.total_out;
        inflateEnd(&stream);
    } else {
        memcpy(plain, body, body_len);
    }
    cr_expect_eq(len, text_len);
    cr_expect_arr_eq(plain, text, text_len);
}

Test(compress, makes_an_answer_shorter_for_who_takes_it)
{
    static const size_t sizes[] = {1024, 5000, 20000, LARGE};
    build();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        text_len = sizes[i];
        ask("GET /", gzip);
        cr_expect_eq(status, 200);
        cr_expect(is_compressed(), "%zu", sizes[i]);
        cr_expect(has("Vary: Accept-Encoding"));
        cr_expect_lt(body_len, text_len / 2);
        expect_text();
    }
}

Test(compress, leaves_others_as_they_are_and_says_that_it_varies)
{
    static const char *const accepts[] = {
        "", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n",
        "Accept-Encoding: identity, gzip;q=0.5\r\n", "Accept-Encoding: *;q=0\r\n"};
    build();
    for (size_t i = 0; i < sizeof accepts / sizeof *accepts; i++) {
        ask("GET /", accepts[i]);
        cr_expect(!is_compressed(), "%s", accepts[i]);
        cr_expect(has("Vary: Accept-Encoding"), "%s", accepts[i]);
        expect_text();
    }
    ask("GET /", "Accept-Encoding: br;q=0.9, GZIP;q=0.1, identity;q=0\r\n");
    cr_expect(is_compressed());
    ask("GET /", "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n"); /* one list (RFC 9110 §5.3) */
    cr_expect(has("Content-Encoding: gzip"));
    ask("GET /", "Accept-Encoding: *\r\n");
    cr_expect(is_compressed());
}

Test(compress, leaves_short_large_and_dense_answers_alone)
{
    build();
    text_len = 1023;
    ask("GET /", gzip);
    cr_expect(!is_compressed() && value_of("Vary")[0] == '\0');
    expect_text();
    text_len = 20000;
    unsigned seed = 1;
    for (size_t i = 0; i < text_len; i++) {
        seed = seed * 1103515245 + 12345;
        text[i] = (char)(seed >> 16);
    }
    ask("GET /", gzip);
    cr_expect(!is_compressed());
    expect_text();
}

Test(compress, has_limits_of_its_own)
{
    struct rh_compression options;
    rh_compression_init(&options);
    options.bytes_min = 10;
    options.bytes_max = 500;
    options.level = 9;
    rh_app_compress(app, &options);
    rh_app_get(app, "/", give, NULL);
    text_len = 500;
    ask("GET /", gzip);
    cr_expect(is_compressed());
    expect_text();
    text_len = 501;
    ask("GET /", gzip);
    cr_expect(!is_compressed());
    expect_text();
}

Test(compress, knows_types)
{
    static const struct {
        const char *type;
        bool is_compressible;
    } cases[] = {
        {"text/plain", true},
        {"TEXT/CSS", true},
        {"application/json", true},
        {"application/problem+json", true},
        {"image/svg+xml", true},
        {"application/javascript; charset=utf-8", true},
        {"application/wasm", true},
        {"text/event-stream", false},
        {"image/png", false},
        {"application/gzip", false},
        {"application/octet-stream", false},
        {"video/json", false},
        {"nonsense", false},
    };
    build();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        type = cases[i].type;
        ask("GET /", gzip);
        cr_expect_eq(is_compressed(), cases[i].is_compressible, "%s", type);
        cr_expect_eq(has("Vary: Accept-Encoding"), cases[i].is_compressible, "%s", type);
    }
}

Test(compress, obeys_what_the_handler_says)
{
    static const char *const fields[][2] = {{"Content-Encoding", "br"},
                                            {"Cache-Control", "no-store, No-Transform"},
                                            {"Content-Range", "bytes 0-19999/20000"}};
    build();
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        field_name = fields[i][0];
        field_value = fields[i][1];
        ask("GET /", gzip);
        cr_expect(!is_compressed() && value_of("Vary")[0] == '\0', "%s", field_name);
        expect_text();
    }
    field_name = NULL;
    ask("GET /?206", gzip);
    cr_expect(status == 206 && !is_compressed());
    field_name = "Vary";
    field_value = "Origin, accept-encoding";
    ask("GET /", gzip);
    cr_expect(is_compressed() && has("Vary: Origin, accept-encoding") &&
              !has("Vary: Accept-Encoding"));
}

Test(compress, weakens_a_strong_tag)
{
    build();
    field_name = "ETag";
    field_value = "\"abc\"";
    ask("GET /", gzip);
    cr_expect(has("ETag: W/\"abc\"") && !has("ETag: \"abc\""));
    ask("GET /", "");
    cr_expect(has("ETag: \"abc\""));
    field_value = "W/\"abc\"";
    ask("GET /", gzip);
    cr_expect(has("ETag: W/\"abc\""));
}

Test(compress, gives_head_the_fields_of_get)
{
    char get[2048];
    build();
    ask("GET /", gzip);
    snprintf(get, sizeof get, "%.*s", (int)(body - answer), answer);
    ask("HEAD /", gzip);
    cr_expect_str_eq(answer, get);
    cr_expect_eq(body_len, 0);
}

Test(compress, gives_owned_bytes_back_once)
{
    build();
    ask("GET /?owned", gzip);
    cr_expect(is_compressed());
    expect_text();
    cr_expect_eq(freed, 1);
    ask("GET /?owned", "");
    expect_text();
    cr_expect_eq(freed, 2);
    ask("GET /?static", gzip);
    cr_expect(is_compressed());
    expect_text();
}

Test(compress, leaves_streams_alone)
{
    build();
    ask("GET /?stream", gzip);
    cr_expect(status == 200 && !is_compressed());
}

/* Neither the arena nor the memory for answers has room for the copy: the answer goes out as it was. */
Test(compress, is_no_reason_to_fail)
{
    asked_config.arena_blocks_max = 1;
    asked_config.answer_budget = 256 << 10;
    build();
    unsigned seed = 1;
    for (size_t i = 0; i < LARGE;
         i++) { /* half of it dense: too much for the arena even when compressed */
        seed = seed * 1103515245 + 12345;
        text[i] = i % 2 == 0 ? (char)(seed >> 16) : 'x';
    }
    text_len = 50000;
    ask("GET /", ""); /* a peer that does not read holds a copy, and with it the budget */
    struct rh_driver_conn *idler = rh_driver_open(driver);
    static const char head[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    rh_driver_set_reading(idler, 0);
    rh_driver_feed(idler, head, sizeof head - 1);
    ask("GET /?static", gzip);
    cr_expect_eq(status, 200);
    cr_expect(!is_compressed());
    expect_text();
    ask("GET /?owned", gzip);
    cr_expect_eq(freed, 1);
    expect_text();
}

static void fail(struct rh_exchange *x, void *data)
{
    char detail[1000];
    (void)data;
    memset(detail, 'x', sizeof detail - 1);
    detail[sizeof detail - 1] = '\0';
    rh_respond_error(x, 404, detail);
}

Test(compress, goes_with_what_errors_vary_by)
{
    struct rh_compression options;
    rh_compression_init(&options);
    options.bytes_min = 200;
    rh_app_compress(app, &options);
    rh_app_get(app, "/", fail, NULL);
    ask("GET /", "Accept: text/html\r\nAccept-Encoding: gzip\r\n");
    cr_expect(status == 404 && is_compressed());
    cr_expect(has("Vary: Accept") && has("Vary: Accept-Encoding"));
}

Test(compress, refuses_options_out_of_range)
{
    struct rh_compression options;
    rh_compression_init(&options);
    options.level = 10;
    rh_app_compress(app, &options);
    cr_expect_eq(rh_app_status(app), RH_ECONFIG);
    rh_app_compress(NULL, NULL);
}
