#include "tls_fixture.h"

TestSuite(tls_data, .init = setup, .fini = teardown, .timeout = 120);

enum { LONG = 300 * 1000 + 7 };

static void open_peer(struct tls_peer *peer, int version)
{
    tls_peer_init(peer, &loop, tls, version);
    cr_assert_eq(tls_peer_run(peer), RH_TLS_OPEN);
    peer->from_server.len = 0;
}

/* Plaintext lengths of the records in a stream of ciphertext, as far as TLS 1.3 shows them. */
static size_t record_sizes(const struct tls_bytes *stream, size_t *sizes, size_t sizes_max)
{
    size_t count = 0;
    for (size_t at = 0; at < stream->len;) {
        const unsigned char *head = (const unsigned char *)stream->base + at;
        size_t body = ((size_t)head[3] << 8) | head[4];
        cr_assert_lt(count, sizes_max);
        sizes[count++] = body - 17;
        at += 5 + body;
        cr_assert_leq(at, stream->len);
    }
    return count;
}

static void upload(int version, size_t len, size_t plain_cap, size_t feed_max)
{
    struct tls_peer peer;
    char *bytes = pattern_create(len);
    open_peer(&peer, version);
    peer.plain_cap = plain_cap;
    peer.feed_max = feed_max;
    tls_peer_say(&peer, bytes, len);
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN);
    cr_assert_eq(peer.server_got.len, len);
    cr_assert_arr_eq(peer.server_got.base, bytes, len);
    cr_assert_eq(peer.to_server.len, 0);
    free(bytes);
    tls_peer_fini(&peer);
}

Test(tls_data, upload_larger_than_every_buffer)
{
    upload(TLS1_3_VERSION, LONG, 0, 0);
    upload(TLS1_2_VERSION, LONG, 0, 0);
}

Test(tls_data, upload_through_little_room)
{
    upload(TLS1_3_VERSION, LONG, 5000, 0);
    upload(TLS1_3_VERSION, 2000, 1, 0);
    upload(TLS1_2_VERSION, LONG, 16384, 777);
    upload(TLS1_2_VERSION, 20000, 100, 1500);
}

Test(tls_data, full_plain_leaves_the_rest_of_the_input)
{
    struct tls_peer peer;
    char *bytes = pattern_create(LONG);
    open_peer(&peer, TLS1_3_VERSION);
    tls_peer_say(&peer, bytes, LONG);
    tls_peer_collect(&peer);
    size_t before = peer.to_server.len;
    peer.plain_cap = 100;
    tls_peer_feed(&peer);
    cr_assert_eq(peer.server_got.len, 100);
    cr_assert(rh_tls_engine_has_plain(&peer.engine));
    cr_assert_lt(before - peer.to_server.len, 17000, "took more than the one record");
    /* Without new input what waits inside still comes out. */
    size_t kept = peer.to_server.len;
    peer.to_server.len = 0;
    peer.plain_cap = 20000;
    tls_peer_feed(&peer);
    cr_assert_eq(peer.server_got.len, 16384);
    cr_assert(!rh_tls_engine_has_plain(&peer.engine));
    peer.to_server.len = kept;
    cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN);
    cr_assert_eq(peer.server_got.len, LONG);
    cr_assert_arr_eq(peer.server_got.base, bytes, LONG);
    free(bytes);
    tls_peer_fini(&peer);
}

static void answer(int version, size_t len, size_t room)
{
    struct tls_peer peer;
    char *bytes = pattern_create(len);
    open_peer(&peer, version);
    tls_peer_answer(&peer, bytes, len, room);
    cr_assert_eq(peer.client_got.len, len);
    cr_assert_arr_eq(peer.client_got.base, bytes, len);
    free(bytes);
    tls_peer_fini(&peer);
}

