/* HTTP/1.1 and 1.0 through the driver: heads, connections, answers in order. */
#include "fixture.h"

TestSuite(http1, .init = set_up, .fini = tear_down);

static void pong(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

static void target(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice path = rh_request_target(x);
    rh_respond(x, 200, NULL, path.base, path.len);
}

Test(http1, answers_and_keeps_the_connection)
{
    begin(pong, NULL);
    send(GET);
    expect_received(PONG);
    send(GET);
    expect_received(PONG);
    cr_expect_not(rh_driver_is_shut(conn));
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(http1, answers_pipelined_requests_in_order)
{
    begin(target, NULL);
    send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *text = received();
    cr_expect_eq(count(text, "HTTP/1.1 200"), 3);
    cr_assert(strstr(text, "/1") < strstr(text, "/2") && strstr(text, "/2") < strstr(text, "/3"));
}

Test(http1, ends_the_connection_where_the_client_asks)
{
    begin(pong, NULL);
    send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" GET);
    const char *text = received();
    expect_has(text, "Connection: close\r\n");
    cr_expect_eq(count(text, "HTTP/1.1"), 1);
    cr_expect(rh_driver_is_shut(conn));
    cr_expect_eq(door.handled, 1);
}

Test(http1, keeps_a_connection_of_1_0_only_where_asked)
{
    begin(pong, NULL);
    send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_has(received(), "Connection: keep-alive\r\n");
    cr_expect_not(rh_driver_is_shut(conn));
    send("GET / HTTP/1.0\r\n\r\n");
    expect_has(received(), "Connection: close\r\n");
    cr_expect(rh_driver_is_shut(conn));
}

Test(http1, sends_no_content_to_head)
{
    begin(pong, NULL);
    send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_received("HTTP/1.1 200 OK\r\n" COMMON TEXT "Content-Length: 4\r\n\r\n");
    cr_expect_not(rh_driver_is_shut(conn));
}
