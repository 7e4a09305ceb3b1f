/* A client that makes TLS handshakes: full ones, or with --resume each from the session before.
 *
 * Happy path, in each of --threads threads: connect, handshake, one request with "Connection:
 * close", its answer (which brings the session tickets of TLS 1.3 along), close_notify, close. How
 * many of the sessions were really resumed is counted and reported: a server that does not resume
 * cannot look good here. A handshake that fails is an error and the thread goes on. */
#include "net.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct worker {
    pthread_t thread;
    const struct rh_net_options *options;
    SSL_CTX *ctx;
    SSL_SESSION *session; /* the newest ticket */
    uint64_t end;
    struct rh_latencies latencies;
    uint64_t resumed;
    uint64_t errors;
};

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct worker *worker = SSL_get_app_data(ssl);

    SSL_SESSION_free(worker->session);
    worker->session = session;
    return 1; /* the reference is ours now */
}

static bool exchange(SSL *ssl, const char *request, size_t request_bytes)
{
    struct rh_answer answer;
    char buffer[16384];
    int n;

    memset(&answer, 0, sizeof answer);
    if (SSL_write(ssl, request, (int)request_bytes) != (int)request_bytes)
        return false;
    while ((n = SSL_read(ssl, buffer, sizeof buffer)) > 0) {
        if (rh_answer_feed(&answer, buffer, (size_t)n) > 0)
            return answer.status == 200;
    }
    return false;
}

static void handshake(struct worker *worker, const char *request, size_t request_bytes)
{
    uint64_t start = rh_net_now();
    int fd = rh_net_connect(worker->options->port, true);
    SSL *ssl = SSL_new(worker->ctx);
    SSL_SESSION *copy;

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
        rh_net_die("TLS session");
    SSL_set_app_data(ssl, worker);
    if (worker->options->resume && worker->session != NULL) {
        /* OpenSSL marks a TLS 1.3 session as used up once it was resumed; a server that gives no
         * new ticket then is asked with a copy of the old one. */
        copy = SSL_SESSION_dup(worker->session);
        SSL_set_session(ssl, copy);
        SSL_SESSION_free(copy);
    }
    if (SSL_connect(ssl) == 1) {
        rh_latencies_add(&worker->latencies, rh_net_now() - start);
        worker->resumed += SSL_session_reused(ssl) ? 1 : 0;
        if (!exchange(ssl, request, request_bytes))
            worker->errors++;
        SSL_shutdown(ssl);
    } else {
        worker->errors++;
    }
    SSL_free(ssl);
    close(fd);
}

static void *work(void *data)
{
    struct worker *worker = data;
    char request[1024];
    size_t request_bytes = rh_net_request(request, sizeof request, worker->options, true);

    while (rh_net_now() < worker->end)
        handshake(worker, request, request_bytes);
    SSL_SESSION_free(worker->session);
    return NULL;
}

static SSL_CTX *context_create(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL)
        rh_net_die("TLS context");
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    return ctx;
}

int main(int argc, char **argv)
{
    struct rh_net_options options;
    struct rh_latencies all;
    struct worker *workers;
    uint64_t start, resumed = 0, errors = 0;
    SSL_CTX *ctx;

    rh_net_options_parse(&options, argc, argv);
    ctx = context_create();
    workers = calloc(options.threads, sizeof *workers);
    if (workers == NULL)
        rh_net_die("memory for the threads");
    start = rh_net_now();
    rh_latencies_init(&all, options.threads * 1000000u);
    for (unsigned i = 0; i < options.threads; i++) {
        workers[i].options = &options;
        workers[i].ctx = ctx;
        workers[i].end = start + (uint64_t)(options.seconds * 1e9);
        rh_latencies_init(&workers[i].latencies, 1000000u);
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            rh_net_die("thread");
    }
    for (unsigned i = 0; i < options.threads; i++) {
        pthread_join(workers[i].thread, NULL);
        resumed += workers[i].resumed;
        errors += workers[i].errors;
        for (size_t k = 0; k < workers[i].latencies.count; k++)
            rh_latencies_add(&all, workers[i].latencies.values[k]);
        rh_latencies_fini(&workers[i].latencies);
    }
    printf("{\"requests\": %zu, \"resumed\": %llu, \"errors\": %llu, \"seconds\": %.3f, ",
           all.count, (unsigned long long)resumed, (unsigned long long)errors,
           (double)(rh_net_now() - start) / 1e9);
    rh_latencies_print(&all);
    printf("}\n");
    rh_latencies_fini(&all);
    SSL_CTX_free(ctx);
    free(workers);
    return 0;
}
