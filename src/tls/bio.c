/* The lent BIOs. OpenSSL wants to read and write through BIO objects; its memory BIOs own a copy
 * of every byte and keep it for as long as the SSL lives (2 KiB each when empty, the longest
 * message for ever after). These own nothing: they stand over the caller's memory for the length
 * of one call, and only one pair exists for each loop. Out of input or out of room is "try again",
 * never an end: what EOF means is decided above, where the socket is. */
#include "tls/engine.h"

#include <pthread.h>
#include <string.h>
#include <uv.h>

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int lent_read(BIO *bio, char *out, size_t len, size_t *ret_taken)
{
    struct rh_tls_loop *loop = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    RH_ASSERT(loop->io != NULL);
    size_t left = loop->io->in_len - loop->io->in_used;
    if (left == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    size_t n = len < left ? len : left;
    loop->io->records += len == SSL3_RT_HEADER_LENGTH;
    memcpy(out, loop->io->in + loop->io->in_used, n);
    loop->io->in_used += n;
    *ret_taken = n;
    return 1;
}

static int lent_write(BIO *bio, const char *bytes, size_t len, size_t *ret_taken)
{
    struct rh_tls_loop *loop = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    RH_ASSERT(loop->io != NULL);
    size_t room = loop->io->cipher_cap - loop->io->cipher_len;
    if (room == 0) {
        BIO_set_retry_write(bio);
        return 0;
    }
    size_t n = len < room ? len : room;
    memcpy(loop->io->cipher + loop->io->cipher_len, bytes, n);
    loop->io->cipher_len += n;
    *ret_taken = n;
    return 1;
}

/* Flushing has nothing to do: the bytes are where they belong. All other controls are unknown. */
static long lent_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int lent_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

/* The number of BIO types is small (127), so the process makes one and keeps it. */
static void method_create(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "rawhttp lent memory");
    if (method != NULL) {
        BIO_meth_set_read_ex(method, lent_read);
        BIO_meth_set_write_ex(method, lent_write);
        BIO_meth_set_ctrl(method, lent_ctrl);
        BIO_meth_set_create(method, lent_create);
    }
}

int rh_tls_loop_init(struct rh_tls_loop *loop)
{
    pthread_once(&method_once, method_create);
    loop->io = NULL;
    loop->in = method != NULL ? BIO_new(method) : NULL;
    loop->out = method != NULL ? BIO_new(method) : NULL;
    if (loop->in == NULL || loop->out == NULL) {
        rh_tls_loop_fini(loop);
        return UV_ENOMEM;
    }
    BIO_set_data(loop->in, loop);
    BIO_set_data(loop->out, loop);
    return 0;
}

void rh_tls_loop_fini(struct rh_tls_loop *loop)
{
    RH_ASSERT(loop->io == NULL);
    BIO_free(loop->in);
    BIO_free(loop->out);
    loop->in = NULL;
    loop->out = NULL;
}

void rh_tls_lend(struct rh_tls_loop *loop, SSL *ssl, struct rh_tls_io *io)
{
    RH_ASSERT(loop->io == NULL);
    loop->io = io;
    BIO_up_ref(loop->in);
    BIO_up_ref(loop->out);
    SSL_set_bio(ssl, loop->in, loop->out);
    /* SSL_get_error looks at the whole queue of this thread: what others left there must go. */
    if (RH_UNLIKELY(ERR_peek_error() != 0)) {
        ERR_clear_error();
    }
}

void rh_tls_take_back(struct rh_tls_loop *loop, SSL *ssl)
{
    SSL_set_bio(ssl, NULL, NULL);
    loop->io = NULL;
}
