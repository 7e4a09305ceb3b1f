/* Request bodies: whole, streamed, paused, limited, cut, refused, discarded. */
#include "fixture.h"
#include "rawhttp/method.h"

TestSuite(body, .init = set_up, .fini = tear_down);

#define POST(length) "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " length "\r\n\r\n"
#define CHUNKED "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

static int whole_error;
static unsigned whole_calls;

static void on_whole(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)data;
    whole_error = error;
    whole_calls++;
    if (error == 0) {
        rh_response_set_slice(x, "X-Trailer", rh_request_trailer(x, "t"));
        rh_respond(x, 200, NULL, body.base, body.len < 1000 ? body.len : 1000);
    }
}

static void whole(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_whole(x, on_whole, NULL);
}

static char gathered[1 << 20];
static size_t gathered_len;
static size_t take_max = SIZE_MAX;
static int end_error;
static unsigned end_calls;
static struct rh_exchange *reading;

static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)data;
    (void)x;
    size_t n = piece.len < take_max ? piece.len : take_max;
    memcpy(gathered + gathered_len, piece.base, n);
    gathered_len += n;
    return n;
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    end_calls++;
    end_error = error;
    if (error == 0) {
        rh_respond_text(x, 200, "all");
    }
}

static void stream(struct rh_exchange *x, void *data)
{
    (void)data;
    reading = x;
    rh_body_stream(x, on_data, on_end, NULL);
}

Test(body, comes_whole_with_a_length)
{
    begin(whole, NULL);
    send(POST("5") "hel");
    cr_expect_eq(whole_calls, 0);
    send("lo" GET);
    const char *text = received();
    expect_has(text, "\r\n\r\nhello");
    cr_expect_eq(count(text, "HTTP/1.1 200"), 2);
    cr_expect_eq(whole_calls, 2);
}

Test(body, comes_whole_by_chunks_with_trailers)
{
    begin(whole, NULL);
    send(CHUNKED "3\r\nhel\r\n2\r\nlo\r\n0\r\nT: kept\r\n\r\n");
    const char *text = received();
    expect_has(text, "\r\n\r\nhello");
    expect_has(text, "X-Trailer: kept\r\n");
}

Test(body, grows_with_its_chunks)
{
    begin(whole, NULL);
    send(CHUNKED);
    static char chunk[0x1000 + 9];
    memcpy(chunk, "1000\r\n", 6);
    memset(chunk + 6, 'a', 0x1000);
    memcpy(chunk + 6 + 0x1000, "\r\n", 3);
    for (unsigned i = 0; i < 20; i++) {
        rh_driver_feed(conn, chunk, 6 + 0x1000 + 2);
    }
    send("0\r\n\r\n");
    expect_has(received(), "Content-Length: 1000\r\n");
    cr_expect_eq(whole_error, 0);
}

Test(body, too_large_to_be_whole_is_refused_at_its_head)
{
    begin(whole, NULL);
    send(POST("300000"));
    const char *text = received();
    expect_has(text, "HTTP/1.1 413 ");
    expect_has(text, "Connection: close\r\n");
    cr_expect_eq(whole_error, RH_EBODY_TOO_LARGE);
    cr_expect(rh_driver_is_shut(conn));
}

Test(body, that_outgrows_its_limit_by_chunks_is_refused)
{
    config.body_whole_bytes_max = 8;
    begin(whole, NULL);
    send(CHUNKED "8\r\n12345678\r\n");
    expect_received("");
    send("1\r\n9\r\n");
    expect_has(received(), "HTTP/1.1 413 ");
    cr_expect_eq(whole_calls, 1);
}

