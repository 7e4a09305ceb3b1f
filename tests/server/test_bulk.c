/* Bodies and answers of some hundred KiB over real sockets, through the larger buffers and past their number: what
 * comes back is what was sent, and every buffer is given back. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rawhttp/body.h"
#include "rawhttp/server.h"
#include "rawhttp/stream.h"
#include "server/engine/pools.h"
#include "support/door.h"
#include "support/loop.h"

enum { BODY_BYTES = 300000, LONG_BYTES = 9 << 20, PEERS = RH_BULK_MAX + 20 };

static uv_loop_t loop;
static struct rh_server *server;
static struct test_door door;
static struct rh_config config;
static char body[LONG_BYTES];
static char request[LONG_BYTES + 200];
static char got[LONG_BYTES + 4096];
static int closed;

static void note(struct rh_server *s, void *data)
{
    (void)s;
    ++*(int *)data;
}

static uint64_t in_use(const char *name, uint64_t *ret_peak)
{
    struct rh_pool_stats stats = {0};
    for (size_t i = 0; rh_server_pool_stats(server, i, &stats) == 0; i++) {
        if (strcmp(stats.name, name) == 0) {
            *ret_peak = stats.peak;
            return stats.in_use;
        }
    }
    cr_assert_fail("no pool %s", name);
    return 0;
}

static void set_up(void)
{
    rh_config_init(&config);
    config.connections_max = 256;
    closed = 0;
    for (uint32_t i = 0; i < sizeof body / 4; i++) { /* each word says where it stands */
        memcpy(body + (size_t)i * 4, &i, 4);
    }
    cr_assert_eq(uv_loop_init(&loop), 0);
}

static void begin(rh_handler_fn handler)
{
    test_door_init(&door, handler, NULL);
    cr_assert_eq(rh_server_create(&server, &loop, test_door_app(&door), &config), 0);
    cr_assert_eq(rh_server_listen(server, "127.0.0.1:0", NULL), 0, "%s", rh_server_error(server));
}

static void tear_down(void)
{
    rh_server_close(server, note, &closed);
    cr_assert(loop_until_flag(&loop, &closed, 5000), "the server does not close");
    rh_server_destroy(server); /* the pools assert that all was given back */
    loop_close(&loop);
}

TestSuite(bulk, .init = set_up, .fini = tear_down, .timeout = 60);

static void assert_body(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        cr_assert_eq(at[i], body[i], "byte %zu of %zu", i, len);
    }
}

/* --- Echo ------------------------------------------------------------------------------------------------ */

static void on_drained(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_resume(x);
}

static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)data;
    return rh_stream_write(x, piece.base, piece.len);
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    if (error != 0) {
        rh_stream_fail(x);
    } else {
        rh_stream_end(x);
    }
}

static void echo(struct rh_exchange *x, void *data)
{
    rh_stream_open(x, 200, "application/octet-stream", rh_body_length(x), on_drained, data);
    rh_body_stream(x, on_data, on_end, data);
}

static int connect_peer(void)
{
    return peer_connect((unsigned)rh_server_port(server, 0));
}

/* A request by length, or by chunks of `chunk` bytes. */
static size_t make_request(size_t len, size_t chunk)
{
    size_t at = (size_t)snprintf(request, 100, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    if (chunk == 0) {
        at += (size_t)snprintf(request + at, 100, "Content-Length: %zu\r\n\r\n", len);
        memcpy(request + at, body, len);
        return at + len;
    }
    at += (size_t)snprintf(request + at, 100, "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t done = 0; done < len;) {
        size_t step = len - done < chunk ? len - done : chunk;
        at += (size_t)snprintf(request + at, 100, "%zx\r\n", step);
        memcpy(request + at, body + done, step);
        at += step;
        memcpy(request + at, "\r\n", 2);
        at += 2;
        done += step;
    }
    return at + (size_t)snprintf(request + at, 100, "0\r\n\r\n");
}

/* Undoes chunks in place. */
static size_t unchunk(char *text, size_t len)
{
    size_t in = 0;
    size_t out = 0;
    for (;;) {
        char *end;
        size_t step = strtoul(text + in, &end, 16);
        in = (size_t)(end - text) + 2;
        if (step == 0) {
            return out;
        }
        cr_assert_leq(in + step + 2, len);
        memmove(text + out, text + in, step);
        out += step;
        in += step + 2;
    }
}

/* The body of what came back, in front of `got`. */
static size_t take_body(size_t len)
{
    char *head_end = strstr(got, "\r\n\r\n");
    cr_assert_not_null(head_end);
    cr_assert_eq(memcmp(got, "HTTP/1.1 200 OK\r\n", 17), 0);
    bool is_chunked = memmem(got, (size_t)(head_end - got), "Transfer-Encoding: chunked", 26) != NULL;
    size_t head = (size_t)(head_end + 4 - got);
    memmove(got, got + head, len - head);
    return is_chunked ? unchunk(got, len - head) : len - head;
}

Test(bulk, echoes_by_length_and_by_chunks)
{
    static const size_t chunks[] = {0, 1000, 16384, 70000, BODY_BYTES};
    uint64_t peak = 0;
    begin(echo);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        int fd = connect_peer();
        size_t len = make_request(BODY_BYTES, chunks[i]);
        peer_send(&loop, fd, request, len);
        len = take_body(peer_receive(&loop, fd, got, sizeof got, NULL, 5000, NULL));
        cr_assert_eq(len, BODY_BYTES, "%zu bytes by chunks of %zu", len, chunks[i]);
        assert_body(got, len);
        close(fd);
        cr_assert_eq(in_use("bulk_inputs", &peak), 0);
        cr_assert_gt(peak, 0, "never used");
        cr_assert_eq(in_use("bulk_outputs", &peak), 0);
        cr_assert_gt(peak, 0, "never used");
    }
}

