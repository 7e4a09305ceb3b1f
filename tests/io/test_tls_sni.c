#include "tls_fixture.h"

TestSuite(tls_sni, .init = setup, .fini = teardown, .timeout = 60);

/* The common name of the certificate that a client gets when it asks for `host` (NULL: asks not).
 */
static const char *answers(const char *host, int version)
{
    static char name[64];
    struct tls_peer peer;
    tls_peer_init(&peer, &loop, tls, version);
    if (host != NULL) {
        tls_peer_host(&peer, host);
    }
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN, "%s", rh_tls_engine_error(&peer.engine));
    X509 *cert = SSL_get0_peer_certificate(peer.ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
    struct rh_tls_info info;
    rh_tls_engine_info(&peer.engine, &info);
    cr_assert(host == NULL ? info.server_name.base == NULL : rh_slice_is(info.server_name, host));
    tls_peer_fini(&peer);
    return name;
}

static void add(const char *name, const char *alts)
{
    char cert[64];
    char key[64];
    snprintf(cert, sizeof cert, "%s.crt", name);
    snprintf(key, sizeof key, "%s.key", name);
    cert_folder_add(&folder, name, alts, DAY_S);
    cr_assert_eq(rh_tls_add_pair(tls, file(cert), file(key)), 0, "%s", rh_tls_error(tls));
}

Test(tls_sni, chooses_by_exact_name_then_wildcard_then_default)
{
    add("exact", "DNS:www.example.org,DNS:Example.ORG,IP:127.0.0.1");
    add("wild", "DNS:*.example.org,DNS:*.deep.example.net");
    add("second", "DNS:www.example.org,DNS:api.example.org");
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        cr_assert_str_eq(answers(NULL, version), "localhost");
        cr_assert_str_eq(answers("localhost", version), "localhost");
        cr_assert_str_eq(answers("www.example.org", version), "exact", "the first of two");
        cr_assert_str_eq(answers("WWW.Example.Org", version), "exact");
        cr_assert_str_eq(answers("example.org", version), "exact");
        cr_assert_str_eq(answers("api.example.org", version), "second", "exact before wildcard");
        cr_assert_str_eq(answers("else.example.org", version), "wild");
        cr_assert_str_eq(answers("a.b.example.org", version), "localhost", "one label only");
        cr_assert_str_eq(answers("x.deep.example.net", version), "wild");
        cr_assert_str_eq(answers("deep.example.net", version), "localhost");
        cr_assert_str_eq(answers("nobody.example", version), "localhost");
    }
}

Test(tls_sni, odd_names_get_the_default)
{
    add("wild", "DNS:*.example.org");
    cr_assert_str_eq(answers("*.example.org", 0), "localhost");
    cr_assert_str_eq(answers(".example.org", 0), "localhost");
    cr_assert_str_eq(answers("example.org", 0), "localhost");
    cr_assert_str_eq(answers("a.example.org.", 0), "wild", "the dot of the root");
    char longest[256];
    memset(longest, 'a', sizeof longest);
    longest[255] = '\0';
    cr_assert_str_eq(answers(longest, 0), "localhost");
}

Test(tls_sni, a_certificate_without_names_can_be_the_default)
{
    struct rh_tls *other = rh_tls_create();
    cert_folder_add(&folder, "nameless", NULL, DAY_S);
    cr_assert_eq(rh_tls_add_pair(other, file("nameless.crt"), file("nameless.key")), 0);
    struct rh_tls *kept = tls;
    tls = other;
    cr_assert_str_eq(answers("anything", 0), "nameless");
    tls = kept;
    rh_tls_unref(other);
}