Test(tls_data, answer_through_rooms_of_any_size)
{
    answer(TLS1_3_VERSION, LONG, 1 << 20);
    answer(TLS1_3_VERSION, LONG, 16384);
    answer(TLS1_3_VERSION, LONG, 1000);
    answer(TLS1_3_VERSION, 3000, RH_TLS_ROOM_MIN + 1);
    answer(TLS1_2_VERSION, LONG, 20000);
    answer(TLS1_2_VERSION, LONG, 777);
}

Test(tls_data, takes_nothing_without_room)
{
    struct tls_peer peer;
    char cipher[64];
    open_peer(&peer, TLS1_3_VERSION);
    struct rh_tls_io io = {.cipher = cipher, .cipher_cap = sizeof cipher};
    cr_assert_eq(rh_tls_engine_write(&loop, &peer.engine, "x", 1, &io), 0);
    cr_assert_eq(io.cipher_len, 0);
    tls_peer_answer(&peer, "x", 1, RH_TLS_ROOM_MIN + 1);
    cr_assert_eq(peer.client_got.len, 1);
    tls_peer_fini(&peer);
}

Test(tls_data, cipher_bound_is_enough_for_any_length)
{
    static const size_t lengths[] = {1, 100, 1370, 1371, 4096, 4097, 13700, 16384, 30085, LONG};
    char *bytes = pattern_create(LONG);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct tls_peer peer;
            open_peer(&peer, version);
            size_t bound = rh_tls_cipher_bound(lengths[i]);
            char *cipher = malloc(bound);
            struct rh_tls_io io = {.cipher = cipher, .cipher_cap = bound};
            cr_assert_eq(rh_tls_engine_write(&loop, &peer.engine, bytes, lengths[i], &io),
                         (ptrdiff_t)lengths[i]);
            free(cipher);
            tls_peer_fini(&peer);
        }
    }
    free(bytes);
}

Test(tls_data, small_answer_is_one_record)
{
    struct tls_peer peer;
    size_t sizes[64];
    char *bytes = pattern_create(4096);
    open_peer(&peer, TLS1_3_VERSION);
    for (size_t len = 1; len <= 4096; len *= 2) {
        peer.from_server.len = 0;
        tls_peer_answer(&peer, bytes, len, 16384);
        cr_assert_eq(record_sizes(&peer.from_server, sizes, 64), 1);
        cr_assert_eq(sizes[0], len);
    }
    free(bytes);
    tls_peer_fini(&peer);
}

Test(tls_data, long_answer_begins_small_and_grows)
{
    struct tls_peer peer;
    size_t sizes[128];
    char *bytes = pattern_create(LONG);
    open_peer(&peer, TLS1_3_VERSION);
    tls_peer_answer(&peer, bytes, LONG, 1 << 20);
    size_t count = record_sizes(&peer.from_server, sizes, 128);
    for (size_t i = 0; i < 10; i++) {
        cr_assert_eq(sizes[i], 1370);
    }
    cr_assert_eq(sizes[10], 16384);
    cr_assert_lt(count, 30);
    /* The next one goes on with large ones, until the connection was idle. */
    peer.from_server.len = 0;
    tls_peer_answer(&peer, bytes, LONG, 1 << 20);
    record_sizes(&peer.from_server, sizes, 128);
    cr_assert_eq(sizes[0], 16384);
    rh_tls_engine_idle(&peer.engine);
    peer.from_server.len = 0;
    tls_peer_answer(&peer, bytes, LONG, 1 << 20);
    record_sizes(&peer.from_server, sizes, 128);
    cr_assert_eq(sizes[0], 1370);
    free(bytes);
    tls_peer_fini(&peer);
}

