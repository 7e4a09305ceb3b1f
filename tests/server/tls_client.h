/* A TLS client whose every byte is under the test's control: OpenSSL over memory on one side, a
 * plain socket that does not block on the other, and between them two queues that a test may hold
 * back, cut, or add to. One thread: waiting means to step the loop. */
#ifndef TESTS_SERVER_TLS_CLIENT_H
#define TESTS_SERVER_TLS_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct tls_client {
    int fd;
    SSL *ssl;
    char *out; /* ciphertext that is still to be sent */
    size_t out_len;
    size_t out_cap;
    char *got; /* plaintext, NUL-terminated */
    size_t got_len;
    size_t got_cap;
    size_t sent;       /* ciphertext on the wire so far */
    size_t budget;     /* no more than so many bytes are ever sent */
    size_t step_bytes; /* nor more than so many sent, or received, by one pump */
    bool deaf;         /* reads nothing from its socket */
    bool open;         /* the handshake is complete */
    bool clean;        /* a close_notify came */
    int end;           /* 1 after FIN, -1 after a reset */
    int error;         /* SSL_get_error of what ended it, 0: nothing */
};

/* Connects to 127.0.0.1; `version` is TLS1_2_VERSION, TLS1_3_VERSION or 0 for any, `receive_bytes`
 * the socket's buffer or 0. `context` may be NULL. */
void tls_client_open(struct tls_client *c, SSL_CTX *context, unsigned port, int version,
                     int receive_bytes);
/* Gives all memory back; a descriptor that is open is closed. */
void tls_client_free(struct tls_client *c);

/* Moves what can move, both ways. */
void tls_client_pump(struct tls_client *c);
/* Pumps and steps the loop until the handshake is done, `ending` was the last that came, or the end
 * came. */
bool tls_client_shake(struct tls_client *c, uv_loop_t *loop);
bool tls_client_until(struct tls_client *c, uv_loop_t *loop, const char *ending, unsigned ms);
bool tls_client_until_end(struct tls_client *c, uv_loop_t *loop, unsigned ms);

/* Encrypts: it is sent by the next pump. */
void tls_client_say(struct tls_client *c, const char *text);
void tls_client_write(struct tls_client *c, const void *bytes, size_t len);
/* Bytes of the test's own behind what waits. */
void tls_client_raw(struct tls_client *c, const void *bytes, size_t len);
void tls_client_notify(struct tls_client *c); /* close_notify */
/* What the client forgets of `len` bytes at the end of its queue: half a record is left. */
void tls_client_cut(struct tls_client *c, size_t len);

void tls_client_fin(struct tls_client *c);   /* ends its side of the socket */
void tls_client_reset(struct tls_client *c); /* RST */

#endif
