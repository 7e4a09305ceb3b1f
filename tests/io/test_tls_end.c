#include "tls_fixture.h"

TestSuite(tls_end, .init = setup, .fini = teardown, .timeout = 120);

static void open_peer(struct tls_peer *peer, int version)
{
    tls_peer_init(peer, &loop, tls, version);
    cr_assert_eq(tls_peer_run(peer), RH_TLS_OPEN);
    peer->from_server.len = 0;
}

Test(tls_end, close_notify_is_a_clean_end_after_the_last_byte)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_peer peer;
        open_peer(&peer, version);
        tls_peer_say(&peer, "last words", 10);
        SSL_shutdown(peer.ssl);
        tls_peer_collect(&peer);
        peer.plain_cap = 4;
        tls_peer_feed(&peer);
        cr_assert_eq(peer.state, RH_TLS_OPEN, "not before everything was read");
        cr_assert_eq(tls_peer_run(&peer), RH_TLS_CLEAN_END);
        cr_assert_eq(peer.server_got.len, 10);
        tls_peer_fini(&peer);
    }
}

Test(tls_end, answers_after_the_peers_close_notify)
{
    struct tls_peer peer;
    open_peer(&peer, TLS1_3_VERSION);
    SSL_shutdown(peer.ssl);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_CLEAN_END);
    tls_peer_answer(&peer, "still here", 10, 1024);
    tls_peer_shutdown(&peer);
    cr_assert_eq(peer.client_got.len, 10);
    cr_assert_eq(SSL_get_shutdown(peer.ssl), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    tls_peer_fini(&peer);
}

Test(tls_end, bytes_after_close_notify_are_ignored)
{
    struct tls_peer peer;
    open_peer(&peer, TLS1_3_VERSION);
    SSL_shutdown(peer.ssl);
    tls_peer_collect(&peer);
    tls_bytes_add(&peer.to_server, "garbage after the end", 21);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_CLEAN_END);
    cr_assert_eq(peer.to_server.len, 0);
    tls_bytes_add(&peer.to_server, "more", 4);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_CLEAN_END);
    cr_assert_eq(peer.server_got.len, 0);
    tls_peer_fini(&peer);
}

Test(tls_end, truncation_anywhere_is_no_clean_end)
{
    for (size_t at = 1;; at++) {
        struct tls_peer peer;
        open_peer(&peer, TLS1_3_VERSION);
        tls_peer_say(&peer, "last words", 10);
        SSL_shutdown(peer.ssl);
        tls_peer_collect(&peer);
        bool whole = at >= peer.to_server.len;
        if (!whole) {
            peer.to_server.len = at;
        }
        tls_peer_feed(&peer);
        cr_assert_eq(peer.state, whole ? RH_TLS_CLEAN_END : RH_TLS_OPEN);
        tls_peer_fini(&peer);
        if (whole) {
            break;
        }
    }
}

Test(tls_end, our_close_notify_comes_once_and_reading_goes_on)
{
    struct tls_peer peer;
    char cipher[RH_TLS_ROOM_MIN];
    open_peer(&peer, TLS1_3_VERSION);
    struct rh_tls_io tight = {.cipher = cipher, .cipher_cap = RH_TLS_ROOM_MIN - 1};
    cr_assert_eq(rh_tls_engine_shutdown(&loop, &peer.engine, &tight), RH_ETLS);
    tls_peer_shutdown(&peer);
    cr_assert_eq(peer.client_error, SSL_ERROR_ZERO_RETURN);
    struct rh_tls_io again = {.cipher = cipher, .cipher_cap = sizeof cipher};
    cr_assert_eq(rh_tls_engine_shutdown(&loop, &peer.engine, &again), 0);
    cr_assert_eq(again.cipher_len, 0);
    cr_assert_eq(rh_tls_engine_write(&loop, &peer.engine, "x", 1, &again), RH_ETLS);
    tls_peer_fini(&peer);

    open_peer(&peer, TLS1_3_VERSION);
    tls_peer_shutdown(&peer);
    tls_peer_say(&peer, "late", 4);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN);
    cr_assert_eq(peer.server_got.len, 4);
    tls_peer_fini(&peer);
}

Test(tls_end, shutdown_in_the_handshake_says_nothing)
{
    struct tls_peer peer;
    char cipher[RH_TLS_ROOM_MIN];
    struct rh_tls_io io = {.cipher = cipher, .cipher_cap = sizeof cipher};
    tls_peer_init(&peer, &loop, tls, 0);
    cr_assert_eq(rh_tls_engine_shutdown(&loop, &peer.engine, &io), 0);
    cr_assert_eq(rh_tls_engine_write(&loop, &peer.engine, "x", 1, &io), 0);
    cr_assert_eq(io.cipher_len, 0);
    tls_peer_fini(&peer);
}

