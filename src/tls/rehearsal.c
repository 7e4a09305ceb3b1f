/* A handshake between a server's end and a client's end, both in memory. Only a lack of memory is a
 * failure: whether clients and this server agree on anything is for their first handshake to tell,
 * and a client certificate that is required is not there. */
#include <openssl/err.h>
#include <uv.h>

#include "tls/store.h"

enum { FLIGHTS_MAX = 8, FLIGHT_BYTES = 32 * 1024 };

struct rehearsal {
    struct rh_tls_loop loop;
    struct rh_tls_engine engine;
    SSL_CTX *context;
    SSL *client;
    BIO *to_client;
    BIO *from_client;
    char in[FLIGHT_BYTES];
    char out[FLIGHT_BYTES];
    char plain[RH_TLS_RECORD_MAX];
};

static int client_init(struct rehearsal *r)
{
    r->context = SSL_CTX_new(TLS_client_method());
    r->client = r->context != NULL ? SSL_new(r->context) : NULL;
    r->to_client = BIO_new(BIO_s_mem());
    r->from_client = BIO_new(BIO_s_mem());
    if (r->client == NULL || r->to_client == NULL || r->from_client == NULL) {
        BIO_free(r->to_client);
        BIO_free(r->from_client);
        return UV_ENOMEM;
    }
    SSL_set_bio(r->client, r->to_client, r->from_client); /* which frees them */
    SSL_set_connect_state(r->client);
    return 0;
}

/* One flight each way. False when neither end has anything more to say. */
static bool exchange_flights(struct rehearsal *r)
{
    RH_IGNORE(SSL_do_handshake(r->client));
    int n = BIO_read(r->from_client, r->in, sizeof r->in);
    struct rh_tls_io io = {.in = r->in,
                           .in_len = n > 0 ? (size_t)n : 0,
                           .plain = r->plain,
                           .plain_cap = sizeof r->plain,
                           .cipher = r->out,
                           .cipher_cap = sizeof r->out};
    enum rh_tls_state state = rh_tls_engine_read(&r->loop, &r->engine, &io);
    if (io.cipher_len > 0) {
        RH_IGNORE(BIO_write(r->to_client, r->out, (int)io.cipher_len));
    }
    return state == RH_TLS_HANDSHAKE && (n > 0 || io.cipher_len > 0);
}

int rh_tls_rehearse(struct rh_tls *tls)
{
    struct rehearsal *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return UV_ENOMEM;
    }
    int err = rh_tls_loop_init(&r->loop);
    if (err != 0) {
        free(r);
        return err;
    }
    err = rh_tls_engine_init(&r->engine, tls);
    if (err == 0) {
        err = client_init(r);
        for (int i = 0; err == 0 && i < FLIGHTS_MAX && exchange_flights(r); i++) {
        }
        if (r->engine.state == RH_TLS_FAILED && r->engine.failure == RH_TLS_INTERNAL) {
            err = UV_ENOMEM;
        }
        SSL_free(r->client);
        SSL_CTX_free(r->context);
        rh_tls_engine_fini(&r->engine);
    }
    rh_tls_loop_fini(&r->loop);
    ERR_clear_error();
    free(r);
    return err;
}
