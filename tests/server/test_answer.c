/* Answers: memory, sources, pushed streams, and all that a handler may do wrong with them. */
#include <stdlib.h>

#include "fixture.h"

TestSuite(answer, .init = set_up, .fini = tear_down);

static const struct rh_source *source_now;
static unsigned closes;
static unsigned frees;

static void on_close(void *data)
{
    (void)data;
    closes++;
}

static void on_free(void *data)
{
    frees++;
    free(data);
}

static void by_source(struct rh_exchange *x, void *data)
{
    if (data != NULL) {
        *(struct rh_exchange **)data = x;
    }
    rh_respond_source(x, 200, NULL, source_now);
}

struct script {
    ptrdiff_t steps[8]; /* bytes, RH_EAGAIN, another error, 0: the end */
    unsigned at;
};

static ptrdiff_t pull_script(void *data, char *out, size_t room)
{
    struct script *script = data;
    ptrdiff_t n = script->steps[script->at++];
    if (n > 0) {
        n = n < (ptrdiff_t)room ? n : (ptrdiff_t)room;
        memset(out, 'a' + (int)script->at - 1, (size_t)n);
    }
    return n;
}

#define SOURCE(length_, ...)                                               \
    struct script script = {{__VA_ARGS__}, 0};                             \
    struct rh_source source = {pull_script, on_close, &script, (length_)}; \
    source_now = &source

Test(answer, of_an_unknown_length_goes_by_chunks)
{
    SOURCE(RH_LENGTH_UNKNOWN, 3, 2, 0);
    begin(by_source, NULL);
    send(GET);
    const char *text = received();
    expect_has(text, "Transfer-Encoding: chunked\r\n");
    expect_has(text, "\r\n\r\n0003\r\naaa\r\n0002\r\nbb\r\n0\r\n\r\n");
    cr_expect_eq(closes, 1);
    cr_expect_not(rh_driver_is_shut(conn));
}

Test(answer, of_an_unknown_length_to_1_0_ends_with_the_connection)
{
    SOURCE(RH_LENGTH_UNKNOWN, 3, 0);
    begin(by_source, NULL);
    send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const char *text = received();
    expect_has(text, "Connection: close\r\n\r\naaa");
    expect_has_not(text, "chunked");
    cr_expect(rh_driver_is_shut(conn));
}

Test(answer, of_a_known_length_is_sent_and_its_rest_dropped)
{
    SOURCE(4, 3, 3, 3, 3);
    begin(by_source, NULL);
    send(GET GET);
    const char *text = received();
    expect_has(text, "Content-Length: 4\r\n\r\naaabHTTP/1.1 200 OK");
    cr_expect_not(rh_driver_is_shut(conn));
    cr_expect_eq(closes, 2);
}

Test(answer, shorter_than_announced_breaks_the_connection)
{
    SOURCE(10, 3, 0);
    begin(by_source, NULL);
    send(GET GET);
    const char *text = received();
    expect_has(text, "\r\n\r\naaa");
    cr_expect_eq(count(text, "HTTP/1.1"), 1);
    cr_expect(rh_driver_is_shut(conn));
    cr_expect_eq(closes, 1);
    cr_expect_eq(log_lines, 1);
}

Test(answer, that_fails_ends_without_a_last_chunk)
{
    SOURCE(RH_LENGTH_UNKNOWN, 3, RH_ENOTFOUND);
    begin(by_source, NULL);
    send(GET);
    expect_has_not(received(), "0\r\n\r\n");
    cr_expect(rh_driver_is_shut(conn));
    cr_expect_eq(closes, 1);
}

Test(answer, waits_for_its_source)
{
    struct rh_exchange *x = NULL;
    SOURCE(RH_LENGTH_UNKNOWN, 2, RH_EAGAIN, 2, 0);
    begin(by_source, &x);
    send(GET GET);
    const char *text = received();
    expect_has(text, "0002\r\naa\r\n");
    cr_expect_eq(count(text, "HTTP/1.1"), 1);
    rh_source_resume(x);
    expect_received("");
    script.steps[4] = 0;
    rh_driver_poll(driver);
    text = received();
    expect_has(text, "0002\r\ncc\r\n0\r\n\r\n");
    cr_expect_eq(count(text, "HTTP/1.1 200"), 1, "the next request's");
}

