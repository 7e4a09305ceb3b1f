#include "tls_fixture.h"

#include "tls/store.h"

TestSuite(tls_resume, .init = setup, .fini = teardown, .timeout = 60);

static SSL_SESSION *kept;

static int session_keep(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(kept);
    kept = session;
    return 1;
}

static SSL_CTX *client_create(int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, session_keep);
    return context;
}

static void client_destroy(SSL_CTX *context)
{
    SSL_SESSION_free(kept);
    kept = NULL;
    SSL_CTX_free(context);
}

/* One connection on `at`; offers what was kept. Returns whether it was resumed. */
static bool visit(SSL_CTX *context, struct rh_tls_loop *at, const char *host)
{
    struct tls_peer peer;
    struct rh_tls_info info;
    tls_peer_init_with(&peer, at, tls, context);
    if (host != NULL) {
        tls_peer_host(&peer, host);
    }
    if (kept != NULL) {
        SSL_set_session(peer.ssl, kept);
    }
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN, "%s", rh_tls_engine_error(&peer.engine));
    tls_peer_say(&peer, "hello", 5);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN);
    cr_assert_eq(peer.server_got.len, 5);
    rh_tls_engine_info(&peer.engine, &info);
    cr_assert_eq(info.resumed, SSL_session_reused(peer.ssl) == 1);
    if (SSL_version(peer.ssl) == TLS1_2_VERSION) {
        /* A renewed ticket comes without a call of session_keep. */
        SSL_SESSION_free(kept);
        kept = SSL_get1_session(peer.ssl);
    }
    /* Cut without close_notify: the session survives that. */
    SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    tls_peer_fini(&peer);
    return info.resumed;
}

Test(tls_resume, by_ticket_on_another_loop_and_after_a_reload)
{
    struct rh_tls_loop other;
    cr_assert_eq(rh_tls_loop_init(&other), 0);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *context = client_create(version);
        cr_assert(!visit(context, &loop, NULL));
        cr_assert_not_null(kept);
        cr_assert(SSL_SESSION_has_ticket(kept));
        cr_assert(visit(context, &other, NULL));
        cr_assert(visit(context, &loop, NULL));
        cr_assert_eq(rh_tls_reload(tls), 0, "%s", rh_tls_error(tls));
        cr_assert(visit(context, &loop, NULL));
        /* Also when the reload brought another certificate. */
        cert_folder_add(&folder, "localhost", "DNS:localhost", 2 * DAY_S);
        cr_assert_eq(rh_tls_reload(tls), 0, "%s", rh_tls_error(tls));
        cr_assert(visit(context, &other, NULL));
        client_destroy(context);
    }
    rh_tls_loop_fini(&other);
}

Test(tls_resume, by_ticket_under_each_of_several_names)
{
    cert_folder_add(&folder, "other", "DNS:other.example", DAY_S);
    cr_assert_eq(rh_tls_add_pair(tls, file("other.crt"), file("other.key")), 0);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *context = client_create(version);
        cr_assert(!visit(context, &loop, "other.example"));
        cr_assert(visit(context, &loop, "other.example"));
        client_destroy(context);
        context = client_create(version);
        cr_assert(!visit(context, &loop, "localhost"));
        cr_assert(visit(context, &loop, "localhost"));
        client_destroy(context);
    }
}

Test(tls_resume, by_session_cache_for_clients_without_tickets)
{
    SSL_CTX *context = client_create(TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    cr_assert(!visit(context, &loop, NULL));
    cr_assert_not_null(kept);
    cr_assert(!SSL_SESSION_has_ticket(kept));
    cr_assert(visit(context, &loop, NULL));
    cr_assert(visit(context, &loop, NULL));
    client_destroy(context);
}

/* Pushes the birth of the current key back; the next look at the clock finds it old. */
static void age(uint64_t periods)
{
    tls->tickets.born_s -= periods * RH_TLS_TICKET_ROTATE_S;
}

Test(tls_resume, across_one_rotation_of_keys_but_not_across_two)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *context = client_create(version);
        cr_assert(!visit(context, &loop, NULL));
        SSL_SESSION *first = SSL_SESSION_dup(kept); /* a client forgets one that it has used */
        age(1);
        cr_assert(visit(context, &loop, NULL));
        cr_assert(visit(context, &loop, NULL), "with the ticket that was renewed");
        SSL_SESSION_free(kept);
        kept = SSL_SESSION_dup(first);
        cr_assert(visit(context, &loop, NULL), "the first one again: its key still opens");
        age(1);
        SSL_SESSION_free(kept);
        kept = first;
        cr_assert(!visit(context, &loop, NULL));
        age(2);
        cr_assert(!visit(context, &loop, NULL));
        client_destroy(context);
    }
}

Test(tls_resume, not_with_the_keys_of_another_store)
{
    SSL_CTX *context = client_create(TLS1_3_VERSION);
    cr_assert(!visit(context, &loop, NULL));
    struct rh_tls *first = tls;
    tls = rh_tls_create();
    cr_assert_eq(rh_tls_add_pair(tls, file("localhost.crt"), file("localhost.key")), 0);
    cr_assert(!visit(context, &loop, NULL));
    rh_tls_unref(tls);
    tls = first;
    client_destroy(context);
}

Test(tls_resume, early_data_is_off)
{
    SSL_CTX *context = client_create(TLS1_3_VERSION);
    cr_assert(!visit(context, &loop, NULL));
    cr_assert_eq(SSL_SESSION_get_max_early_data(kept), 0);
    client_destroy(context);
}
