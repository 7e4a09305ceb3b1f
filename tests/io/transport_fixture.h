/* A plain transport on one end of a socket pair, its owner, and the test as the peer on the other
 * end. The owner lies on the heap and is freed where the transport says that it is closed: a
 * sanitizer sees every use after that. */
#ifndef TESTS_IO_TRANSPORT_FIXTURE_H
#define TESTS_IO_TRANSPORT_FIXTURE_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/transport.h"
#include "support/loop.h"

/* SMALL is what the socket of the transport may hold (the kernel doubles it), LARGE more than any
 * socket here takes. */
enum { ROOM = 64, SMALL = 8 * 1024, LARGE = 1024 * 1024 };

struct owner {
    struct rh_transport transport;
    struct rh_transport_write write;
    char room[ROOM];
};

static uv_loop_t loop;
static struct rh_wire wire;
static struct owner *owner; /* NULL once it is closed */
static int peer = -1;
static char order[32];   /* every callback that ends something: e(nded), w(ritten), c(losed) */
static int end_status;   /* of the last `ended` */
static int write_status; /* of the last `written` */
static char input[1024];
static size_t input_len;
static size_t room_now;      /* what `room` names */
static unsigned rooms_asked; /* calls of `room` */
static bool room_is_out;     /* the last one was not given back yet */
static void (*at_ready)(void), (*at_ended)(void),
    (*at_written)(void); /* what a test does inside a callback */

static struct rh_transport *transport(void)
{
    return &owner->transport;
}

static void note(char what)
{
    size_t len = strlen(order);
    cr_assert_lt(len, sizeof order - 1);
    order[len] = what;
    order[len + 1] = '\0';
}

static void run_hook(void (*hook)(void))
{
    if (hook != NULL) {
        hook();
    }
}

static void on_room(struct rh_transport *t, char **ret_base, size_t *ret_len)
{
    cr_assert_eq(t, transport());
    cr_assert_not(room_is_out, "the room before was not given back");
    room_is_out = true;
    rooms_asked++;
    *ret_base = owner->room;
    *ret_len = room_now;
}

static void on_input(struct rh_transport *t, size_t len)
{
    cr_assert_eq(t, transport());
    cr_assert_eq(len, 0, "without TLS `input` only gives the room back");
    room_is_out = false;
}

static void on_ready(struct rh_transport *t, size_t len)
{
    cr_assert_eq(t, transport());
    cr_assert_leq(len, room_now);
    cr_assert_leq(input_len + len, sizeof input);
    room_is_out = false;
    memcpy(input + input_len, owner->room, len);
    input_len += len;
    run_hook(at_ready);
}

static void on_ended(struct rh_transport *t, int status)
{
    cr_assert_eq(t, transport());
    cr_assert_not(t->closing, "nothing ends that is closed");
    cr_assert_not(room_is_out);
    cr_assert_not(t->reading);
    end_status = status;
    note('e');
    run_hook(at_ended);
}

static void on_written(struct rh_transport *t, int status)
{
    cr_assert_eq(t, transport());
    write_status = status;
    note('w');
    run_hook(at_written);
}

static void on_closed(struct rh_transport *t)
{
    cr_assert_eq(t, transport());
    cr_assert_not(room_is_out);
    note('c');
    memset(owner, 0xdd, sizeof *owner);
    free(owner);
    owner = NULL;
}

static const struct rh_transport_callbacks callbacks = {on_room, on_input, on_ready,   on_ended,
                                                        NULL,    NULL,     on_written, on_closed};

/* Opens the transport on `fd`, whose other end is `other`. */
__attribute__((unused)) static void open_on(int fd, int other)
{
    bool closing;
    int bytes = SMALL;
    peer = other;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(other, F_SETFL, O_NONBLOCK);
    owner = malloc(sizeof *owner);
    cr_assert_not_null(owner);
    memset(owner, 0xa5, sizeof *owner); /* nothing may be taken for initialized */
    room_now = ROOM;
    cr_assert_eq(rh_transport_open(transport(), &wire, fd, NULL, &closing), 0);
}

