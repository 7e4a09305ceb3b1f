/* The lowest floor: epoll, read, write, and nothing else.
 *
 * Happy path: accept in batches, read into the loop's one buffer, count the requests, write their
 * answers. What the socket does not take is remembered as a number of bytes and goes on at
 * EPOLLOUT; until then nothing is read from that connection. A failed read or write closes. */
#include "floor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_MAX 1024

struct conn {
    int fd;
    struct rh_tally tally;
    uint64_t owed; /* bytes of answers that the socket has not taken yet */
};

struct loop {
    int epoll;
    int listener;
    int timer;
    bool close;
    size_t request_bytes;
    struct rh_fixed fixed;
    char buffer[RH_FLOOR_READ_BYTES];
};

static void watch(struct loop *loop, int op, int fd, uint32_t events, void *data)
{
    struct epoll_event event = {.events = events, .data.ptr = data};

    if (epoll_ctl(loop->epoll, op, fd, &event) < 0)
        perror("floor: epoll_ctl");
}

static void conn_close(struct conn *conn)
{
    close(conn->fd);
    free(conn);
}

static void on_accept(struct loop *loop)
{
    struct conn *conn;
    int fd;

    while ((fd = accept4(loop->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        conn = calloc(1, sizeof *conn);
        if (conn == NULL) {
            close(fd);
            return;
        }
        conn->fd = fd;
        conn->tally.request_bytes = (uint32_t)loop->request_bytes;
        watch(loop, EPOLL_CTL_ADD, fd, EPOLLIN, conn);
    }
}

/* Writes what is owed; false when the connection was closed. */
static bool conn_write(struct loop *loop, struct conn *conn)
{
    size_t row = loop->fixed.count * loop->fixed.answer_bytes;
    size_t part, offset;
    ssize_t n;

    while (conn->owed > 0) {
        /* The row of answers is periodic: what is owed begins inside an answer. */
        offset = (loop->fixed.answer_bytes - conn->owed % loop->fixed.answer_bytes) %
                 loop->fixed.answer_bytes;
        part = conn->owed < row - offset ? conn->owed : row - offset;
        n = write(conn->fd, loop->fixed.answers + offset, part);
        if (n < 0 && errno == EAGAIN) {
            watch(loop, EPOLL_CTL_MOD, conn->fd, EPOLLOUT, conn);
            return true;
        }
        if (n < 0) {
            conn_close(conn);
            return false;
        }
        conn->owed -= (uint64_t)n;
    }
    if (loop->close)
        shutdown(conn->fd, SHUT_WR); /* the connection ends with the peer's EOF */
    return true;
}

static void on_conn(struct loop *loop, struct conn *conn, uint32_t events)
{
    ssize_t n;

    if ((events & EPOLLOUT) != 0) {
        if (conn_write(loop, conn) && conn->owed == 0)
            watch(loop, EPOLL_CTL_MOD, conn->fd, EPOLLIN, conn);
        return;
    }
    n = read(conn->fd, loop->buffer, sizeof loop->buffer);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        conn_close(conn);
        return;
    }
    conn->owed += rh_tally_add(&conn->tally, loop->buffer, (size_t)n) * loop->fixed.answer_bytes;
    if (conn->owed > 0)
        conn_write(loop, conn);
}

static void on_timer(struct loop *loop)
{
    uint64_t expirations;

    if (read(loop->timer, &expirations, sizeof expirations) > 0)
        rh_fixed_tick(&loop->fixed);
}

static void loop_run(const struct rh_floor_options *options, int listener)
{
    struct itimerspec second = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
    struct epoll_event events[EVENTS_MAX];
    struct loop *loop = calloc(1, sizeof *loop);
    int n;

    if (loop == NULL)
        return;
    rh_fixed_init(&loop->fixed, options);
    loop->close = options->close;
    loop->request_bytes = options->request_bytes;
    loop->listener = listener;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    timerfd_settime(loop->timer, 0, &second, NULL);
    watch(loop, EPOLL_CTL_ADD, listener, EPOLLIN, &loop->listener);
    watch(loop, EPOLL_CTL_ADD, loop->timer, EPOLLIN, &loop->timer);
    for (;;) {
        n = epoll_wait(loop->epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &loop->listener)
                on_accept(loop);
            else if (events[i].data.ptr == &loop->timer)
                on_timer(loop);
            else
                on_conn(loop, events[i].data.ptr, events[i].events);
        }
    }
}

int main(int argc, char **argv)
{
    return rh_floor_main(argc, argv, loop_run);
}
