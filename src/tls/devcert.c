/* A self-signed pair for development. The key is made in memory and its file is created exclusively
 * with mode 0600: it is never readable by others, not for an instant, and no existing file or
 * symbolic link is written to. If anything fails, the files that were created go again. */
#include "tls/store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { DAYS_VALID = 365, DAY_S = 24 * 3600 };

static bool extension_add(X509 *cert, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* Positive and 127 bits of chance: two development certificates never share issuer and serial,
 * which browsers refuse. */
static bool serial_set(X509 *cert)
{
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return false;
    }
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static X509 *cert_make(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    if (cert == NULL) {
        return NULL;
    }
    X509_NAME *name = X509_get_subject_name(cert);
    const unsigned char *host = (const unsigned char *)"localhost";
    const unsigned char *org = (const unsigned char *)"rawhttp-uv development certificate";
    /* An hour back: a clock that is a little behind still finds it valid. */
    bool ok = X509_set_version(cert, X509_VERSION_3) == 1 && serial_set(cert) &&
              X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(cert), (long)DAYS_VALID * DAY_S) != NULL &&
              X509_set_pubkey(cert, key) == 1 &&
              X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, org, -1, -1, 0) == 1 &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0) == 1 &&
              X509_set_issuer_name(cert, name) == 1 &&
              extension_add(cert, NID_basic_constraints, "critical,CA:FALSE") &&
              extension_add(cert, NID_key_usage, "critical,digitalSignature") &&
              extension_add(cert, NID_ext_key_usage, "serverAuth") &&
              extension_add(cert, NID_subject_key_identifier, "hash") &&
              extension_add(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
              X509_sign(cert, key, EVP_sha256()) > 0;
    if (!ok) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

/* Creates the file and writes all of `bio`; removes it again if that fails. */
static int file_write(const char *what, const char *path, mode_t mode, BIO *bio,
                      struct rh_tls_problem *problem)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) {
        int error = errno;
        return rh_tls_problem_set(
            problem, RH_ETLS, "can't create %s '%s': %s; %s", what, path, strerror(error),
            error == EEXIST ? "remove it or choose another name" : "check the folder");
    }
    int error = 0;
    while (len > 0 && error == 0) {
        ssize_t n = write(fd, bytes, (size_t)len);
        if (n >= 0) {
            bytes += n;
            len -= n;
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    if (close(fd) < 0 && error == 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(path);
        return rh_tls_problem_set(problem, RH_ETLS, "can't write %s '%s': %s", what, path,
                                  strerror(error));
    }
    return 0;
}

static int pair_write(const char *cert_file, const char *key_file, struct rh_tls_problem *problem)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key != NULL ? cert_make(key) : NULL;
    BIO *key_bio = BIO_new(BIO_s_secmem());
    BIO *cert_bio = BIO_new(BIO_s_mem());
    int result = RH_ETLS;
    if (cert == NULL || key_bio == NULL || cert_bio == NULL ||
        PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(cert_bio, cert) != 1) {
        rh_tls_problem_set(problem, RH_ETLS, "can't make a development certificate: %s",
                           rh_tls_reason());
        goto done;
    }
    result = file_write("key file", key_file, 0600, key_bio, problem);
    if (result == 0) {
        result = file_write("certificate file", cert_file, 0644, cert_bio, problem);
        if (result < 0) {
            unlink(key_file);
        }
    }
done:
    BIO_free(cert_bio);
    BIO_free(key_bio);
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return result;
}

int rh_tls_write_dev_cert(const char *cert_file, const char *key_file, char *ret_error,
                          size_t error_bytes)
{
    struct rh_tls_problem problem = {0};
    int result = pair_write(cert_file, key_file, &problem);
    if (result < 0 && ret_error != NULL) {
        snprintf(ret_error, error_bytes, "%s", problem.text);
    }
    return result;
}