/* A unix socket: what it takes is the same each time, and what it holds is the peer's at once. */
__attribute__((unused)) static void open_pair(void)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    open_on(fds[0], fds[1]);
}

/* TCP on the loopback: the only one with resets. */
__attribute__((unused)) static void open_tcp(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int bytes = SMALL;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    cr_assert_eq(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    int other = accept(listener, NULL, NULL);
    cr_assert_geq(other, 0);
    close(listener);
    open_on(fd, other);
}

__attribute__((unused)) static void close_now(void)
{
    rh_transport_close(transport());
}

/* The peer ends by a reset. */
__attribute__((unused)) static void reset_peer(void)
{
    peer_reset(peer);
    peer = -1;
}

/* Closes what is still open and drops the peer: a test may open another pair then. */
__attribute__((unused)) static void end_pair(void)
{
    if (owner != NULL) {
        rh_transport_close(transport());
    }
    for (unsigned turns = 0; owner != NULL && turns < 100; turns++) {
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    cr_assert_null(owner, "it never closed");
    if (peer >= 0) {
        close(peer);
    }
    peer = -1;
    order[0] = '\0';
}

static void set_up(void)
{
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(rh_wire_init(&wire, &loop, &callbacks, 0, 0), 0);
    signal(SIGPIPE, SIG_IGN); /* as the program does: libuv writes without MSG_NOSIGNAL */
}

static void tear_down(void)
{
    at_ready = at_ended = at_written = NULL;
    end_pair();
    rh_wire_fini(&wire);
    loop_close(&loop);
}

/* LARGE bytes, each of which tells where it stands. */
__attribute__((unused)) static const char *pattern(void)
{
    static char bytes[LARGE];
    for (size_t i = 0; i < LARGE && bytes[LARGE - 1] == '\0'; i++) {
        bytes[i] = (char)(1 + (i * 7 + i / 253) % 255);
    }
    return bytes;
}

__attribute__((unused)) static struct rh_slice part(size_t at, size_t len)
{
    return (struct rh_slice){pattern() + at, len};
}

#define NOTHING ((struct rh_slice){NULL, 0})

/* The peer reads `len` bytes, which must be these; -1 where it came to a reset, 1 to FIN, else 0.
 */
__attribute__((unused)) static int peer_gets(const char *expected, size_t len)
{
    static char got[LARGE + SMALL + 1];
    int end;
    cr_assert_lt(len, sizeof got);
    size_t n = peer_receive(&loop, peer, got, len + 1, NULL, 5000, &end);
    cr_assert_eq(n, len, "%zu bytes of %zu", n, len);
    cr_assert_eq(memcmp(got, expected, len), 0, "bytes out of order");
    return end;
}

/* What the peer finds behind all that: 1 FIN, -1 a reset, 0 nothing within 30 ms. */
__attribute__((unused)) static int peer_gets_end(void)
{
    char byte[2];
    int end;
    cr_assert_eq(peer_receive(&loop, peer, byte, sizeof byte, NULL, 30, &end), 0,
                 "a byte too many");
    return end;
}

/* Bytes that lie at the peer's socket. */
__attribute__((unused)) static size_t peer_holds(void)
{
    int bytes = 0;
    cr_assert_eq(ioctl(peer, FIONREAD, &bytes), 0);
    return (size_t)bytes;
}

static bool has_order(void *data)
{
    return strlen(order) >= strlen(data);
}

/* Waits for as many callbacks as there are letters, and a little for one too many. */
__attribute__((unused)) static void expect_order(const char *letters)
{
    cr_assert(loop_until(&loop, has_order, (void *)(uintptr_t)letters, 2000),
              "only \"%s\" of \"%s\"", order, letters);
    loop_run_ms(&loop, 5);
    cr_assert_str_eq(order, letters);
}

#endif
