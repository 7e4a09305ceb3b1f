/* What a handshake agreed on, for the request's view and the log. Computed when somebody asks: most
 * connections never pay for it. */
#include "tls/engine.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

static void subject_write(X509 *cert, char *out, size_t out_bytes)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL ||
        X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) < 0) {
        BIO_free(bio);
        return;
    }
    int n = BIO_read(bio, out, (int)out_bytes - 1);
    out[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
}

static void fingerprint_write(X509 *cert, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(cert, EVP_sha256(), digest, &len) != 1 || len != 32) {
        return;
    }
    for (unsigned i = 0; i < len; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[64] = '\0';
}

bool rh_tls_engine_is_resumed(const struct rh_tls_engine *e)
{
    return SSL_session_reused(e->ssl) == 1;
}

struct rh_slice rh_tls_engine_alpn(const struct rh_tls_engine *e)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(e->ssl, &name, &len);
    return (struct rh_slice){(const char *)name, len};
}

void rh_tls_engine_info(const struct rh_tls_engine *e, struct rh_tls_info *ret_info)
{
    memset(ret_info, 0, sizeof *ret_info);
    ret_info->version = "";
    ret_info->cipher = "";
    if (e->state == RH_TLS_HANDSHAKE || !SSL_is_init_finished(e->ssl)) {
        return;
    }
    ret_info->version = SSL_get_version(e->ssl);
    ret_info->cipher = SSL_get_cipher_name(e->ssl);
    ret_info->alpn = rh_tls_engine_alpn(e);
    ret_info->server_name = rh_slice_from(SSL_get_servername(e->ssl, TLSEXT_NAMETYPE_host_name));
    ret_info->resumed = SSL_session_reused(e->ssl) == 1;
    X509 *cert = SSL_get0_peer_certificate(e->ssl);
    if (cert != NULL) {
        ret_info->client_verified = SSL_get_verify_result(e->ssl) == X509_V_OK;
        subject_write(cert, ret_info->client_subject, sizeof ret_info->client_subject);
        fingerprint_write(cert, ret_info->client_fingerprint);
    }
    ERR_clear_error();
}
