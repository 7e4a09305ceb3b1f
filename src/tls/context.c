/* One SSL_CTX with every setting of ours, and the rules for client certificates in it. All contexts
 * of a store are alike but for the certificate: a connection may change from one to another in the
 * middle of its handshake (SNI) without a rule getting lost.
 *
 * What is settled here: TLS 1.2 and 1.3, forward secrecy and AEAD only, the server's order of
 * ciphers (AES-128-GCM first: the cheapest that is beyond doubt; ChaCha20 for clients that prefer
 * it because they have no AES hardware), no renegotiation, no compression, no early data (a replay
 * would reach handlers, RFC 8446 §8), tickets and a session cache. */
#include "tls/store.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <uv.h>

#define CIPHERS_12                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:" \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define CIPHERS_13 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"

/* Sessions of TLS 1.2 clients without tickets; a few hundred bytes each. */
enum { SESSIONS_CACHED_MAX = 2048 };

static void clients_apply(SSL_CTX *context, const struct rh_tls_clients *clients)
{
    if (clients->mode == RH_TLS_CLIENT_NONE) {
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
        return;
    }
    int verify = SSL_VERIFY_PEER;
    if (clients->mode == RH_TLS_CLIENT_REQUIRED) {
        verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    SSL_CTX_set_verify(context, verify, NULL);
    SSL_CTX_set1_cert_store(context, clients->authorities);
}

enum { CLIENT_CHAIN_BYTES_MAX = 16 * 1024 };

SSL_CTX *rh_tls_context_create(const struct rh_tls_clients *clients)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        return NULL;
    }
    char groups[] = "X25519:P-256:P-384"; /* not const: the macro casts it to char * */
    bool ok = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
              SSL_CTX_set_cipher_list(context, CIPHERS_12) == 1 &&
              SSL_CTX_set_ciphersuites(context, CIPHERS_13) == 1 &&
              SSL_CTX_set1_groups_list(context, groups) == 1 &&
              SSL_CTX_set_session_id_context(context, clients->session_rule,
                                             sizeof clients->session_rule) == 1 &&
              SSL_CTX_set_tlsext_ticket_key_evp_cb(context, rh_tls_ticket_choose) == 1;
    if (ok && clients->names != NULL) {
        STACK_OF(X509_NAME) *names = SSL_dup_CA_list(clients->names);
        ok = names != NULL;
        SSL_CTX_set_client_CA_list(context, names);
    }
    if (!ok) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    /* AUTO_RETRY (OpenSSL's default, said here because the engine relies on it): "wants to read"
     * means that the input is used up, and never only that a key update was dealt with.
     * Without NO_AUTO_CHAIN OpenSSL searches for issuers in every handshake, also among the
     * authorities for clients, which have nothing to do with our chain. */
    SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(context, 0);
    SSL_CTX_set_max_early_data(context, 0);
    /* OpenSSL gathers a client's chain before anybody is authenticated, and keeps it parsed, at
     * several times its size, for as long as the connection lives: by default 100 KiB of it. */
    SSL_CTX_set_max_cert_list(context, CLIENT_CHAIN_BYTES_MAX);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(context, SESSIONS_CACHED_MAX);
    SSL_CTX_set_timeout(context, RH_TLS_TICKET_LIFE_S);
    SSL_CTX_set_tlsext_servername_callback(context, rh_tls_sni_choose);
    SSL_CTX_set_alpn_select_cb(context, rh_tls_alpn_choose, NULL);
    clients_apply(context, clients);
    return context;
}

/* A session is bound to the rules it was made under: without this, one from the time before client
 * certificates were required would be resumed without one. */
static bool session_rule_make(struct rh_tls_clients *clients, const struct rh_tls_file *file)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    unsigned char mode = (unsigned char)clients->mode;
    bool ok = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(digest, &mode, 1) == 1 &&
              (file->bytes == NULL || EVP_DigestUpdate(digest, file->bytes, file->len) == 1) &&
              EVP_DigestFinal_ex(digest, clients->session_rule, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return ok;
}

/* Every certificate of the file becomes an authority, its subject a hint for the client. */
static int authorities_load(struct rh_tls_clients *clients, const struct rh_tls_file *file,
                            struct rh_tls_problem *problem)
{
    BIO *bio = BIO_new_mem_buf(file->bytes, (int)file->len);
    clients->authorities = X509_STORE_new();
    clients->names = sk_X509_NAME_new_null();
    int result =
        bio != NULL && clients->authorities != NULL && clients->names != NULL ? 0 : UV_ENOMEM;
    size_t count = 0;
    X509 *cert;
    while (result == 0 && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(cert));
        if (name == NULL || sk_X509_NAME_push(clients->names, name) <= 0) {
            X509_NAME_free(name);
            result = UV_ENOMEM;
        } else if (X509_STORE_add_cert(clients->authorities, cert) != 1) {
            result = UV_ENOMEM;
        }
        X509_free(cert);
        count++;
    }
    BIO_free(bio);
    unsigned long error = ERR_peek_last_error();
    if (result == 0 && (count == 0 || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)) {
        return rh_tls_problem_set(
            problem, RH_ETLS,
            "can't use client CA file '%s': certificate %zu in it is broken or "
            "missing (%s); it must hold PEM certificates",
            clients->ca_file, count + 1, rh_tls_reason());
    }
    ERR_clear_error();
    return result;
}

int rh_tls_clients_init(struct rh_tls_clients *clients, enum rh_tls_client_auth mode,
                        const char *ca_file, struct rh_tls_problem *problem)
{
    struct rh_tls_file file = {0};
    memset(clients, 0, sizeof *clients);
    clients->mode = mode;
    int result = 0;
    if (mode != RH_TLS_CLIENT_NONE) {
        if (ca_file == NULL) {
            return rh_tls_problem_set(problem, RH_ETLS,
                                      "client certificates are asked for without a CA file; name "
                                      "the PEM file of their authorities");
        }
        clients->ca_file = strdup(ca_file);
        result = clients->ca_file == NULL
                     ? UV_ENOMEM
                     : rh_tls_file_read(&file, "client CA file", ca_file, problem);
        if (result == 0) {
            result = authorities_load(clients, &file, problem);
        }
    }
    if (result == 0 && !session_rule_make(clients, &file)) {
        result = UV_ENOMEM;
    }
    rh_tls_file_release(&file);
    if (result < 0) {
        rh_tls_clients_fini(clients);
    }
    return result;
}

void rh_tls_clients_fini(struct rh_tls_clients *clients)
{
    free(clients->ca_file);
    X509_STORE_free(clients->authorities);
    sk_X509_NAME_pop_free(clients->names, X509_NAME_free);
    memset(clients, 0, sizeof *clients);
}
