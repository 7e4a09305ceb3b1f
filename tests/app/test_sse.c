/* Server-sent events through the driver: what a browser would read. */
#include <criterion/criterion.h>
#include <string.h>

#include <rawhttp.h>

static int (*say)(struct rh_exchange *x);

static void events(struct rh_exchange *x, void *data)
{
    int *ret_result = data;
    rh_sse_open(x, NULL, NULL);
    *ret_result = say(x);
    rh_stream_end(x);
}

/* The body that `fn` makes, in chunks as they are on the wire. */
static const char *body_of(int (*fn)(struct rh_exchange *x), const char *request, int *ret_result)
{
    static char text[65536];
    struct rh_app *app = rh_app_create();
    struct rh_driver *driver;
    say = fn;
    rh_app_get(app, "/events", events, ret_result);
    cr_assert_eq(rh_driver_create(&driver, app, NULL), 0);
    struct rh_slice answer = rh_driver_ask(driver, request);
    cr_assert_lt(answer.len, sizeof text);
    memcpy(text, answer.base, answer.len);
    text[answer.len] = '\0';
    rh_driver_destroy(driver);
    rh_app_unref(app);
    return text;
}

static const char request[] = "GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 41\r\n\r\n";

static int one_event(struct rh_exchange *x)
{
    return rh_sse_send(x, "counter", "42", rh_slice_from("one"));
}

Test(sse, an_event_has_its_three_lines_and_an_empty_one)
{
    int result = -1;
    const char *text = body_of(one_event, request, &result);
    cr_assert_eq(result, 0);
    cr_assert_not_null(strstr(text, "event: counter\nid: 42\ndata: one\n\n"), "%s", text);
    cr_assert_not_null(strstr(text, "Content-Type: text/event-stream\r\n"), "%s", text);
    cr_assert_not_null(strstr(text, "Cache-Control: no-store\r\n"), "%s", text);
}

static int line_breaks(struct rh_exchange *x)
{
    return rh_sse_send(x, NULL, NULL, rh_slice_from("a\nb\r\nc\rd\n"));
}

Test(sse, line_breaks_in_data_become_data_lines)
{
    int result = -1;
    const char *text = body_of(line_breaks, request, &result);
    cr_assert_eq(result, 0);
    cr_assert_not_null(strstr(text, "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"), "%s", text);
}

static int smuggled(struct rh_exchange *x)
{
    int by_event = rh_sse_send(x, "a\ndata: fake", NULL, rh_slice_from("x"));
    int by_id = rh_sse_send(x, NULL, "1\rdata: fake", rh_slice_from("x"));
    return by_event == RH_EFIELD && by_id == RH_EFIELD ? 0 : -1;
}

Test(sse, names_and_ids_can_not_smuggle_lines)
{
    int result = -1;
    const char *text = body_of(smuggled, request, &result);
    cr_assert_eq(result, 0);
    cr_assert_null(strstr(text, "fake"), "%s", text);
}

static int until_full(struct rh_exchange *x)
{
    static char big[3000];
    int sent = 0;
    memset(big, 'x', sizeof big);
    while (rh_sse_send(x, NULL, NULL, (struct rh_slice){big, sizeof big}) == 0)
        sent++;
    return sent;
}

Test(sse, what_does_not_fit_is_left_out_whole)
{
    int sent = 0;
    const char *text = body_of(until_full, request, &sent);
    int whole = 0;
    for (const char *at = strstr(text, "data: "); at != NULL; at = strstr(at + 1, "data: "))
        whole++;
    cr_assert_gt(sent, 0);
    cr_assert_lt(sent, 1000, "the buffer is bounded");
    cr_assert_eq(whole, sent);
}

static int others(struct rh_exchange *x)
{
    cr_assert(rh_slice_is(rh_sse_last_id(x), "41"));
    return rh_sse_retry(x, 1500) == 0 && rh_sse_heartbeat(x) == 0 ? 0 : -1;
}

Test(sse, retry_heartbeat_and_last_id)
{
    int result = -1;
    const char *text = body_of(others, request, &result);
    cr_assert_eq(result, 0);
    cr_assert_not_null(strstr(text, "retry: 1500\n\n"), "%s", text);
    cr_assert_not_null(strstr(text, ":\n\n"), "%s", text);
}

/* --- Streams that stay open ----------------------------------------------------------------- */

static struct rh_exchange *stream; /* NULL: ended */
static int drains, aborts;

static void on_room(struct rh_exchange *x, void *data)
{
    (void)x;
    (void)data;
}