Test(answer, to_head_is_not_pulled_but_closed)
{
    SOURCE(RH_LENGTH_UNKNOWN, 2, 0);
    begin(by_source, NULL);
    send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *text = received();
    expect_has(text, "Transfer-Encoding: chunked\r\n\r\n");
    cr_expect_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    cr_expect_eq(script.at, 0);
    cr_expect_eq(closes, 1);
}

Test(answer, source_is_closed_once_when_the_peer_goes)
{
    struct rh_exchange *x = NULL;
    SOURCE(RH_LENGTH_UNKNOWN, 2, RH_EAGAIN, 2, 0);
    begin(by_source, &x);
    send(GET);
    rh_driver_reset(conn);
    cr_expect_eq(closes, 1);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

static ptrdiff_t pull_forever(void *data, char *out, size_t room)
{
    *(size_t *)data += room;
    memset(out, 'f', room);
    return (ptrdiff_t)room;
}

Test(answer, to_a_peer_that_does_not_read_is_bounded)
{
    size_t pulled = 0;
    struct rh_source source = {pull_forever, on_close, &pulled, RH_LENGTH_UNKNOWN};
    source_now = &source;
    begin(by_source, NULL);
    rh_driver_set_reading(conn, 0);
    send(GET);
    while (rh_driver_poll(driver)) {
    }
    cr_expect_lt(pulled, 65536, "%zu", pulled);
    rh_driver_advance(driver, 31000); /* the write deadline */
    cr_expect(rh_driver_is_closed(conn));
    cr_expect_eq(closes, 1);
}

static void owned(struct rh_exchange *x, void *data)
{
    size_t len = *(size_t *)data;
    char *bytes = malloc(len);
    memset(bytes, 'o', len);
    rh_respond_owned(x, 200, NULL, bytes, len, on_free, bytes);
}

Test(answer, that_is_owned_is_freed_once_when_written)
{
    size_t len = 100000;
    begin(owned, &len);
    rh_driver_set_reading(conn, 0);
    send(GET GET);
    cr_expect_eq(frees, 0);
    rh_driver_set_reading(conn, 1);
    cr_expect_eq(frees, 2);
    cr_expect_gt(rh_driver_output(conn).len, 2 * len);
}

Test(answer, that_is_owned_is_freed_once_when_lost)
{
    size_t len = 100000;
    begin(owned, &len);
    rh_driver_set_reading(conn, 0);
    send(GET GET);
    rh_driver_reset(conn);
    cr_expect_eq(frees, 1);
}

Test(answer, that_is_owned_is_freed_to_head)
{
    size_t len = 100000;
    begin(owned, &len);
    send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_has(received(), "Content-Length: 100000\r\n\r\n");
    cr_expect_eq(frees, 1);
}

static void copied(struct rh_exchange *x, void *data)
{
    size_t len = *(size_t *)data;
    char *bytes = malloc(len);
    memset(bytes, 'c', len);
    rh_respond(x, 200, NULL, bytes, len);
    free(bytes);
}

Test(answer, that_is_copied_may_be_large)
{
    size_t len = 100000;
    begin(copied, &len);
    send(GET GET);
    cr_expect_eq(rh_driver_output(conn).len,
                 2 * (len + strlen("HTTP/1.1 200 OK\r\n" COMMON "Content-Length: 100000\r\n\r\n")));
    len = 5000;
    received();
    send(GET);
    expect_has(received(), "Content-Length: 5000\r\n\r\nccccc");
}

Test(answer, that_no_memory_can_hold_is_a_500)
{
    size_t len = 1 << 20;
    begin(copied, &len);
    send(GET);
    const char *text = received();
    expect_has(text, "HTTP/1.1 500 ");
    expect_has(text, "Content-Type: text/plain\r\n");
    cr_expect_eq(log_lines, 1);
}

static void exhausts(struct rh_exchange *x, void *data)
{
    (void)data;
    while (rh_exchange_alloc(x, 8) != NULL) {
    }
    rh_respond_text(x, 200, "does not fit the arena any more");
}

Test(answer, fits_where_the_arena_is_exhausted)
{
    begin(exhausts, NULL);
    send(GET);
    expect_has(received(), "HTTP/1.1 200 ");
}

/* Copies that peers do not read away use their own budget up, and nothing else; what finds no room
 * is the hour's fault and not the program's. */
Test(answer, that_finds_the_budget_for_copies_spent_is_a_503)
{
    size_t len = 100000;
    config.answer_budget = 256 << 10;
    begin(copied, &len);
    struct rh_driver_conn *idler = rh_driver_open(driver);
    rh_driver_set_reading(idler, 0);
    rh_driver_feed(idler, GET, strlen(GET));
    send(GET);
    expect_has(received(), "HTTP/1.1 503 ");
    cr_expect_eq(log_lines, 1);
    rh_driver_set_reading(idler, 1);
    while (rh_driver_poll(driver)) {
    }
    send(GET);
    expect_has(received(), "Content-Length: 100000\r\n");
}

static int codes[8];

static void injects(struct rh_exchange *x, void *data)
{
    (void)data;
    codes[0] = rh_response_set(x, "X-A", "a\r\nSet-Cookie: b");
    codes[1] = rh_response_set(x, "X\r\nA", "a");
    codes[2] = rh_response_add(x, "Content-Length", "3");
    codes[3] = rh_response_set(x, "transfer-encoding", "chunked");
    codes[4] = rh_response_set_slice(x, "X-A", (struct rh_slice){"a\0b", 3});
    codes[5] = rh_response_set(x, "Content-Type", "text/html\r\nX: y");
    codes[6] = rh_response_set(x, "Connection", "keep-alive");
    codes[7] = rh_response_set(x, "", "a");
    rh_respond_text(x, 200, "pong");
    cr_expect_eq(rh_response_set(x, "X-Late", "a"), RH_ESTATE);
}

Test(answer, fields_can_not_break_the_framing)
{
    begin(injects, NULL);
    send(GET);
    expect_received(PONG);
    for (unsigned i = 0; i < 8; i++) {
        cr_expect_eq(codes[i], RH_EFIELD, "%u", i);
    }
}

static void fields(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_response_set(x, "X-One", "first");
    rh_response_set(x, "x-one", "second");
    rh_response_add(x, "X-Two", "a");
    rh_response_add(x, "X-Two", "b");
    rh_response_set(x, "Content-Type", "text/x");
    rh_response_add(x, "content-type", "text/y");
    rh_respond_text(x, 200, "pong");
}

Test(answer, fields_are_replaced_or_added)
{
    begin(fields, NULL);
    send(GET);
    const char *text = received();
    expect_has_not(text, "first");
    expect_has(text, "x-one: second\r\nX-Two: a\r\nX-Two: b\r\n");
    cr_expect_eq(count(text, "text/"), 1);
}

static char wide_value[4000];

static void wide(struct rh_exchange *x, void *data)
{
    (void)data;
    memset(wide_value, 'v', sizeof wide_value - 1);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(rh_response_add(x, "X-Wide", wide_value), 0);
    }
    cr_expect_eq(rh_response_add(x, "X-Wide", wide_value), RH_ENOROOM);
    cr_expect_eq(rh_response_set(x, "Content-Type", wide_value), RH_ENOROOM);
    cr_expect_eq(rh_response_set(x, "X-Narrow", "fits"), 0);
    rh_respond_text(x, 200, "pong");
}

