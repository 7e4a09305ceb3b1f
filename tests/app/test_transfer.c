/* Large files on their way to peers of every kind, over real sockets: what was read is compared byte by byte, and each
 * way in which a transfer ends early is taken while it stands still in the middle. Every test runs on what the build
 * has for it (sendfile); with WITHOUT_SENDFILE in the environment on what it falls back to. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/file.h"
#include "leaks.h"
#include "rawhttp/files.h"
#include "rawhttp/server.h"
#include "support/loop.h"

enum { FILE_BYTES = 10 << 20, STALL_MS = 60 };

static uv_loop_t loop;
static struct rh_server *server;
static struct rh_config config;
static char folder[64];
static char file_path[80];
static char *content; /* of the file */
static int closed;
static int drained;

static void note(struct rh_server *s, void *data)
{
    (void)s;
    ++*(int *)data;
}

static void put(const char *path, size_t len)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    cr_assert_geq(fd, 0);
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, content + at, len - at);
        cr_assert_gt(n, 0);
        at += (size_t)n;
    }
    fsync(fd); /* so that its pages can be dropped */
    close(fd);
}

/* Out of the page cache, where the file system has one that can be told so. */
static void make_cold(void)
{
    int fd = open(file_path, O_RDONLY);
    cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    close(fd);
}

static void setup(void)
{
    char path[80];
    rh_file_set_sendfile(getenv("WITHOUT_SENDFILE") == NULL);
    rh_config_init(&config);
    config.connections_max = 64;
    closed = drained = 0;
    cr_assert_eq(uv_loop_init(&loop), 0);
    content = malloc(FILE_BYTES);
    for (uint32_t i = 0; i < FILE_BYTES / 4; i++) { /* each word says where it stands */
        memcpy(content + (size_t)i * 4, &i, 4);
    }
    strcpy(folder, "/var/tmp/rh-transfer-XXXXXX"); /* /tmp may be memory, which has no cold pages */
    cr_assert_not_null(mkdtemp(folder));
    snprintf(file_path, sizeof file_path, "%s/large", folder);
    put(file_path, FILE_BYTES);
    snprintf(path, sizeof path, "%s/small", folder);
    put(path, 4);
}

static void serve_at(const char *address)
{
    struct rh_app *app = rh_app_create();
    rh_app_files(app, "/", rh_files_create(folder, NULL));
    int err = rh_server_create(&server, &loop, app, &config);
    cr_assert_eq(err, 0, "%s", rh_server_error(server));
    rh_app_unref(app);
    cr_assert_eq(rh_server_listen(server, address, NULL), 0, "%s", rh_server_error(server));
}

static void serve(void)
{
    serve_at("127.0.0.1:0");
}

/* The kernel's queue on our side grows to megabytes by itself, but for a socket that was told its size, as those are
 * that come from such a listener. */
static void serve_with_short_queues(void)
{
    char address[16];
    int room = 128 * 1024;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 16), 0);
    snprintf(address, sizeof address, "fd:%d", fd);
    serve_at(address);
}

static void teardown(void)
{
    char command[128];
    if (!closed) {
        rh_server_close(server, note, &closed);
    }
    cr_assert(loop_until_flag(&loop, &closed, 5000), "the server does not close");
    rh_server_destroy(server); /* the pools assert that all was given back */
    loop_close(&loop);
    free(content);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
    assert_no_leaks();
}

TestSuite(transfer, .init = setup, .fini = teardown, .timeout = 60);

/* --- A peer that reads as it likes --------------------------------------------------------------------- */

struct peer {
    int fd;
    size_t head_len;
    char *bytes; /* all that came */
    size_t len;
    size_t cap;
    int end; /* 1: FIN, -1: reset */
};

static void peer_open(struct peer *peer, const char *requests)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)rh_server_port(server, 0)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int room = 32 * 1024;
    memset(peer, 0, sizeof *peer);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room); /* small: the server soon has to wait */
    cr_assert_eq(connect(peer->fd, (struct sockaddr *)&to, sizeof to), 0);
    fcntl(peer->fd, F_SETFL, O_NONBLOCK);
    peer->cap = 3 * (size_t)FILE_BYTES;
    peer->bytes = mmap(NULL, peer->cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(peer->bytes, MAP_FAILED);
    peer_say(&loop, peer->fd, requests);
}

