/* A server over real sockets: how it ends, what it does under pressure, and what hostile clients
 * get. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rawhttp/body.h"
#include "rawhttp/server.h"
#include "rawhttp/stream.h"
#include "rawhttp/tls.h"
#include "support/door.h"
#include "support/loop.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define CLOSE "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static uv_loop_t loop;
static struct rh_server *server;
static struct test_door door;
static struct rh_config config;
static char text[1 << 20];
static int closed;
static int drained;
static unsigned port;

static void set_up(void)
{
    rh_config_init(&config);
    config.connections_max = 256;
    closed = drained = 0;
    cr_assert_eq(uv_loop_init(&loop), 0);
}

static char log_text[4096]; /* all lines so far */
static bool inside;         /* of a callback that closes the server */

static void note_log(void *data, enum rh_log_level level, const char *line)
{
    (void)data;
    (void)level;
    strncat(log_text, line, sizeof log_text - strlen(log_text) - 1);
    strncat(log_text, "\n", sizeof log_text - strlen(log_text) - 1);
}

static void begin(rh_handler_fn handler, void *data)
{
    log_text[0] = '\0';
    config.log = note_log;
    test_door_init(&door, handler, data);
    cr_assert_eq(rh_server_create(&server, &loop, test_door_app(&door), &config), 0);
    cr_assert_eq(rh_server_listen(server, "127.0.0.1:0", NULL), 0, "%s", rh_server_error(server));
    port = rh_server_port(server, 0);
}

static void note(struct rh_server *s, void *data)
{
    (void)s;
    ++*(int *)data;
}

static void tear_down(void)
{
    if (!closed) {
        rh_server_close(server, note, &closed);
    }
    cr_assert(loop_until_flag(&loop, &closed, 5000), "the server does not close");
    cr_assert_eq(closed, 1);
    rh_server_destroy(server); /* the pools assert that all was given back */
    cr_assert_eq(door.references, 0);
    loop_close(&loop);
}

TestSuite(server, .init = set_up, .fini = tear_down, .timeout = 30);

static uint64_t open_now(void)
{
    struct rh_stats stats;
    rh_server_stats(server, &stats);
    return stats.connections_open;
}

static bool nobody_is_open(void *data)
{
    (void)data;
    return open_now() == 0;
}

static void pong(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

static struct rh_exchange *held[300];
static unsigned held_n;
static enum rh_abort aborts[4];
static unsigned aborts_n;

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)x;
    (void)data;
    aborts[aborts_n++ % 4] = reason;
}

static void holds(struct rh_exchange *x, void *data)
{
    (void)data;
    held[held_n++] = x;
    rh_exchange_on_abort(x, on_abort, NULL);
    rh_exchange_hold(x);
}

static bool is_held(void *data)
{
    return held_n >= (unsigned)(uintptr_t)data;
}

Test(server, answers_over_a_socket)
{
    begin(pong, NULL);
    int fd = peer_connect(port);
    int end;
    peer_say(&loop, fd, GET CLOSE);
    peer_receive(&loop, fd, text, sizeof text, NULL, 2000, &end);
    cr_expect_eq(end, 1);
    cr_expect_not_null(strstr(text, "pong"));
    cr_expect_not_null(strstr(strstr(text, "pong") + 1, "pong"));
    close(fd);
}

/* --- Listening
 * -------------------------------------------------------------------------------------- */

Test(server, notices_a_second_instance_on_its_port)
{
    begin(pong, NULL);
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    cr_expect_eq(rh_server_listen(server, address, NULL), UV_EADDRINUSE);
    cr_expect_not_null(strstr(rh_server_error(server), address));
    cr_expect_null(rh_server_url(server, 1), "what failed is not listed");
    cr_expect_eq(rh_server_listen(server, "127.0.0.1:0", NULL), 0);
    cr_expect_not_null(rh_server_url(server, 1));
    cr_expect_eq(rh_server_listen(server, address, NULL), UV_EADDRINUSE);
    int fd = peer_connect(rh_server_port(server, 1)); /* the failure closed none of the others */
    peer_say(&loop, fd, GET);
    peer_receive(&loop, fd, text, sizeof text, "pong", 2000, NULL);
    cr_expect_not_null(strstr(text, "pong"));
    close(fd);
}