Test(answer, whose_fields_fit_no_head_hears_of_it_at_the_field_that_does_not_fit)
{
    begin(wide, NULL);
    send(GET GET);
    const char *text = received();
    cr_expect_eq(count(text, "HTTP/1.1 200 "), 2);
    cr_expect_eq(count(text, "X-Wide: vvv"), 8);
    cr_expect_eq(count(text, "X-Narrow: fits\r\n"), 2);
    cr_expect_eq(count(text, "text/plain"), 2);
    cr_expect_not(rh_driver_is_shut(conn));
}

/* As many bytes as the header file says, to the byte, and the largest of everything else. */
static void full(struct rh_exchange *x, void *data)
{
    unsigned left = 16384 - 4 - 6;
    (void)data;
    memset(wide_value, 'v', sizeof wide_value - 1);
    for (; left > 3999 + 4 + 6; left -= 3999 + 4 + 6) {
        cr_expect_eq(rh_response_add(x, "X-Wide", wide_value), 0);
    }
    struct rh_slice rest = {wide_value, left - 26};
    cr_expect_eq(rh_response_add(x, "X-Wide", "v"), 0);
    cr_expect_eq(rh_response_set_slice(x, "X-Rest", rest), 0);
    cr_expect_eq(rh_response_set(x, "X-Over", "123456"), RH_ENOROOM);
    cr_expect_eq(rh_response_set(x, "X-Over", "12345"), 0);
    cr_expect_eq(rh_response_add(x, "X", ""), RH_ENOROOM);
    rh_respond(x, 511, NULL, "pong", 4);
}

