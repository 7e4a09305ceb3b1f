/* The frame around a floor: options in, one thread with a listener of its own for each loop.
 *
 * Happy path: parse, raise the descriptor limit, bind one SO_REUSEPORT socket for each loop (with
 * one loop plainly), run the last loop on this thread. Every failure is one line on stderr and exit
 * code 1; wrong usage is 2. Floors end by a signal: they have nothing to save. */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST_BYTES (16 * 1024) /* answers kept in a row; a larger one stands alone */
#define DATE_BYTES 29           /* IMF-fixdate, RFC 9110 §5.6.7 */

struct loop_start {
    const struct rh_floor_options *options;
    rh_floor_loop_fn loop;
    int listener;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

void rh_fixed_init(struct rh_fixed *fixed, const struct rh_floor_options *options)
{
    size_t body_bytes = options->body_bytes > 0 ? options->body_bytes : 4;
    char head[256];
    int head_bytes;
    char *at;

    /* The fields, their order and their lengths are those of rawhttp-uv's own answer to /ping, so
     * that both write the same number of bytes. */
    head_bytes = snprintf(head, sizeof head,
                          "HTTP/1.1 200 OK\r\n"
                          "Server: rawhttp-uv\r\n"
                          "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                          "Content-Type: text/plain; charset=utf-8\r\n"
                          "Content-Length: %zu\r\n"
                          "%s\r\n",
                          body_bytes,
                          options->close        ? "Connection: close\r\n"
                          : options->keep_alive ? "Connection: keep-alive\r\n"
                                                : "");
    fixed->answer_bytes = (size_t)head_bytes + body_bytes;
    fixed->date_offset = strlen("HTTP/1.1 200 OK\r\nServer: rawhttp-uv\r\nDate: ");
    fixed->count = BURST_BYTES / fixed->answer_bytes;
    if (fixed->count == 0)
        fixed->count = 1;
    fixed->answers = malloc(fixed->count * fixed->answer_bytes);
    if (fixed->answers == NULL)
        die("memory for the answer");
    for (size_t i = 0; i < fixed->count; i++) {
        at = fixed->answers + i * fixed->answer_bytes;
        memcpy(at, head, (size_t)head_bytes);
        if (options->body_bytes > 0)
            memset(at + head_bytes, 'x', body_bytes);
        else
            memcpy(at + head_bytes, "pong", body_bytes);
    }
    rh_fixed_tick(fixed);
}

void rh_fixed_fini(struct rh_fixed *fixed)
{
    free(fixed->answers);
    fixed->answers = NULL;
}

void rh_fixed_tick(struct rh_fixed *fixed)
{
    time_t now = time(NULL);
    struct tm tm;
    char date[DATE_BYTES + 1];

    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    for (size_t i = 0; i < fixed->count; i++)
        memcpy(fixed->answers + i * fixed->answer_bytes + fixed->date_offset, date, DATE_BYTES);
}

size_t rh_fixed_take(const struct rh_fixed *fixed, size_t *count)
{
    size_t taken = *count < fixed->count ? *count : fixed->count;

    *count -= taken;
    return taken * fixed->answer_bytes;
}

uint32_t rh_tally_learn(const char *data, size_t size)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    const char *length;

    /* A first head that does not come in one piece is taken to end with this piece: good enough for
     * the load tools, which send a head by one write. */
    if (end == NULL)
        return (uint32_t)size;
    end += 4;
    length = memmem(data, (size_t)(end - data), "Content-Length: ", 16);
    return (uint32_t)(end - data) + (length != NULL ? (uint32_t)strtoul(length + 16, NULL, 10) : 0);
}

static int listener_open(uint16_t port, bool shared)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        die("socket");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    /* Accepted sockets inherit it on Linux: one system call less for each connection. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("bind");
    if (listen(fd, 4096) < 0)
        die("listen");
    return fd;
}

static void *loop_thread(void *data)
{
    const struct loop_start *start = data;

    start->loop(start->options, start->listener);
    return NULL;
}

static void usage(const char *program)
{
    fprintf(stderr,
            "usage: %s --port N [--loops N] [--close] [--keep-alive] [--body-bytes N] "
            "[--request-bytes N]"
            " [--cert FILE --key FILE]\n",
            program);
    exit(2);
}

static void options_parse(struct rh_floor_options *options, int argc, char **argv)
{
    static const struct option longs[] = {
        {"port", required_argument, NULL, 'p'},
        {"loops", required_argument, NULL, 'l'},
        {"close", no_argument, NULL, 'c'},
        {"keep-alive", no_argument, NULL, 'k'},
        {"body-bytes", required_argument, NULL, 'b'},
        {"request-bytes", required_argument, NULL, 'r'},
        {"cert", required_argument, NULL, 'C'},
        {"key", required_argument, NULL, 'K'},
        {NULL, 0, NULL, 0},
    };
    int c;

    memset(options, 0, sizeof *options);
    options->loops = 1;
    while ((c = getopt_long(argc, argv, "p:", longs, NULL)) != -1) {
        switch (c) {
        case 'p':
            options->port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 'l':
            options->loops = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            options->close = true;
            break;
        case 'k':
            options->keep_alive = true;
            break;
        case 'b':
            options->body_bytes = strtoul(optarg, NULL, 10);
            break;
        case 'r':
            options->request_bytes = strtoul(optarg, NULL, 10);
            break;
        case 'C':
            options->cert = optarg;
            break;
        case 'K':
            options->key = optarg;
            break;
        default:
            usage(argv[0]);
        }
    }
    if (options->port == 0 || options->loops == 0)
        usage(argv[0]);
}

int rh_floor_main(int argc, char **argv, rh_floor_loop_fn loop)
{
    struct rh_floor_options options;
    struct loop_start *starts;
    struct rlimit limit;
    pthread_t thread;

    options_parse(&options, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    starts = calloc(options.loops, sizeof *starts);
    if (starts == NULL)
        die("memory for the loops");
    for (unsigned i = 0; i < options.loops; i++) {
        starts[i].options = &options;
        starts[i].loop = loop;
        starts[i].listener = listener_open(options.port, options.loops > 1);
    }
    for (unsigned i = 1; i < options.loops; i++) {
        errno = pthread_create(&thread, NULL, loop_thread, &starts[i]);
        if (errno != 0)
            die("thread");
    }
    loop_thread(&starts[0]);
    free(starts);
    return 0;
}
