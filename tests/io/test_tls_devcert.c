#include "tls_fixture.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(tls_devcert, .init = setup, .fini = teardown, .timeout = 60);

Test(tls_devcert, makes_a_pair_that_serves_localhost)
{
    char error[256] = "";
    struct stat st;
    mode_t mask = umask(0);
    cr_assert_eq(rh_tls_write_dev_cert(file("dev.crt"), file("dev.key"), error, sizeof error), 0,
                 "%s", error);
    umask(mask);
    cr_assert_eq(stat(file("dev.key"), &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
    FILE *stream = fopen(file("dev.crt"), "r");
    X509 *cert = PEM_read_X509(stream, NULL, NULL, NULL);
    fclose(stream);
    cr_assert_not_null(cert);
    cr_assert_eq(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
    cr_assert_eq(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
    cr_assert_eq(X509_check_ip_asc(cert, "::1", 0), 1);
    cr_assert_neq(X509_check_host(cert, "example.org", 0, 0, NULL), 1);
    cr_assert_eq(X509_check_ca(cert), 0);
    cr_assert_eq(EVP_PKEY_get_base_id(X509_get0_pubkey(cert)), EVP_PKEY_EC);
    cr_assert_eq(EVP_PKEY_get_bits(X509_get0_pubkey(cert)), 256);
    int days = 0;
    int seconds = 0;
    cr_assert_eq(
        ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert), X509_get0_notAfter(cert)), 1);
    cr_assert(days >= 365 && days <= 397, "%d days", days);

    /* A client that trusts it takes it, by name. */
    struct rh_tls *dev = rh_tls_create();
    cr_assert_eq(rh_tls_add_pair(dev, file("dev.crt"), file("dev.key")), 0, "%s",
                 rh_tls_error(dev));
    cr_assert(!rh_tls_warning(dev, 0, error, sizeof error), "%s", error);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), cert);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    struct tls_peer peer;
    tls_peer_init_with(&peer, &loop, dev, context);
    SSL_set1_host(peer.ssl, "localhost");
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN, "%s", rh_tls_engine_error(&peer.engine));
    tls_peer_fini(&peer);
    SSL_CTX_free(context);
    rh_tls_unref(dev);
    X509_free(cert);
}

Test(tls_devcert, writes_over_nothing_and_leaves_nothing_behind)
{
    char error[256] = "";
    struct stat st;
    cert_folder_write(&folder, "taken", "precious");
    cr_assert_eq(rh_tls_write_dev_cert(file("dev.crt"), file("taken"), error, sizeof error),
                 RH_ETLS);
    cr_assert(strstr(error, "taken") != NULL && strstr(error, "remove it") != NULL, "%s", error);
    cr_assert_eq(access(file("dev.crt"), F_OK), -1);
    cr_assert_eq(rh_tls_write_dev_cert(file("taken"), file("dev.key"), error, sizeof error),
                 RH_ETLS);
    cr_assert_eq(access(file("dev.key"), F_OK), -1, "the key goes with the certificate");
    cr_assert_eq(stat(file("taken"), &st), 0);
    cr_assert_eq(st.st_size, 8);
    cr_assert_eq(symlink(file("target"), file("link")), 0);
    cr_assert_eq(rh_tls_write_dev_cert(file("dev.crt"), file("link"), NULL, 0), RH_ETLS);
    cr_assert_eq(access(file("target"), F_OK), -1, "never through a symbolic link");
    cr_assert_eq(
        rh_tls_write_dev_cert(file("absent/dev.crt"), file("absent/dev.key"), error, sizeof error),
        RH_ETLS);
    cr_assert(strstr(error, "check the folder") != NULL, "%s", error);
}
