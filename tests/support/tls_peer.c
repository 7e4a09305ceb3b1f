#include "support/tls_peer.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 32768 };

void tls_bytes_add(struct tls_bytes *bytes, const char *base, size_t len)
{
    if (len == 0) {
        return;
    }
    if (bytes->cap - bytes->len < len) {
        bytes->cap = 2 * (bytes->len + len);
        bytes->base = realloc(bytes->base, bytes->cap);
        RH_ASSERT(bytes->base != NULL);
    }
    memcpy(bytes->base + bytes->len, base, len);
    bytes->len += len;
}

void tls_bytes_drop(struct tls_bytes *bytes, size_t len)
{
    RH_ASSERT(len <= bytes->len);
    if (len > 0) {
        memmove(bytes->base, bytes->base + len, bytes->len - len);
        bytes->len -= len;
    }
}

void tls_peer_init_with(struct tls_peer *peer, struct rh_tls_loop *loop, struct rh_tls *tls,
                        SSL_CTX *context)
{
    memset(peer, 0, sizeof *peer);
    SSL_CTX_up_ref(context);
    peer->context = context;
    peer->ssl = SSL_new(context);
    RH_ASSERT(peer->ssl != NULL);
    SSL_set_bio(peer->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(peer->ssl), -1);
    SSL_set_connect_state(peer->ssl);
    peer->loop = loop;
    RH_ASSERT(rh_tls_engine_init(&peer->engine, tls) == 0);
}

void tls_peer_init(struct tls_peer *peer, struct rh_tls_loop *loop, struct rh_tls *tls, int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    RH_ASSERT(context != NULL);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    tls_peer_init_with(peer, loop, tls, context);
    SSL_CTX_free(context);
}

void tls_peer_fini(struct tls_peer *peer)
{
    rh_tls_engine_fini(&peer->engine);
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
    free(peer->to_server.base);
    free(peer->server_got.base);
    free(peer->client_got.base);
    free(peer->from_server.base);
    ERR_clear_error();
}

void tls_peer_host(struct tls_peer *peer, const char *host)
{
    char name[256]; /* not const: the macro casts it to void * */
    RH_ASSERT(strlen(host) < sizeof name);
    memcpy(name, host, strlen(host) + 1);
    RH_ASSERT(SSL_set_tlsext_host_name(peer->ssl, name) == 1);
}

/* The client reads (and so shakes hands) until it wants more. */
static void client_read(struct tls_peer *peer)
{
    char plain[4096];
    size_t n = 0;
    int result;
    ERR_clear_error();
    while ((result = SSL_read_ex(peer->ssl, plain, sizeof plain, &n)) == 1) {
        tls_bytes_add(&peer->client_got, plain, n);
    }
    if (peer->client_error == SSL_ERROR_NONE || peer->client_error == SSL_ERROR_WANT_READ) {
        peer->client_error = SSL_get_error(peer->ssl, result);
    }
    ERR_clear_error();
}

void tls_peer_collect(struct tls_peer *peer)
{
    char bytes[4096];
    int n;
    client_read(peer);
    while ((n = BIO_read(SSL_get_wbio(peer->ssl), bytes, sizeof bytes)) > 0) {
        tls_bytes_add(&peer->to_server, bytes, (size_t)n);
    }
}

void tls_peer_deliver(struct tls_peer *peer, const char *bytes, size_t len)
{
    tls_bytes_add(&peer->from_server, bytes, len);
    if (len > 0) {
        RH_ASSERT(BIO_write(SSL_get_rbio(peer->ssl), bytes, (int)len) == (int)len);
    }
}

bool tls_peer_feed(struct tls_peer *peer)
{
    size_t len = peer->to_server.len;
    if (peer->first_feed > 0 && peer->first_feed < len) {
        len = peer->first_feed;
    } else if (peer->feed_max > 0 && peer->feed_max < len) {
        len = peer->feed_max;
    }
    peer->first_feed = 0;
    size_t cipher_cap = peer->cipher_cap > 0 ? peer->cipher_cap : ROOM;
    size_t plain_cap = peer->plain_cap > 0 ? peer->plain_cap : ROOM;
    char *in = malloc(len > 0 ? len : 1);
    char *plain = malloc(plain_cap);
    char *cipher = malloc(cipher_cap);
    RH_ASSERT(in != NULL && plain != NULL && cipher != NULL);
    memcpy(in, peer->to_server.base != NULL ? peer->to_server.base : "", len);
    struct rh_tls_io io = {.in = in,
                           .in_len = len,
                           .plain = plain,
                           .plain_cap = plain_cap,
                           .cipher = cipher,
                           .cipher_cap = cipher_cap};
    peer->state = rh_tls_engine_read(peer->loop, &peer->engine, &io);
    peer->calls++;
    RH_ASSERT(io.in_used <= io.in_len);
    RH_ASSERT(io.plain_len <= io.plain_cap);
    RH_ASSERT(io.cipher_len <= io.cipher_cap);
    /* What is left has a reason. */
    RH_ASSERT(io.in_used == io.in_len || io.plain_len == io.plain_cap ||
              rh_tls_engine_is_blocked(&peer->engine) || peer->state == RH_TLS_FAILED);
    tls_bytes_drop(&peer->to_server, io.in_used);
    tls_bytes_add(&peer->server_got, plain, io.plain_len);
    tls_peer_deliver(peer, cipher, io.cipher_len);
    bool moved = io.in_used + io.plain_len + io.cipher_len > 0;
    free(in);
    free(plain);
    free(cipher);
    return moved;
}

enum rh_tls_state tls_peer_run(struct tls_peer *peer)
{
    bool moved;
    do {
        tls_peer_collect(peer);
        moved = tls_peer_feed(peer);
    } while (moved && peer->state != RH_TLS_FAILED);
    tls_peer_collect(peer);
    return peer->state;
}

void tls_peer_say(struct tls_peer *peer, const char *bytes, size_t len)
{
    size_t n = 0;
    RH_ASSERT(SSL_write_ex(peer->ssl, bytes, len, &n) == 1);
    RH_ASSERT(n == len);
}

void tls_peer_answer(struct tls_peer *peer, const char *bytes, size_t len, size_t room)
{
    size_t at = 0;
    char *cipher = malloc(room);
    RH_ASSERT(cipher != NULL);
    while (at < len) {
        struct rh_tls_io io = {.cipher = cipher, .cipher_cap = room};
        char *exact = malloc(len - at);
        RH_ASSERT(exact != NULL);
        memcpy(exact, bytes + at, len - at);
        ptrdiff_t n = rh_tls_engine_write(peer->loop, &peer->engine, exact, len - at, &io);
        free(exact);
        RH_ASSERT(n > 0);
        RH_ASSERT((size_t)n <= len - at);
        at += (size_t)n;
        tls_peer_deliver(peer, cipher, io.cipher_len);
    }
    free(cipher);
    client_read(peer);
}

void tls_peer_shutdown(struct tls_peer *peer)
{
    char cipher[RH_TLS_ROOM_MIN];
    struct rh_tls_io io = {.cipher = cipher, .cipher_cap = sizeof cipher};
    RH_ASSERT(rh_tls_engine_shutdown(peer->loop, &peer->engine, &io) == 0);
    tls_peer_deliver(peer, cipher, io.cipher_len);
    client_read(peer);
}
