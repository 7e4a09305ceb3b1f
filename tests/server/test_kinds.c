/* A second kind of session, through the real connection and through the driver: how it is chosen,
 * how it takes a connection over, and every way in which it ends. */
#include "server/driver.h"
#include "server/fixture.h"
#include "support/echo.h"

static const struct echo_argument hello = {"hello "};

static void upgrades(struct rh_exchange *x, void *data)
{
    (void)data;
    if (rh_slice_is(rh_request_path(x), "/up")) {
        rh_response_set(x, "Upgrade", "echo");
        rh_exchange_upgrade(x, &echo_kind, (void *)(uintptr_t)&hello);
    } else {
        rh_respond_text(x, 200, "pong");
    }
}

static void begin_kinds(rh_handler_fn handler)
{
    begin(handler, NULL);
    rh_engine_add_kind(rh_driver_engine(driver), &echo_kind);
    rh_driver_forget(conn);
    conn = rh_driver_open(driver);
}

static void tear_down_kinds(void)
{
    tear_down();
    cr_expect_eq(echo_opened, echo_ended);
}

TestSuite(kinds, .init = set_up, .fini = tear_down_kinds);

#define UP "GET /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
#define SWITCHED \
    "HTTP/1.1 101 Switching Protocols\r\n" COMMON "Upgrade: echo\r\nConnection: Upgrade\r\n\r\n"

Test(kinds, preface_chooses_one_on_a_plain_connection)
{
    begin_kinds(upgrades);
    send("ECHO\nabc");
    expect_received("ECHO\nabc");
    send("def");
    expect_received("def");
    cr_expect_eq(echo_opened, 1);
}

Test(kinds, preface_may_come_byte_by_byte)
{
    begin_kinds(upgrades);
    send("E");
    send("CHO");
    expect_received("");
    cr_expect_eq(echo_opened, 0);
    send("\nx");
    expect_received("ECHO\nx");
}

Test(kinds, what_only_begins_like_a_preface_is_a_request)
{
    begin_kinds(upgrades);
    send("E");
    rh_driver_eof(conn);
    cr_expect(rh_driver_is_closed(conn));
    conn = rh_driver_open(driver);
    send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_received(PONG);
    send("ECHO\n");
    cr_expect_eq(echo_opened, 0, "only the first bytes choose");
}

Test(kinds, half_a_preface_is_given_up_with_its_deadline)
{
    begin_kinds(upgrades);
    send("ECH");
    rh_driver_advance(driver, 10000);
    cr_expect(rh_driver_is_closed(conn));
    cr_expect_eq(echo_opened, 0);
}