static enum rh_tls_failure failure_of(const char *bytes, size_t len)
{
    struct tls_peer peer;
    tls_peer_init(&peer, &loop, tls, 0);
    tls_bytes_add(&peer.to_server, bytes, len);
    for (int i = 0; i < 4 && peer.state != RH_TLS_FAILED; i++) {
        tls_peer_feed(&peer);
    }
    enum rh_tls_failure failure = (enum rh_tls_failure)peer.engine.failure;
    cr_assert_eq(peer.state == RH_TLS_FAILED, failure != RH_TLS_NO_FAILURE);
    if (failure == RH_TLS_PLAIN_HTTP) {
        cr_assert_eq(peer.from_server.len, 0);
        cr_assert_eq(peer.to_server.len, len, "the request is the caller's");
        cr_assert(strstr(rh_tls_engine_error(&peer.engine), "plain HTTP") != NULL);
    }
    /* Failed stays failed, and nothing is taken any more. */
    if (failure != RH_TLS_NO_FAILURE) {
        char cipher[256];
        struct rh_tls_io io = {.cipher = cipher, .cipher_cap = sizeof cipher};
        cr_assert_eq(rh_tls_engine_write(&loop, &peer.engine, "x", 1, &io), RH_ETLS);
        cr_assert_eq(rh_tls_engine_shutdown(&loop, &peer.engine, &io), 0);
        cr_assert_eq(io.cipher_len, 0);
        cr_assert_eq(rh_tls_engine_read(&loop, &peer.engine, &io), RH_TLS_FAILED);
    }
    tls_peer_fini(&peer);
    return failure;
}

Test(tls_end, plain_http_is_told_from_garbage)
{
    cr_assert_eq(failure_of("GET / HTTP/1.1\r\n\r\n", 18), RH_TLS_PLAIN_HTTP);
    cr_assert_eq(failure_of("PROPFIND / HTTP/1.1\r\n", 21), RH_TLS_PLAIN_HTTP);
    cr_assert_eq(failure_of("G", 1), RH_TLS_PLAIN_HTTP);
    cr_assert_eq(failure_of("\0\1\2\3\4\5\6\7", 8), RH_TLS_PROTOCOL);
    cr_assert_eq(failure_of("\x16\x03\x01\xff\xff\x01\x02\x03", 8), RH_TLS_PROTOCOL);
    cr_assert_eq(failure_of("\x16\x03\x01\x00\x04\xff\xff\xff\xff", 9), RH_TLS_PROTOCOL);
    cr_assert_eq(failure_of("\x16\x03\x01", 3), RH_TLS_NO_FAILURE);
}

Test(tls_end, a_changed_byte_anywhere_in_a_record_is_a_failure)
{
    for (size_t at = 0; at < 36; at++) {
        struct tls_peer peer;
        open_peer(&peer, TLS1_3_VERSION);
        tls_peer_say(&peer, "a whole record", 14);
        tls_peer_collect(&peer);
        cr_assert_eq(peer.to_server.len, 36);
        peer.to_server.base[at] ^= 0x40;
        tls_peer_feed(&peer);
        /* A length that grew only makes it wait for the rest. */
        cr_assert_eq(peer.state, at == 3 || at == 4 ? RH_TLS_OPEN : RH_TLS_FAILED, "byte %zu", at);
        cr_assert_eq(peer.server_got.len, 0);
        tls_peer_fini(&peer);
    }
}

Test(tls_end, plain_http_in_the_middle_is_a_protocol_failure)
{
    struct tls_peer peer;
    open_peer(&peer, TLS1_3_VERSION);
    tls_bytes_add(&peer.to_server, "GET / HTTP/1.1\r\n\r\n", 18);
    tls_peer_feed(&peer);
    cr_assert_eq(peer.state, RH_TLS_FAILED);
    cr_assert_eq(peer.engine.failure, RH_TLS_PROTOCOL);
    cr_assert_gt(peer.from_server.len, 0, "with an alert");
    tls_peer_fini(&peer);
}

Test(tls_end, close_notify_in_the_handshake_is_no_clean_end)
{
    static const char alert[] = "\x15\x03\x01\x00\x02\x01\x00";
    struct tls_peer peer;
    struct rh_tls_info info;
    char cipher[256];
    struct rh_tls_io io = {.cipher = cipher, .cipher_cap = sizeof cipher};
    tls_peer_init(&peer, &loop, tls, 0);
    tls_bytes_add(&peer.to_server, alert, 7);
    tls_peer_feed(&peer);
    cr_assert_eq(peer.state, RH_TLS_FAILED);
    rh_tls_engine_info(&peer.engine, &info);
    cr_assert_str_eq(info.version, "");
    cr_assert_eq(rh_tls_engine_write(&loop, &peer.engine, "x", 1, &io), RH_ETLS);
    cr_assert_eq(rh_tls_engine_shutdown(&loop, &peer.engine, &io), 0);
    tls_peer_fini(&peer);
}
