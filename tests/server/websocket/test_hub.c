/* A hub through the driver: who gets a message, who misses one, who is closed for it. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>

#include "fixture.h"

static struct rh_websocket_hub *hub;
static struct rh_websocket_hub_options hub_options;
static struct rh_websocket *sockets[8];
static struct rh_driver_conn *conns[8];
static size_t sockets_n;

static void begin_hub(void)
{
    hub = rh_websocket_hub_create(&hub_options);
    cr_assert_not_null(hub);
}

static void set_up_hub(void)
{
    set_up_socket();
    options.on_open = NULL;
    rh_websocket_hub_options_init(&hub_options);
}

/* The driver first: sockets leave the hub as they end. */
static void tear_down_hub(void)
{
    tear_down();
    rh_websocket_hub_destroy(hub);
}

TestSuite(websocket_hub, .init = set_up_hub, .fini = tear_down_hub);

/* A socket that subscribes to `topic` (NULL: to none). */
static size_t join(const char *topic, const char *lines)
{
    char request[1024];
    if (driver == NULL) {
        begin(accepts, NULL);
        begin_hub();
        rh_driver_forget(conn);
    }
    size_t i = sockets_n++;
    conn = conns[i] = rh_driver_open(driver);
    snprintf(request, sizeof request, HANDSHAKE "%s\r\n", lines);
    send(request);
    expect_has(received(), "HTTP/1.1 101 ");
    sockets[i] = socket;
    if (topic != NULL) {
        cr_assert_eq(rh_websocket_hub_subscribe(hub, socket, topic), 0);
    }
    return i;
}

static void publish(const char *topic, const char *text)
{
    cr_expect_eq(rh_websocket_hub_publish(hub, topic, RH_WEBSOCKET_TEXT, text, strlen(text)), 0);
    while (rh_driver_poll(driver)) {
    }
}

static void expect_at(size_t i, const char *text)
{
    conn = conns[i];
    expect_frames(text);
}

Test(websocket_hub, brings_a_message_to_all_subscribers_of_its_topic)
{
    size_t a = join("news", "");
    size_t b = join("news", "");
    size_t c = join("sports", "");
    size_t d = join(NULL, "");
    publish("news", "one");
    publish("news", "two");
    publish("nobody", "three");
    expect_at(a, "T(one)T(two)");
    expect_at(b, "T(one)T(two)");
    expect_at(c, "");
    expect_at(d, "");
    cr_expect_eq(rh_websocket_hub_subscribers(hub, "news"), 2);
    cr_expect_eq(rh_websocket_hub_subscribers(hub, "nobody"), 0);
}

Test(websocket_hub, subscribes_once_and_to_many_topics)
{
    size_t a = join("news", "");
    cr_expect_eq(rh_websocket_hub_subscribe(hub, sockets[a], "news"), 0);
    cr_expect_eq(rh_websocket_hub_subscribe(hub, sockets[a], "sports"), 0);
    publish("news", "n");
    publish("sports", "s");
    expect_at(a, "T(n)T(s)");
    rh_websocket_hub_unsubscribe(hub, sockets[a], "news");
    rh_websocket_hub_unsubscribe(hub, sockets[a], "never");
    publish("news", "n");
    publish("sports", "s");
    expect_at(a, "T(s)");
    cr_expect_eq(rh_websocket_hub_subscribers(hub, "news"), 0);
}

Test(websocket_hub, forgets_who_is_closed)
{
    size_t a = join("news", "");
    size_t b = join("news", "");
    rh_driver_reset(conns[a]);
    cr_expect_eq(rh_websocket_hub_subscribers(hub, "news"), 1);
    publish("news", "one");
    expect_at(b, "T(one)");
    conn = conns[b];
    send_close(1000, "");
    cr_expect_eq(rh_websocket_hub_subscribers(hub, "news"), 0);
    publish("news", "two");
}

Test(websocket_hub, takes_no_socket_that_is_closing)
{
    size_t a = join(NULL, "");
    rh_websocket_close(sockets[a], 1000, NULL);
    cr_expect_eq(rh_websocket_hub_subscribe(hub, sockets[a], "news"), RH_ECUT);
}

