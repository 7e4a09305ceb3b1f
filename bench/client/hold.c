/* A client that opens many connections, makes one request on each, and holds them.
 *
 * Happy path: connect (with --tls: handshake), one request, its answer, next; when all stand it
 * prints "ready N" and waits for the end of its standard input, which is when the harness has read
 * the server's memory. With --no-wait the answers are not waited for: the requests of a handler
 * that defers. With plain connections everything after that is one exit: the kernel closes them. */
#include "net.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void ask_plain(const struct rh_net_options *options, int fd, const char *request,
                      size_t request_bytes)
{
    struct rh_answer answer;
    char buffer[16384];
    ssize_t n;

    if (send(fd, request, request_bytes, 0) != (ssize_t)request_bytes)
        rh_net_die("send");
    memset(&answer, 0, sizeof answer);
    while (options->wait) {
        n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            rh_net_die("the server closed a connection");
        if (rh_answer_feed(&answer, buffer, (size_t)n) > 0)
            return;
    }
}

static void ask_tls(const struct rh_net_options *options, SSL_CTX *ctx, int fd, const char *request,
                    size_t request_bytes)
{
    SSL *ssl = SSL_new(ctx);
    struct rh_answer answer;
    char buffer[16384];
    int n;

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        rh_net_die("TLS handshake");
    if (SSL_write(ssl, request, (int)request_bytes) != (int)request_bytes)
        rh_net_die("send over TLS");
    memset(&answer, 0, sizeof answer);
    while (options->wait) {
        n = SSL_read(ssl, buffer, sizeof buffer);
        if (n <= 0)
            rh_net_die("the server closed a TLS connection");
        if (rh_answer_feed(&answer, buffer, (size_t)n) > 0)
            break;
    }
    /* The SSL has done its job; without it the socket stays open and the server cannot tell. */
    SSL_free(ssl);
}

int main(int argc, char **argv)
{
    struct rh_net_options options;
    SSL_CTX *ctx = NULL;
    char request[1024], buffer[64];
    size_t request_bytes;
    int fd;

    rh_net_options_parse(&options, argc, argv);
    rh_net_limits();
    if (options.tls && (ctx = SSL_CTX_new(TLS_client_method())) == NULL)
        rh_net_die("TLS context");
    request_bytes = rh_net_request(request, sizeof request, &options, false);
    for (unsigned i = 0; i < options.connections; i++) {
        fd = rh_net_connect(options.port, true);
        if (options.tls)
            ask_tls(&options, ctx, fd, request, request_bytes);
        else
            ask_plain(&options, fd, request, request_bytes);
    }
    printf("ready %u\n", options.connections);
    fflush(stdout);
    while (read(STDIN_FILENO, buffer, sizeof buffer) > 0)
        ;
    SSL_CTX_free(ctx);
    return 0;
}
