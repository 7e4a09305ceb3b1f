#include "support/loop.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

static void step(uv_loop_t *loop)
{
    uv_run(loop, UV_RUN_NOWAIT);
    usleep(200);
}

bool loop_until(uv_loop_t *loop, bool (*done)(void *data), void *data, unsigned ms)
{
    uint64_t end = now_ms() + ms;
    while (!done(data)) {
        if (now_ms() > end) {
            return false;
        }
        step(loop);
    }
    return true;
}

static bool is_set(void *data)
{
    return *(const int *)data != 0;
}

bool loop_until_flag(uv_loop_t *loop, const int *flag, unsigned ms)
{
    return loop_until(loop, is_set, (void *)(uintptr_t)flag, ms);
}

void loop_run_ms(uv_loop_t *loop, unsigned ms)
{
    uint64_t end = now_ms() + ms;
    while (now_ms() <= end) {
        step(loop);
    }
}

void loop_close(uv_loop_t *loop)
{
    for (unsigned turns = 0; turns < 100 && uv_loop_close(loop) != 0; turns++) {
        uv_run(loop, UV_RUN_NOWAIT);
        if (turns == 99) {
            uv_print_all_handles(loop, stderr);
            cr_assert_fail("the loop can not be closed");
        }
    }
}

int peer_connect(unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0, "%s", strerror(errno));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

void peer_send(uv_loop_t *loop, int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    uint64_t end = now_ms() + 5000;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            return; /* the server ended it: what is received tells how */
        }
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
        cr_assert_lt(now_ms(), end, "the server does not read");
        step(loop);
    }
}

void peer_say(uv_loop_t *loop, int fd, const char *text)
{
    peer_send(loop, fd, text, strlen(text));
}

size_t peer_receive(uv_loop_t *loop, int fd, char *out, size_t cap, const char *ending, unsigned ms,
                    int *ret_end)
{
    uint64_t until = now_ms() + ms;
    size_t len = 0;
    int end = 0;
    while (end == 0 && len < cap - 1 && now_ms() <= until) {
        ssize_t n = recv(fd, out + len, cap - 1 - len, 0);
        if (n > 0) {
            len += (size_t)n;
        } else if (n == 0) {
            end = 1;
        } else if (errno != EAGAIN) {
            end = -1;
        }
        size_t ending_len = ending != NULL ? strlen(ending) : 0;
        if (ending != NULL && len >= ending_len &&
            memcmp(out + len - ending_len, ending, ending_len) == 0) {
            break;
        }
        step(loop);
    }
    out[len] = '\0';
    if (ret_end != NULL) {
        *ret_end = end;
    }
    return len;
}

void peer_reset(int fd)
{
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}
