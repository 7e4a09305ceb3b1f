/* One certificate with its chain and key, loaded into a context. The order: both files are read,
 * the chain is parsed, then the key, then the two are compared, then the names that it answers to
 * are collected and what looks suspicious is noted. Each step fails with a sentence that names the
 * file. OpenSSL would ask for the password of an encrypted key on the terminal, and block: a
 * callback refuses instead. */
#include "tls/store.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "util/ascii.h"

static int chain_load(struct rh_tls_pair *pair, const struct rh_tls_file *file,
                      struct rh_tls_problem *problem)
{
    BIO *bio = BIO_new_mem_buf(file->bytes, (int)file->len);
    if (bio == NULL) {
        return UV_ENOMEM;
    }
    size_t count = 0;
    bool ok = true;
    X509 *cert;
    while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        ok = count == 0 ? SSL_CTX_use_certificate(pair->context, cert) == 1
                        : SSL_CTX_add1_chain_cert(pair->context, cert) == 1;
        X509_free(cert);
        count += ok;
    }
    BIO_free(bio);
    bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (ok && ended && count > 0) {
        ERR_clear_error();
        return 0;
    }
    if (ok && ended) {
        ERR_clear_error();
        return rh_tls_problem_set(problem, RH_ETLS,
                                  "can't use certificate file '%s': there is no PEM certificate in "
                                  "it (-----BEGIN CERTIFICATE-----)",
                                  pair->cert_file);
    }
    return rh_tls_problem_set(problem, RH_ETLS,
                              "can't use certificate file '%s': certificate %zu in it is broken or "
                              "too weak (%s)",
                              pair->cert_file, count + 1, rh_tls_reason());
}

static int refuse_password(char *buffer, int size, int writing, void *data)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)data = true;
    return -1;
}

static int key_load(struct rh_tls_pair *pair, const struct rh_tls_file *file,
                    struct rh_tls_problem *problem)
{
    BIO *bio = BIO_new_mem_buf(file->bytes, (int)file->len);
    if (bio == NULL) {
        return UV_ENOMEM;
    }
    bool encrypted = false;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, refuse_password, &encrypted);
    BIO_free(bio);
    if (key == NULL && encrypted) {
        ERR_clear_error();
        return rh_tls_problem_set(problem, RH_ETLS,
                                  "can't use key file '%s': it is encrypted and a server can't be "
                                  "asked for the password; decrypt it (openssl pkey -in KEY -out "
                                  "NEW) and protect it by its mode",
                                  pair->key_file);
    }
    if (key == NULL) {
        return rh_tls_problem_set(
            problem, RH_ETLS,
            "can't use key file '%s': there is no usable PEM private key in it "
            "(%s)",
            pair->key_file, rh_tls_reason());
    }
    X509 *cert = SSL_CTX_get0_certificate(pair->context);
    int result = 0;
    if (X509_check_private_key(cert, key) != 1) {
        ERR_clear_error();
        result =
            rh_tls_problem_set(problem, RH_ETLS,
                               "key file '%s' does not belong to the first certificate in '%s'; "
                               "name the pair that was issued together, the server's own "
                               "certificate before its chain",
                               pair->key_file, pair->cert_file);
    } else if (SSL_CTX_use_PrivateKey(pair->context, key) != 1) {
        result = rh_tls_problem_set(problem, RH_ETLS, "can't use key file '%s': %s", pair->key_file,
                                    rh_tls_reason());
    }
    EVP_PKEY_free(key);
    return result;
}

/* Adds a DNS name as it goes into the table: lower case, without the dot of the root. What can never be
 * asked for is left out: an empty one, or one with a NUL inside. False: no memory. */
static bool name_add(struct rh_tls_pair *pair, const ASN1_STRING *value)
{
    const char *bytes = (const char *)ASN1_STRING_get0_data(value);
    size_t len = (size_t)ASN1_STRING_length(value);
    if (len > 0 && bytes[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len > 255 || memchr(bytes, '\0', len) != NULL) {
        return true;
    }
    char *name = malloc(len + 1);
    if (name == NULL) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        name[i] = rh_ascii_lower(bytes[i]);
    }
    name[len] = '\0';
    pair->names[pair->names_len++] = name;
    return true;
}