/* The client asks for a key update; our answer to it finds room or waits for it. */
Test(tls_data, key_update_waits_for_room_and_loses_nothing)
{
    for (size_t room = 1; room < 60; room += 3) {
        struct tls_peer peer;
        char *bytes = pattern_create(LONG);
        open_peer(&peer, TLS1_3_VERSION);
        cr_assert_eq(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        tls_peer_say(&peer, "one", 3);
        peer.cipher_cap = room;
        tls_peer_collect(&peer);
        tls_peer_feed(&peer);
        /* An answer written while it is blocked comes after it, with the rest of it ahead. */
        tls_peer_answer(&peer, bytes, 100, RH_TLS_ROOM_MIN + 100);
        cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN);
        tls_peer_answer(&peer, bytes + 100, LONG - 100, 16384);
        cr_assert_eq(peer.server_got.len, 3);
        cr_assert_eq(peer.client_got.len, LONG);
        cr_assert_arr_eq(peer.client_got.base, bytes, LONG);
        free(bytes);
        tls_peer_fini(&peer);
    }
}

Test(tls_data, renegotiation_is_refused)
{
    struct tls_peer peer;
    open_peer(&peer, TLS1_2_VERSION);
    cr_assert_eq(SSL_renegotiate(peer.ssl), 1);
    tls_peer_run(&peer);
    cr_assert(!SSL_is_init_finished(peer.ssl), "the client began one and must not have got it");
    /* We say no_renegotiation, a warning; OpenSSL's client gives up then, and says so. */
    cr_assert_eq(peer.client_error, SSL_ERROR_SSL);
    cr_assert_eq(peer.engine.failure, RH_TLS_PEER_ALERT);
    tls_peer_fini(&peer);
}

Test(tls_data, idle_gives_the_buffers_back_and_the_next_record_finds_new_ones)
{
    struct tls_peer peer;
    open_peer(&peer, TLS1_3_VERSION);
    for (int i = 0; i < 3; i++) {
        tls_peer_say(&peer, "ping", 4);
        tls_peer_run(&peer);
        tls_peer_answer(&peer, "pong", 4, 1024);
        rh_tls_engine_idle(&peer.engine);
    }
    cr_assert_eq(peer.server_got.len, 12);
    cr_assert_eq(peer.client_got.len, 12);
    tls_peer_fini(&peer);
}

/* Idle called at every point of a half-read record keeps what was read. */
Test(tls_data, idle_keeps_a_record_that_is_half_read)
{
    for (size_t at = 1; at < 30; at++) {
        struct tls_peer peer;
        open_peer(&peer, TLS1_3_VERSION);
        tls_peer_say(&peer, "a whole record", 14);
        tls_peer_collect(&peer);
        peer.first_feed = at;
        tls_peer_feed(&peer);
        rh_tls_engine_idle(&peer.engine);
        cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN);
        cr_assert_eq(peer.server_got.len, 14);
        tls_peer_fini(&peer);
    }
}

/* RFC 6066 §4: the client has little memory and asks for records of 512 bytes. */
Test(tls_data, short_records_for_a_client_that_asks_for_them)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_peer peer;
        char *bytes = pattern_create(LONG);
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_max_proto_version(context, version);
        SSL_CTX_set_tlsext_max_fragment_length(context, TLSEXT_max_fragment_length_512);
        tls_peer_init_with(&peer, &loop, tls, context);
        SSL_CTX_free(context);
        cr_assert_eq(tls_peer_run(&peer), RH_TLS_OPEN);
        tls_peer_answer(&peer, bytes, LONG, 32768);
        cr_assert_eq(peer.client_got.len, LONG);
        cr_assert_arr_eq(peer.client_got.base, bytes, LONG);
        free(bytes);
        tls_peer_fini(&peer);
    }
}

Test(tls_data, no_crumbs_at_the_end_of_a_room)
{
    struct tls_peer peer;
    size_t sizes[512];
    char *bytes = pattern_create(LONG);
    open_peer(&peer, TLS1_3_VERSION);
    tls_peer_answer(&peer, bytes, LONG, 2 * (1370 + 22) + RH_TLS_ROOM_MIN + 100);
    size_t count = record_sizes(&peer.from_server, sizes, 512);
    for (size_t i = 0; i + 1 < count; i++) {
        cr_assert_geq(sizes[i], 512, "record %zu has %zu bytes", i, sizes[i]);
    }
    free(bytes);
    tls_peer_fini(&peer);
}
