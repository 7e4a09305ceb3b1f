#include "tls_fixture.h"

TestSuite(tls_client, .init = setup, .fini = teardown, .timeout = 60);

/* A client with the certificate NAME, or without one (NULL). */
static SSL_CTX *client_create(const char *name, int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (name != NULL) {
        char path[64];
        snprintf(path, sizeof path, "%s.crt", name);
        cr_assert_eq(SSL_CTX_use_certificate_file(context, file(path), SSL_FILETYPE_PEM), 1);
        snprintf(path, sizeof path, "%s.key", name);
        cr_assert_eq(SSL_CTX_use_PrivateKey_file(context, file(path), SSL_FILETYPE_PEM), 1);
    }
    return context;
}

/* The outcome of one visit: 0 and the identity, or the failure. */
static enum rh_tls_failure visit(const char *name, int version, struct rh_tls_info *ret_info)
{
    SSL_CTX *context = client_create(name, version);
    struct tls_peer peer;
    tls_peer_init_with(&peer, &loop, tls, context);
    SSL_CTX_free(context);
    cr_assert_eq(tls_peer_run(&peer) == RH_TLS_OPEN, peer.engine.failure == RH_TLS_NO_FAILURE);
    rh_tls_engine_info(&peer.engine, ret_info);
    ret_info->version = NULL; /* dies with the engine */
    enum rh_tls_failure failure = (enum rh_tls_failure)peer.engine.failure;
    tls_peer_fini(&peer);
    return failure;
}

static void strangers_make(void)
{
    struct cert_folder other;
    cert_folder_init(&other);
    cert_folder_add(&other, "stranger", NULL, DAY_S);
    char command[512];
    snprintf(command, sizeof command, "cp %s/stranger.* %s/", other.path, folder.path);
    cr_assert_eq(system(command), 0);
    cert_folder_fini(&other);
    cert_folder_add(&folder, "alice", NULL, DAY_S);
    cert_folder_add(&folder, "expired", NULL, -60);
}

Test(tls_client, optional_takes_none_and_valid_ones)
{
    struct rh_tls_info info;
    strangers_make();
    cr_assert_eq(rh_tls_client_auth(tls, file("ca.crt"), RH_TLS_CLIENT_OPTIONAL), 0, "%s",
                 rh_tls_error(tls));
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        cr_assert_eq(visit(NULL, version, &info), RH_TLS_NO_FAILURE);
        cr_assert(!info.client_verified);
        cr_assert_str_eq(info.client_subject, "");
        cr_assert_eq(visit("alice", version, &info), RH_TLS_NO_FAILURE);
        cr_assert(info.client_verified);
        cr_assert_str_eq(info.client_subject, "CN=alice");
        cr_assert_eq(strlen(info.client_fingerprint), 64);
        cr_assert_eq(visit("stranger", version, &info), RH_TLS_CLIENT_CERT);
        cr_assert_eq(visit("expired", version, &info), RH_TLS_CLIENT_CERT);
    }
}

Test(tls_client, required_takes_only_valid_ones_under_every_name)
{
    struct rh_tls_info info;
    strangers_make();
    cr_assert_eq(rh_tls_client_auth(tls, file("ca.crt"), RH_TLS_CLIENT_REQUIRED), 0);
    cert_folder_add(&folder, "other", "DNS:other.example", DAY_S);
    cr_assert_eq(rh_tls_add_pair(tls, file("other.crt"), file("other.key")), 0);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        cr_assert_eq(visit(NULL, version, &info), RH_TLS_CLIENT_CERT);
        cr_assert_eq(visit("stranger", version, &info), RH_TLS_CLIENT_CERT);
        cr_assert_eq(visit("alice", version, &info), RH_TLS_NO_FAILURE);
        cr_assert(info.client_verified);
        SSL_CTX *context = client_create(NULL, version);
        struct tls_peer peer;
        tls_peer_init_with(&peer, &loop, tls, context);
        SSL_CTX_free(context);
        tls_peer_host(&peer, "other.example");
        cr_assert_eq(tls_peer_run(&peer), RH_TLS_FAILED);
        tls_peer_fini(&peer);
    }
    cr_assert_eq(rh_tls_reload(tls), 0);
    cr_assert_eq(visit(NULL, 0, &info), RH_TLS_CLIENT_CERT, "a reload keeps the rules");
}

Test(tls_client, identity_is_known_after_resumption_too)
{
    cert_folder_add(&folder, "alice", NULL, DAY_S);
    cr_assert_eq(rh_tls_client_auth(tls, file("ca.crt"), RH_TLS_CLIENT_REQUIRED), 0);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *context = client_create("alice", version);
        struct tls_peer peer;
        struct rh_tls_info info;
        SSL_SESSION *session = NULL;
        for (int i = 0; i < 2; i++) {
            tls_peer_init_with(&peer, &loop, tls, context);
            if (session != NULL) {
                SSL_set_session(peer.ssl, session);
            }
            cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN);
            rh_tls_engine_info(&peer.engine, &info);
            cr_assert_eq(info.resumed, i == 1);
            cr_assert(info.client_verified);
            cr_assert_str_eq(info.client_subject, "CN=alice");
            SSL_SESSION_free(session);
            session = SSL_get1_session(peer.ssl);
            SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
            tls_peer_fini(&peer);
        }
        SSL_SESSION_free(session);
        SSL_CTX_free(context);
    }
}

/* The hole that the session rule closes: a session from before would be a way around. */
Test(tls_client, sessions_from_before_the_rule_are_void)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        cr_assert_eq(rh_tls_client_auth(tls, NULL, RH_TLS_CLIENT_NONE), 0);
        SSL_CTX *context = client_create(NULL, version);
        struct tls_peer peer;
        tls_peer_init_with(&peer, &loop, tls, context);
        cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN);
        SSL_SESSION *session = SSL_get1_session(peer.ssl);
        SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        tls_peer_fini(&peer);
        cr_assert_eq(rh_tls_client_auth(tls, file("ca.crt"), RH_TLS_CLIENT_REQUIRED), 0);
        tls_peer_init_with(&peer, &loop, tls, context);
        SSL_set_session(peer.ssl, session);
        cr_assert_eq(tls_peer_run(&peer), RH_TLS_FAILED);
        cr_assert_eq(peer.engine.failure, RH_TLS_CLIENT_CERT);
        tls_peer_fini(&peer);
        SSL_SESSION_free(session);
        SSL_CTX_free(context);
    }
}

Test(tls_client, a_bad_ca_file_fails_closed_and_changes_nothing)
{
    struct rh_tls_info info;
    cert_folder_write(&folder, "empty", "");
    cr_assert_eq(rh_tls_client_auth(tls, file("ca.crt"), RH_TLS_CLIENT_REQUIRED), 0);
    cr_assert_eq(rh_tls_client_auth(tls, file("absent"), RH_TLS_CLIENT_OPTIONAL), RH_ETLS);
    cr_assert(strstr(rh_tls_error(tls), "absent") != NULL, "%s", rh_tls_error(tls));
    cr_assert_eq(rh_tls_client_auth(tls, file("empty"), RH_TLS_CLIENT_OPTIONAL), RH_ETLS);
    cr_assert(strstr(rh_tls_error(tls), "PEM certificates") != NULL, "%s", rh_tls_error(tls));
    cr_assert_eq(rh_tls_client_auth(tls, NULL, RH_TLS_CLIENT_OPTIONAL), RH_ETLS);
    cr_assert_eq(visit(NULL, 0, &info), RH_TLS_CLIENT_CERT);
}
