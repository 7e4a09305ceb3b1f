/* A hub over two loops and real sockets: events of another thread reach everybody, whole and in
 * order, while listeners come and go, and a drain ends all of them. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rawhttp/app.h"
#include "rawhttp/runner.h"
#include "rawhttp/sse.h"
#include "support/loop.h"

enum { LISTENERS = 12, EVENTS = 200 };

static struct rh_runner *runner;
static struct rh_sse_hub *hub;
static unsigned port;
static atomic_uint whole; /* listeners that heard all of it in order */

TestSuite(hub, .timeout = 60);

static void subscribe(struct rh_exchange *x, void *data)
{
    rh_sse_hub_subscribe(data, x);
}

static int ask_for_events(void)
{
    static const char request[] = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = peer_connect(port);
    cr_assert_gt(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), 0);
    return fd;
}

/* Reads to the end, and looks whether every event is there and after the one before it. */
static void *listen_to_all(void *data)
{
    static const size_t room = 1 << 16;
    char *text = malloc(room);
    size_t len = 0;
    ssize_t n = 0;
    int fd = ask_for_events();
    (void)data;
    while (len < room - 1 && ((n = recv(fd, text + len, room - 1 - len, 0)) > 0 || n < 0)) {
        len += n > 0 ? (size_t)n : 0;
        if (n < 0) {
            usleep(500);
        }
    }
    close(fd);
    text[len] = '\0';
    const char *at = text;
    for (unsigned i = 0; i < EVENTS && at != NULL; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "data: event %u\n\n", i);
        at = strstr(at, wanted);
    }
    whole += at != NULL && strstr(text, "0\r\n\r\n") != NULL;
    free(text);
    return NULL;
}

/* Publishes when all are there; some others come and leave meanwhile. */
static void *publish(void *data)
{
    (void)data;
    while (rh_sse_hub_subscribers(hub) < LISTENERS) {
        usleep(1000);
    }
    for (unsigned i = 0; i < EVENTS; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "event %u", i);
        int passer_by = i % 10 == 0 ? ask_for_events() : -1;
        cr_expect_eq(rh_sse_hub_publish(hub, NULL, NULL, (struct rh_slice){text, (size_t)len}), 0);
        usleep(200);
        if (passer_by >= 0) {
            close(passer_by);
        }
    }
    cr_expect_eq(rh_runner_post_drain(runner, 0, 5000), 0);
    return NULL;
}

Test(hub, every_listener_on_every_loop_hears_all_in_order)
{
    struct rh_config config;
    struct rh_app *app = rh_app_create();
    pthread_t listeners[LISTENERS], publisher;
    signal(SIGPIPE, SIG_IGN);
    rh_config_init(&config);
    config.connections_max = 64;
    hub = rh_sse_hub_create(NULL);
    rh_app_own(app, rh_sse_hub_destroy, hub);
    rh_app_get(app, "/events", subscribe, hub);
    cr_assert_eq(rh_runner_create(&runner, app, &config, 2), 0);
    rh_app_unref(app);
    cr_assert_eq(rh_runner_listen(runner, "127.0.0.1:0", NULL), 0);
    port = rh_runner_port(runner, 0);
    for (unsigned i = 0; i < LISTENERS; i++) {
        cr_assert_eq(pthread_create(&listeners[i], NULL, listen_to_all, NULL), 0);
    }
    cr_assert_eq(pthread_create(&publisher, NULL, publish, NULL), 0);
    cr_expect_eq(rh_runner_run(runner), 0);
    pthread_join(publisher, NULL);
    for (unsigned i = 0; i < LISTENERS; i++) {
        pthread_join(listeners[i], NULL);
    }
    cr_expect_eq(whole, LISTENERS);
    rh_runner_destroy(runner);
}