Test(server, refuses_addresses_that_are_none)
{
    begin(pong, NULL);
    cr_expect_eq(rh_server_listen(server, "example.org:80", NULL), RH_EADDRESS);
    cr_expect_eq(rh_server_listen(server, "127.0.0.1", NULL), RH_EADDRESS);
    cr_expect_eq(rh_server_listen(server, "127.0.0.1:70000", NULL), RH_EADDRESS);
    cr_expect_lt(rh_server_listen(server, "fd:999", NULL), 0);
}

/* --- Ends
 * ------------------------------------------------------------------------------------------- */

Test(server, closes_though_clients_are_at_every_stage)
{
    begin(holds, NULL);
    static const char *const stages[] = {
        "", "GET / HT", GET, GET GET,
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"};
    int fds[5];
    for (unsigned i = 0; i < 5; i++) {
        fds[i] = peer_connect(port);
        peer_say(&loop, fds[i], stages[i]);
    }
    cr_assert(loop_until(&loop, is_held, (void *)3, 2000));
    rh_server_close(server, note, &closed);
    loop_run_ms(&loop, 50);
    cr_expect_not(closed, "three are held");
    cr_expect_eq(aborts_n, 3);
    cr_expect_eq(aborts[0], RH_CLOSED);
    rh_respond_text(held[0], 200, "late");
    rh_exchange_release(held[1]);
    loop_run_ms(&loop, 20);
    cr_expect_not(closed);
    rh_respond_empty(held[2], 204);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    for (unsigned i = 0; i < 5; i++) {
        close(fds[i]);
    }
}

static void post_release(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_exchange_release(x);
}

static void *releases_later(void *data)
{
    usleep(100000);
    cr_expect_eq(rh_exchange_post(data, post_release, NULL), 0);
    return NULL;
}

Test(server, close_keeps_the_loop_alive_for_posts_to_held_exchanges)
{
    begin(holds, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET);
    cr_assert(loop_until(&loop, is_held, (void *)1, 2000));
    close(fd);
    pthread_t id;
    pthread_create(&id, NULL, releases_later, held[0]);
    rh_server_close(server, note, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    pthread_join(id, NULL);
    cr_expect(closed);
}

static void closes_inside(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_server_close(server, note, &closed);
    rh_respond_text(x, 200, "never sent");
}

Test(server, may_be_closed_inside_a_handler)
{
    begin(closes_inside, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET GET);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    close(fd);
}

static void only_closes(struct rh_exchange *x, void *data)
{
    (void)x;
    (void)data;
    rh_server_close(server, note, &closed);
}

Test(server, accuses_no_handler_that_closed_it_of_silence)
{
    begin(only_closes, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET GET);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    cr_expect_str_eq(log_text, "");
    close(fd);
}

static void loses_its_hold(struct rh_exchange *x, void *data)
{
    rh_exchange_set_route(x, rh_slice_from("/lost"));
    holds(x, data);
}

Test(server, names_the_routes_of_holds_that_a_close_waits_for)
{
    begin(loses_its_hold, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET);
    cr_assert(loop_until(&loop, is_held, (void *)1, 2000));
    rh_server_close(server, note, &closed);
    loop_run_ms(&loop, 500);
    cr_expect_str_eq(log_text, "", "a second is time for what is under way");
    loop_run_ms(&loop, 1000);
    cr_expect_str_eq(log_text,
                     "still held at the end: an exchange of /lost: answer or release it\n");
    rh_exchange_release(held[0]);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    close(fd);
}

static size_t data_closes(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)x;
    (void)data;
    inside = true;
    rh_server_close(server, note, &closed);
    inside = false;
    return piece.len;
}

static void end_ignores(struct rh_exchange *x, int error, void *data)
{
    (void)x;
    (void)data;
    cr_expect_lt(error, 0);
    cr_expect_not(inside, "the end of a body comes after its data");
}

static void reads_and_closes(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_stream(x, data_closes, end_ignores, NULL);
}

Test(server, may_be_closed_inside_a_body_callback)
{
    begin(reads_and_closes, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    close(fd);
}

static ptrdiff_t pull_closes(void *data, char *out, size_t room)
{
    (void)data;
    (void)room;
    inside = true;
    rh_server_close(server, note, &closed);
    inside = false;
    out[0] = 'x';
    return 1;
}

static void ends_outside(void *data)
{
    ++*(int *)data;
    cr_expect_not(inside, "a source is not closed inside its own pull");
}

static void source_closes(void *data)
{
    (void)data;
    rh_server_close(server, note, &closed);
}

static void sources(struct rh_exchange *x, void *data)
{
    rh_respond_source(x, 200, NULL, data);
}

Test(server, may_be_closed_inside_a_source)
{
    int ends = 0;
    struct rh_source source = {pull_closes, ends_outside, &ends, RH_LENGTH_UNKNOWN};
    begin(sources, &source);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET GET);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    cr_expect_eq(ends, 1);
    close(fd);
}

static ptrdiff_t pull_end(void *data, char *out, size_t room)
{
    (void)data;
    (void)out;
    (void)room;
    return 0;
}

Test(server, may_be_closed_inside_the_end_of_a_source)
{
    struct rh_source source = {pull_end, source_closes, NULL, RH_LENGTH_UNKNOWN};
    begin(sources, &source);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET GET);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    close(fd);
}

