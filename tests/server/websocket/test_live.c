/* WebSockets over real sockets: ends in odd places, peers that do not read, posts from threads. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rawhttp/server.h"
#include "rawhttp/websocket.h"
#include "support/door.h"
#include "support/loop.h"

#define HANDSHAKE                                                                \
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define HELLO "\x81\x85\0\0\0\0hello"
#define CLOSE "\x88\x82\0\0\0\0\x03\xe8"

static uv_loop_t loop;
static struct rh_server *server;
static struct test_door door;
static struct rh_config config;
static struct rh_websocket_options options;
static struct rh_websocket *last;
static char text[1 << 20];
static int closed;
static int drained;
static int opens;
static int messages;
static int ends;
static unsigned end_code;

static void accepts(struct rh_exchange *x, void *data)
{
    (void)data;
    last = rh_websocket_accept(x, &options);
}

static void note(struct rh_server *s, void *data)
{
    (void)s;
    ++*(int *)data;
}

static void on_open(struct rh_websocket *s, void *data)
{
    (void)s;
    (void)data;
    opens++;
}

static void on_message(struct rh_websocket *s, enum rh_websocket_kind kind, struct rh_slice message,
                       void *data)
{
    (void)data;
    messages++;
    rh_websocket_send(s, kind, message.base, message.len);
}

static void on_close(struct rh_websocket *s, unsigned code, struct rh_slice reason, void *data)
{
    (void)s;
    (void)reason;
    (void)data;
    ends++;
    end_code = code;
}

static void set_up(void)
{
    rh_config_init(&config);
    config.connections_max = 64;
    rh_websocket_options_init(&options);
    options.on_open = on_open;
    options.on_message = on_message;
    options.on_close = on_close;
    cr_assert_eq(uv_loop_init(&loop), 0);
}

static void begin(void)
{
    test_door_init(&door, accepts, NULL);
    cr_assert_eq(rh_server_create(&server, &loop, test_door_app(&door), &config), 0);
    cr_assert_eq(rh_server_listen(server, "127.0.0.1:0", NULL), 0);
}

static void tear_down(void)
{
    if (!closed) {
        rh_server_close(server, note, &closed);
    }
    cr_assert(loop_until_flag(&loop, &closed, 5000), "the server does not close");
    rh_server_destroy(server); /* the pools assert that all was given back */
    cr_expect_eq(ends, opens, "each socket that opened was told its end");
    loop_close(&loop);
}

TestSuite(websocket_live, .init = set_up, .fini = tear_down, .timeout = 60);

static int connect_socket(void)
{
    int fd = peer_connect(rh_server_port(server, 0));
    peer_say(&loop, fd, HANDSHAKE);
    peer_receive(&loop, fd, text, sizeof text, "\r\n\r\n", 2000, NULL);
    cr_assert_not_null(strstr(text, " 101 "));
    return fd;
}

#define SAY(fd, bytes) peer_send(&loop, fd, bytes, sizeof bytes - 1)

Test(websocket_live, echoes_and_closes_without_a_reset)
{
    int end;
    begin();
    int fd = connect_socket();
    SAY(fd, HELLO HELLO CLOSE);
    size_t len = peer_receive(&loop, fd, text, sizeof text, NULL, 2000, &end);
    cr_expect_eq(len, 18);
    cr_expect_arr_eq(text, "\x81\x05hello\x81\x05hello\x88\x02\x03\xe8", 18);
    cr_expect_eq(end, 1);
    loop_run_ms(&loop, 20);
    SAY(fd, "late bytes that nobody reads"); /* lingering: no reset destroys what was sent */
    loop_run_ms(&loop, 20);
    close(fd);
    cr_expect_eq(end_code, 1000);
}

static void closes_server(struct rh_websocket *s, enum rh_websocket_kind kind,
                          struct rh_slice message, void *data)
{
    (void)kind;
    (void)message;
    (void)data;
    messages++;
    rh_server_close(server, note, &closed);
    cr_expect_eq(rh_websocket_send(s, RH_WEBSOCKET_TEXT, "x", 1) >= 0 || ends == 1, 1);
    rh_websocket_close(s, 1000, NULL);
}

Test(websocket_live, bears_a_server_that_closes_inside_a_message)
{
    options.on_message = closes_server;
    begin();
    int fd = connect_socket();
    SAY(fd, HELLO HELLO);
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    cr_expect_eq(messages, 1);
    close(fd);
}

static void closes_server_on_open(struct rh_websocket *s, void *data)
{
    on_open(s, data);
    rh_server_close(server, note, &closed);
}

Test(websocket_live, bears_a_server_that_closes_inside_its_opening)
{
    options.on_open = closes_server_on_open;
    begin();
    int fd = peer_connect(rh_server_port(server, 0));
    peer_say(&loop, fd, HANDSHAKE);
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    close(fd);
}