static void peer_close(struct peer *peer)
{
    if (peer->fd >= 0) {
        close(peer->fd);
    }
    munmap(peer->bytes, peer->cap);
}

/* Reads until `total` bytes have come, the end, or nothing for 5 s; the loop runs meanwhile. */
static void peer_read(struct peer *peer, size_t total)
{
    for (unsigned idle = 0; peer->end == 0 && peer->len < total && idle < 25000;) {
        size_t room = total - peer->len < 65536 ? total - peer->len : 65536;
        ssize_t n = recv(peer->fd, peer->bytes + peer->len, room, 0);
        if (n > 0) {
            peer->len += (size_t)n;
            idle = 0;
        } else if (n == 0) {
            peer->end = 1;
        } else if (errno != EAGAIN) {
            peer->end = -1;
        }
        uv_run(&loop, UV_RUN_NOWAIT);
        if (n < 0 && peer->end == 0) {
            usleep(200);
            idle++;
        }
    }
    peer->bytes[peer->len] = '\0';
    const char *end = memmem(peer->bytes, peer->len, "\r\n\r\n", 4);
    peer->head_len = end != NULL ? (size_t)(end + 4 - peer->bytes) : 0;
}

/* The head and some of the body have come, and the server waits for a peer that reads no more. */
static void peer_stall(struct peer *peer)
{
    peer_read(peer, 200000);
    cr_assert_geq(peer->len, 200000);
    loop_run_ms(&loop, STALL_MS);
}

static void assert_content(const char *at, size_t len, size_t from)
{
    if (memcmp(at, content + from, len) == 0) {
        return;
    }
    size_t i = 0;
    while (at[i] == content[from + i]) {
        i++;
    }
    cr_assert_fail("byte %zu of %zu is wrong", i, len);
}

static size_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%*u %lu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

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

#define GET_LARGE "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_SMALL "GET /small HTTP/1.1\r\nHost: x\r\n\r\n"
#define LAST_LARGE "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

/* --- What arrives --------------------------------------------------------------------------------------- */

Test(transfer, reaches_a_slow_reader_whole_and_in_order)
{
    for (int cold = 0; cold < 2; cold++) {
        struct peer peer;
        if (cold) {
            make_cold();
        } else {
            serve();
        }
        peer_open(&peer, LAST_LARGE);
        for (size_t total = 100000; total < FILE_BYTES; total += 500000) {
            peer_read(&peer, total);
            loop_run_ms(&loop, 5);
        }
        peer_read(&peer, SIZE_MAX);
        cr_assert_eq(peer.end, 1);
        cr_assert_not_null(strstr(peer.bytes, "Content-Length: 10485760\r\n"));
        cr_assert_eq(peer.len, peer.head_len + FILE_BYTES);
        assert_content(peer.bytes + peer.head_len, FILE_BYTES, 0);
        peer_close(&peer);
    }
}

Test(transfer, keeps_no_memory_for_peers_that_do_not_read)
{
    enum { PEERS = 40 };
    static struct peer peers[PEERS];
    serve();
    peer_open(&peers[0], GET_LARGE);
    peer_stall(&peers[0]);
    size_t before = resident_bytes();
    for (int i = 1; i < PEERS; i++) {
        peer_open(&peers[i], GET_LARGE);
    }
    loop_run_ms(&loop, 300);
    size_t grown = resident_bytes() - before;
    cr_assert_lt(grown, PEERS * 256 * 1024, "%zu bytes for each", grown / PEERS);
    for (int i = 0; i < PEERS; i++) {
        peer_close(&peers[i]);
    }
}