static void outcome_closes(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    (void)x;
    (void)outcome;
    (void)data;
    rh_server_close(server, note, &closed);
}

static void outcomes(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_exchange_on_outcome(x, outcome_closes, NULL);
    rh_respond_text(x, 200, "pong");
}

Test(server, may_be_closed_inside_an_outcome)
{
    begin(outcomes, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET GET);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    close(fd);
}

static void abort_closes(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)reason;
    (void)data;
    rh_server_close(server, note, &closed);
    rh_exchange_release(x);
}

static void holds_and_closes(struct rh_exchange *x, void *data)
{
    (void)data;
    held_n++;
    rh_exchange_hold(x);
    rh_exchange_on_abort(x, abort_closes, NULL);
}

Test(server, may_be_closed_inside_the_cut_of_a_drain)
{
    begin(holds_and_closes, NULL);
    int fds[3];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = peer_connect(port);
        peer_say(&loop, fds[i], GET);
    }
    cr_assert(loop_until(&loop, is_held, (void *)3, 2000));
    rh_server_drain(server, 1, note, &drained);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    cr_expect_eq(drained, 1);
    for (unsigned i = 0; i < 3; i++) {
        close(fds[i]);
    }
}

static void drain_closes(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_server_close(server, note, &closed);
    rh_exchange_release(x);
}

static void holds_until_the_drain(struct rh_exchange *x, void *data)
{
    (void)data;
    held_n++;
    rh_exchange_hold(x);
    rh_exchange_on_drain(x, drain_closes, NULL);
}

Test(server, may_be_closed_by_who_hears_of_a_drain)
{
    begin(holds_until_the_drain, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET);
    cr_assert(loop_until(&loop, is_held, (void *)1, 2000));
    rh_server_drain(server, 5000, note, &drained);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    cr_expect_eq(drained, 1, "the close has ended it");
    close(fd);
}

Test(server, drain_answers_what_waits_in_the_accept_queue)
{
    begin(pong, NULL);
    int fds[20];
    for (unsigned i = 0; i < 20; i++) {
        fds[i] = peer_connect(port);
        cr_assert_gt(send(fds[i], GET, sizeof GET - 1, 0), 0);
    }
    rh_server_drain(server, 5000, note, &drained); /* before the loop has run at all */
    for (unsigned i = 0; i < 20; i++) {
        int end;
        peer_receive(&loop, fds[i], text, sizeof text, NULL, 2000, &end);
        cr_expect_not_null(strstr(text, "Connection: close"), "%u: %s", i, text);
        cr_expect_eq(end, 1);
        close(fds[i]);
    }
    cr_expect(loop_until_flag(&loop, &drained, 1000));
    cr_expect_eq(drained, 1);
}