Test(answer, holds_fields_up_to_the_documented_limit)
{
    config.server_name = "a-server-name-of-sixty-four-bytes-which-is-the-longest-that-can-be";
    config.server_name += strlen(config.server_name) - 64;
    begin(full, NULL);
    send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_has(received(), "HTTP/1.1 511 ");
}

static void twice(struct rh_exchange *x, void *data)
{
    size_t len = 10;
    rh_respond_text(x, 200, "pong");
    rh_respond_text(x, 404, "again");
    owned(x, &len);
    rh_respond_source(x, 200, NULL, source_now);
    rh_respond_error(x, 500, NULL);
    rh_exchange_hold(x);
    rh_exchange_release(x);
    (void)data;
}

Test(answer, is_given_once)
{
    SOURCE(3, 3);
    begin(twice, NULL);
    send(GET GET);
    expect_received(PONG PONG);
    cr_expect_eq(closes, 2);
    cr_expect_eq(frees, 2);
    cr_expect_geq(log_lines, 8);
}

static void nothing(struct rh_exchange *x, void *data)
{
    (void)x;
    (void)data;
}

Test(answer, that_is_neither_given_nor_deferred_is_a_500)
{
    begin(nothing, NULL);
    send(GET);
    expect_has(received(), "HTTP/1.1 500 ");
    cr_expect_eq(log_lines, 1);
    cr_expect_not(rh_driver_is_shut(conn));
}

/* --- Pushed streams
 * --------------------------------------------------------------------------------- */

static struct rh_exchange *pushed;
static unsigned drains;
static size_t to_push;
static int64_t length = RH_LENGTH_UNKNOWN;

static void push_on(struct rh_exchange *x, void *data)
{
    char bytes[4096];
    (void)data;
    memset(bytes, 'p', sizeof bytes);
    while (to_push > 0) {
        size_t step = to_push < sizeof bytes ? to_push : sizeof bytes;
        size_t n = rh_stream_write(x, bytes, step);
        to_push -= n;
        if (n < step) {
            return;
        }
    }
    pushed = NULL;
    rh_stream_end(x);
}

static void on_drained(struct rh_exchange *x, void *data)
{
    drains++;
    push_on(x, data);
}

static void pushes(struct rh_exchange *x, void *data)
{
    pushed = x;
    rh_stream_open(x, *(unsigned *)data, NULL, length, on_drained, NULL);
    push_on(x, NULL);
}

static unsigned ok = 200;

Test(answer, that_is_pushed_comes_whole)
{
    begin(pushes, &ok);
    to_push = 1 << 20;
    send(GET);
    while (rh_driver_poll(driver)) {
    }
    cr_expect_gt(rh_driver_output(conn).len, 1 << 20);
    cr_expect_eq(to_push, 0);
    cr_expect_gt(drains, 3);
    rh_driver_take(conn, rh_driver_output(conn).len - 5);
    expect_received("0\r\n\r\n");
}

Test(answer, that_is_pushed_waits_for_a_peer_that_does_not_read)
{
    begin(pushes, &ok);
    rh_driver_set_reading(conn, 0);
    to_push = 1 << 20;
    send(GET);
    while (rh_driver_poll(driver)) {
    }
    cr_expect_gt(to_push, (1 << 20) - 65536);
    rh_driver_set_reading(conn, 1);
    while (rh_driver_poll(driver)) {
    }
    cr_expect_eq(to_push, 0);
}

