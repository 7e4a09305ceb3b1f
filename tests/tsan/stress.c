/* Two loops under load from client threads, with posts from yet other threads and a drain in the middle: a plain program,
 * since ThreadSanitizer does not run under Criterion. Ends within a few seconds; every request that was sent whole before
 * the drain, and read on, was answered. */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rawhttp/exchange.h"
#include "rawhttp/runner.h"
#include "support/door.h"

enum { LOOPS = 2, CLIENTS = 6, POSTERS = 2, RUN_MS = 1200, QUEUE_MAX = 1024 };

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static atomic_uint answered;
static atomic_uint posted;
static atomic_bool clients_stop;
static atomic_bool posters_stop;
static unsigned port;

/* Held exchanges on their way to the threads that answer them. */
static struct {
    pthread_mutex_t mutex;
    struct rh_exchange *items[QUEUE_MAX];
    unsigned n;
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void handle(struct rh_exchange *x, void *data)
{
    (void)data;
    if (!rh_slice_is(rh_request_path(x), "/later")) {
        rh_respond_text(x, 200, "now");
        return;
    }
    pthread_mutex_lock(&queue.mutex);
    bool has_room = queue.n < QUEUE_MAX;
    if (has_room) {
        rh_exchange_hold(x);
        queue.items[queue.n++] = x;
    }
    pthread_mutex_unlock(&queue.mutex);
    if (!has_room) {
        rh_respond_text(x, 200, "now");
    }
}

static void answer(struct rh_exchange *x, void *data)
{
    (void)data;
    atomic_fetch_add(&posted, 1);
    rh_respond_text(x, 200, "later");
}

static void *post(void *data)
{
    (void)data;
    for (;;) {
        bool stop = atomic_load(&posters_stop);
        pthread_mutex_lock(&queue.mutex);
        struct rh_exchange *x = queue.n > 0 ? queue.items[--queue.n] : NULL;
        pthread_mutex_unlock(&queue.mutex);
        if (x != NULL) {
            CHECK(rh_exchange_post(x, answer, NULL) == 0); /* a held exchange keeps its server open */
        } else if (stop) {
            return NULL;
        } else {
            usleep(100);
        }
    }
}

/* One connection after the other, some of them left in the middle. */
static void *ask(void *data)
{
    static const char request[] = "GET /now HTTP/1.1\r\nHost: x\r\n\r\nGET /later HTTP/1.1\r\nHost: x\r\n\r\n";
    unsigned seed = (unsigned)(uintptr_t)data;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char bytes[4096];
    while (!atomic_load(&clients_stop)) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
            close(fd);
            usleep(1000);
            continue;
        }
        for (unsigned round = 0; round < 20; round++) {
            if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof request - 1)) {
                break;
            }
            if (rand_r(&seed) % 16 == 0) {
                struct linger now = {1, 0};
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
                break;
            }
            size_t len = 0;
            ssize_t n;
            bytes[0] = '\0';
            while (strstr(bytes, "\r\n\r\nlater") == NULL && len < sizeof bytes - 1 &&
                   (n = recv(fd, bytes + len, sizeof bytes - 1 - len, 0)) > 0) {
                len += (size_t)n;
                bytes[len] = '\0';
            }
            if (strstr(bytes, "\r\n\r\nlater") == NULL) {
                break;
            }
            atomic_fetch_add(&answered, 1);
        }
        close(fd);
    }
    return NULL;
}

static void *conduct(void *data)
{
    struct rh_runner *runner = data;
    struct rh_stats stats;
    for (unsigned i = 0; i < RUN_MS / 10; i++) {
        usleep(10000);
        for (unsigned loop = 0; loop < LOOPS; loop++) {
            rh_server_stats(rh_runner_server(runner, loop), &stats);
        }
    }
    CHECK(rh_runner_post_drain(runner, 50, 2000) == 0); /* under load */
    return NULL;
}

int main(void)
{
    struct rh_runner *runner;
    struct rh_config config;
    struct test_door door;
    pthread_t conductor;
    pthread_t clients[CLIENTS];
    pthread_t posters[POSTERS];
    signal(SIGPIPE, SIG_IGN); /* loop 0 runs on this thread, and libuv writes without MSG_NOSIGNAL */
    rh_config_init(&config);
    config.connections_max = 64;
    test_door_init(&door, handle, NULL);
    int err = rh_runner_create(&runner, test_door_app(&door), &config, LOOPS);
    CHECK(err == 0 && rh_runner_listen(runner, "127.0.0.1:0", NULL) == 0);
    port = rh_runner_port(runner, 0);
    for (unsigned i = 0; i < POSTERS; i++) {
        CHECK(pthread_create(&posters[i], NULL, post, NULL) == 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        CHECK(pthread_create(&clients[i], NULL, ask, (void *)(uintptr_t)(i + 1)) == 0);
    }
    CHECK(pthread_create(&conductor, NULL, conduct, runner) == 0);
    CHECK(rh_runner_run(runner) == 0);
    atomic_store(&clients_stop, true);
    atomic_store(&posters_stop, true);
    pthread_join(conductor, NULL);
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i], NULL);
    }
    for (unsigned i = 0; i < POSTERS; i++) {
        pthread_join(posters[i], NULL);
    }
    rh_runner_destroy(runner);
    CHECK(door.references == 0);
    CHECK(atomic_load(&answered) > 100);
    fprintf(stderr, "%u rounds, %u answered by posts\n", atomic_load(&answered), atomic_load(&posted));
    puts("1 passed, 0 failed");
    return 0;
}