Test(kinds, an_upgrade_hands_the_connection_over_with_the_bytes_left)
{
    begin_kinds(upgrades);
    send(GET UP "more");
    expect_received(PONG SWITCHED "hello more");
    send(" and more");
    expect_received(" and more");
    cr_expect_eq(echo_cancelled, 0);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

static void on_outcome(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    (void)x;
    cr_expect_eq(outcome->status, 101);
    cr_expect_not(outcome->aborted);
    ++*(unsigned *)data;
}

static unsigned outcomes;

static void upgrades_and_asks(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_exchange_on_outcome(x, on_outcome, &outcomes);
    rh_exchange_upgrade(x, &echo_kind, (void *)(uintptr_t)&hello);
}

Test(kinds, an_upgrade_has_its_outcome_when_its_head_is_written)
{
    begin_kinds(upgrades_and_asks);
    rh_driver_set_reading(conn, 0);
    send(UP "x");
    cr_expect_eq(outcomes, 0);
    rh_driver_set_reading(conn, 1);
    cr_expect_eq(outcomes, 1);
    cr_expect_eq(echo_opened, 1);
    expect_has(received(), "\r\n\r\nhello x");
}

static struct rh_exchange *held;

static void holds(struct rh_exchange *x, void *data)
{
    (void)data;
    held = x;
    rh_exchange_hold(x);
}

Test(kinds, an_upgrade_may_come_later)
{
    begin_kinds(holds);
    send(UP "kept");
    rh_exchange_upgrade(held, &echo_kind, (void *)(uintptr_t)&hello);
    rh_driver_poll(driver);
    expect_has(received(), "\r\n\r\nhello kept");
}

Test(kinds, an_upgrade_that_cannot_happen_is_cancelled_once)
{
    begin_kinds(holds);
    send(UP);
    rh_driver_reset(conn);
    rh_exchange_upgrade(held, &echo_kind, (void *)(uintptr_t)&hello); /* the peer is gone */
    cr_expect_eq(echo_cancelled, 1);
    conn = rh_driver_open(driver);
    send(UP);
    rh_exchange_upgrade(held, &echo_kind, (void *)(uintptr_t)&hello);
    rh_driver_reset(conn); /* before the answer was pulled */
    cr_expect_eq(echo_cancelled, 2);
    conn = rh_driver_open(driver);
    send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n");
    rh_exchange_upgrade(held, &echo_kind, (void *)(uintptr_t)&hello); /* a body is to come */
    cr_expect_eq(echo_cancelled, 3);
    rh_driver_poll(driver);
    expect_has(received(), "HTTP/1.1 400 ");
    cr_expect_eq(echo_opened, 0);
}

Test(kinds, no_memory_for_the_session_ends_the_connection)
{
    begin_kinds(upgrades);
    echo_fails = true;
    send("ECHO\n");
    cr_expect(rh_driver_is_closed(conn));
    conn = rh_driver_open(driver);
    send(UP);
    cr_expect(rh_driver_is_closed(conn));
    cr_expect_eq(echo_cancelled, 1);
}

Test(kinds, a_session_ends_by_eof_reset_deadline_and_its_own_will)
{
    begin_kinds(upgrades);
    send("ECHO\nabc");
    rh_driver_eof(conn);
    cr_expect(rh_driver_is_closed(conn));
    cr_expect_eq(echo_ended, 1);
    conn = rh_driver_open(driver);
    send("ECHO\nabc");
    rh_driver_reset(conn);
    cr_expect_eq(echo_ended, 2);
    cr_expect_eq(echo_reason, RH_PEER_RESET);
    conn = rh_driver_open(driver);
    send("ECHO\nabc");
    rh_driver_advance(driver, config.idle_ms);
    cr_expect_eq(echo_expired, 1);
    cr_expect_eq(echo_ended, 3);
    conn = rh_driver_open(driver);
    send("ECHO\nabc!");
    cr_expect(rh_driver_is_shut(conn));
    expect_received("ECHO\nabc!");
    rh_driver_eof(conn);
    cr_expect_eq(echo_ended, 4);
}

Test(kinds, a_drain_reaches_every_kind)
{
    begin_kinds(upgrades);
    send("ECHO\n");
    rh_driver_drain(driver);
    expect_received("ECHO\ndrained");
    cr_expect(rh_driver_is_closed(conn));
    cr_expect_eq(echo_drained, 1);
}

Test(kinds, a_session_begun_during_a_drain_is_told)
{
    begin_kinds(holds);
    send(UP);
    rh_driver_drain(driver);
    rh_exchange_upgrade(held, &echo_kind, (void *)(uintptr_t)&hello);
    rh_driver_poll(driver);
    expect_has(received(), "\r\n\r\nhello drained");
    cr_expect(rh_driver_is_closed(conn));
}

Test(kinds, one_may_read_while_it_writes)
{
    begin_kinds(upgrades);
    for (unsigned i = 0; i < 2; i++) {
        echo_reads_while_writing = i == 1;
        conn = rh_driver_open(driver);
        rh_driver_set_reading(conn, 0);
        send("ECHO\n");
        echo_fed_in_flight = 0;
        send("abc");
        cr_expect_eq(echo_fed_in_flight, i == 1 ? 3 : 0);
        rh_driver_set_reading(conn, 1);
        expect_received("ECHO\nabc");
    }
}
