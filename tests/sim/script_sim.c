/* A pair of the simulated network, for our libuv. Nothing is left to chance here: no read is cut,
 * nobody else acts. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "sim/net.h"
#include "sim/script.h"
#include "sim/sim.h"
#include "sim/uv.h"

enum { WINDOW = 200000 };

__attribute__((constructor)) static void prepare(void)
{
    sim.calm = true;
    if (!sim_trace_open()) {
        abort();
    }
}

void pair_open(struct pair *pair)
{
    static uint16_t port = 1000;
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int listener = net_open(AF_INET);
    net_listen(listener, ++port);
    pair->peer = net_connect(port, WINDOW, 1);
    pair->fd = net_accept(listener, &peer, &length);
    net_close(listener);
}

void pair_send(struct pair *pair, const char *bytes, size_t len)
{
    net_peer_send(pair->peer, bytes, len);
}

int pair_receive(struct pair *pair, char *out, size_t room)
{
    ptrdiff_t n = net_peer_receive(pair->peer, out, room);
    return n < 0 ? -1 : (int)n;
}

void pair_finish(struct pair *pair)
{
    net_peer_finish(pair->peer);
}

void pair_reset(struct pair *pair)
{
    net_peer_reset(pair->peer);
}

void pair_close(struct pair *pair)
{
    net_peer_close(pair->peer);
}

void pair_shut_own(int fd)
{
    net_shutdown(fd);
}

/* --- The world of a script: it acts between two turns only, but for the threads' work --- */

void sim_world_act(void)
{
    while (uvs_work_waiting() > 0) {
        uvs_work_run(0);
    }
}

uint64_t sim_world_next_us(void)
{
    return UINT64_MAX;
}

unsigned sim_world_events(int fd)
{
    return net_events(fd);
}

void sim_world_interleave(void)
{
}

void sim_world_stuck(void)
{
    sim_fail("the loop sleeps for ever");
}