/* Only subjectAltName counts (RFC 9525 §2); addresses can not be asked for by SNI (RFC 6066 §3). */
static int names_load(struct rh_tls_pair *pair)
{
    X509 *cert = SSL_CTX_get0_certificate(pair->context);
    GENERAL_NAMES *alts = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int count = alts != NULL ? sk_GENERAL_NAME_num(alts) : 0;
    ERR_clear_error();
    if (count > 0) {
        pair->names = calloc((size_t)count, sizeof *pair->names);
        if (pair->names == NULL) {
            GENERAL_NAMES_free(alts);
            return UV_ENOMEM;
        }
    }
    for (int i = 0; i < count; i++) {
        const GENERAL_NAME *alt = sk_GENERAL_NAME_value(alts, i);
        if (alt->type == GEN_DNS && !name_add(pair, alt->d.dNSName)) {
            GENERAL_NAMES_free(alts);
            return UV_ENOMEM;
        }
    }
    GENERAL_NAMES_free(alts);
    return 0;
}

static void __attribute__((format(printf, 2, 3)))
warn(struct rh_tls_pair *pair, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (pair->warnings_len < RH_TLS_WARNINGS_MAX && vasprintf(&text, format, args) >= 0) {
        pair->warnings[pair->warnings_len++] = text;
    }
    va_end(args);
}

/* What a server may start with, but somebody should hear of. A group that may read a key is left
 * alone: that is how Debian's ssl-cert lends keys to servers. */
static void suspicions_note(struct rh_tls_pair *pair)
{
    if ((pair->files[1].mode & (S_IRWXO | S_IWGRP)) != 0) {
        warn(pair,
             "key file '%s' is open to others (mode %04o); chmod 600 it and consider it known",
             pair->key_file, (unsigned)(pair->files[1].mode & 07777));
    }
    X509 *cert = SSL_CTX_get0_certificate(pair->context);
    if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
        warn(pair, "certificate '%s' has expired: clients will refuse it; renew it and reload",
             pair->cert_file);
    } else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0) {
        warn(pair, "certificate '%s' is not valid yet: clients will refuse it; check the clock",
             pair->cert_file);
    }
}

struct rh_tls_pair *rh_tls_pair_load(const char *cert_file, const char *key_file,
                                     const struct rh_tls_clients *clients,
                                     struct rh_tls_problem *problem)
{
    struct rh_tls_pair *pair = calloc(1, sizeof *pair);
    int result = UV_ENOMEM;
    if (pair == NULL) {
        goto fail;
    }
    atomic_init(&pair->refs, 1);
    pair->cert_file = strdup(cert_file);
    pair->key_file = strdup(key_file);
    pair->context = rh_tls_context_create(clients);
    if (pair->cert_file == NULL || pair->key_file == NULL || pair->context == NULL) {
        goto fail;
    }
    result = rh_tls_file_read(&pair->files[0], "certificate file", cert_file, problem);
    if (result == 0) {
        result = rh_tls_file_read(&pair->files[1], "key file", key_file, problem);
    }
    if (result == 0) {
        result = chain_load(pair, &pair->files[0], problem);
    }
    if (result == 0) {
        result = key_load(pair, &pair->files[1], problem);
    }
    if (result == 0) {
        result = names_load(pair);
    }
    if (result < 0) {
        goto fail;
    }
    rh_tls_file_release(&pair->files[0]);
    rh_tls_file_release(&pair->files[1]);
    suspicions_note(pair);
    return pair;

fail:
    rh_tls_pair_unref(pair);
    rh_tls_problem_set(problem, result, "out of memory while loading '%s'", cert_file);
    return NULL;
}

struct rh_tls_pair *rh_tls_pair_ref(struct rh_tls_pair *pair)
{
    atomic_fetch_add_explicit(&pair->refs, 1, memory_order_relaxed);
    return pair;
}

void rh_tls_pair_unref(struct rh_tls_pair *pair)
{
    if (pair == NULL || atomic_fetch_sub_explicit(&pair->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    rh_tls_file_release(&pair->files[0]);
    rh_tls_file_release(&pair->files[1]);
    for (size_t i = 0; i < pair->names_len; i++) {
        free(pair->names[i]);
    }
    for (size_t i = 0; i < pair->warnings_len; i++) {
        free(pair->warnings[i]);
    }
    free(pair->names);
    SSL_CTX_free(pair->context);
    free(pair->cert_file);
    free(pair->key_file);
    free(pair);
}