Test(server, drain_waits_for_open_exchanges_and_closes_idle_ones)
{
    begin(holds, NULL);
    int idle = peer_connect(port);
    int busy = peer_connect(port);
    int end;
    peer_say(&loop, busy, GET);
    cr_assert(loop_until(&loop, is_held, (void *)1, 2000));
    rh_server_drain(server, 5000, note, &drained);
    peer_receive(&loop, idle, text, sizeof text, NULL, 1000, &end);
    cr_expect_eq(end, 1);
    close(idle);
    loop_run_ms(&loop, 50);
    cr_expect_not(drained);
    rh_respond_text(held[0], 200, "pong");
    peer_receive(&loop, busy, text, sizeof text, NULL, 1000, &end);
    cr_expect_not_null(strstr(text, "pong"));
    close(busy);
    cr_expect(loop_until_flag(&loop, &drained, 1000));
}

Test(server, drain_cuts_at_its_deadline)
{
    begin(holds, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET);
    cr_assert(loop_until(&loop, is_held, (void *)1, 2000));
    rh_server_drain(server, 60, note, &drained);
    cr_expect(loop_until_flag(&loop, &drained, 500));
    cr_expect_eq(aborts_n, 1);
    cr_expect_eq(aborts[0], RH_DRAINED);
    rh_exchange_release(held[0]);
    close(fd);
}

Test(server, drain_of_an_idle_server_is_told_once)
{
    begin(pong, NULL);
    rh_server_drain(server, 1000, note, &drained);
    cr_expect_eq(drained, 0, "never inside the call");
    cr_expect(loop_until_flag(&loop, &drained, 500));
    loop_run_ms(&loop, 20);
    cr_expect_eq(drained, 1);
}

Test(server, drain_that_a_close_ends_is_told)
{
    begin(holds, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET);
    cr_assert(loop_until(&loop, is_held, (void *)1, 2000));
    rh_server_drain(server, 60000, note, &drained);
    rh_server_close(server, note, &closed);
    rh_exchange_release(held[0]);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    cr_expect_eq(drained, 1);
    close(fd);
}

/* --- Hostile and slow clients
 * ----------------------------------------------------------------------- */

Test(server, error_reply_survives_a_client_that_goes_on_sending)
{
    begin(pong, NULL);
    int fd = peer_connect(port);
    static char junk[100000];
    int end;
    memset(junk, 'j', sizeof junk);
    peer_say(&loop, fd, "GET / HTTP/1.1\r\nBad Name: x\r\n\r\n");
    for (unsigned i = 0; i < 5; i++) {
        peer_send(&loop, fd, junk, sizeof junk);
    }
    loop_run_ms(&loop, 50);
    peer_receive(&loop, fd, text, sizeof text, NULL, 1000, &end);
    cr_expect_not_null(strstr(text, "HTTP/1.1 400 "));
    cr_expect_eq(end, 1);
    close(fd);
    cr_expect(loop_until(&loop, nobody_is_open, NULL, 1000));
}

Test(server, lingers_no_longer_than_it_must)
{
    config.linger_ms = 60;
    begin(pong, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, CLOSE);
    loop_run_ms(&loop, 20);
    cr_expect_eq(open_now(), 1);
    cr_expect(loop_until(&loop, nobody_is_open, NULL, 1000));
    close(fd);
}

Test(server, forgets_clients_that_reset_at_every_stage)
{
    begin(holds, NULL);
    static const char *const stages[] = {
        "",
        "GET / HT",
        GET,
        GET GET GET,
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
        CLOSE,
        "nonsense\r\n\r\n"};
    for (unsigned i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        int fd = peer_connect(port);
        peer_say(&loop, fd, stages[i]);
        loop_run_ms(&loop, 10);
        peer_reset(fd);
    }
    cr_expect(loop_until(&loop, nobody_is_open, NULL, 1000));
    for (unsigned i = 0; i < held_n; i++) {
        cr_expect(rh_exchange_is_cut(held[i]));
        rh_exchange_release(held[i]);
    }
    cr_expect_eq(held_n, 4);
}

Test(server, ends_a_head_that_trickles)
{
    config.head_ms = 100;
    begin(pong, NULL);
    int fd = peer_connect(port);
    int end;
    for (unsigned i = 0; i < 8; i++) {
        peer_send(&loop, fd, &"GET / HTTP/1.1"[i], 1);
        loop_run_ms(&loop, 20);
    }
    peer_receive(&loop, fd, text, sizeof text, NULL, 1000, &end);
    cr_expect_not_null(strstr(text, "HTTP/1.1 408 "));
    cr_expect_eq(end, 1);
    close(fd);
}