Test(bulk, leaves_small_exchanges_alone)
{
    uint64_t peak;
    begin(echo);
    int fd = connect_peer();
    size_t len = make_request(1000, 0);
    peer_send(&loop, fd, request, len);
    cr_assert_eq(take_body(peer_receive(&loop, fd, got, sizeof got, NULL, 5000, NULL)), 1000);
    close(fd);
    cr_assert_eq(in_use("bulk_inputs", &peak) + peak, 0);
    cr_assert_eq(in_use("bulk_outputs", &peak) + peak, 0);
}

/* Sends without waiting for all of it to be taken. */
static size_t send_some(int fd, const char *bytes, size_t len)
{
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
    cr_assert(n >= 0 || errno == EAGAIN);
    return n > 0 ? (size_t)n : 0;
}

/* More peers than larger buffers, and none of them reads until all stand still. */
Test(bulk, goes_on_where_the_larger_buffers_are_out)
{
    static int fds[PEERS];
    static size_t sent[PEERS];
    uint64_t peak;
    config.body_bytes_max = LONG_BYTES;
    begin(echo);
    size_t len = make_request(LONG_BYTES, 0);
    for (int i = 0; i < PEERS; i++) {
        fds[i] = connect_peer();
        sent[i] = 0;
    }
    for (int turn = 0; turn < 150; turn++) {
        for (int i = 0; i < PEERS; i++) {
            sent[i] += send_some(fds[i], request + sent[i], len - sent[i]);
        }
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    cr_assert_eq(in_use("bulk_outputs", &peak), RH_BULK_MAX);
    for (int i = 0; i < PEERS; i += PEERS - 1) { /* the first, and one that came too late for them */
        size_t came = 0;
        for (unsigned idle = 0; came < sizeof got - 1 && idle < 20000;) {
            sent[i] += send_some(fds[i], request + sent[i], len - sent[i]);
            ssize_t n = recv(fds[i], got + came, sizeof got - 1 - came, 0);
            if (n == 0) {
                break;
            }
            came += n > 0 ? (size_t)n : 0;
            idle = n > 0 ? 0 : idle + 1;
            uv_run(&loop, UV_RUN_NOWAIT);
        }
        got[came] = '\0';
        cr_assert_eq(take_body(came), LONG_BYTES, "peer %d", i);
        cr_assert_eq(memcmp(got, body, LONG_BYTES), 0);
    }
    for (int i = 0; i < PEERS; i++) {
        if (i % 2 == 0) {
            peer_reset(fds[i]);
        } else {
            close(fds[i]);
        }
    }
}

/* --- A pulled source ------------------------------------------------------------------------------------- */

static size_t pulled;
static size_t room_most;

static ptrdiff_t pull(void *data, char *out, size_t room)
{
    size_t left = BODY_BYTES - pulled;
    (void)data;
    room_most = room > room_most ? room : room_most;
    room = room < left ? room : left;
    memcpy(out, body + pulled, room);
    pulled += room;
    return (ptrdiff_t)room;
}

static void sources(struct rh_exchange *x, void *data)
{
    bool by_length = rh_slice_is(rh_request_path(x), "/length");
    struct rh_source source = {pull, NULL, data, by_length ? BODY_BYTES : RH_LENGTH_UNKNOWN};
    rh_respond_source(x, 200, "application/octet-stream", &source);
}

Test(bulk, pulls_sources_in_large_pieces)
{
    static const char *const paths[] = {"/length", "/chunks"};
    begin(sources);
    for (size_t i = 0; i < 2; i++) {
        int fd = connect_peer();
        pulled = room_most = 0;
        snprintf(request, 100, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", paths[i]);
        peer_say(&loop, fd, request);
        cr_assert_eq(take_body(peer_receive(&loop, fd, got, sizeof got, NULL, 5000, NULL)), BODY_BYTES);
        assert_body(got, BODY_BYTES);
        cr_assert_gt(room_most, 60000, "%zu", room_most);
        cr_assert_leq(room_most, i == 0 ? RH_BULK_BYTES : 65535, "a chunk's head has four digits");
        close(fd);
    }
}
