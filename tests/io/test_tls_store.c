#include "tls_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

TestSuite(tls_store, .init = setup, .fini = teardown, .timeout = 60);

static void expect_error(int result, const char *part, const char *name)
{
    cr_assert_eq(result, RH_ETLS);
    cr_assert(strstr(rh_tls_error(tls), part) != NULL, "'%s' not in: %s", part, rh_tls_error(tls));
    cr_assert(strstr(rh_tls_error(tls), name) != NULL, "'%s' not in: %s", name, rh_tls_error(tls));
}

/* The serial number that a new connection gets. */
static long served(void)
{
    struct tls_peer peer;
    tls_peer_init(&peer, &loop, tls, 0);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN, "%s", rh_tls_engine_error(&peer.engine));
    X509 *cert = SSL_get0_peer_certificate(peer.ssl);
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(cert));
    tls_peer_fini(&peer);
    return serial;
}

Test(tls_store, says_what_is_wrong_with_a_pair)
{
    char cert[96];
    char key[96];
    snprintf(cert, sizeof cert, "%s/localhost.crt", folder.path);
    snprintf(key, sizeof key, "%s/localhost.key", folder.path);
    cert_folder_add(&folder, "other", "DNS:other", DAY_S);
    cert_folder_encrypt(&folder, "localhost", "encrypted");
    cert_folder_write(&folder, "empty", "");
    cert_folder_write(&folder, "broken",
                      "-----BEGIN CERTIFICATE-----\nnonsense\n-----END "
                      "CERTIFICATE-----\n");
    cert_folder_write(&folder, "broken.key",
                      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE "
                      "KEY-----\n");
    expect_error(rh_tls_add_pair(tls, file("absent.crt"), key), "No such file", "absent.crt");
    expect_error(rh_tls_add_pair(tls, cert, file("absent.key")), "No such file", "absent.key");
    expect_error(rh_tls_add_pair(tls, file("."), key), "not a regular file", folder.path);
    expect_error(rh_tls_add_pair(tls, file("empty"), key), "no PEM certificate", "empty");
    expect_error(rh_tls_add_pair(tls, file("broken"), key), "broken", "broken");
    expect_error(rh_tls_add_pair(tls, cert, file("empty")), "no usable PEM private key", "empty");
    expect_error(rh_tls_add_pair(tls, cert, file("broken.key")), "no usable PEM", "broken.key");
    expect_error(rh_tls_add_pair(tls, cert, cert), "no usable PEM private key", "localhost.crt");
    expect_error(rh_tls_add_pair(tls, cert, file("encrypted.key")), "encrypted", "encrypted.key");
    expect_error(rh_tls_add_pair(tls, cert, file("other.key")), "does not belong", "other.key");
    /* None of that changed what is served. */
    served();
    cr_assert_eq(rh_tls_add_pair(tls, cert, key), 0);
    cr_assert_str_eq(rh_tls_error(tls), "");
}

Test(tls_store, a_fifo_does_not_hang_it)
{
    cr_assert_eq(mkfifo(file("fifo"), 0600), 0);
    expect_error(rh_tls_add_pair(tls, file("fifo"), file("localhost.key")), "regular", "fifo");
}

Test(tls_store, one_file_may_hold_certificate_chain_and_key)
{
    char text[16384];
    size_t len = 0;
    static const char *const parts[] = {"localhost.crt", "ca.crt", "localhost.key"};
    for (size_t i = 0; i < 3; i++) {
        FILE *stream = fopen(file(parts[i]), "r");
        len += fread(text + len, 1, sizeof text - 1 - len, stream);
        fclose(stream);
    }
    text[len] = '\0';
    cert_folder_write(&folder, "all.pem", text);
    struct rh_tls *other = rh_tls_create();
    cr_assert_eq(rh_tls_add_pair(other, file("all.pem"), file("all.pem")), 0, "%s",
                 rh_tls_error(other));
    struct tls_peer peer;
    tls_peer_init(&peer, &loop, other, 0);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN);
    cr_assert_eq(sk_X509_num(SSL_get_peer_cert_chain(peer.ssl)), 2);
    tls_peer_fini(&peer);
    rh_tls_unref(other);
}

