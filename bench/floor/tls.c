/* The floor under HTTPS: libuv, OpenSSL over memory, a fixed answer, nothing parsed.
 *
 * Happy path: ciphertext is read into the loop's one buffer, SSL_read decrypts it, the requests are
 * counted, SSL_write encrypts their answers into the loop's output, which leaves by one
 * uv_try_write. All connections of a loop share one BIO: it holds memory only for the SSL that is
 * being driven, which is possible because SSL_read is called until it wants more. Any failure
 * closes. */
#include "floor_uv.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loop {
    struct rh_floor_uv base; /* first: what uv.data points to is this */
    SSL_CTX *ctx;
    BIO *bio;
    const char *in; /* ciphertext of the read that is being worked on */
    size_t in_bytes;
    char *out; /* ciphertext to be written when the SSL was driven; grows to what is needed */
    size_t out_bytes;
    size_t out_size;
    char plain[RH_FLOOR_READ_BYTES];
};

struct conn {
    uv_tcp_t tcp; /* first: a handle of ours is its connection */
    SSL *ssl;
    struct rh_tally tally;
};

static int bio_read(BIO *bio, char *data, int size)
{
    struct loop *loop = BIO_get_data(bio);
    size_t n = loop->in_bytes < (size_t)size ? loop->in_bytes : (size_t)size;

    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(data, loop->in, n);
    loop->in += n;
    loop->in_bytes -= n;
    return (int)n;
}

static int bio_write(BIO *bio, const char *data, int size)
{
    struct loop *loop = BIO_get_data(bio);
    size_t needed = loop->out_bytes + (size_t)size;
    char *grown;

    if (needed > loop->out_size) {
        grown = realloc(loop->out, needed * 2);
        if (grown == NULL)
            return -1;
        loop->out = grown;
        loop->out_size = needed * 2;
    }
    memcpy(loop->out + loop->out_bytes, data, (size_t)size);
    loop->out_bytes = needed;
    return size;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static void on_closed(uv_handle_t *handle)
{
    SSL_free(((struct conn *)handle)->ssl);
    free(handle);
}

static void conn_close(uv_stream_t *stream)
{
    if (!uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, on_closed);
}

static void on_written(uv_write_t *write, int status)
{
    if (status < 0)
        conn_close(write->handle);
    free(write);
}

/* Sends what the SSL wrote; what the socket does not take moves into a write of its own. */
static void conn_flush(struct loop *loop, uv_stream_t *stream)
{
    uv_buf_t buf = uv_buf_init(loop->out, (unsigned)loop->out_bytes);
    uv_write_t *write;
    int n;

    if (loop->out_bytes == 0)
        return;
    n = uv_try_write(stream, &buf, 1);
    if (n < 0 && n != UV_EAGAIN) {
        conn_close(stream);
        return;
    }
    if (n < 0)
        n = 0;
    buf.len -= (size_t)n;
    if (buf.len > 0) {
        write = malloc(sizeof *write + buf.len);
        if (write == NULL) {
            conn_close(stream);
            return;
        }
        buf.base = memcpy(write + 1, loop->out + n, buf.len);
        if (uv_write(write, stream, &buf, 1, on_written) < 0) {
            free(write);
            conn_close(stream);
        }
    }
}

static bool conn_drive(struct loop *loop, struct conn *conn)
{
    size_t count, bytes;
    int n, err;

    for (;;) {
        n = SSL_read(conn->ssl, loop->plain, sizeof loop->plain);
        if (n <= 0) {
            err = SSL_get_error(conn->ssl, n);
            if (err == SSL_ERROR_WANT_READ)
                return true;
            ERR_clear_error();
            return false;
        }
        count = rh_tally_add(&conn->tally, loop->plain, (size_t)n);
        while (count > 0) {
            bytes = rh_fixed_take(&loop->base.fixed, &count);
            if (SSL_write(conn->ssl, loop->base.fixed.answers, (int)bytes) <= 0)
                return false;
        }
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct loop *loop = rh_floor_uv_of(stream);
    bool open;

    if (n == 0)
        return;
    if (n < 0) {
        conn_close(stream);
        return;
    }
    loop->in = buf->base;
    loop->in_bytes = (size_t)n;
    loop->out_bytes = 0;
    open = conn_drive(loop, (struct conn *)stream);
    conn_flush(loop, stream);
    if (!open)
        conn_close(stream);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct loop *loop = rh_floor_uv_of(listener);
    struct conn *conn;

    if (status < 0 || (conn = calloc(1, sizeof *conn)) == NULL)
        return;
    uv_tcp_init(listener->loop, &conn->tcp);
    conn->tally.request_bytes = (uint32_t)loop->base.request_bytes;
    conn->ssl = SSL_new(loop->ctx);
    if (conn->ssl == NULL || uv_accept(listener, (uv_stream_t *)&conn->tcp) < 0) {
        conn_close((uv_stream_t *)&conn->tcp);
        return;
    }
    SSL_set_accept_state(conn->ssl);
    BIO_up_ref(loop->bio); /* SSL_set_bio takes one reference when both directions are one BIO */
    SSL_set_bio(conn->ssl, loop->bio, loop->bio);
    if (uv_read_start((uv_stream_t *)&conn->tcp, rh_floor_uv_alloc, on_read) < 0)
        conn_close((uv_stream_t *)&conn->tcp);
}

static bool loop_tls_init(struct loop *loop, const struct rh_floor_options *options)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "floor memory");

    loop->ctx = SSL_CTX_new(TLS_server_method());
    if (method == NULL || loop->ctx == NULL || options->cert == NULL || options->key == NULL)
        return false;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
    loop->bio = BIO_new(method);
    if (loop->bio == NULL)
        return false;
    BIO_set_data(loop->bio, loop);
    BIO_set_init(loop->bio, 1);
    return SSL_CTX_use_certificate_chain_file(loop->ctx, options->cert) == 1 &&
           SSL_CTX_use_PrivateKey_file(loop->ctx, options->key, SSL_FILETYPE_PEM) == 1;
}

static void loop_run(const struct rh_floor_options *options, int listener)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL || !loop_tls_init(loop, options)) {
        fprintf(stderr, "floor: cannot use the certificate %s with the key %s\n",
                options->cert ? options->cert : "(none)", options->key ? options->key : "(none)");
        exit(1);
    }
    rh_floor_uv_run(&loop->base, options, listener, on_connection);
}

int main(int argc, char **argv)
{
    return rh_floor_main(argc, argv, loop_run);
}
