/* A pair over the loopback, for the real libuv. */
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/script.h"
#include "util/assert.h"

static int fd_of(const struct pair *pair)
{
    return (int)(intptr_t)pair->peer;
}

void pair_open(struct pair *pair)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    RH_ASSERT(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 &&
              listen(listener, 1) == 0);
    RH_ASSERT(getsockname(listener, (struct sockaddr *)&name, &length) == 0);
    RH_ASSERT(connect(peer, (struct sockaddr *)&name, sizeof name) == 0);
    pair->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    pair->peer = (void *)(intptr_t)peer;
    RH_ASSERT(pair->fd >= 0);
    close(listener);
}

void pair_send(struct pair *pair, const char *bytes, size_t len)
{
    RH_ASSERT(send(fd_of(pair), bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

int pair_receive(struct pair *pair, char *out, size_t room)
{
    return (int)recv(fd_of(pair), out, room, MSG_DONTWAIT);
}

void pair_finish(struct pair *pair)
{
    shutdown(fd_of(pair), SHUT_WR);
}

void pair_reset(struct pair *pair)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_of(pair), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd_of(pair));
    pair->peer = (void *)(intptr_t)-1;
}

void pair_close(struct pair *pair)
{
    if (fd_of(pair) >= 0) {
        close(fd_of(pair));
    }
}

void pair_shut_own(int fd)
{
    shutdown(fd, SHUT_WR);
}