Test(transfer, takes_pipelined_requests_in_order)
{
    struct peer peer;
    serve();
    peer_open(&peer, GET_SMALL GET_LARGE GET_SMALL "HEAD /large HTTP/1.1\r\nHost: x\r\n\r\n" LAST_LARGE);
    peer_read(&peer, SIZE_MAX);
    cr_assert_eq(peer.end, 1);
    const char *at = peer.bytes;
    static const size_t bodies[] = {4, FILE_BYTES, 4, 0, FILE_BYTES};
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(memcmp(at, "HTTP/1.1 200 OK\r\n", 17), 0, "answer %zu", i);
        at = (char *)memmem(at, 1000, "\r\n\r\n", 4) + 4;
        assert_content(at, bodies[i], 0);
        at += bodies[i];
    }
    cr_assert_eq(at, peer.bytes + peer.len);
    peer_close(&peer);
}

Test(transfer, sends_ranges)
{
    static const struct {
        const char *range;
        size_t from, len;
    } cases[] = {{"1000001-8000000", 1000001, 7000000}, {"-3000000", FILE_BYTES - 3000000, 3000000},
                 {"5-5", 5, 1}, {"1048575-1048577", 1048575, 3}, {"10000000-", 10000000, FILE_BYTES - 10000000}};
    serve();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct peer peer;
        char request[200];
        snprintf(request, sizeof request,
                 "GET /large HTTP/1.1\r\nHost: x\r\nRange: bytes=%s\r\nConnection: close\r\n\r\n", cases[i].range);
        peer_open(&peer, request);
        peer_read(&peer, SIZE_MAX);
        cr_assert_eq(memcmp(peer.bytes, "HTTP/1.1 206 ", 13), 0);
        cr_assert_eq(peer.len, peer.head_len + cases[i].len, "%s: %zu", cases[i].range, peer.len - peer.head_len);
        assert_content(peer.bytes + peer.head_len, cases[i].len, cases[i].from);
        peer_close(&peer);
    }
}

Test(transfer, ends_at_the_head_for_head)
{
    struct peer peer;
    serve();
    peer_open(&peer, "HEAD /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    peer_read(&peer, SIZE_MAX);
    cr_assert_eq(peer.end, 1);
    cr_assert_eq(peer.len, peer.head_len);
    cr_assert_not_null(strstr(peer.bytes, "Content-Length: 10485760\r\n"));
    peer_close(&peer);
}

Test(transfer, does_not_hold_up_others)
{
    struct peer peer;
    char text[4096];
    serve();
    peer_open(&peer, GET_LARGE);
    peer_stall(&peer);
    int fd = peer_connect((unsigned)rh_server_port(server, 0));
    peer_say(&loop, fd, GET_SMALL);
    size_t len = peer_receive(&loop, fd, text, sizeof text, NULL, 100, NULL);
    cr_assert_gt(len, 4);
    assert_content(text + len - 4, 4, 0);
    close(fd);
    peer_close(&peer);
}

/* --- What ends it early --------------------------------------------------------------------------------- */

Test(transfer, ends_when_the_peer_resets)
{
    struct peer peer;
    serve();
    peer_open(&peer, GET_LARGE);
    peer_stall(&peer);
    peer_reset(peer.fd);
    peer.fd = -1;
    cr_assert(loop_until(&loop, nobody_is_open, NULL, 5000));
    peer_close(&peer);
}

Test(transfer, ends_when_the_server_closes)
{
    for (int moment = 0; moment < 12; moment++) { /* turns of the loop behind the request */
        struct peer peer;
        closed = 0;
        make_cold();
        serve();
        peer_open(&peer, GET_LARGE);
        for (int i = 0; i < moment; i++) {
            uv_run(&loop, UV_RUN_NOWAIT);
            if (moment > 5) {
                usleep(300);
            }
        }
        if (moment == 11) {
            peer_stall(&peer);
        }
        rh_server_close(server, note, &closed);
        cr_assert(loop_until_flag(&loop, &closed, 5000));
        if (moment < 11) {
            rh_server_destroy(server);
        }
        peer_close(&peer);
    }
}

Test(transfer, stops_where_the_file_became_shorter)
{
    static const off_t sizes[] = {0, 1 << 20, 5000001};
    serve();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct peer peer;
        put(file_path, FILE_BYTES);
        peer_open(&peer, GET_LARGE);
        peer_stall(&peer);
        cr_assert_eq(truncate(file_path, sizes[i]), 0);
        peer_read(&peer, SIZE_MAX);
        cr_assert_neq(peer.end, 0, "it waits for what does not come");
        cr_assert_lt(peer.len, peer.head_len + FILE_BYTES);
        size_t got = peer.len - peer.head_len;
        /* Pages that are in the socket's queue already are the file's own: what was cut off reads as zeros. */
        assert_content(peer.bytes + peer.head_len, got < (size_t)sizes[i] ? got : (size_t)sizes[i], 0);
        peer_close(&peer);
        cr_assert(loop_until(&loop, nobody_is_open, NULL, 5000));
    }
}