static ptrdiff_t pull_forever(void *data, char *out, size_t room)
{
    *(size_t *)data += room;
    memset(out, 'f', room);
    return (ptrdiff_t)room;
}

static size_t pulled;

static void endless(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_source source = {pull_forever, NULL, &pulled, RH_LENGTH_UNKNOWN};
    rh_respond_source(x, 200, NULL, &source);
}

Test(server, is_bounded_by_a_client_that_does_not_read_and_cuts_it)
{
    config.write_ms = 150;
    begin(endless, NULL);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET);
    loop_run_ms(&loop, 60);
    size_t first = pulled;
    cr_expect_gt(first, 0);
    loop_run_ms(&loop, 60);
    cr_expect_eq(pulled, first, "what the kernel took, and one buffer");
    cr_expect(loop_until(&loop, nobody_is_open, NULL, 2000));
    close(fd);
}

static ptrdiff_t pull_much(void *data, char *out, size_t room)
{
    size_t *left = data;
    size_t n = *left < room ? *left : room;
    memset(out, 'm', n);
    *left -= n;
    return (ptrdiff_t)n;
}

static void much(struct rh_exchange *x, void *data)
{
    (void)data;
    size_t *left = rh_exchange_alloc(x, sizeof *left);
    *left = 32 << 20;
    struct rh_source source = {pull_much, NULL, left, 32 << 20};
    rh_respond_source(x, 200, NULL, &source);
}

Test(server, sends_a_long_answer_whole)
{
    begin(much, NULL);
    int fd = peer_connect(port);
    size_t total = 0;
    int end = 0;
    peer_say(&loop, fd, CLOSE);
    while (end == 0) {
        size_t n = peer_receive(&loop, fd, text, sizeof text, NULL, 3000, &end);
        cr_assert(n > 0 || end != 0, "stalled after %zu bytes", total);
        total += n;
    }
    cr_expect_gt(total, 32 << 20);
    close(fd);
}

/* As `much`, and then nothing more for a long time, as a stream of events. */
static ptrdiff_t pull_then_wait(void *data, char *out, size_t room)
{
    ptrdiff_t n = pull_much(data, out, room);
    return n > 0 ? n : RH_EAGAIN;
}

static void much_then_quiet(struct rh_exchange *x, void *data)
{
    size_t *left = data;
    struct rh_source source = {pull_then_wait, NULL, left, RH_LENGTH_UNKNOWN};
    rh_respond_source(x, 200, NULL, &source);
}

Test(server, forgets_the_time_of_a_write_that_is_done)
{
    size_t left = 16 << 20;
    config.write_ms = 150;
    begin(much_then_quiet, &left);
    int fd = peer_connect(port);
    int end = 0;
    peer_say(&loop, fd, GET);
    loop_run_ms(&loop, 60); /* the socket is full */
    cr_assert_gt(left, 0);
    while (left > 0) {
        cr_assert_gt(peer_receive(&loop, fd, text, sizeof text, NULL, 1000, &end), 0);
    }
    while (peer_receive(&loop, fd, text, sizeof text, NULL, 50, &end) > 0) {
    }
    loop_run_ms(&loop, 300);
    cr_expect_eq(end, 0);
    cr_expect_not(nobody_is_open(NULL), "nothing is in flight: no write can be late");
    close(fd);
}

static void static_much(struct rh_exchange *x, void *data)
{
    rh_respond_static(x, 200, NULL, data, 8 << 20);
}

Test(server, sends_a_large_piece_by_reference_and_closes_at_any_point_of_it)
{
    char *bytes = malloc(8 << 20);
    memset(bytes, 's', 8 << 20);
    begin(static_much, bytes);
    for (unsigned i = 0; i < 8; i++) {
        int fd = peer_connect(port);
        peer_say(&loop, fd, GET GET);
        peer_receive(&loop, fd, text, 1 + ((sizeof text - 1) >> i), NULL, 200, NULL);
        if (i % 2 == 0) {
            close(fd);
        } else {
            peer_reset(fd);
        }
    }
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET);
    loop_run_ms(&loop, 20);
    rh_server_close(server, note, &closed); /* in the middle of a write */
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    close(fd);
    free(bytes);
}