static void fill(size_t i)
{
    static char text[9000];
    rh_driver_set_reading(conns[i], 0);
    while (rh_websocket_send(sockets[i], RH_WEBSOCKET_BINARY, text, sizeof text) >= 0) {
        rh_driver_poll(driver);
    }
    while (rh_websocket_send(sockets[i], RH_WEBSOCKET_BINARY, "", 0) >= 0) {
    }
}

Test(websocket_hub, leaves_messages_out_for_slow_readers)
{
    options.queue_bytes_max = 20000;
    size_t slow = join("news", "");
    size_t fast = join("news", "");
    fill(slow);
    publish("news", "missed");
    cr_expect_eq(rh_websocket_hub_missed(hub), 1);
    expect_at(fast, "T(missed)");
    rh_driver_set_reading(conns[slow], 1);
    while (rh_driver_poll(driver)) {
    }
    conn = conns[slow];
    expect_has_not(frames(), "missed");
    publish("news", "again");
    expect_at(slow, "T(again)");
}

Test(websocket_hub, closes_slow_readers_where_it_is_told_to)
{
    options.queue_bytes_max = 20000;
    hub_options.slow = RH_WEBSOCKET_END;
    size_t slow = join("news", "");
    size_t fast = join("news", "");
    fill(slow);
    publish("news", "missed");
    expect_at(fast, "T(missed)");
    rh_driver_set_reading(conns[slow], 1);
    while (rh_driver_poll(driver)) {
    }
    conn = conns[slow];
    expect_has(frames(), "X(1013 too slow)");
}

static void publishes(struct rh_websocket *s, enum rh_websocket_kind kind, struct rh_slice message,
                      void *data)
{
    (void)s;
    (void)data;
    rh_websocket_hub_publish(hub, "news", kind, message.base, message.len);
}

Test(websocket_hub, may_be_published_to_inside_a_callback)
{
    options.on_message = publishes;
    size_t a = join("news", "");
    size_t b = join("news", "");
    send_text("to all");
    while (rh_driver_poll(driver)) {
    }
    expect_at(a, "T(to all)");
    expect_at(b, "T(to all)");
}

static void publishes_its_end(struct rh_websocket *s, unsigned code, struct rh_slice reason,
                              void *data)
{
    (void)code;
    (void)reason;
    publishes(s, RH_WEBSOCKET_TEXT, rh_slice_from("left"), data);
}

Test(websocket_hub, may_be_told_of_an_end)
{
    options.on_close = publishes_its_end;
    size_t a = join("news", "");
    size_t b = join("news", "");
    rh_driver_reset(conns[a]);
    while (rh_driver_poll(driver)) {
    }
    expect_at(b, "T(left)");
    options.on_close = NULL;
    rh_driver_forget(conns[b]);
}

Test(websocket_hub, refuses_texts_that_are_not_utf8)
{
    begin(accepts, NULL);
    begin_hub();
    cr_expect_eq(rh_websocket_hub_publish(hub, "news", RH_WEBSOCKET_TEXT, "\xff", 1), RH_ETEXT);
    cr_expect_eq(rh_websocket_hub_publish(hub, "news", RH_WEBSOCKET_BINARY, "\xff", 1), 0);
}

#if RH_HAVE_GZIP
Test(websocket_hub, compresses_once_for_those_who_take_it)
{
    char text[1001] = "";
    memset(text, 'x', sizeof text - 1);
    size_t a = join("news", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    size_t b = join("news", "");
    size_t c =
        join("news", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n");
    publish("news", text);
    conn = conns[a];
    struct rh_slice first = rh_driver_output(conn);
    cr_expect_lt(first.len, 40);
    cr_expect_eq((unsigned char)first.base[0], 0xc1);
    expect_at(b, "T(1000 bytes)");
    conn = conns[c];
    cr_expect_lt(rh_driver_output(conn).len, 40);
}
#endif
