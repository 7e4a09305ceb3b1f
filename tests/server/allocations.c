/* Counts calls of malloc on the path of plain requests over a real socket: zero after the first ones. A plain program,
 * since it takes malloc's place. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "rawhttp/server.h"
#include "rh-build.h"
#include "support/door.h"

#if RH_SLAB_MALLOC || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTS 0
#endif
#endif
#ifndef COUNTS
#define COUNTS 1
#endif

static unsigned long calls;

#if COUNTS
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);

void *malloc(size_t bytes)
{
    calls++;
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    calls++;
    return __libc_calloc(n, bytes);
}

void *realloc(void *old, size_t bytes)
{
    calls++;
    return __libc_realloc(old, bytes);
}
#endif

static void pong(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

static void on_closed(struct rh_server *server, void *data)
{
    (void)server;
    *(int *)data = 1;
}

/* One connection with `rounds` requests; waits for each answer. */
static int talk(uv_loop_t *loop, unsigned port, unsigned rounds)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        return -1;
    }
    for (unsigned i = 0; i < rounds; i++) {
        char answer[512];
        if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) {
            return -1;
        }
        ssize_t n = -1;
        for (unsigned turns = 0; turns < 1000 && n < 0; turns++) {
            uv_run(loop, UV_RUN_NOWAIT);
            n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
        }
        if (n < 4 || memcmp(answer + n - 4, "pong", 4) != 0) {
            return -1;
        }
    }
    close(fd);
    uv_run(loop, UV_RUN_NOWAIT);
    uv_run(loop, UV_RUN_NOWAIT);
    return 0;
}

int main(void)
{
    uv_loop_t loop;
    struct rh_server *server;
    struct test_door door;
    int closed = 0;
    test_door_init(&door, pong, NULL);
    if (uv_loop_init(&loop) != 0 || rh_server_create(&server, &loop, test_door_app(&door), NULL) != 0 ||
        rh_server_listen(server, "127.0.0.1:0", NULL) != 0) {
        return 2;
    }
    unsigned port = rh_server_port(server, 0);
    int bad = talk(&loop, port, 3) | talk(&loop, port, 3); /* libuv grows its tables once */
    unsigned long before = calls;
    bad |= talk(&loop, port, 1000) | talk(&loop, port, 1);
    unsigned long used = calls - before;
    rh_server_close(server, on_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    rh_server_destroy(server);
    bad |= uv_loop_close(&loop) != 0 || !closed;
    fprintf(stderr, "%lu allocations in 1,001 requests%s\n", used, COUNTS ? "" : " (not counted in this build)");
    bool good = bad == 0 && used == 0;
    printf("%d passed, %d failed\n", good, !good);
    return good ? 0 : 1;
}