/* --- Ceilings
 * --------------------------------------------------------------------------------------- */

Test(server, makes_room_by_the_connection_that_idles_longest)
{
    config.connections_max = 4;
    begin(pong, NULL);
    int fds[5];
    int end;
    for (unsigned i = 0; i < 5; i++) {
        fds[i] = peer_connect(port);
        peer_say(&loop, fds[i], GET);
        peer_receive(&loop, fds[i], text, sizeof text, "pong", 1000, NULL);
        cr_expect_not_null(strstr(text, "pong"), "%u", i);
    }
    peer_receive(&loop, fds[0], text, sizeof text, NULL, 1000, &end);
    cr_expect_neq(end, 0);
    for (unsigned i = 0; i < 5; i++) {
        close(fds[i]);
    }
}

Test(server, at_its_ceiling_takes_the_next_when_one_comes_to_rest)
{
    config.connections_max = 2;
    begin(holds, NULL);
    int fds[3];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = peer_connect(port);
        peer_say(&loop, fds[i], GET);
    }
    loop_run_ms(&loop, 50);
    cr_expect_eq(held_n, 2, "the third waits in the kernel");
    rh_respond_text(held[0], 200, "pong");
    cr_expect(loop_until(&loop, is_held, (void *)3, 1000));
    rh_respond_text(held[1], 200, "pong");
    rh_respond_text(held[2], 200, "pong");
    for (unsigned i = 0; i < 3; i++) {
        peer_receive(&loop, fds[i], text, sizeof text, "pong", 1000, NULL);
        cr_expect_not_null(strstr(text, "pong"), "%u", i);
        close(fds[i]);
    }
}

/* A handler that forgets its holds uses up requests, not connections. */
Test(server, answers_503_while_all_exchanges_are_held_and_accepts_on)
{
    enum { MAX = 3 };
    config.connections_max = 2;
    config.exchanges_max = MAX;
    begin(holds, NULL);
    for (unsigned i = 0; i < MAX; i++) {
        int fd = peer_connect(port);
        peer_say(&loop, fd, GET);
        cr_assert(loop_until(&loop, is_held, (void *)(uintptr_t)(i + 1), 1000), "%u", i);
        peer_reset(fd);
        cr_assert(loop_until(&loop, nobody_is_open, NULL, 1000));
    }
    for (unsigned i = 0; i < 3; i++) {
        int fd = peer_connect(port);
        peer_say(&loop, fd, GET);
        peer_receive(&loop, fd, text, sizeof text, NULL, 1000, NULL);
        cr_expect_not_null(strstr(text, "HTTP/1.1 503 "));
        close(fd);
    }
    cr_expect_eq(held_n, MAX);
    rh_exchange_release(held[0]);
    int fd = peer_connect(port);
    peer_say(&loop, fd, GET);
    cr_expect(loop_until(&loop, is_held, (void *)(MAX + 1), 1000));
    for (unsigned i = 1; i < held_n; i++) {
        rh_exchange_release(held[i]);
    }
    close(fd);
}

static size_t takes_all(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)x;
    (void)data;
    return piece.len;
}

static void body_ended(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    rh_respond_text(x, error < 0 ? 400 : 200, "pong");
}

static void reads_all(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_stream(x, takes_all, body_ended, NULL);
}

static uint64_t bytes_in_now(void)
{
    struct rh_stats stats;
    rh_server_stats(server, &stats);
    return stats.bytes_in;
}

