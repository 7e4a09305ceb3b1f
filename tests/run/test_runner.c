/* A runner with two loops: one port, a drain that answers, holds that outlive it. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rawhttp/runner.h"
#include "support/door.h"
#include "support/loop.h"

#define CLOSE "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static struct test_door door;
static struct rh_runner *runner;
static struct rh_config config;
static unsigned port;

TestSuite(runner, .timeout = 30);

static void begin(rh_handler_fn handler, unsigned loops)
{
    signal(SIGPIPE, SIG_IGN);
    rh_config_init(&config);
    config.connections_max = 64;
    test_door_init(&door, handler, NULL);
    cr_assert_eq(rh_runner_create(&runner, test_door_app(&door), &config, loops), 0);
    cr_assert_eq(rh_runner_listen(runner, "127.0.0.1:0", NULL), 0, "%s", rh_runner_error(runner));
    port = rh_runner_port(runner, 0);
}

static void pong(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

Test(runner, has_a_loop_for_each_core_that_the_process_may_use)
{
    cpu_set_t all;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    cr_expect_eq(rh_loops_usable(), (unsigned)CPU_COUNT(&all));
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_expect_eq(rh_loops_usable(), 1);
    begin(pong, 0);
    cr_expect_eq(rh_runner_loops(runner), 1);
    rh_runner_destroy(runner);
    cr_expect_eq(door.references, 0);
}

static atomic_uint answered;

static void *ask(void *data)
{
    for (unsigned i = 0; i < 40; i++) {
        char text[512];
        int fd = peer_connect(port);
        ssize_t n = 0;
        size_t len = 0;
        cr_assert_gt(send(fd, CLOSE, sizeof CLOSE - 1, MSG_NOSIGNAL), 0);
        while (len < sizeof text &&
               ((n = recv(fd, text + len, sizeof text - len, 0)) > 0 || n < 0)) {
            len += n > 0 ? (size_t)n : 0;
            if (n < 0) {
                usleep(100);
            }
        }
        answered += memmem(text, len, "pong", 4) != NULL;
        close(fd);
    }
    cr_expect_eq(rh_runner_post_drain(data, 0, 1000), 0);
    return NULL;
}

Test(runner, shares_a_port_between_loops_and_drains)
{
    pthread_t id;
    begin(pong, 2);
    cr_expect_eq(rh_runner_loops(runner), 2);
    pthread_create(&id, NULL, ask, runner);
    cr_expect_eq(rh_runner_run(runner), 0);
    pthread_join(id, NULL);
    cr_expect_eq(answered, 40);
    struct rh_stats stats;
    uint64_t requests = 0;
    for (unsigned i = 0; i < 2; i++) {
        rh_server_stats(rh_runner_server(runner, i), &stats);
        cr_expect_gt(stats.requests, 0, "loop %u had its share", i);
        requests += stats.requests;
    }
    cr_expect_eq(requests, 40);
    rh_runner_destroy(runner);
    cr_expect_eq(door.references, 0);
}

Test(runner, notices_a_second_instance)
{
    struct rh_runner *second;
    char address[32];
    begin(pong, 2);
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    cr_assert_eq(rh_runner_create(&second, test_door_app(&door), &config, 2), 0);
    cr_expect_eq(rh_runner_listen(second, address, NULL), UV_EADDRINUSE);
    cr_expect_not_null(strstr(rh_runner_error(second), address));
    rh_runner_destroy(second);
    rh_runner_destroy(runner); /* never run */
    cr_expect_eq(door.references, 0);
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

Test(runner, of_a_failed_app_tells_why)
{
    test_door_init(&door, pong, NULL);
    door.door.freeze = fails;
    door.door.error = why;
    cr_expect_eq(rh_runner_create(&runner, test_door_app(&door), NULL, 2), RH_EPATTERN);
    cr_expect_str_eq(rh_runner_error(runner), "a route is wrong");
    rh_runner_destroy(runner);
}

static struct rh_exchange *held;
static uint64_t grace_ms;
static unsigned drains;

static void holds(struct rh_exchange *x, void *data)
{
    (void)data;
    held = x;
    rh_exchange_hold(x);
    for (unsigned i = 0; i < drains; i++) {
        rh_runner_drain(runner, 0, grace_ms);
    }
}

static void *ask_once(void *data)
{
    (void)data;
    int fd = peer_connect(port);
    cr_assert_gt(send(fd, CLOSE, sizeof CLOSE - 1, MSG_NOSIGNAL), 0);
    char byte;
    while (recv(fd, &byte, 1, 0) != 0) {
        usleep(100);
    }
    close(fd);
    return NULL;
}

Test(runner, does_not_wait_for_holds_longer_than_the_grace)
{
    pthread_t id;
    begin(holds, 1);
    grace_ms = 50;
    drains = 1;
    pthread_create(&id, NULL, ask_once, NULL);
    cr_expect_eq(rh_runner_run(runner), 1);
    cr_expect(rh_exchange_is_cut(held));
    pthread_join(id, NULL);
    rh_runner_destroy(runner); /* leaves what is held to the process */
}

static void *drain_later(void *data)
{
    usleep(300000);
    cr_expect_eq(rh_runner_post_drain(data, 0, 60000), 0);
    return NULL;
}

Test(runner, stops_waiting_for_holds_at_a_second_drain)
{
    pthread_t id;
    pthread_t later;
    begin(holds, 1);
    grace_ms = 60000;
    drains = 2; /* the second cuts at once, and then a hold is left */
    pthread_create(&id, NULL, ask_once, NULL);
    pthread_create(&later, NULL, drain_later, runner);
    cr_expect_eq(rh_runner_run(runner), 1);
    pthread_join(id, NULL);
    pthread_join(later, NULL);
    rh_runner_destroy(runner);
}