/* In the last range, behind which nobody looks at the file again. */
Test(transfer, stops_where_the_end_of_the_file_went)
{
    struct peer peer;
    struct rh_stats stats;
    serve_with_short_queues();
    peer_open(&peer, GET_LARGE);
    do {
        peer_read(&peer, peer.len + 50000);
        rh_server_stats(server, &stats);
    } while (stats.bytes_out < 9 << 20);
    loop_run_ms(&loop, STALL_MS);
    rh_server_stats(server, &stats);
    cr_assert_lt(stats.bytes_out, FILE_BYTES, "the kernel took it all");
    cr_assert_eq(truncate(file_path, 9 << 20), 0);
    peer_read(&peer, SIZE_MAX);
    cr_assert_neq(peer.end, 0, "it waits for what does not come");
    cr_assert_lt(peer.len, peer.head_len + FILE_BYTES);
    peer_close(&peer);
}

Test(transfer, outlives_its_name)
{
    struct peer peer;
    serve();
    peer_open(&peer, LAST_LARGE);
    peer_stall(&peer);
    cr_assert_eq(unlink(file_path), 0);
    peer_read(&peer, SIZE_MAX);
    cr_assert_eq(peer.len, peer.head_len + FILE_BYTES);
    assert_content(peer.bytes + peer.head_len, FILE_BYTES, 0);
    peer_close(&peer);
}

Test(transfer, is_finished_by_a_drain)
{
    struct peer peer;
    serve();
    peer_open(&peer, GET_LARGE);
    peer_stall(&peer);
    rh_server_drain(server, 10000, note, &drained);
    loop_run_ms(&loop, 20);
    cr_assert_eq(drained, 0);
    peer_read(&peer, SIZE_MAX);
    cr_assert_eq(peer.end, 1);
    cr_assert_eq(peer.len, peer.head_len + FILE_BYTES);
    assert_content(peer.bytes + peer.head_len, FILE_BYTES, 0);
    peer_close(&peer);
    cr_assert(loop_until_flag(&loop, &drained, 1000));
}

Test(transfer, is_cut_at_the_end_of_a_drain)
{
    struct peer peer;
    serve();
    peer_open(&peer, GET_LARGE);
    peer_stall(&peer);
    rh_server_drain(server, 50, note, &drained);
    cr_assert(loop_until_flag(&loop, &drained, 2000));
    cr_assert(loop_until(&loop, nobody_is_open, NULL, 1000));
    peer_close(&peer);
}

Test(transfer, is_cut_where_the_peer_does_not_read)
{
    struct peer peer;
    struct rh_stats stats;
    config.write_ms = 150;
    serve();
    peer_open(&peer, GET_LARGE);
    cr_assert(loop_until(&loop, nobody_is_open, NULL, 5000) == true);
    rh_server_stats(server, &stats);
    cr_assert_eq(stats.deadline_ends, 1);
    peer_close(&peer);
}

Test(transfer, goes_on_where_the_peer_reads_slowly)
{
    struct peer peer;
    config.write_ms = 200;
    config.rate_bytes_min = 1000;
    serve();
    peer_open(&peer, LAST_LARGE);
    for (size_t total = 100000; total < 1500000; total += 100000) { /* two seconds, ten deadlines */
        peer_read(&peer, total);
        loop_run_ms(&loop, 140);
        cr_assert_eq(open_now(), 1, "cut at %zu", total);
    }
    peer_read(&peer, SIZE_MAX);
    cr_assert_eq(peer.len, peer.head_len + FILE_BYTES);
    peer_close(&peer);
}