/* A peer that sends as fast as it can has a few reads, and then it is the turn of others. */
Test(server, one_connection_has_a_few_reads_in_each_turn)
{
    enum { BODY = 8 << 20, READS = 4, READ_BYTES = 64 << 10 };
    char *body = calloc(1, BODY);
    size_t sent = 0;
    uint64_t most = 0;
    begin(reads_all, NULL);
    int fd = peer_connect(port);
    char head[128];
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", BODY);
    peer_say(&loop, fd, head);
    loop_run_ms(&loop, 20);
    for (unsigned turns = 0; sent < BODY && turns < 10000; turns++) {
        for (ssize_t n = 1; n > 0 && sent<BODY; sent += n> 0 ? (size_t)n : 0) {
            n = write(fd, body + sent, BODY - sent);
        }
        uint64_t before = bytes_in_now();
        uv_run(&loop, UV_RUN_NOWAIT);
        uint64_t came = bytes_in_now() - before;
        most = came > most ? came : most;
    }
    peer_receive(&loop, fd, text, sizeof text, "pong", 2000, NULL);
    cr_expect_not_null(strstr(text, "pong"));
    cr_expect_gt(most, READ_BYTES, "the socket was never full");
    cr_expect_leq(most, (uint64_t)READS * READ_BYTES, "%llu bytes", (unsigned long long)most);
    close(fd);
    free(body);
}

static void refuses_early(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 413, "too large");
}

/* As Go's client does: it sends megabytes before it reads. A reset would eat the answer. */
Test(server, early_answer_reaches_a_client_that_goes_on_sending)
{
    enum { BODY = 12 << 20 };
    char *body = calloc(1, BODY);
    begin(refuses_early, NULL);
    for (unsigned i = 0; i < 5; i++) {
        char head[128];
        int end;
        int fd = peer_connect(port);
        snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
                 BODY);
        peer_say(&loop, fd, head);
        peer_send(&loop, fd, body, BODY);
        peer_receive(&loop, fd, text, sizeof text, NULL, 2000, &end);
        cr_expect_not_null(strstr(text, "HTTP/1.1 413 "), "%u", i);
        cr_expect_eq(end, 1);
        close(fd);
    }
    free(body);
}

Test(server, lingers_no_longer_than_it_should)
{
    config.linger_ms = 100;
    config.linger_max_ms = 400;
    begin(refuses_early, NULL);
    static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n";
    int silent = peer_connect(port);
    peer_say(&loop, silent, head);
    cr_expect(loop_until(&loop, nobody_is_open, NULL, 350), "one period of silence");
    close(silent);
    int busy = peer_connect(port);
    peer_say(&loop, busy, head);
    uint64_t before = uv_hrtime();
    while (open_now() == 0) {
        loop_run_ms(&loop, 1);
    }
    while (open_now() > 0 && uv_hrtime() - before < 5000000000u) {
        (void)!write(busy, text, 1000);
        loop_run_ms(&loop, 5);
    }
    uint64_t took_ms = (uv_hrtime() - before) / 1000000;
    cr_expect_geq(took_ms, 250, "%u ms", (unsigned)took_ms);
    cr_expect_lt(took_ms, 2000, "%u ms", (unsigned)took_ms);
    close(busy);
}

/* An idle client does not hold up a stop, nor does one whose answer is complete. */
Test(server, drain_waits_for_no_idle_connection)
{
    begin(pong, NULL);
    int idle = peer_connect(port);
    peer_say(&loop, idle, GET);
    peer_receive(&loop, idle, text, sizeof text, "pong", 1000, NULL);
    int answered = peer_connect(port);
    peer_say(&loop, answered, CLOSE);
    peer_receive(&loop, answered, text, sizeof text, "pong", 1000, NULL);
    rh_server_drain(server, 5000, note, &drained);
    cr_expect(loop_until_flag(&loop, &drained, 500), "it waits for who says nothing");
    close(idle);
    close(answered);
}

static int connect_from(const char *address)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, address, &from.sin_addr);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* One address with unfinished heads in all places; others come in, and keep what they have. */
Test(server, at_its_ceiling_closes_those_of_the_address_with_the_most)
{
    enum { MAX = 16, HEADS = 40 };
    int heads[HEADS];
    config.connections_max = MAX;
    begin(pong, NULL);
    int idle = connect_from("127.0.0.3");
    peer_say(&loop, idle, GET);
    peer_receive(&loop, idle, text, sizeof text, "pong", 1000, NULL);
    for (unsigned i = 0; i < HEADS; i++) {
        heads[i] = connect_from("127.0.0.2");
        (void)!write(heads[i], "GET / HT", 8);
        loop_run_ms(&loop, 2);
    }
    for (unsigned i = 0; i < 20; i++) {
        int fd = connect_from("127.0.0.4");
        peer_say(&loop, fd, GET);
        peer_receive(&loop, fd, text, sizeof text, "pong", 3000, NULL);
        cr_expect_not_null(strstr(text, "pong"), "%u", i);
        close(fd);
    }
    peer_say(&loop, idle, GET);
    peer_receive(&loop, idle, text, sizeof text, "pong", 1000, NULL);
    cr_expect_not_null(strstr(text, "pong"), "the oldest idle connection is not the one that goes");
    close(idle);
    for (unsigned i = 0; i < HEADS; i++) {
        close(heads[i]);
    }
}

