/* A client with an open loop: requests start at fixed times, whatever the server does.
 *
 * Happy path: request i is due at start + i / rate. A due request takes the next free connection;
 * while none is free it waits, and that waiting is part of its latency, because the latency counts
 * from the time it was due: coordinated omission is impossible. The loop spins on epoll with a zero
 * timeout, since it has a core of its own and a timer would add its own slack to every latency.
 *
 * A connection that the server closes is counted as an error and opened again. At the end the
 * requests that are still open get a second to finish; what is then missing is reported as lost. */
#include "net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 256

struct conn {
    int fd;
    bool busy;
    uint64_t due;
    struct rh_answer answer;
    struct conn *next_free;
};

struct client {
    struct rh_net_options options;
    int epoll;
    struct conn *conns;
    struct conn *free; /* first in, first out, so that every connection is used */
    struct conn **free_tail;
    char request[1024];
    size_t request_bytes;
    struct rh_latencies latencies;
    uint64_t errors;
    uint64_t late; /* requests that found no free connection */
};

static void conn_free(struct client *client, struct conn *conn)
{
    conn->busy = false;
    conn->next_free = NULL;
    *client->free_tail = conn;
    client->free_tail = &conn->next_free;
}

static void conn_open(struct client *client, struct conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};

    conn->fd = rh_net_connect(client->options.port, true);
    memset(&conn->answer, 0, sizeof conn->answer);
    if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, conn->fd, &event) < 0)
        rh_net_die("epoll_ctl");
    conn_free(client, conn);
}

static void conn_start(struct client *client, uint64_t due)
{
    struct conn *conn = client->free;

    client->free = conn->next_free;
    if (client->free == NULL)
        client->free_tail = &client->free;
    conn->busy = true;
    conn->due = due;
    if (send(conn->fd, client->request, client->request_bytes, 0) != (ssize_t)client->request_bytes)
        client->errors++; /* the read that follows finds out and opens it again */
}

static void on_readable(struct client *client, struct conn *conn)
{
    char buffer[65536];
    ssize_t n = recv(conn->fd, buffer, sizeof buffer, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        client->errors++;
        close(conn->fd);
        if (conn->busy)
            conn_open(client, conn);
        else
            rh_net_die("the server closed an idle connection");
        return;
    }
    if (rh_answer_feed(&conn->answer, buffer, (size_t)n) > 0) {
        if (conn->answer.status != 200)
            client->errors++;
        rh_latencies_add(&client->latencies, rh_net_now() - conn->due);
        conn_free(client, conn);
    }
}

static void poll_once(struct client *client)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(client->epoll, events, EVENTS_MAX, 0);

    for (int i = 0; i < n; i++)
        on_readable(client, events[i].data.ptr);
}

int main(int argc, char **argv)
{
    struct client client = {0};
    uint64_t start, now, due, sent = 0, total;
    double period;

    rh_net_options_parse(&client.options, argc, argv);
    rh_net_limits();
    client.free_tail = &client.free;
    client.epoll = epoll_create1(EPOLL_CLOEXEC);
    client.request_bytes =
        rh_net_request(client.request, sizeof client.request, &client.options, false);
    client.conns = calloc(client.options.connections, sizeof *client.conns);
    if (client.conns == NULL)
        rh_net_die("memory for the connections");
    for (unsigned i = 0; i < client.options.connections; i++)
        conn_open(&client, &client.conns[i]);

    total = (uint64_t)(client.options.rate * client.options.seconds);
    period = 1e9 / client.options.rate;
    rh_latencies_init(&client.latencies, total);
    start = rh_net_now();
    while (sent < total) {
        due = start + (uint64_t)((double)sent * period);
        now = rh_net_now();
        if (now >= due && client.free != NULL) {
            if ((double)(now - due) > period)
                client.late++;
            conn_start(&client, due);
            sent++;
        } else {
            poll_once(&client);
        }
        if (now > start + (uint64_t)(client.options.seconds * 3e9))
            break; /* far too slow for this rate: report what there is */
    }
    now = rh_net_now();
    while (client.latencies.count < sent && rh_net_now() < now + 1000000000u)
        poll_once(&client);

    printf("{\"requests\": %zu, \"lost\": %llu, \"errors\": %llu, \"late\": %llu, "
           "\"seconds\": %.3f, ",
           client.latencies.count, (unsigned long long)(total - client.latencies.count),
           (unsigned long long)client.errors, (unsigned long long)client.late,
           (double)(now - start) / 1e9);
    rh_latencies_print(&client.latencies);
    printf("}\n");
    rh_latencies_fini(&client.latencies);
    free(client.conns);
    return 0;
}
