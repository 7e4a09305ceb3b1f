/* The client of bench/websocket/run: `client PORT PATH CONNECTIONS BYTES SECONDS`. On each
 * connection it sends a message, waits for what comes back, and sends the next. With the path /all
 * only the first connection sends, and every connection has to get the message before the next one.
 * Prints the messages that were received and the seconds, when asked to begin by a line on its
 * standard input. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../client/net.h"

enum { EVENTS_MAX = 256 };

struct conn {
    int fd;
    uint64_t left; /* bytes of the frame that are still to come */
};

static char frame[1 << 18];
static size_t frame_len;
static size_t answer_len; /* of a whole frame of the server */
static char input[1 << 18];

static void make_frame(size_t len)
{
    size_t head = len < 126 ? 2 : len < 65536 ? 4 : 10;
    frame[0] = (char)0x82;
    frame[1] = (char)(0x80 | (len < 126 ? len : len < 65536 ? 126 : 127));
    for (size_t at = head, n = len; at > 2; at--, n >>= 8)
        frame[at - 1] = (char)n;
    memcpy(frame + head, "\x12\x34\x56\x78", 4);
    memset(frame + head + 4, 'm', len);
    frame_len = head + 4 + len;
    answer_len = head + len;
}

static void send_frame(const struct conn *conn)
{
    for (size_t at = 0; at < frame_len;) {
        ssize_t n = send(conn->fd, frame + at, frame_len - at, 0);
        if (n <= 0)
            rh_net_die("send");
        at += (size_t)n;
    }
}

static void shake_hands(struct conn *conn, uint16_t port, const char *path)
{
    char head[1024];
    size_t len = 0;
    conn->fd = rh_net_connect(port, true);
    conn->left = answer_len;
    int n = snprintf(head, sizeof head,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     path);
    if (send(conn->fd, head, (size_t)n, 0) != n)
        rh_net_die("send");
    while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) {
        if (len == sizeof head || recv(conn->fd, head + len, 1, 0) != 1)
            rh_net_die("no handshake");
        len++;
    }
    if (strncmp(head, "HTTP/1.1 101", 12) != 0)
        rh_net_die("no WebSocket");
}

/* Returns how many whole frames came. */
static unsigned receive(struct conn *conn)
{
    unsigned frames = 0;
    ssize_t n = recv(conn->fd, input, sizeof input, MSG_DONTWAIT);
    if (n == 0)
        rh_net_die("the server closed a connection");
    for (size_t left = n > 0 ? (size_t)n : 0; left > 0;) {
        size_t step = left < conn->left ? left : (size_t)conn->left;
        conn->left -= step;
        left -= step;
        if (conn->left == 0) {
            conn->left = answer_len;
            frames++;
        }
    }
    return frames;
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS_MAX];
    if (argc < 6)
        rh_net_die("usage: client PORT PATH CONNECTIONS BYTES SECONDS");
    bool to_all = strcmp(argv[2], "/all") == 0;
    unsigned count = (unsigned)atoi(argv[3]);
    double seconds = atof(argv[5]);
    struct conn *conns = calloc(count, sizeof *conns);
    int epoll = epoll_create1(0);
    uint64_t messages = 0;
    uint64_t due = 0;
    rh_net_limits();
    make_frame((size_t)atoi(argv[4]));
    for (unsigned i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &conns[i]};
        shake_hands(&conns[i], (uint16_t)atoi(argv[1]), argv[2]);
        epoll_ctl(epoll, EPOLL_CTL_ADD, conns[i].fd, &event);
    }
    printf("ready\n");
    fflush(stdout);
    if (fgets(input, sizeof input, stdin) == NULL)
        return 1;
    uint64_t start = rh_net_now();
    for (unsigned i = 0; i < (to_all ? 1 : count); i++)
        send_frame(&conns[i]);
    while ((double)(rh_net_now() - start) < seconds * 1e9) {
        int n = epoll_wait(epoll, events, EVENTS_MAX, 100);
        for (int i = 0; i < n; i++) {
            struct conn *conn = events[i].data.ptr;
            unsigned frames = receive(conn);
            messages += frames;
            due += frames;
            if (!to_all && frames > 0)
                send_frame(conn);
        }
        if (to_all && due == count) {
            due = 0;
            send_frame(&conns[0]);
        }
    }
    printf("%llu %.6f\n", (unsigned long long)messages, (double)(rh_net_now() - start) / 1e9);
    return 0;
}