static void on_drain(struct rh_exchange *x, void *data)
{
    (void)data;
    drains++;
    if (stream != NULL) {
        cr_expect_eq(rh_sse_retry(x, 1234), 0);
        stream = NULL;
        rh_stream_end(x);
    }
}

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)reason;
    (void)data;
    aborts++;
    if (stream != NULL) {
        stream = NULL;
        rh_stream_end(x);
    }
}

static void stay(struct rh_exchange *x, void *data)
{
    (void)data;
    stream = x;
    rh_sse_open(x, on_room, NULL);
    rh_exchange_on_abort(x, on_abort, NULL);
    if (stream != NULL) {
        cr_expect_eq(rh_exchange_on_drain(x, on_drain, NULL), 0);
    }
}

static struct rh_app *app;
static struct rh_driver *driver;

static struct rh_driver_conn *listen_to_events(void)
{
    app = rh_app_create();
    rh_app_get(app, "/events", stay, NULL);
    cr_assert_eq(rh_driver_create(&driver, app, NULL), 0);
    struct rh_driver_conn *conn = rh_driver_open(driver);
    rh_driver_feed(conn, request, sizeof request - 1);
    cr_assert_not_null(stream);
    return conn;
}

static void end_all(void)
{
    cr_expect_eq(rh_driver_exchanges(driver), 0);
    rh_driver_destroy(driver);
    rh_app_unref(app);
}

static bool got(struct rh_driver_conn *conn, const char *text)
{
    struct rh_slice output = rh_driver_output(conn);
    return output.len > 0 && memmem(output.base, output.len, text, strlen(text)) != NULL;
}

Test(sse, a_drain_ends_the_stream_at_once)
{
    struct rh_driver_conn *conn = listen_to_events();
    rh_driver_drain(driver);
    while (rh_driver_poll(driver)) {
    }
    cr_expect_eq(drains, 1);
    cr_expect(got(conn, "retry: 1234\n\n") && got(conn, "0\r\n\r\n"));
    cr_expect(rh_driver_is_shut(conn));
    cr_expect_eq(aborts, 0);
    end_all();
}

Test(sse, a_stream_that_ended_hears_of_no_drain)
{
    struct rh_driver_conn *conn = listen_to_events();
    rh_stream_end(stream);
    stream = NULL;
    while (rh_driver_poll(driver)) {
    }
    cr_expect(got(conn, "0\r\n\r\n"));
    rh_driver_drain(driver);
    cr_expect_eq(drains, 0);
    end_all();
}

Test(sse, a_peer_that_left_hears_of_no_drain)
{
    struct rh_driver_conn *conn = listen_to_events();
    rh_driver_reset(conn);
    cr_expect_eq(aborts, 1);
    rh_driver_drain(driver);
    cr_expect_eq(drains, 0);
    end_all();
}

Test(sse, a_drain_that_has_begun_is_told_at_once)
{
    struct rh_driver_conn *first = listen_to_events();
    struct rh_driver_conn *second = rh_driver_open(driver);
    rh_driver_feed(second, request, 20); /* its head has begun: it is answered */
    rh_stream_end(stream);
    stream = NULL;
    rh_driver_drain(driver);
    rh_driver_feed(second, request + 20, sizeof request - 1 - 20);
    while (rh_driver_poll(driver)) {
    }
    cr_expect_eq(drains, 1);
    cr_expect(got(second, "Connection: close\r\n") && got(second, "retry: 1234\n\n") &&
              got(second, "0\r\n\r\n"));
    (void)first;
    end_all();
}

Test(sse, a_slow_reader_misses_events_and_holds_one_buffer)
{
    static const char text[1000] = "x";
    struct rh_driver_conn *conn = listen_to_events();
    rh_driver_set_reading(conn, 0);
    int sent = 0, missed = 0;
    for (int i = 0; i < 1000; i++) {
        int result = rh_sse_send(stream, NULL, NULL, (struct rh_slice){text, sizeof text});
        cr_assert(result == 0 || result == RH_EAGAIN);
        sent += result == 0;
        missed += result == RH_EAGAIN;
        while (rh_driver_poll(driver)) {
        }
    }
    cr_expect_gt(missed, 900);
    cr_expect_lt(sent, 70, "%d events of a kilobyte were buffered", sent);
    cr_expect_eq(rh_sse_heartbeat(stream) == 0 || rh_stream_room(stream) < 3, 1);
    rh_driver_set_reading(conn, 1);
    while (rh_driver_poll(driver)) {
    }
    cr_expect_eq(rh_sse_send(stream, NULL, "last", rh_slice_from("goes on")), 0);
    while (rh_driver_poll(driver)) {
    }
    cr_expect(got(conn, "id: last\ndata: goes on\n\n"));
    rh_driver_reset(conn);
    end_all();
}
