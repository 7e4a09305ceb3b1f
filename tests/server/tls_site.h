/* A whole server behind a TLS listener, whose sockets have small buffers, and handlers of every
 * kind. */
#ifndef TESTS_SERVER_TLS_SITE_H
#define TESTS_SERVER_TLS_SITE_H

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rawhttp/body.h"
#include "rawhttp/server.h"
#include "rawhttp/stream.h"
#include "rawhttp/tls.h"
#include "server/server.h"
#include "server/tls_client.h"
#include "support/cert_folder.h"
#include "support/door.h"
#include "support/loop.h"

#if defined(__has_feature) /* clang's way to say what gcc says by a macro */
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define LEAK_CHECK() cr_assert_eq(__lsan_do_recoverable_leak_check(), 0)
#else
#define LEAK_CHECK() ((void)0)
#endif

#define HEAD(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST(target, fields) "POST " target " HTTP/1.1\r\nHost: x\r\n" fields "\r\n"

/* Runs its block for TLS 1.2 and then for 1.3, with `version` set. */
#define FOR_EACH_VERSION() for (unsigned v = 0; version = versions[v % 2], v < 2; v++)

enum { BIG = 300000, HELD_MAX = 64, SMALL_BUFFER = 4608 };

static struct cert_folder folder;
static struct rh_tls *tls;
static uv_loop_t loop;
static struct rh_server *server;
static struct test_door door;
static struct rh_config config;
static unsigned port;
static int closed;
static int drained;
static char *big;
static size_t long_bytes = BIG; /* of the long answers */

static struct rh_exchange *held[HELD_MAX];
static unsigned held_n;
static unsigned hints; /* RH_PEER_EOF was told */
static unsigned cuts;  /* an exchange without an answer was cut */
static enum rh_abort last_cut;
static unsigned outcomes;  /* told, of all requests that were handled */
static unsigned lost;      /* of those, answers that did not get out whole */
static int body_error = 1; /* of the last body; 1: none ended */
static size_t body_bytes;
static struct tls_client client;
__attribute__((unused)) static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
__attribute__((unused)) static int version;

static void note(struct rh_server *s, void *data)
{
    (void)s;
    ++*(int *)data;
}

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)x;
    (void)data;
    if (reason == RH_PEER_EOF) {
        hints++;
    } else {
        cuts++;
        last_cut = reason;
    }
}

static void on_outcome(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    (void)x;
    (void)data;
    outcomes++;
    lost += outcome->aborted != 0;
}

static void on_whole(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)data;
    body_error = error;
    body_bytes = body.len;
    rh_respond(x, error < 0 ? 400 : 200, "text/plain", body.base, body.len);
}

static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)x;
    (void)data;
    body_bytes += piece.len;
    return piece.len;
}

static struct rh_exchange *paused; /* its reader takes nothing until it is cleared */

static size_t on_paused_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    return x == paused ? 0 : on_data(x, piece, data);
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    body_error = error;
    rh_respond_text(x, error < 0 ? 400 : 200, "body done");
}

static ptrdiff_t pull(void *data, char *out, size_t room)
{
    size_t *left = data;
    size_t n = *left < room ? *left : room;
    memset(out, 'm', n);
    *left -= n;
    return (ptrdiff_t)n;
}

static void respond_source(struct rh_exchange *x)
{
    size_t *left = rh_exchange_alloc(x, sizeof *left);
    *left = long_bytes;
    struct rh_source source = {pull, NULL, left, RH_LENGTH_UNKNOWN};
    rh_respond_source(x, 200, "text/plain", &source);
}

static const struct rh_session_kind *other_kind; /* that the server speaks, if a suite has set it */
static rh_handler_fn other; /* for what the site does not know, where a suite has set it */

static bool asked_for(struct rh_exchange *x, const char *path)
{
    return rh_slice_is(rh_request_path(x), path);
}

