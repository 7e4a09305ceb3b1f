#include "server/tls_client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_small(unsigned port, int receive_bytes)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    if (receive_bytes >
        0) { /* before connect: it decides the window, which has to hold some segments */
        int segment = 536;
        setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    int at_once = 1; /* no piece waits for an acknowledgement: turns of the loop decide, not time */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0, "%s", strerror(errno));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

void tls_client_open(struct tls_client *c, SSL_CTX *context, unsigned port, int version,
                     int receive_bytes)
{
    memset(c, 0, sizeof *c);
    c->budget = c->step_bytes = SIZE_MAX;
    c->fd = connect_small(port, receive_bytes);
    SSL_CTX *own = context == NULL ? SSL_CTX_new(TLS_client_method()) : context;
    cr_assert_not_null(own);
    c->ssl = SSL_new(own);
    cr_assert_not_null(c->ssl);
    if (context == NULL) {
        SSL_CTX_free(own);
    }
    if (version != 0) {
        SSL_set_min_proto_version(c->ssl, version);
        SSL_set_max_proto_version(c->ssl, version);
    }
    SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(c->ssl), -1);
    SSL_set_connect_state(c->ssl);
}

void tls_client_free(struct tls_client *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    SSL_free(c->ssl);
    free(c->out);
    free(c->got);
    memset(c, 0, sizeof *c);
    c->fd = -1;
    ERR_clear_error();
}

static void append(char **base, size_t *len, size_t *cap, const void *bytes, size_t n)
{
    if (*cap - *len < n + 1 || *cap == 0) {
        *cap = 2 * (*len + n + 1);
        *base = realloc(*base, *cap);
        cr_assert_not_null(*base);
    }
    memcpy(*base + *len, bytes, n);
    *len += n;
    (*base)[*len] = '\0';
}

static void receive(struct tls_client *c)
{
    char bytes[16384];
    size_t left = c->step_bytes;
    while (!c->deaf && c->fd >= 0 && c->end == 0 && left > 0) {
        ssize_t n = recv(c->fd, bytes, left < sizeof bytes ? left : sizeof bytes, 0);
        if (n > 0) {
            left -= (size_t)n;
            cr_assert_eq(BIO_write(SSL_get_rbio(c->ssl), bytes, (int)n), (int)n);
        } else if (n == 0) {
            c->end = 1;
        } else if (errno == EAGAIN) {
            return;
        } else {
            c->end = -1;
        }
    }
}

static void note_error(struct tls_client *c, int result)
{
    int error = SSL_get_error(c->ssl, result);
    if (error == SSL_ERROR_ZERO_RETURN) {
        c->clean = true;
    } else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE && c->error == 0) {
        c->error = error;
    }
    ERR_clear_error();
}

static void decrypt(struct tls_client *c)
{
    char bytes[16384];
    size_t n = 0;
    int result = 1;
    if (!c->open && c->error == 0) {
        result = SSL_do_handshake(c->ssl);
        c->open = result == 1;
    }
    while (c->open && (result = SSL_read_ex(c->ssl, bytes, sizeof bytes, &n)) == 1) {
        append(&c->got, &c->got_len, &c->got_cap, bytes, n);
    }
    if (result != 1) {
        note_error(c, result);
    }
    int made;
    while ((made = BIO_read(SSL_get_wbio(c->ssl), bytes, sizeof bytes)) > 0) {
        append(&c->out, &c->out_len, &c->out_cap, bytes, (size_t)made);
    }
}

static void transmit(struct tls_client *c)
{
    size_t n = c->out_len < c->step_bytes ? c->out_len : c->step_bytes;
    if (n > c->budget - c->sent) {
        n = c->budget - c->sent;
    }
    ssize_t sent = n > 0 && c->fd >= 0 ? send(c->fd, c->out, n, MSG_NOSIGNAL) : 0;
    if (sent > 0) {
        c->sent += (size_t)sent;
        c->out_len -= (size_t)sent;
        memmove(c->out, c->out + sent, c->out_len);
    }
}

void tls_client_pump(struct tls_client *c)
{
    receive(c);
    decrypt(c);
    transmit(c);
}

static bool ends_with(const struct tls_client *c, const char *ending)
{
    size_t len = strlen(ending);
    return c->got_len >= len && memcmp(c->got + c->got_len - len, ending, len) == 0;
}

/* Until `ending` came, or the handshake is done (NULL), or the connection ended. */
static bool wait_for(struct tls_client *c, uv_loop_t *loop, const char *ending, bool the_end,
                     unsigned ms)
{
    uint64_t until = uv_hrtime() + ms * UINT64_C(1000000);
    while (uv_hrtime() <= until) {
        tls_client_pump(c);
        if (the_end ? c->end != 0 : ending != NULL ? ends_with(c, ending) : c->open) {
            return true;
        }
        if (c->end != 0) {
            return false;
        }
        uv_run(loop, UV_RUN_NOWAIT);
    }
    return false;
}

bool tls_client_shake(struct tls_client *c, uv_loop_t *loop)
{
    bool done = wait_for(c, loop, NULL, false, 5000);
    tls_client_pump(c);
    return done;
}

bool tls_client_until(struct tls_client *c, uv_loop_t *loop, const char *ending, unsigned ms)
{
    return wait_for(c, loop, ending, false, ms);
}

bool tls_client_until_end(struct tls_client *c, uv_loop_t *loop, unsigned ms)
{
    return wait_for(c, loop, NULL, true, ms);
}

void tls_client_write(struct tls_client *c, const void *bytes, size_t len)
{
    size_t n = 0;
    if (SSL_write_ex(c->ssl, bytes, len, &n) == 1) {
        decrypt(c);
    }
    ERR_clear_error();
}

void tls_client_say(struct tls_client *c, const char *text)
{
    tls_client_write(c, text, strlen(text));
}

void tls_client_raw(struct tls_client *c, const void *bytes, size_t len)
{
    append(&c->out, &c->out_len, &c->out_cap, bytes, len);
}

void tls_client_notify(struct tls_client *c)
{
    SSL_shutdown(c->ssl);
    ERR_clear_error();
    decrypt(c);
}

void tls_client_cut(struct tls_client *c, size_t len)
{
    cr_assert_geq(c->out_len, len);
    c->out_len -= len;
}

void tls_client_fin(struct tls_client *c)
{
    shutdown(c->fd, SHUT_WR);
}

void tls_client_reset(struct tls_client *c)
{
    struct linger now = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(c->fd);
    c->fd = -1;
}
