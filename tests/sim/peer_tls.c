#include "sim/peer_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "sim/sim.h"
#include "util/assert.h"

struct peer_tls {
    SSL *ssl;
    BIO *in;
    BIO *out;
    bool ready;
};

static SSL_CTX *context;
static SSL_SESSION *last; /* of a connection before this one: some resume it */

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(last);
    last = session;
    return 1;
}

void peer_tls_open_all(const char *ca_file)
{
    context = SSL_CTX_new(TLS_client_method());
    SIM_CHECK(context != NULL && SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1,
              "no TLS for the peers");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
}

struct peer_tls *peer_tls_create(void)
{
    struct peer_tls *tls = sim_alloc(sizeof *tls);
    sim.outside++;
    tls->ssl = SSL_new(context);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    SIM_CHECK(tls->ssl != NULL && tls->in != NULL && tls->out != NULL,
              "no memory for a peer's TLS");
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_connect_state(tls->ssl);
    if (sim_percent(30)) {
        SSL_set_max_proto_version(tls->ssl, TLS1_2_VERSION);
    } else if (last != NULL && sim_percent(50)) {
        SSL_set_session(tls->ssl, last);
    }
    sim.outside--;
    return tls;
}

void peer_tls_destroy(struct peer_tls *tls)
{
    if (tls != NULL) {
        SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(tls->ssl);
        sim_free(tls);
    }
}

void peer_tls_put(struct peer_tls *tls, const char *bytes, size_t len)
{
    sim.outside++;
    SIM_CHECK(BIO_write(tls->in, bytes, (int)len) == (int)len, "no memory for a peer's TLS");
    sim.outside--;
}

size_t peer_tls_read(struct peer_tls *tls, char *out, size_t room, bool *ret_ended)
{
    size_t n = 0;
    sim.outside++;
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, out, room, &n);
    tls->ready = tls->ready || SSL_is_init_finished(tls->ssl) == 1;
    if (result != 1) {
        int error = SSL_get_error(tls->ssl, result);
        *ret_ended = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
        n = 0;
    }
    ERR_clear_error();
    sim.outside--;
    return n;
}

bool peer_tls_is_ready(const struct peer_tls *tls)
{
    return tls->ready;
}

void peer_tls_write(struct peer_tls *tls, const char *bytes, size_t len)
{
    size_t n = 0;
    sim.outside++;
    RH_IGNORE(len > 0 && SSL_write_ex(tls->ssl, bytes, len, &n) == 1); /* else TLS has ended */
    ERR_clear_error();
    sim.outside--;
}

void peer_tls_finish(struct peer_tls *tls)
{
    sim.outside++;
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
    sim.outside--;
}

void peer_tls_update_keys(struct peer_tls *tls)
{
    sim.outside++;
    if (tls->ready && SSL_version(tls->ssl) == TLS1_3_VERSION) {
        SSL_key_update(tls->ssl, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(tls->ssl);
        ERR_clear_error();
    }
    sim.outside--;
}

size_t peer_tls_take(struct peer_tls *tls, char *out, size_t room)
{
    int n = BIO_read(tls->out, out, (int)room);
    return n > 0 ? (size_t)n : 0;
}