Test(server, recovers_when_descriptors_run_out)
{
    begin(pong, NULL);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    int fds[64];
    unsigned n = 0;
    int highest = dup(0);
    close(highest);
    for (; n < 8; n++) {
        fds[n] = peer_connect(port); /* the kernel completes them */
    }
    struct rlimit low = {(rlim_t)fds[n - 1] + 3, limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    loop_run_ms(&loop, 120);
    struct rh_stats stats;
    rh_server_stats(server, &stats);
    cr_expect_gt(stats.accept_errors, 0);
    cr_expect_lt(stats.accept_errors, 20, "it backs off");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (unsigned i = 0; i < n; i++) {
        peer_say(&loop, fds[i], GET);
    }
    unsigned answered = 0;
    for (unsigned i = 0; i < n; i++) {
        peer_receive(&loop, fds[i], text, sizeof text, "pong", 1000, NULL);
        answered += strstr(text, "pong") != NULL;
        close(fds[i]);
    }
    cr_expect_geq(answered, 6, "%u", answered);
}

/* --- Posts
 * ------------------------------------------------------------------------------------------ */

static void on_post(struct rh_server *s, void *data)
{
    (void)s;
    ++*(int *)data;
}

Test(server, runs_posts_once_and_none_after_its_close)
{
    int posts = 0;
    begin(pong, NULL);
    for (unsigned i = 0; i < 10; i++) {
        cr_expect_eq(rh_server_post(server, on_post, &posts), 0);
    }
    rh_server_close(server, note, &closed);
    cr_expect(loop_until_flag(&loop, &closed, 1000));
    cr_expect_eq(posts, 10);
    cr_expect_eq(rh_server_post(server, on_post, &posts), UV_ECANCELED);
}

static int fails(struct rh_door *d)
{
    (void)d;
    return RH_EPATTERN;
}

static const char *why(const struct rh_door *d)
{
    (void)d;
    return "a route is wrong";
}

Test(server_create, fails_with_the_text_of_the_app, .init = set_up)
{
    test_door_init(&door, pong, NULL);
    door.door.freeze = fails;
    door.door.error = why;
    cr_expect_eq(rh_server_create(&server, &loop, test_door_app(&door), NULL), RH_EPATTERN);
    cr_expect_str_eq(rh_server_error(server), "a route is wrong");
    rh_server_destroy(server);
    loop_close(&loop);
}

Test(server_create, refuses_a_configuration_out_of_range, .init = set_up)
{
    test_door_init(&door, pong, NULL);
    config.head_bytes_max = 1;
    cr_expect_eq(rh_server_create(&server, &loop, test_door_app(&door), &config), RH_ECONFIG);
    cr_expect_not_null(strstr(rh_server_error(server), "head_bytes_max"), "the field is named");
    rh_server_destroy(server);
    loop_close(&loop);
}

Test(server_create, refuses_a_name_that_is_no_field_value, .init = set_up)
{
    static const char *const wrong[] = {"", "a\r\nSet-Cookie: b=c", "a\n", " a", "a ", "\x7f"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        test_door_init(&door, pong, NULL);
        config.server_name = wrong[i];
        cr_expect_eq(rh_server_create(&server, &loop, test_door_app(&door), &config), RH_ECONFIG, "%zu", i);
        rh_server_destroy(server);
    }
    loop_close(&loop);
}

Test(server, listens_with_tls_only_if_there_is_a_pair)
{
    struct rh_listen listen;
    rh_listen_init(&listen);
    listen.tls = rh_tls_create();
    begin(pong, NULL);
    cr_expect_eq(rh_server_listen(server, "127.0.0.1:0", &listen), RH_ETLS);
    rh_tls_unref(listen.tls);
}
