/* A time limit, and every way in which a handler can be late. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "live.h"
#include "rawhttp/body.h"
#include "rawhttp/middleware.h"
#include "rawhttp/stream.h"

static struct rh_exchange *held;
static enum rh_abort aborted;
static unsigned aborts;
static unsigned outcomes;
static unsigned outcome_status;
static int body_error;

static void setup(void)
{
    ask_setup();
    ask_hear_log(config.log_level);
}

TestSuite(middleware_timeout, .init = setup, .fini = ask_teardown);

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)x;
    (void)data;
    aborts++;
    aborted = reason;
}

static void on_outcome(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    (void)x;
    (void)data;
    outcomes++;
    outcome_status = outcome->status;
}

static void hold(struct rh_exchange *x, void *data)
{
    (void)data;
    held = x;
    rh_exchange_on_abort(x, on_abort, NULL);
    rh_exchange_on_outcome(x, on_outcome, NULL);
    rh_exchange_hold(x);
}

static struct rh_driver_conn *conn;

static void send_to(const char *text)
{
    if (driver == NULL) {
        cr_assert_eq(rh_driver_create(&driver, app, &config), 0, "%s", rh_app_error(app));
    }
    if (conn == NULL) {
        conn = rh_driver_open(driver);
    }
    rh_driver_feed(conn, text, strlen(text));
    while (rh_driver_poll(driver)) {
    }
}

/* What has come since the last call. */
static void receive(void)
{
    while (rh_driver_poll(driver)) {
    }
    struct rh_slice bytes = rh_driver_output(conn);
    ask_take(bytes);
    rh_driver_take(conn, bytes.len);
}

static const char get_late[] = "GET /late HTTP/1.1\r\nHost: x\r\n\r\n";

static void use(rh_handler_fn handler)
{
    struct rh_group *group = rh_app_group(app, NULL, "");
    rh_use_timeout(app, group, 100);
    rh_group_route(group, "GET", "/late", handler, NULL);
    rh_group_route(group, "POST", "/late", handler, NULL);
    rh_app_get(app, "/ping", pong, NULL);
}

Test(middleware_timeout, answers_for_a_handler_that_is_late)
{
    use(hold);
    send_to(get_late);
    rh_driver_advance(driver, 99);
    receive();
    cr_assert_str_eq(answer, "");
    rh_driver_advance(driver, 1);
    receive();
    cr_assert_eq(status, 503, "%s", answer);
    cr_assert_eq(aborts, 1);
    cr_assert_eq(aborted, RH_DEADLINE);
    cr_assert_eq(outcomes, 1);
    cr_assert_eq(outcome_status, 503);
    cr_assert_str_eq(log_text, "/late did not answer within 100 ms: 503");
    send_to("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n");
    receive();
    cr_assert_eq(status, 200, "the connection goes on");
    cr_assert_eq(rh_driver_exchanges(driver), 1, "the late one is still held");
    cr_assert(rh_exchange_is_cut(held));
    cr_assert_str_eq(rh_request_route(held).base, "/late");
    rh_respond_text(held, 200, "too late");
    receive();
    cr_assert_str_eq(answer, "");
    cr_assert_eq(rh_driver_exchanges(driver), 0);
    cr_assert_eq(outcomes, 1);
    rh_driver_advance(driver, 1000000);
    cr_assert_eq(aborts, 1);
}

Test(middleware_timeout, does_nothing_to_an_answer_in_time)
{
    use(hold);
    send_to(get_late);
    rh_driver_advance(driver, 99);
    rh_respond_text(held, 200, "just");
    receive();
    cr_assert_eq(status, 200);
    cr_assert_eq(rh_driver_exchanges(driver), 0);
    rh_driver_advance(driver, 10000);
    cr_assert_eq(aborts, 0);
    ask("GET /ping", "");
    cr_assert_eq(status, 200);
}

Test(middleware_timeout, lets_a_late_handler_give_its_hold_back)
{
    use(hold);
    send_to(get_late);
    rh_driver_advance(driver, 100);
    receive();
    cr_assert_eq(status, 503);
    rh_exchange_release(held);
    cr_assert_eq(rh_driver_exchanges(driver), 0);
}