Test(tls_store, reload_serves_the_new_pair_and_old_connections_go_on)
{
    struct tls_peer before;
    long first = served();
    tls_peer_init(&before, &loop, tls, TLS1_3_VERSION);
    cr_assert_eq(tls_peer_run(&before), RH_TLS_OPEN);
    struct tls_peer waiting; /* began before, shakes hands after */
    tls_peer_init(&waiting, &loop, tls, TLS1_3_VERSION);

    cert_folder_add(&folder, "localhost", "DNS:localhost", DAY_S);
    cr_assert_eq(rh_tls_reload(tls), 0, "%s", rh_tls_error(tls));
    cr_assert_neq(served(), first);

    tls_peer_say(&before, "old", 3);
    cr_assert_eq(tls_peer_run(&before), RH_TLS_OPEN);
    cr_assert_eq(before.server_got.len, 3);
    cr_assert_eq(tls_peer_run(&waiting), RH_TLS_OPEN);
    X509 *cert = SSL_get0_peer_certificate(waiting.ssl);
    cr_assert_eq(ASN1_INTEGER_get(X509_get0_serialNumber(cert)), first);
    tls_peer_fini(&before);
    tls_peer_fini(&waiting);
}

Test(tls_store, reload_of_a_bad_pair_keeps_the_old_one)
{
    cert_folder_add(&folder, "other", "DNS:other.example", DAY_S);
    cr_assert_eq(rh_tls_add_pair(tls, file("other.crt"), file("other.key")), 0);
    long first = served();
    cert_folder_copy(&folder, "localhost.key", "other.key");
    cert_folder_add(&folder, "localhost", "DNS:localhost", DAY_S);
    expect_error(rh_tls_reload(tls), "does not belong", "other.key");
    cr_assert_eq(served(), first, "all or nothing");
    unlink(file("localhost.key"));
    expect_error(rh_tls_reload(tls), "No such file", "localhost.key");
    cr_assert_eq(served(), first);
}

Test(tls_store, outlives_its_owner_while_a_connection_lives)
{
    struct tls_peer peer;
    tls_peer_init(&peer, &loop, tls, TLS1_3_VERSION);
    cr_assert_eq(rh_tls_reload(tls), 0);
    rh_tls_unref(tls);
    tls = NULL;
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN, "SNI, ALPN and tickets still find the store");
    tls_peer_fini(&peer);
}

Test(tls_store, warns_of_an_open_key_and_of_dates)
{
    char text[256] = "untouched";
    cr_assert(!rh_tls_warning(tls, 0, text, sizeof text));
    cr_assert_str_eq(text, "untouched");
    cr_assert_eq(chmod(file("localhost.key"), 0640), 0);
    cr_assert_eq(rh_tls_reload(tls), 0);
    cr_assert(!rh_tls_warning(tls, 0, text, sizeof text), "a group may be meant");
    cr_assert_eq(chmod(file("localhost.key"), 0644), 0);
    cert_folder_add(&folder, "old", "DNS:old", -60);
    cr_assert_eq(rh_tls_add_pair(tls, file("old.crt"), file("old.key")), 0);
    cr_assert_eq(rh_tls_reload(tls), 0);
    cr_assert(rh_tls_warning(tls, 0, text, sizeof text));
    cr_assert(strstr(text, "localhost.key") != NULL && strstr(text, "0644") != NULL, "%s", text);
    cr_assert(rh_tls_warning(tls, 1, text, sizeof text));
    cr_assert(strstr(text, "old.crt") != NULL && strstr(text, "expired") != NULL, "%s", text);
    cr_assert(!rh_tls_warning(tls, 2, text, sizeof text));
}

static bool holds(const char *name)
{
    struct stat st;
    cr_assert_eq(stat(file(name), &st), 0);
    return rh_tls_holds_file(tls, st.st_dev, st.st_ino);
}

Test(tls_store, knows_the_files_it_uses_under_any_name)
{
    cert_folder_write(&folder, "page.html", "hello");
    cr_assert_eq(link(file("localhost.key"), file("innocent.txt")), 0);
    cr_assert_eq(symlink(file("localhost.key"), file("symlink.txt")), 0);
    cr_assert(holds("localhost.key"));
    cr_assert(holds("localhost.crt"));
    cr_assert(holds("innocent.txt"));
    cr_assert(holds("symlink.txt"));
    cr_assert(!holds("page.html"));
    cr_assert(!rh_tls_holds_file(NULL, 1, 1));
}

Test(tls_store, rehearses_a_handshake)
{
    char ca[96];
    cr_assert_eq(rh_tls_rehearse(tls), 0);
    snprintf(ca, sizeof ca, "%s/ca.crt", folder.path);
    cr_assert_eq(rh_tls_client_auth(tls, ca, RH_TLS_CLIENT_REQUIRED), 0);
    cr_assert_eq(rh_tls_rehearse(tls), 0, "nobody has the certificate that is required");
    struct rh_tls *none = rh_tls_create();
    cr_assert_eq(rh_tls_rehearse(none), RH_ETLS);
    rh_tls_unref(none);
}