static void closes_server_on_close(struct rh_websocket *s, unsigned code, struct rh_slice reason,
                                   void *data)
{
    on_close(s, code, reason, data);
    if (!closed) {
        rh_server_close(server, note, &closed);
    }
}

Test(websocket_live, bears_a_server_that_closes_inside_its_end)
{
    options.on_close = closes_server_on_close;
    begin();
    int fd = connect_socket();
    SAY(fd, CLOSE);
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    close(fd);
}

static void closes_server_when_drained(struct rh_websocket *s, void *data)
{
    (void)s;
    (void)data;
    rh_server_close(server, note, &closed);
}

Test(websocket_live, bears_a_server_that_closes_when_it_is_drained)
{
    options.on_drained = closes_server_when_drained;
    begin();
    int fd = connect_socket();
    SAY(fd, HELLO);
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    close(fd);
}

static bool is_ended(void *data)
{
    (void)data;
    return ends > 0;
}

/* Fills the socket's buffers and the queue of a peer that does not read. */
static void fill(void)
{
    static char much[60000];
    while (rh_websocket_send(last, RH_WEBSOCKET_BINARY, much, sizeof much) >= 0 ||
           rh_websocket_queued(last) < 200000) {
        loop_run_ms(&loop, 1);
    }
}

Test(websocket_live, is_cut_while_bytes_are_in_flight)
{
    begin();
    int fd = connect_socket();
    fill();
    rh_websocket_cut(last);
    peer_reset(fd);
    cr_expect(loop_until(&loop, is_ended, NULL, 2000));
    cr_expect_eq(end_code, RH_WEBSOCKET_ABNORMAL);
}

Test(websocket_live, loses_a_peer_that_does_not_read)
{
    config.write_ms = 200;
    begin();
    int fd = connect_socket();
    fill();
    cr_expect(loop_until(&loop, is_ended, NULL, 3000));
    cr_expect_eq(end_code, RH_WEBSOCKET_ABNORMAL);
    close(fd);
}

Test(websocket_live, is_closed_while_bytes_are_in_flight)
{
    begin();
    int fd = connect_socket();
    fill();
    rh_server_close(server, note, &closed);
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    cr_expect_eq(ends, 1);
    close(fd);
}

Test(websocket_live, drains_while_bytes_are_in_flight)
{
    begin();
    int fd = connect_socket();
    fill();
    rh_server_drain(server, 300, note, &drained);
    cr_expect(loop_until_flag(&loop, &drained, 3000));
    close(fd);
}

/* --- Threads --- */

enum { POSTS = 200 };

static void posted(struct rh_websocket *s, void *data)
{
    (void)data;
    messages++;
    rh_websocket_send(s, RH_WEBSOCKET_TEXT, "post", 4);
    if (messages == POSTS) {
        rh_websocket_unref(s);
    }
}

static void *posts(void *data)
{
    for (int i = 0; i < POSTS; i++) {
        cr_assert_eq(rh_websocket_post(data, posted, NULL), 0);
        usleep(50);
    }
    return NULL;
}

static bool has_all(void *data)
{
    (void)data;
    return messages == POSTS;
}

Test(websocket_live, takes_posts_of_a_thread_also_after_its_end)
{
    pthread_t thread;
    begin();
    int fd = connect_socket();
    rh_websocket_ref(last);
    pthread_create(&thread, NULL, posts, last);
    loop_run_ms(&loop, 5);
    peer_reset(fd);
    cr_expect(loop_until(&loop, has_all, NULL, 5000));
    pthread_join(thread, NULL);
    cr_expect_eq(ends, 1);
}

Test(websocket_live, holds_a_server_up_while_it_is_referenced)
{
    begin();
    int fd = connect_socket();
    struct rh_websocket *kept = last;
    rh_websocket_ref(kept);
    rh_server_close(server, note, &closed);
    loop_run_ms(&loop, 50);
    cr_expect_eq(closed, 0);
    cr_expect_eq(ends, 1);
    rh_websocket_unref(kept);
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    close(fd);
}

/* --- Room --- */

Test(websocket_live, is_not_cut_to_make_room_for_others)
{
    config.connections_max = 2;
    begin();
    int a = connect_socket();
    int b = connect_socket();
    int c = peer_connect(rh_server_port(server, 0));
    loop_run_ms(&loop, 100);
    cr_expect_eq(ends, 0);
    SAY(a, HELLO);
    cr_expect_eq(peer_receive(&loop, a, text, sizeof text, "hello", 2000, NULL), 7);
    close(a);
    close(b);
    close(c);
    cr_expect(loop_until(&loop, is_ended, NULL, 2000));
}
