/* Shared by the load clients: see net.h. Everything here is small and ends the process on failure.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void rh_net_die(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void usage(const char *program)
{
    fprintf(stderr,
            "usage: %s --port N [--path P] [--connections N] [--threads N] [--seconds S]"
            " [--rate N] [--tls] [--resume] [--no-wait]\n",
            program);
    exit(2);
}

void rh_net_options_parse(struct rh_net_options *options, int argc, char **argv)
{
    static const struct option longs[] = {
        {"port", required_argument, NULL, 'p'},
        {"path", required_argument, NULL, 'u'},
        {"connections", required_argument, NULL, 'c'},
        {"threads", required_argument, NULL, 't'},
        {"seconds", required_argument, NULL, 's'},
        {"rate", required_argument, NULL, 'r'},
        {"tls", no_argument, NULL, 'T'},
        {"resume", no_argument, NULL, 'R'},
        {"no-wait", no_argument, NULL, 'W'},
        {NULL, 0, NULL, 0},
    };
    int c;

    memset(options, 0, sizeof *options);
    options->path = "/ping";
    options->connections = 1;
    options->threads = 1;
    options->seconds = 1;
    options->rate = 1000;
    options->wait = true;
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'p':
            options->port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 'u':
            options->path = optarg;
            break;
        case 'c':
            options->connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            options->threads = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            options->seconds = strtod(optarg, NULL);
            break;
        case 'r':
            options->rate = strtod(optarg, NULL);
            break;
        case 'T':
            options->tls = true;
            break;
        case 'R':
            options->resume = true;
            break;
        case 'W':
            options->wait = false;
            break;
        default:
            usage(argv[0]);
        }
    }
    if (options->port == 0 || options->connections == 0 || options->threads == 0)
        usage(argv[0]);
    signal(SIGPIPE, SIG_IGN);
}

int rh_net_connect(uint16_t port, bool blocking)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
    int on = 1;

    if (fd < 0)
        rh_net_die("socket");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        rh_net_die("connect");
    return fd;
}

size_t rh_net_request(char *buffer, size_t size, const struct rh_net_options *options, bool last)
{
    int n = snprintf(buffer, size, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n", options->path,
                     options->port, last ? "Connection: close\r\n" : "");

    if (n < 0 || (size_t)n >= size) {
        errno = EMSGSIZE;
        rh_net_die("request");
    }
    return (size_t)n;
}

void rh_net_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

uint64_t rh_net_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Reads status and Content-Length of a complete head. */
static void head_read(struct rh_answer *answer)
{
    const char *line;

    answer->head[answer->head_bytes] = '\0';
    answer->status = answer->head_bytes > 12 ? (unsigned)strtoul(answer->head + 9, NULL, 10) : 0;
    answer->body_left = 0;
    for (line = strstr(answer->head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, "Content-Length:", 15) == 0)
            answer->body_left = strtoull(line + 17, NULL, 10);
    }
    answer->in_body = answer->body_left > 0;
}

unsigned rh_answer_feed(struct rh_answer *answer, const char *data, size_t size)
{
    unsigned complete = 0;
    size_t part;

    while (size > 0) {
        if (answer->in_body) {
            part = answer->body_left < size ? (size_t)answer->body_left : size;
            data += part;
            size -= part;
            answer->body_left -= part;
            if (answer->body_left == 0) {
                answer->in_body = false;
                answer->head_bytes = 0;
                complete++;
            }
            continue;
        }
        if (answer->head_bytes >= RH_NET_HEAD_BYTES - 1) {
            errno = EMSGSIZE;
            rh_net_die("answer head");
        }
        answer->head[answer->head_bytes++] = *data++;
        size--;
        if (answer->head_bytes >= 4 &&
            memcmp(answer->head + answer->head_bytes - 4, "\r\n\r\n", 4) == 0) {
            head_read(answer);
            if (!answer->in_body) {
                answer->head_bytes = 0;
                complete++;
            }
        }
    }
    return complete;
}

void rh_latencies_init(struct rh_latencies *latencies, size_t size)
{
    latencies->values = malloc((size + 1) * sizeof *latencies->values);
    if (latencies->values == NULL)
        rh_net_die("memory for the latencies");
    latencies->count = 0;
    latencies->size = size;
}

void rh_latencies_fini(struct rh_latencies *latencies)
{
    free(latencies->values);
    latencies->values = NULL;
}

void rh_latencies_add(struct rh_latencies *latencies, uint64_t value)
{
    if (latencies->count < latencies->size)
        latencies->values[latencies->count++] = value;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double percentile(const struct rh_latencies *latencies, double share)
{
    size_t at = (size_t)((double)latencies->count * share);

    if (latencies->count == 0)
        return 0;
    if (at >= latencies->count)
        at = latencies->count - 1;
    return (double)latencies->values[at] / 1000.0;
}

void rh_latencies_print(struct rh_latencies *latencies)
{
    qsort(latencies->values, latencies->count, sizeof *latencies->values, compare);
    printf("\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f",
           percentile(latencies, 0.5), percentile(latencies, 0.9), percentile(latencies, 0.99),
           percentile(latencies, 0.999), percentile(latencies, 1.0));
}
