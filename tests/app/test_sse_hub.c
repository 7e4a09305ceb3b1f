/* A hub through the driver: who hears what, and what ends a subscription. */
#include "asked.h"

#include "rawhttp/sse.h"

static struct rh_sse_hub *hub;
static int last_result;

static void listen(struct rh_exchange *x, void *data)
{
    (void)data;
    last_result = rh_sse_hub_subscribe(hub, x);
    if (last_result == 0) {
        cr_expect_eq(rh_sse_send(x, "hello", NULL, rh_slice_from("first")), 0);
    }
}

static void setup(void)
{
    struct rh_sse_hub_options options;
    asked_setup();
    rh_sse_hub_options_init(&options);
    options.heartbeat_ms = 1000;
    options.retry_ms = 2000;
    hub = rh_sse_hub_create(&options);
    cr_assert_not_null(hub);
    rh_app_own(app, rh_sse_hub_destroy, hub);
    rh_app_get(app, "/events", listen, NULL);
    cr_assert_eq(rh_driver_create(&driver, app, &asked_config), 0);
}

TestSuite(sse_hub, .init = setup, .fini = asked_teardown);

static void settle(void)
{
    while (rh_driver_poll(driver)) {
    }
}

static struct rh_driver_conn *subscribe(void)
{
    static const char request[] = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    struct rh_driver_conn *conn = rh_driver_open(driver);
    rh_driver_feed(conn, request, sizeof request - 1);
    settle();
    return conn;
}

static int times(struct rh_driver_conn *conn, const char *text)
{
    struct rh_slice output = rh_driver_output(conn);
    int count = 0;
    const char *at = output.base;
    for (size_t left = output.len; left > 0 && (at = memmem(at, left, text, strlen(text))) != NULL;
         at += strlen(text), left = output.len - (size_t)(at - output.base)) {
        count++;
    }
    return count;
}

static int publish(const char *text)
{
    int err = rh_sse_hub_publish(hub, "news", "7", rh_slice_from(text));
    settle();
    return err;
}

Test(sse_hub, one_publish_reaches_all)
{
    struct rh_driver_conn *a = subscribe(), *b = subscribe();
    cr_expect_eq(rh_sse_hub_subscribers(hub), 2);
    cr_expect_eq(publish("two\nlines"), 0);
    cr_expect_eq(times(a, "event: news\nid: 7\ndata: two\ndata: lines\n\n"), 1);
    cr_expect_eq(times(b, "event: news\nid: 7\ndata: two\ndata: lines\n\n"), 1);
    cr_expect_eq(times(a, "retry: 2000\n\n"), 1);
    cr_expect_eq(times(a, "event: hello\ndata: first\n\n"), 1);
}

Test(sse_hub, nobody_is_told_of_a_broken_event)
{
    struct rh_driver_conn *a = subscribe();
    cr_expect_eq(rh_sse_hub_publish(hub, "a\nb", NULL, rh_slice_from("x")), RH_EFIELD);
    cr_expect_eq(rh_sse_hub_publish(hub, NULL, "a\rb", rh_slice_from("x")), RH_EFIELD);
    settle();
    cr_expect_eq(times(a, "data: x"), 0);
}

Test(sse_hub, who_leaves_is_forgotten_and_the_others_go_on)
{
    struct rh_driver_conn *a = subscribe(), *b = subscribe(), *c = subscribe();
    rh_driver_reset(b);
    rh_driver_eof(c);
    settle();
    cr_expect_eq(rh_sse_hub_subscribers(hub), 1);
    publish("still");
    cr_expect_eq(times(a, "data: still"), 1);
    rh_driver_reset(a);
    settle();
    cr_expect_eq(rh_sse_hub_subscribers(hub), 0);
    cr_expect_eq(publish("nobody"), 0);
    struct rh_driver_conn *d = subscribe(); /* a new room */
    publish("again");
    cr_expect(times(d, "data: again") == 1 && times(d, "data: nobody") == 0);
}

Test(sse_hub, beats_where_it_is_quiet)
{
    struct rh_driver_conn *a = subscribe();
    rh_driver_advance(driver, 3500);
    settle();
    cr_expect_eq(times(a, "\n:\n\n"), 3);
    rh_driver_reset(a);
    rh_driver_advance(driver, 3500); /* nobody is left to beat for */
    struct rh_driver_conn *b = subscribe();
    rh_driver_advance(driver, 1500);
    settle();
    cr_expect_eq(times(b, "\n:\n\n"), 1);
}

Test(sse_hub, a_drain_ends_all_at_once)
{
    struct rh_driver_conn *a = subscribe(), *b = subscribe();
    rh_driver_drain(driver);
    settle();
    cr_expect_eq(rh_sse_hub_subscribers(hub), 0);
    cr_expect_eq(times(a, "retry: 2"), 2);
    cr_expect(times(a, "0\r\n\r\n") == 1 && times(b, "0\r\n\r\n") == 1);
    cr_expect(rh_driver_is_shut(a) && rh_driver_is_shut(b));
}

Test(sse_hub, a_slow_reader_is_ended_and_not_waited_for)
{
    static char text[1001];
    struct rh_driver_conn *slow = subscribe(), *quick = subscribe();
    memset(text, 'x', sizeof text - 1);
    rh_driver_set_reading(slow, 0);
    for (int i = 0; i < 100; i++) {
        publish(text);
    }
    cr_expect_eq(rh_sse_hub_subscribers(hub), 1);
    cr_expect_eq(times(quick, text), 100);
    rh_driver_set_reading(slow, 1);
    settle();
    cr_expect(times(slow, text) > 10 && times(slow, text) < 70, "%d", times(slow, text));
    cr_expect_eq(times(slow, "0\r\n\r\n"), 1);
}

Test(sse_hub, head_is_answered_and_not_subscribed)
{
    ask("HEAD /events", "");
    cr_expect(status == 200 && last_result == RH_ESTATE);
    cr_expect_eq(rh_sse_hub_subscribers(hub), 0);
}