static void handle(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_exchange_on_abort(x, on_abort, NULL);
    cr_assert_eq(rh_exchange_on_outcome(x, on_outcome, NULL), 0);
    if (asked_for(x, "/big")) {
        rh_respond_static(x, 200, "text/plain", big + BIG - long_bytes, long_bytes);
    } else if (asked_for(x, "/source")) {
        respond_source(x);
    } else if (asked_for(x, "/hold")) {
        cr_assert_lt(held_n, HELD_MAX);
        held[held_n++] = x;
        rh_exchange_hold(x);
    } else if (asked_for(x, "/whole")) {
        rh_body_whole(x, on_whole, NULL);
    } else if (asked_for(x, "/body")) {
        body_bytes = 0;
        rh_body_stream(x, on_data, on_end, NULL);
    } else if (asked_for(x, "/paused")) {
        paused = x;
        rh_body_stream(x, on_paused_data, on_end, NULL);
    } else if (asked_for(x, "/close")) {
        rh_server_close(server, note, &closed);
        rh_respond_text(x, 200, "nobody reads this");
    } else if (asked_for(x, "/drain")) {
        rh_server_drain(server, 0, note, &drained);
        rh_respond_text(x, 200, "drained");
    } else if (asked_for(x, "/reset")) {
        tls_client_reset(&client);
        rh_respond_static(x, 200, "text/plain", big, BIG);
    } else if (other != NULL) {
        other(x, NULL);
    } else {
        rh_respond_text(x, 200, "pong");
    }
}

/* A listening socket of our own: what it accepts inherits its small send buffer, so that answers
 * stay queued. */
__attribute__((unused)) static int listen_small(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int small = SMALL_BUFFER;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 16), 0);
    return fd;
}

static void site_begin(bool small_buffers)
{
    char address[32] = "127.0.0.1:0";
    struct rh_listen how;
    closed = drained = 0;
    held_n = hints = cuts = outcomes = lost = 0;
    last_cut = 0;
    body_error = 1;
    cr_assert_eq(uv_loop_init(&loop), 0);
    test_door_init(&door, handle, NULL);
    cr_assert_eq(rh_server_create(&server, &loop, test_door_app(&door), &config), 0);
    if (other_kind != NULL) {
        rh_engine_add_kind(&server->engine, other_kind);
    }
    int fd = small_buffers ? listen_small() : -1;
    if (fd >= 0) {
        snprintf(address, sizeof address, "fd:%d", fd);
    }
    rh_listen_init(&how);
    how.tls = tls;
    cr_assert_eq(rh_server_listen(server, address, &how), 0, "%s", rh_server_error(server));
    if (fd >= 0) {
        close(fd); /* the server has one of its own */
    }
    port = rh_server_port(server, 0);
    cr_assert_gt(port, 0);
}

static void release_held(void)
{
    while (held_n > 0) {
        rh_exchange_release(held[--held_n]);
    }
}

/* The pools assert that all was given back. */
static void site_end(void)
{
    if (!closed) {
        rh_server_close(server, note, &closed);
    }
    release_held();
    cr_assert(loop_until_flag(&loop, &closed, 5000), "the server does not close");
    rh_server_destroy(server);
    cr_assert_eq(outcomes, atomic_load(&door.handled), "each outcome is told once");
    cr_assert_eq(door.references, 0);
    loop_close(&loop);
}

static void site_init(void)
{
    cert_folder_init(&folder);
    cert_folder_add(&folder, "localhost", "DNS:localhost", 86400);
    tls = rh_tls_create();
    cr_assert_eq(rh_tls_add_pair(tls, cert_folder_path(&folder, "localhost.crt"),
                                 cert_folder_path(&folder, "localhost.key")),
                 0);
    big = malloc(BIG);
    memset(big, 'b', BIG);
    big[BIG - 1] = '.';
    rh_config_init(&config);
    config.connections_max = 64;
}

static void site_fini(void)
{
    rh_tls_unref(tls);
    cert_folder_fini(&folder);
    memset(&folder, 0,
           sizeof folder); /* its keys are freed, and a pointer to them would hide a leak */
    free(big);
    LEAK_CHECK();
}

__attribute__((unused)) static void site_tear_down(void)
{
    site_end();
    site_fini();
}

__attribute__((unused)) static void pump_ms(unsigned ms)
{
    uint64_t until = uv_hrtime() + ms * UINT64_C(1000000);
    while (uv_hrtime() <= until) {
        tls_client_pump(&client);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
}

__attribute__((unused)) static uint64_t open_now(void)
{
    struct rh_stats stats;
    rh_server_stats(server, &stats);
    return stats.connections_open;
}

__attribute__((unused)) static bool nobody_is_open(void *data)
{
    (void)data;
    return open_now() == 0;
}

__attribute__((unused)) static bool all_gone(void)
{
    return loop_until(&loop, nobody_is_open, NULL, 5000);
}

#endif