/* The size stands before the bytes: nobody needs to send what will be refused. */
Test(body, whose_next_chunk_is_too_large_is_refused_at_its_size)
{
    config.body_bytes_max = 1000;
    begin(whole, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n");
    expect_received("");
    conn = rh_driver_open(driver);
    send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
    expect_has(received(), "HTTP/1.1 413 ");
    conn = rh_driver_open(driver);
    send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3e4\r\nx");
    expect_has(received(), "HTTP/1.1 413 ");
}

Test(body, whose_next_chunk_is_too_large_to_be_whole_is_refused_at_its_size)
{
    config.body_whole_bytes_max = 1000;
    begin(whole, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
    expect_has(received(), "HTTP/1.1 413 ");
}

Test(body, framed_wrongly_is_a_400)
{
    begin(whole, NULL);
    send(CHUNKED "3\r\nhelX");
    expect_has(received(), "HTTP/1.1 400 ");
    cr_expect_eq(whole_error, RH_EBODY_FRAMING);
    cr_expect(rh_driver_is_shut(conn));
}

Test(body, is_never_complete_where_the_input_ends_inside)
{
    begin(whole, NULL);
    send(POST("5") "hel");
    rh_driver_eof(conn);
    expect_has(received(), "HTTP/1.1 400 ");
    cr_expect_eq(whole_error, RH_EBODY_CUT);
    cr_expect_eq(whole_calls, 1);
    cr_expect(rh_driver_is_closed(conn));
}

static bool holds_at_the_end;

static void on_end_held(struct rh_exchange *x, int error, void *data)
{
    on_end(x, error, data);
    if (holds_at_the_end) {
        rh_exchange_hold(x);
    }
}

static void hold_and_stream(struct rh_exchange *x, void *data)
{
    (void)data;
    reading = x;
    if (!holds_at_the_end) {
        rh_exchange_hold(x);
    }
    rh_body_stream(x, on_data, on_end_held, NULL);
}

Test(body, that_fails_is_answered_by_whoever_holds_its_exchange)
{
    for (int i = 0; i < 2; i++) {
        holds_at_the_end = i == 1;
        end_calls = 0;
        begin(hold_and_stream, NULL);
        send(POST("10") "half");
        rh_driver_eof(conn);
        cr_expect_eq(end_calls, 1);
        cr_expect_lt(end_error, 0);
        cr_expect_str_eq(received(), "", "nobody has answered yet");
        rh_respond_text(reading, 400, "what the handler says");
        rh_driver_poll(driver);
        expect_has(received(), "what the handler says");
        if (i == 0) {
            tear_down();
            set_up();
        }
    }
}

Test(body, is_cut_by_a_reset)
{
    begin(whole, NULL);
    send(POST("5") "hel");
    rh_driver_reset(conn);
    cr_expect_eq(whole_calls, 1);
    cr_expect_lt(whole_error, 0);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(body, that_falls_silent_is_a_408)
{
    config.rate_bytes_min = 0;
    begin(whole, NULL);
    send(POST("5") "h");
    rh_driver_advance(driver, 29000);
    send("e");
    rh_driver_advance(driver, 29000);
    expect_received("");
    rh_driver_advance(driver, 2000);
    expect_has(received(), "HTTP/1.1 408 ");
    cr_expect_eq(whole_error, RH_EBODY_TIMEOUT);
}

Test(body, that_trickles_below_the_minimum_rate_is_a_408)
{
    begin(stream, NULL);
    send(POST("100000"));
    unsigned sent = 0;
    while (!rh_driver_is_shut(conn) && sent < 100) {
        send("0123456789");
        rh_driver_advance(driver, 1000);
        sent++;
    }
    cr_expect_lt(sent, 10);
    expect_has(received(), "HTTP/1.1 408 ");
    cr_expect_eq(end_error, RH_EBODY_TIMEOUT);
}

/* Sends the start of a large body at once. */
static void burst(size_t len)
{
    static char bytes[100000];
    send(POST("1000000"));
    memset(bytes, 'b', len);
    rh_driver_feed(conn, bytes, len);
}

/* Seconds until it is cut, where so much comes each second. */
static unsigned seconds_to_the_end(const char *each)
{
    unsigned seconds = 0;
    for (; !rh_driver_is_shut(conn) && seconds < 300; seconds++) {
        rh_driver_advance(driver, 1000);
        send(each);
    }
    return seconds;
}

Test(body, that_begins_with_a_burst_buys_no_long_trickle)
{
    begin(stream, NULL);
    burst(100000);
    unsigned seconds = seconds_to_the_end("0123456789");
    cr_expect(seconds > 25 && seconds < 35, "%u", seconds);
    expect_has(received(), "HTTP/1.1 408 ");
    cr_expect_eq(end_error, RH_EBODY_TIMEOUT);
}

Test(body, that_keeps_to_the_minimum_rate_goes_on)
{
    config.rate_bytes_min = 10;
    begin(stream, NULL);
    burst(1);
    cr_expect_eq(seconds_to_the_end("0123456789"), 300);
}

Test(body, may_pause_behind_a_burst_as_long_as_silence_may_last)
{
    begin(stream, NULL);
    burst(10000);
    rh_driver_advance(driver, 29500);
    send("a");
    expect_received("");
    rh_driver_advance(driver, 29500); /* but not again for nothing */
    send("b");
    expect_has(received(), "HTTP/1.1 408 ");
}

Test(body, without_a_deadline_for_silence_has_the_grace_for_a_burst)
{
    config.body_ms = 0;
    begin(stream, NULL);
    burst(100000);
    unsigned seconds = seconds_to_the_end("0");
    cr_expect(seconds > 3 && seconds < 8, "%u", seconds);
}

Test(body, pauses_and_resumes)
{
    begin(stream, NULL);
    take_max = 2;
    send(POST("9") "abcdefghi" GET);
    cr_expect_eq(gathered_len, 2);
    rh_body_resume(reading);
    cr_expect_eq(gathered_len, 2, "never from inside resume");
    rh_driver_poll(driver);
    cr_expect_eq(gathered_len, 4);
    expect_received("");
    take_max = SIZE_MAX;
    rh_body_resume(reading);
    rh_driver_poll(driver);
    cr_expect_eq(end_calls, 2, "the body's and the next request's");
    cr_expect_eq(count(received(), "HTTP/1.1 200"), 2);
    cr_expect(memcmp(gathered, "abcdefghi", 9) == 0);
}

Test(body, that_waits_for_its_handler_has_the_answers_deadline)
{
    begin(stream, NULL);
    take_max = 0;
    send(POST("9") "abcdefghi");
    rh_driver_advance(driver, 59000);
    expect_received("");
    rh_driver_advance(driver, 2000);
    expect_has(received(), "HTTP/1.1 503 ");
    cr_expect_eq(end_calls, 1);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(body, asks_a_client_that_waits_to_continue)
{
    begin(whole, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    expect_received("HTTP/1.1 100 Continue\r\n\r\n");
    send("hello");
    const char *text = received();
    expect_has(text, "\r\n\r\nhello");
    expect_has_not(text, "100 Continue");
    cr_expect_not(rh_driver_is_shut(conn));
}

Test(body, asks_nobody_to_continue_who_did_not_wait)
{
    begin(whole, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
    expect_has_not(received(), "100 Continue");
}

static void early(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "early");
}

Test(body, nobody_wants_is_read_away_where_it_is_small)
{
    begin(early, NULL);
    send(POST("10") "01234");
    expect_has(received(), "HTTP/1.1 200 ");
    send("56789" GET);
    expect_has(received(), "HTTP/1.1 200 ");
    cr_expect_eq(door.handled, 2);
    cr_expect_not(rh_driver_is_shut(conn));
}

Test(body, nobody_wants_ends_the_connection_where_it_is_large)
{
    begin(early, NULL);
    send(POST("70000") "01234");
    expect_has(received(), "Connection: close\r\n");
    cr_expect(rh_driver_is_shut(conn) && !rh_driver_is_closed(conn), "lingers");
}

Test(body, nobody_wants_by_chunks_ends_the_connection_where_it_grows_large)
{
    begin(early, NULL);
    send(CHUNKED);
    expect_has_not(received(), "Connection: close\r\n");
    static char chunk[0x4000 + 9];
    memcpy(chunk, "4000\r\n", 6);
    memset(chunk + 6, 'a', 0x4000);
    memcpy(chunk + 6 + 0x4000, "\r\n", 3);
    for (unsigned i = 0; i < 6; i++) {
        rh_driver_feed(conn, chunk, 6 + 0x4000 + 2);
    }
    cr_expect(rh_driver_is_shut(conn));
}

Test(body, of_a_refused_wait_to_continue_is_not_waited_for)
{
    begin(early, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    const char *text = received();
    expect_has(text, "HTTP/1.1 200 ");
    expect_has(text, "Connection: close\r\n");
}

static size_t answer_inside(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "inside");
    return piece.len > 1 ? 1 : piece.len;
}

static void answers_inside(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_stream(x, answer_inside, on_end, NULL);
}

Test(body, may_be_answered_from_inside_its_callback)
{
    begin(answers_inside, NULL);
    send(POST("9") "abc");
    expect_has(received(), "inside");
    send("defghi" POST("1") "a");
    expect_has(received(), "inside");
    cr_expect_eq(end_calls, 0);
    cr_expect_not(rh_driver_is_shut(conn));
}

static void never_answers(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)x;
    (void)body;
    (void)error;
    (void)data;
}

static void forgets(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_whole(x, never_answers, NULL);
}

Test(body, whose_reader_forgets_to_answer_gets_a_500)
{
    begin(forgets, NULL);
    send(POST("3") "abc");
    expect_has(received(), "HTTP/1.1 500 ");
    cr_expect_eq(log_lines, 1);
}

static uint64_t limit;
static void limits(struct rh_exchange *x, void *data)
{
    rh_body_limit(x, limit);
    stream(x, data);
}

Test(body, has_a_limit_of_its_own)
{
    limit = 4;
    begin(limits, NULL);
    send(CHUNKED "3\r\nabc\r\n");
    expect_received("");
    send("3\r\n");
    expect_has(received(), "HTTP/1.1 413 ");
    cr_expect_eq(end_error, RH_EBODY_TOO_LARGE);
}

Test(body, waits_while_the_budget_is_spent_and_goes_on)
{
    config.body_whole_budget = 16384; /* one body */
    config.body_whole_bytes_max = 16384;
    begin(whole, NULL);
    struct rh_driver_conn *others[3];
    static char rest[16000];
    memset(rest, 'r', sizeof rest);
    send(POST("9000") "first");
    for (unsigned i = 0; i < 3; i++) {
        others[i] = rh_driver_open(driver);
        rh_driver_feed(others[i], POST("9000"), sizeof POST("9000") - 1);
        rh_driver_feed(others[i], rest, 9000);
    }
    cr_expect_eq(whole_calls, 0);
    rh_driver_reset(others[0]); /* who waits first may go */
    rh_driver_feed(conn, rest, 8995);
    while (rh_driver_poll(driver)) {
    }
    cr_expect_eq(whole_calls, 4, "%u", whole_calls);
    cr_expect_gt(rh_driver_output(others[1]).len, 0);
    cr_expect_gt(rh_driver_output(others[2]).len, 0);
}

/* One byte of each body has come: that is what they cost, however much was announced. */
Test(body, costs_the_bytes_that_have_arrived)
{
    static char rest[20000];
    config.connections_max = 1000;
    begin(whole, NULL);
    for (unsigned i = 0; i < 900; i++) {
        rh_driver_feed(rh_driver_open(driver), POST("20000") "a", sizeof POST("20000"));
    }
    memset(rest, 'r', sizeof rest);
    send(POST("20000"));
    rh_driver_feed(conn, rest, sizeof rest);
    expect_has(received(), "HTTP/1.1 200 ");
    cr_expect_eq(whole_calls, 1);
}

Test(body, costs_the_bytes_that_have_arrived_where_bodies_may_be_large)
{
    static char rest[300000];
    config.body_bytes_max = config.body_whole_bytes_max = 32 << 20;
    begin(whole, NULL);
    for (unsigned i = 0; i < 60; i++) {
        rh_driver_feed(rh_driver_open(driver), POST("33000000") "a", sizeof POST("33000000"));
    }
    memset(rest, 'r', sizeof rest);
    send(POST("300000"));
    rh_driver_feed(conn, rest, sizeof rest);
    while (rh_driver_poll(driver)) {
    }
    expect_has(received(), "HTTP/1.1 200 ");
}

static void page(struct rh_exchange *x, void *data)
{
    static char text[20480];
    if (rh_request_method(x) == RH_POST) {
        whole(x, data);
    } else {
        memset(text, 'p', sizeof text);
        rh_respond(x, 200, NULL, text, sizeof text);
    }
}

/* Bodies that fill their budget take nothing from answers. */
Test(body, of_strangers_takes_nothing_from_answers)
{
    static char rest[60000];
    config.body_whole_budget = 256 << 10;
    begin(page, NULL);
    memset(rest, 'r', sizeof rest);
    for (unsigned i = 0; i < 20; i++) {
        struct rh_driver_conn *other = rh_driver_open(driver);
        rh_driver_feed(other, POST("60001"), sizeof POST("60001") - 1);
        rh_driver_feed(other, rest, sizeof rest);
    }
    for (unsigned i = 0; i < 30; i++) {
        send(GET);
        const char *text = received();
        expect_has(text, "HTTP/1.1 200 ");
        expect_has(text, "Content-Length: 20480\r\n");
    }
}

Test(body, has_a_budget_that_can_work_or_its_field_is_named)
{
    struct test_door other;
    struct rh_driver *none = NULL;
    test_door_init(&other, whole, NULL);
    config.body_whole_budget = config.body_whole_bytes_max - 1;
    cr_expect_str_eq(rh_config_fault(&config), "body_whole_budget");
    cr_expect_eq(rh_driver_create(&none, test_door_app(&other), &config), RH_ECONFIG);
    config.body_whole_budget = config.body_whole_bytes_max;
    cr_expect_null(rh_config_fault(&config));
    config.answer_budget = 4096;
    cr_expect_str_eq(rh_config_fault(&config), "answer_budget");
    config.answer_budget = 1 << 20;
    begin(whole, NULL);
    send(POST("1") "a");
    expect_has(received(), "HTTP/1.1 200 ");
}

Test(body, whose_woken_waiter_goes_does_not_strand_the_others)
{
    config.body_whole_budget = 16384;
    config.body_whole_bytes_max = 16384;
    begin(whole, NULL);
    struct rh_driver_conn *first = rh_driver_open(driver);
    struct rh_driver_conn *second = rh_driver_open(driver);
    static char rest[16000];
    memset(rest, 'r', sizeof rest);
    send(POST("9000") "first");
    rh_driver_feed(first, POST("9000") "a", sizeof POST("9000"));
    rh_driver_feed(second, POST("9000"), sizeof POST("9000") - 1);
    rh_driver_feed(second, rest, 9000);
    rh_driver_feed(conn, rest, 8995); /* wakes the first waiter... */
    rh_driver_reset(first);           /* ...which goes before it is driven */
    while (rh_driver_poll(driver)) {
    }
    cr_expect_gt(rh_driver_output(second).len, 0);
}

static size_t answers_at_once(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
    return piece.len;
}

static void ends_never(struct rh_exchange *x, int error, void *data)
{
    (void)x;
    (void)error;
    (void)data;
}

static void streams_body(struct rh_exchange *x, void *data)
{
    (void)data;
    if (rh_body_length(x) == 0) {
        rh_respond_text(x, 200, "pong");
    } else {
        rh_body_stream(x, answers_at_once, ends_never, NULL);
    }
}

/* The session waited for the rest of a body that had none, and the next request with it, for more input. */
Test(body, that_was_taken_whole_by_who_answered_is_over)
{
    begin(streams_body, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    expect_received(PONG);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
    send(GET);
    expect_received(PONG);
}

static int end_error;

static void notes_end(struct rh_exchange *x, int error, void *data)
{
    end_error = error;
    *(unsigned *)data += 1;
    rh_exchange_release(x);
}

static void holds_x(struct rh_exchange *x, void *data)
{
    *(struct rh_exchange **)data = x;
    rh_exchange_hold(x);
}

/* A request without a body, asked for it when the connection is gone: the end is told all the same. */
Test(body, that_is_asked_for_when_all_is_over_ends_as_cut)
{
    struct rh_exchange *x = NULL;
    unsigned ends = 0;
    begin(holds_x, &x);
    send(GET);
    rh_driver_reset(conn);
    rh_body_stream(x, answers_at_once, notes_end, &ends);
    cr_expect_eq(ends, 1);
    cr_expect_eq(end_error, RH_ECUT);
}