static void on_abort_answer(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)reason;
    (void)data;
    aborts++;
    rh_respond_text(x, 200, "in the callback");
}

static void hold_and_answer_when_aborted(struct rh_exchange *x, void *data)
{
    hold(x, data);
    rh_exchange_forget_abort(x, on_abort, NULL);
    rh_exchange_on_abort(x, on_abort_answer, NULL);
}

Test(middleware_timeout, ignores_an_answer_inside_on_abort)
{
    use(hold_and_answer_when_aborted);
    send_to(get_late);
    rh_driver_advance(driver, 100);
    receive();
    cr_assert_eq(status, 503);
    cr_assert_null(strstr(answer, "callback"));
    cr_assert_eq(aborts, 1);
    cr_assert_eq(rh_driver_exchanges(driver), 0, "the hold has ended there");
}

Test(middleware_timeout, survives_an_answer_while_its_own_is_in_flight)
{
    use(hold);
    send_to(get_late);
    rh_driver_set_reading(conn, 0);
    rh_driver_advance(driver, 100);
    rh_exchange_hold(held); /* it does not know yet */
    rh_respond_text(held, 200, "too late");
    rh_driver_set_reading(conn, 1);
    receive();
    cr_assert_eq(status, 503);
    cr_assert_null(strstr(answer, "too late"));
    cr_assert_eq(rh_driver_exchanges(driver), 0);
}

Test(middleware_timeout, survives_a_connection_that_is_cut_first)
{
    use(hold);
    send_to(get_late);
    rh_driver_reset(conn);
    cr_assert_eq(aborted, RH_PEER_RESET);
    rh_driver_advance(driver, 1000);
    cr_assert_eq(aborts, 1);
    cr_assert_eq(outcomes, 1);
    rh_exchange_release(held);
    cr_assert_eq(rh_driver_exchanges(driver), 0);
}

Test(middleware_timeout, survives_a_connection_that_is_cut_behind_it)
{
    use(hold);
    send_to(get_late);
    rh_driver_set_reading(conn, 0);
    rh_driver_advance(driver, 100);
    rh_driver_reset(conn);
    cr_assert_eq(aborts, 1, "told once");
    cr_assert_eq(outcomes, 1);
    rh_respond_text(held, 200, "too late");
    cr_assert_eq(rh_driver_exchanges(driver), 0);
}

static void on_whole(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)data;
    (void)body;
    body_error = error;
    if (error == 0) {
        rh_respond_text(x, 200, "read");
    }
}

static void read_whole(struct rh_exchange *x, void *data)
{
    rh_body_whole(x, on_whole, data);
}

Test(middleware_timeout, ends_a_body_that_is_read)
{
    use(read_whole);
    send_to("POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    rh_driver_advance(driver, 100);
    receive();
    cr_assert_eq(status, 503, "%s", answer);
    cr_assert_eq(body_error, RH_ECUT);
    send_to("defghij");
    send_to("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n");
    receive();
    cr_assert_eq(status, 200, "the rest of the body was discarded: %s", answer);
    cr_assert_eq(rh_driver_exchanges(driver), 0);
}

static size_t on_piece(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)x;
    (void)data;
    return piece.len > 2 ? 2 : 0; /* pauses */
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    body_error = error;
    rh_exchange_release(x);
}

static void read_slowly(struct rh_exchange *x, void *data)
{
    hold(x, data);
    rh_body_stream(x, on_piece, on_end, NULL);
}

Test(middleware_timeout, ends_a_paused_body_whose_reader_gives_its_hold_back)
{
    use(read_slowly);
    send_to("POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde");
    rh_driver_advance(driver, 100);
    receive();
    cr_assert_eq(status, 503);
    cr_assert_eq(body_error, RH_ECUT);
    cr_assert_eq(rh_driver_exchanges(driver), 0);
}

