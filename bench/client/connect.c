/* A client that opens a connection for every request.
 *
 * Happy path: each of N slots connects, sends one request with "Connection: close", reads until EOF
 * and starts again; the latency counts from the connect to the EOF. The server closes first, as
 * HTTP/1.1 has it, so TIME_WAIT stays on the server's side and no local port is used up. */
#include "net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 256

struct slot {
    int fd;
    bool sent;
    uint64_t started;
    struct rh_answer answer;
    unsigned answers;
};

struct client {
    struct rh_net_options options;
    int epoll;
    char request[1024];
    size_t request_bytes;
    struct rh_latencies latencies;
    uint64_t errors;
};

static void slot_start(struct client *client, struct slot *slot)
{
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = slot};

    slot->started = rh_net_now();
    slot->fd = rh_net_connect(client->options.port, false);
    slot->sent = false;
    slot->answers = 0;
    memset(&slot->answer, 0, sizeof slot->answer);
    if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, slot->fd, &event) < 0)
        rh_net_die("epoll_ctl");
}

static void slot_end(struct client *client, struct slot *slot, bool whole)
{
    close(slot->fd);
    if (whole)
        rh_latencies_add(&client->latencies, rh_net_now() - slot->started);
    else
        client->errors++;
    slot_start(client, slot);
}

static void on_event(struct client *client, struct slot *slot)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = slot};
    char buffer[65536];
    ssize_t n;

    if (!slot->sent) {
        n = send(slot->fd, client->request, client->request_bytes, 0);
        if (n != (ssize_t)client->request_bytes) {
            slot_end(client, slot, false);
            return;
        }
        slot->sent = true;
        if (epoll_ctl(client->epoll, EPOLL_CTL_MOD, slot->fd, &event) < 0)
            rh_net_die("epoll_ctl");
        return;
    }
    n = recv(slot->fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0)
        slot->answers += rh_answer_feed(&slot->answer, buffer, (size_t)n);
    else
        slot_end(client, slot, n == 0 && slot->answers == 1 && slot->answer.status == 200);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS_MAX];
    struct client client = {0};
    struct slot *slots;
    uint64_t start, end;
    int n;

    rh_net_options_parse(&client.options, argc, argv);
    rh_net_limits();
    client.epoll = epoll_create1(EPOLL_CLOEXEC);
    client.request_bytes =
        rh_net_request(client.request, sizeof client.request, &client.options, true);
    rh_latencies_init(&client.latencies, (size_t)(client.options.seconds * 400000));
    slots = calloc(client.options.connections, sizeof *slots);
    if (slots == NULL)
        rh_net_die("memory for the connections");
    start = rh_net_now();
    end = start + (uint64_t)(client.options.seconds * 1e9);
    for (unsigned i = 0; i < client.options.connections; i++)
        slot_start(&client, &slots[i]);
    while (rh_net_now() < end) {
        n = epoll_wait(client.epoll, events, EVENTS_MAX, 100);
        for (int i = 0; i < n; i++)
            on_event(&client, events[i].data.ptr);
    }
    printf("{\"requests\": %zu, \"errors\": %llu, \"seconds\": %.3f, ", client.latencies.count,
           (unsigned long long)client.errors, (double)(rh_net_now() - start) / 1e9);
    rh_latencies_print(&client.latencies);
    printf("}\n");
    rh_latencies_fini(&client.latencies);
    free(slots);
    return 0;
}
