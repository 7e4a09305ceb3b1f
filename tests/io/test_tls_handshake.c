#include "tls_fixture.h"

TestSuite(tls_handshake, .init = setup, .fini = teardown, .timeout = 120);

static void open_and_talk(struct tls_peer *peer)
{
    cr_assert_eq(tls_peer_run(peer), RH_TLS_OPEN, "%s", rh_tls_engine_error(&peer->engine));
    cr_assert(SSL_is_init_finished(peer->ssl));
    tls_peer_say(peer, "hello", 5);
    cr_assert_eq(tls_peer_run(peer), RH_TLS_OPEN);
    cr_assert_eq(peer->server_got.len, 5);
    cr_assert_arr_eq(peer->server_got.base, "hello", 5);
    tls_peer_answer(peer, "world!", 6, 4096);
    cr_assert_eq(peer->client_got.len, 6);
    cr_assert_arr_eq(peer->client_got.base, "world!", 6);
}

static void whole(int version, const char *name)
{
    struct tls_peer peer;
    tls_peer_init(&peer, &loop, tls, version);
    open_and_talk(&peer);
    struct rh_tls_info info;
    rh_tls_engine_info(&peer.engine, &info);
    cr_assert_str_eq(info.version, name);
    cr_assert(!info.resumed);
    cr_assert_null(info.alpn.base);
    cr_assert_null(info.server_name.base);
    cr_assert_str_eq(rh_tls_engine_error(&peer.engine), "");
    tls_peer_fini(&peer);
}

Test(tls_handshake, speaks_tls_1_3)
{
    whole(TLS1_3_VERSION, "TLSv1.3");
}

Test(tls_handshake, speaks_tls_1_2)
{
    whole(TLS1_2_VERSION, "TLSv1.2");
}

static void refused(SSL_CTX *context)
{
    struct tls_peer peer;
    tls_peer_init_with(&peer, &loop, tls, context);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_FAILED);
    cr_assert_eq(peer.engine.failure, RH_TLS_NO_AGREEMENT, "%s", rh_tls_engine_error(&peer.engine));
    cr_assert_gt(peer.from_server.len, 0, "the alert must be there to be sent");
    cr_assert_eq(peer.from_server.base[0], 21);
    tls_peer_fini(&peer);
    SSL_CTX_free(context);
}

Test(tls_handshake, refuses_tls_1_1)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(context, "ALL");
    refused(context);
}

Test(tls_handshake, refuses_ciphers_without_forward_secrecy)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, "AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA");
    refused(context);
}

/* Every piece size that matters, in both directions of the wire. */
static void in_pieces(int version)
{
    static const size_t feeds[] = {1, 2, 3, 5, 6, 17, 100};
    static const size_t rooms[] = {1, 7, 100, 1000};
    for (size_t i = 0; i < sizeof feeds / sizeof feeds[0]; i++) {
        for (size_t j = 0; j < sizeof rooms / sizeof rooms[0]; j++) {
            struct tls_peer peer;
            tls_peer_init(&peer, &loop, tls, version);
            peer.feed_max = feeds[i];
            peer.cipher_cap = rooms[j];
            open_and_talk(&peer);
            tls_peer_fini(&peer);
        }
    }
}

Test(tls_handshake, tls_1_3_in_pieces_of_any_size)
{
    in_pieces(TLS1_3_VERSION);
}

Test(tls_handshake, tls_1_2_in_pieces_of_any_size)
{
    in_pieces(TLS1_2_VERSION);
}

/* The client's flight number `flight` is cut in two after `at` bytes; false: it is not that long.
 */
static bool split_at(int version, unsigned flight, size_t at)
{
    struct tls_peer peer;
    bool reached = false;
    tls_peer_init(&peer, &loop, tls, version);
    for (unsigned i = 0; i < 4; i++) {
        tls_peer_collect(&peer);
        if (i == flight && at < peer.to_server.len) {
            peer.first_feed = at;
            reached = true;
        }
        while (peer.to_server.len > 0 && peer.state != RH_TLS_FAILED) {
            tls_peer_feed(&peer);
        }
    }
    open_and_talk(&peer);
    tls_peer_fini(&peer);
    return reached;
}

static void at_every_split(int version)
{
    size_t points = 0;
    for (unsigned flight = 0; flight < 2; flight++) {
        for (size_t at = 1; split_at(version, flight, at); at++) {
            points++;
        }
    }
    cr_assert_gt(points, 200);
}