Test(middleware_timeout, refuses_what_a_late_handler_begins)
{
    use(hold);
    send_to("POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    rh_driver_set_reading(conn, 0);
    rh_driver_advance(driver, 100);
    rh_body_whole(held, on_whole, NULL);
    cr_assert_eq(body_error, RH_ECUT);
    rh_stream_open(held, 200, "text/plain", RH_LENGTH_UNKNOWN, NULL, NULL);
    cr_assert_eq(rh_stream_write(held, "late", 4), 4);
    rh_driver_set_reading(conn, 1);
    receive();
    cr_assert_eq(status, 503);
    cr_assert_null(strstr(answer, "late\r\n"), "%s", answer);
    cr_assert_eq(rh_stream_write(held, "later", 5), 5);
    rh_stream_end(held);
    cr_assert_eq(rh_driver_exchanges(driver), 0);
}

static void stream(struct rh_exchange *x, void *data)
{
    (void)data;
    held = x;
    rh_stream_open(x, 200, "text/plain", RH_LENGTH_UNKNOWN, NULL, NULL);
    rh_stream_write(x, "one ", 4);
}

Test(middleware_timeout, leaves_an_answer_that_has_begun)
{
    use(stream);
    send_to(get_late);
    rh_driver_advance(driver, 500);
    rh_stream_write(held, "two", 3);
    rh_stream_end(held);
    receive();
    cr_assert_eq(status, 200);
    cr_assert_not_null(strstr(answer, "two"));
    cr_assert_eq(aborts, 0);
}

static void later(struct rh_exchange *x, void *data)
{
    (void)data;
    held = x;
    rh_exchange_hold(x);
}

Test(middleware_timeout, runs_nothing_behind_a_middleware_that_was_late)
{
    struct rh_group *group = rh_app_group(app, NULL, "");
    rh_use_timeout(app, group, 100);
    rh_group_use(group, later, NULL);
    rh_group_route(group, "GET", "/late", hold, NULL);
    send_to(get_late);
    rh_driver_advance(driver, 100);
    receive();
    cr_assert_eq(status, 503);
    rh_next(held);
    cr_assert_eq(outcomes, 0, "the handler did not run");
    cr_assert_eq(rh_driver_exchanges(driver), 0);
}

Test(middleware_timeout, keeps_many_limits_in_order)
{
    static char patterns[40][8];
    struct rh_driver_conn *conns[40];
    for (int i = 0; i < 40; i++) {
        struct rh_group *group = rh_app_group(app, NULL, "");
        snprintf(patterns[i], sizeof patterns[i], "/%d", i);
        rh_use_timeout(app, group,
                       (uint32_t)(i * 37 % 40 + 1) *
                           10); /* 40 durations, more than there are lists */
        rh_group_route(group, "GET", patterns[i], later, NULL);
    }
    cr_assert_eq(rh_driver_create(&driver, app, &config), 0);
    struct rh_exchange *all[40];
    for (int i = 0; i < 40; i++) {
        char request[64];
        snprintf(request, sizeof request, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
        conns[i] = rh_driver_open(driver);
        rh_driver_feed(conns[i], request, strlen(request));
        all[i] = held;
    }
    for (unsigned ms = 10; ms <= 400; ms += 10) {
        rh_driver_advance(driver, 10);
        unsigned answered = 0;
        for (int i = 0; i < 40; i++) {
            answered += rh_driver_output(conns[i]).len > 0;
        }
        cr_assert_eq(answered, ms / 10, "%u at %u ms", answered, ms);
    }
    for (int i = 0; i < 40; i++) {
        rh_exchange_release(all[i]);
    }
}

Test(middleware_timeout, works_on_a_loop)
{
    use(hold);
    rh_app_ref(app);
    struct live *live = live_open(app);
    live_ask(live, "GET", "/late", NULL);
    cr_assert_eq(live->status, 503, "%s", live->raw);
    live_ask(live, "GET", "/ping", NULL);
    cr_assert_eq(live->status, 200);
    rh_respond_text(held, 200, "too late");
    live_close(live);
}

Test(middleware_timeout, is_between_a_millisecond_and_a_day)
{
    struct rh_app *other = rh_app_create();
    rh_use_timeout(app, NULL, 0);
    cr_assert_eq(rh_app_status(app), RH_ECONFIG);
    rh_use_timeout(other, NULL, 24 * 60 * 60 * 1000 + 1);
    cr_assert_eq(rh_app_status(other), RH_ECONFIG);
    rh_use_timeout(other, NULL, 1);
    rh_use_timeout(NULL, NULL, 1);
    rh_app_unref(other);
}