Test(answer, that_is_pushed_comes_to_its_end_when_the_peer_goes)
{
    begin(pushes, &ok);
    rh_driver_set_reading(conn, 0);
    to_push = 1 << 20;
    send(GET);
    cr_expect_gt(to_push, 0);
    rh_driver_reset(conn);
    cr_expect_eq(to_push, 0, "a writer that waits for room hears that there is some");
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(answer, that_is_pushed_beyond_its_length_comes_to_its_end)
{
    begin(pushes, &ok);
    length = 10;
    to_push = 1 << 20;
    send(GET);
    while (rh_driver_poll(driver)) {
    }
    cr_expect_eq(to_push, 0);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
    expect_received("HTTP/1.1 200 OK\r\n" COMMON "Content-Length: 10\r\n\r\npppppppppp");
}

Test(answer, that_is_pushed_to_head_or_without_content_comes_to_its_end)
{
    unsigned none = 204;
    begin(pushes, &none);
    to_push = 1 << 20;
    send(GET);
    cr_expect_eq(to_push, 0);
    none = 200;
    to_push = 1 << 20;
    send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_expect_eq(to_push, 0);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

static void opens(struct rh_exchange *x, void *data)
{
    (void)data;
    pushed = x;
    rh_stream_open(x, 200, NULL, length, NULL, NULL);
}

Test(answer, that_is_pushed_later_sends_its_head_at_once)
{
    begin(opens, NULL);
    send(GET GET);
    cr_expect_eq(count(received(), "HTTP/1.1 200 "), 1);
    cr_expect_eq(rh_stream_write(pushed, "one", 3), 3);
    rh_driver_poll(driver);
    expect_received("0003\r\none\r\n");
    struct rh_exchange *first = pushed;
    rh_stream_end(first);
    rh_driver_poll(driver);
    const char *text = received();
    cr_expect(strncmp(text, "0\r\n\r\nHTTP/1.1 200 ", 18) == 0);
    rh_stream_fail(pushed);
    rh_driver_poll(driver);
    cr_expect(rh_driver_is_shut(conn));
    expect_has_not(received(), "0\r\n\r\n");
}

Test(answer, that_is_pushed_takes_writes_after_a_cut)
{
    begin(opens, NULL);
    send(GET);
    rh_driver_reset(conn);
    cr_expect(rh_exchange_is_cut(pushed));
    for (unsigned i = 0; i < 100; i++) {
        cr_expect_eq(rh_stream_write(pushed, log_line, 1000), 1000);
    }
    cr_expect_gt(rh_stream_room(pushed), 0);
    rh_stream_end(pushed);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(answer, that_is_pushed_breaks_off_where_it_is_released)
{
    begin(opens, NULL);
    send(GET);
    received();
    rh_exchange_release(pushed);
    rh_driver_poll(driver);
    cr_expect(rh_driver_is_shut(conn));
    expect_received("");
}

Test(answer, that_is_pushed_has_no_deadline_of_its_own_but_idles)
{
    begin(opens, NULL);
    send(GET);
    rh_driver_advance(driver, 3600 * 1000);
    cr_expect_not(rh_driver_is_shut(conn), "a stream of events may be quiet for long");
    rh_stream_end(pushed);
    rh_driver_poll(driver);
}

/* Reads and writes at the same time. */
static size_t echo_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)data;
    return rh_stream_write(x, piece.base, piece.len);
}

static void echo_end(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    if (error == 0) {
        rh_stream_end(x);
    } else {
        rh_stream_fail(x);
    }
}

static void echo_drained(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_resume(x);
}

static void echoes(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_stream_open(x, 200, NULL, rh_body_length(x), echo_drained, NULL);
    rh_body_stream(x, echo_data, echo_end, NULL);
}

Test(answer, may_echo_a_body_larger_than_every_buffer)
{
    enum { LEN = 500000 };
    begin(echoes, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n");
    received();
    char *body = malloc(LEN);
    for (unsigned i = 0; i < LEN; i++) {
        body[i] = (char)('a' + i % 23);
    }
    rh_driver_set_reading(conn, 0);
    rh_driver_feed(conn, body, LEN);
    while (rh_driver_poll(driver)) {
    }
    rh_driver_set_reading(conn, 1);
    while (rh_driver_poll(driver)) {
    }
    struct rh_slice out = rh_driver_output(conn);
    cr_assert_eq(out.len, LEN, "%zu", out.len);
    cr_expect(memcmp(out.base, body, LEN) == 0);
    free(body);
    received();
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(answer, echo_breaks_off_where_the_body_is_cut)
{
    begin(echoes, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    rh_driver_eof(conn);
    cr_expect(rh_driver_is_closed(conn));
    expect_has_not(received(), "\r\n0\r\n\r\n");
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

static void note_access(void *data, const struct rh_access *access)
{
    (void)data;
    snprintf(log_line, sizeof log_line, "%u %u", access->status, access->aborted);
    log_lines++;
}

/* Its end adds no byte to the output, so no write is there that it could wait for. */
Test(answer, that_ends_with_its_connection_is_told)
{
    struct rh_exchange *x = NULL;
    SOURCE(RH_LENGTH_UNKNOWN, 3, RH_EAGAIN, 0);
    config.access = note_access;
    begin(by_source, &x);
    send("GET / HTTP/1.0\r\n\r\n");
    expect_has(received(), "\r\n\r\naaa");
    cr_expect_eq(log_lines, 0);
    rh_source_resume(x);
    rh_driver_poll(driver);
    cr_expect_eq(log_lines, 1);
    cr_expect_str_eq(log_line, "200 0");
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}
