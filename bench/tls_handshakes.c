/* Handshakes in memory: how many a second of CPU can do at most, without a socket or a loop. Each
 * row is a protocol version, full or resumed by ticket; "engine" goes through the engine of the
 * library, "OpenSSL" through a bare SSL over memory BIOs: the limit that the first is measured
 * against. Only the server's half is counted; the client's runs between the readings of the clock.
 * A handshake ends when the server has read a first byte of plaintext; so the tickets are in it.
 *
 *   build/bench/tls-handshakes [SECONDS]        CPU seconds for each cell, 1 unless given */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tls/tls.h"

enum { ROOM = 32768 };

/* The server's half of one connection: ciphertext in, ciphertext out, until a byte came through. */
struct half {
    bool bare;
    SSL *ssl;                    /* bare */
    struct rh_tls_engine engine; /* else */
};

static struct rh_tls *tls;
static struct rh_tls_loop loop;
static SSL_CTX *bare_context;
static SSL_SESSION *session;
static char in[ROOM];
static char out[ROOM];
static char plain[ROOM];

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "tls-handshakes: %s\n", what);
        ERR_print_errors_fp(stderr);
        exit(1);
    }
}

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void half_init(struct half *half, bool bare)
{
    half->bare = bare;
    if (!bare) {
        check(rh_tls_engine_init(&half->engine, tls) == 0, "engine");
        return;
    }
    half->ssl = SSL_new(bare_context);
    check(half->ssl != NULL, "SSL_new");
    SSL_set_bio(half->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(half->ssl);
}

static void half_fini(struct half *half)
{
    if (half->bare) {
        SSL_set_shutdown(half->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(half->ssl);
    } else {
        rh_tls_engine_fini(&half->engine);
    }
}

/* Takes `len` bytes of `in`; returns how many were put into `out`; *ret_plain: plaintext came. */
static size_t half_step(struct half *half, size_t len, bool *ret_plain)
{
    if (!half->bare) {
        struct rh_tls_io io = {.in = in,
                               .in_len = len,
                               .plain = plain,
                               .plain_cap = ROOM,
                               .cipher = out,
                               .cipher_cap = ROOM};
        check(rh_tls_engine_read(&loop, &half->engine, &io) != RH_TLS_FAILED, "read");
        *ret_plain = io.plain_len > 0;
        return io.cipher_len;
    }
    check(BIO_write(SSL_get_rbio(half->ssl), in, (int)len) == (int)len, "BIO_write");
    *ret_plain = SSL_read(half->ssl, plain, ROOM) > 0;
    int n = BIO_read(SSL_get_wbio(half->ssl), out, ROOM);
    return n > 0 ? (size_t)n : 0;
}

static int session_keep(SSL *ssl, SSL_SESSION *fresh)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = fresh;
    return 1;
}

/* One connection; returns the CPU seconds of the server's half. */
static double handshake(SSL_CTX *client_context, bool bare, bool resume)
{
    struct half half;
    bool through = false;
    SSL *client = SSL_new(client_context);
    SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(client);
    if (resume) {
        check(session != NULL && SSL_set_session(client, session) == 1, "no session to resume");
    }
    double began = cpu_now();
    half_init(&half, bare);
    double spent = cpu_now() - began;
    while (!through) {
        char c;
        if (SSL_do_handshake(client) == 1) {
            RH_IGNORE(SSL_write(client, "x", 1));
        }
        RH_IGNORE(SSL_read(client, &c, 1));
        int n = BIO_read(SSL_get_wbio(client), in, ROOM);
        check(n > 0, "the client is stuck");
        began = cpu_now();
        size_t answer = half_step(&half, (size_t)n, &through);
        spent += cpu_now() - began;
        check(answer == 0 || BIO_write(SSL_get_rbio(client), out, (int)answer) > 0, "BIO_write");
    }
    char c;
    RH_IGNORE(SSL_read(client, &c, 1)); /* the tickets */
    check(SSL_session_reused(client) == (resume ? 1 : 0), "not resumed as asked");
    began = cpu_now();
    half_fini(&half);
    spent += cpu_now() - began;
    if (SSL_version(client) == TLS1_2_VERSION) {
        SSL_SESSION_free(session);
        session = SSL_get1_session(client);
    }
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client);
    ERR_clear_error();
    return spent;
}

/* Handshakes for each CPU second of the server's half: engine and bare in turn, so that both see
 * the same machine. */
static void measure(int version, bool resume, double seconds, double ret_rate[2])
{
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    double spent[2] = {0, 0};
    unsigned long done[2] = {0, 0};
    SSL_CTX_set_min_proto_version(client, version);
    SSL_CTX_set_max_proto_version(client, version);
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client, session_keep);
    while (spent[0] < seconds || spent[1] < seconds) {
        for (int bare = 0; bare < 2; bare++) {
            handshake(client, bare, false); /* gives a session */
            for (int i = 0; i < 20; i++) {
                spent[bare] += handshake(client, bare, resume);
                done[bare]++;
            }
        }
    }
    ret_rate[0] = (double)done[0] / spent[0];
    ret_rate[1] = (double)done[1] / spent[1];
    SSL_SESSION_free(session);
    session = NULL;
    SSL_CTX_free(client);
}

static void servers_create(void)
{
    char folder[] = "/tmp/rh-handshakes-XXXXXX";
    char cert[64];
    char key[64];
    char error[256];
    check(mkdtemp(folder) != NULL, "mkdtemp");
    snprintf(cert, sizeof cert, "%s/cert", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    check(rh_tls_write_dev_cert(cert, key, error, sizeof error) == 0, "certificate");
    tls = rh_tls_create();
    check(tls != NULL && rh_tls_add_pair(tls, cert, key) == 0, "store");
    check(rh_tls_loop_init(&loop) == 0, "loop");
    bare_context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_options(bare_context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_ciphersuites(bare_context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_cipher_list(bare_context, "ECDHE-ECDSA-AES128-GCM-SHA256");
    SSL_CTX_set_mode(bare_context, SSL_MODE_NO_AUTO_CHAIN);
    check(SSL_CTX_use_certificate_file(bare_context, cert, SSL_FILETYPE_PEM) == 1, cert);
    check(SSL_CTX_use_PrivateKey_file(bare_context, key, SSL_FILETYPE_PEM) == 1, key);
    unlink(cert);
    unlink(key);
    rmdir(folder);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    servers_create();
    printf("handshakes per CPU second of the server's half (ECDSA P-256, X25519, AES-128-GCM)\n");
    printf("%-18s %10s %10s %8s\n", "", "engine", "OpenSSL", "ratio");
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        for (int resume = 0; resume < 2; resume++) {
            double rate[2];
            measure(version, resume, seconds, rate);
            printf("TLS 1.%d %-10s %10.0f %10.0f %8.3f\n", version - TLS1_VERSION,
                   resume ? "resumed" : "full", rate[0], rate[1], rate[1] / rate[0]);
        }
    }
    SSL_CTX_free(bare_context);
    rh_tls_loop_fini(&loop);
    rh_tls_unref(tls);
    return 0;
}