Test(tls_handshake, tls_1_3_at_every_split)
{
    at_every_split(TLS1_3_VERSION);
}

Test(tls_handshake, tls_1_2_at_every_split)
{
    at_every_split(TLS1_2_VERSION);
}

/* The whole handshake cut off after `at` bytes of the client's: no state but "not yet". */
static void cut_everywhere(int version)
{
    for (size_t at = 0;; at++) {
        struct tls_peer peer;
        size_t fed = 0;
        bool complete = false;
        tls_peer_init(&peer, &loop, tls, version);
        while (fed < at) {
            tls_peer_collect(&peer);
            if (peer.to_server.len == 0) {
                complete = true;
                break;
            }
            peer.first_feed = at - fed;
            size_t before = peer.to_server.len;
            tls_peer_feed(&peer);
            fed += before - peer.to_server.len;
        }
        cr_assert_neq(peer.state, RH_TLS_FAILED);
        cr_assert_neq(peer.state, RH_TLS_CLEAN_END);
        cr_assert_eq(peer.server_got.len, 0);
        tls_peer_fini(&peer);
        if (complete) {
            break;
        }
    }
}

Test(tls_handshake, tls_1_3_cut_off_anywhere_leaves_nothing)
{
    cut_everywhere(TLS1_3_VERSION);
}

Test(tls_handshake, tls_1_2_cut_off_anywhere_leaves_nothing)
{
    cut_everywhere(TLS1_2_VERSION);
}

Test(tls_handshake, agrees_on_alpn_in_our_order)
{
    static const unsigned char offered[] = "\x02h2\x08http/1.0\x08http/1.1";
    struct tls_peer peer;
    struct rh_tls_info info;
    tls_peer_init(&peer, &loop, tls, 0);
    SSL_set_alpn_protos(peer.ssl, offered, sizeof offered - 1);
    open_and_talk(&peer);
    rh_tls_engine_info(&peer.engine, &info);
    cr_assert(rh_slice_is(info.alpn, "http/1.1"));
    tls_peer_fini(&peer);

    static const char *const ours[] = {"h2", "http/1.1"};
    cr_assert(rh_tls_alpn_set(tls, ours, 2));
    tls_peer_init(&peer, &loop, tls, 0);
    SSL_set_alpn_protos(peer.ssl, offered, sizeof offered - 1);
    open_and_talk(&peer);
    rh_tls_engine_info(&peer.engine, &info);
    cr_assert(rh_slice_is(info.alpn, "h2"));
    tls_peer_fini(&peer);
}

Test(tls_handshake, refuses_when_no_protocol_is_shared)
{
    static const unsigned char offered[] = "\x03"
                                           "ftp";
    struct tls_peer peer;
    tls_peer_init(&peer, &loop, tls, 0);
    SSL_set_alpn_protos(peer.ssl, offered, sizeof offered - 1);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_FAILED);
    cr_assert_eq(peer.engine.failure, RH_TLS_NO_AGREEMENT, "%s", rh_tls_engine_error(&peer.engine));
    tls_peer_fini(&peer);
}

Test(tls_handshake, hears_that_the_client_does_not_trust_us)
{
    struct tls_peer peer;
    tls_peer_init(&peer, &loop, tls, TLS1_3_VERSION);
    SSL_set_verify(peer.ssl, SSL_VERIFY_PEER, NULL);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_FAILED);
    cr_assert_eq(peer.engine.failure, RH_TLS_PEER_ALERT);
    cr_assert(strstr(rh_tls_engine_error(&peer.engine), "unknown ca") != NULL, "%s",
              rh_tls_engine_error(&peer.engine));
    tls_peer_fini(&peer);
}

Test(tls_handshake, ignores_errors_that_others_left_in_the_queue)
{
    struct tls_peer peer;
    tls_peer_init(&peer, &loop, tls, 0);
    tls_peer_collect(&peer);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    tls_peer_feed(&peer);
    cr_assert_eq(peer.state, RH_TLS_HANDSHAKE);
    open_and_talk(&peer);
    tls_peer_fini(&peer);
}

Test(tls_handshake, needs_a_pair)
{
    struct rh_tls *empty = rh_tls_create();
    struct rh_tls_engine engine;
    cr_assert_eq(rh_tls_engine_init(&engine, empty), RH_ETLS);
    rh_tls_unref(empty);
}
