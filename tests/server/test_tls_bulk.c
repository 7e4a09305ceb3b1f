/* Long answers over TLS, through the larger buffers, without them, and past their number: what comes is what was sent,
 * whoever is slow or gone, and every buffer is given back. */
#include "server/tls_site.h"

#include "server/door.h"
#include "server/server.h"

enum { LONG = 700000, PEERS = RH_BULK_MAX + 6, RECORD = 16384 };

static char content[LONG];
static size_t room_most; /* of all pulls */
static size_t pulls;
static size_t closes;

struct counted {
    struct rh_file_source file; /* first: it may be answered as a file */
    size_t at;
};

static ptrdiff_t no_range(void *data, uint64_t max, struct rh_file_range *ret_range)
{
    (void)data;
    (void)max;
    (void)ret_range;
    cr_assert_fail("TLS takes no ranges");
    return RH_EAGAIN;
}

static ptrdiff_t pull_counted(void *data, char *out, size_t room)
{
    struct counted *c = data;
    size_t n = LONG - c->at < room ? LONG - c->at : room;
    room_most = room > room_most ? room : room_most;
    pulls++;
    memcpy(out, content + c->at, n);
    c->at += n;
    return (ptrdiff_t)n;
}

static void close_counted(void *data)
{
    (void)data;
    closes++;
}

static void respond_counted(struct rh_exchange *x, void *data)
{
    struct counted *c = rh_exchange_alloc(x, sizeof *c);
    (void)data;
    *c = (struct counted){{no_range}, 0};
    struct rh_source source = {pull_counted, close_counted, c, LONG};
    if (rh_slice_is(rh_request_path(x), "/file")) {
        rh_respond_file(x, 200, "text/plain", &source);
    } else {
        source.length = rh_slice_is(rh_request_path(x), "/chunks") ? RH_LENGTH_UNKNOWN : LONG;
        rh_respond_source(x, 200, "text/plain", &source);
    }
}

static const struct rh_wire *wire(void)
{
    return &server->wire;
}

static uint64_t bulk_in_use(void)
{
    return rh_counter_get(&wire()->cipher_bulk.in_use) +
           rh_counter_get(&server->engine.pools.bulk_outputs.in_use);
}

static void set_up(void)
{
    site_init();
    config.connections_max = 128;
    other = respond_counted;
    for (uint32_t i = 0; i < LONG / 4; i++) { /* each word says where it stands */
        memcpy(content + (size_t)i * 4, &i, 4);
    }
}

static void tear_down(void)
{
    site_end();
    site_fini();
}

TestSuite(tls_bulk, .init = set_up, .fini = tear_down, .timeout = 120);

static void ask(struct tls_client *c, const char *path, int receive_bytes)
{
    char text[100];
    room_most = pulls = closes = 0;
    tls_client_open(c, NULL, port, version, receive_bytes);
    cr_assert(tls_client_shake(c, &loop), "no handshake");
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    tls_client_say(c, text);
}

/* All came, in order, and a proper end behind it. */
static void expect_content(struct tls_client *c)
{
    cr_assert(tls_client_until_end(c, &loop, 20000), "no end");
    char *head_end = memmem(c->got, c->got_len, "\r\n\r\n", 4);
    cr_assert_not_null(head_end);
    const char *body = head_end + 4;
    cr_assert_eq((size_t)(c->got + c->got_len - body), LONG, "%zu bytes", c->got_len);
    cr_assert_eq(memcmp(body, content, LONG), 0);
    cr_expect(c->clean, "no closure alert");
    tls_client_free(c);
    cr_expect(all_gone());
    cr_expect_eq(closes, 1);
    cr_expect_eq(bulk_in_use(), 0);
}


Test(tls_bulk, pulls_a_file_in_whole_records_and_sends_several_at_once)
{
    site_begin(false);
    FOR_EACH_VERSION()
    {
        ask(&client, "/file", 0);
        expect_content(&client);
        cr_expect_eq(room_most, 4 * RECORD, "%zu", room_most);
        cr_expect_leq(pulls, LONG / (4 * RECORD) + 2, "%zu pulls", pulls);
        cr_expect_gt(rh_counter_get(&wire()->cipher_bulk.in_use_peak), 0);
        cr_expect_eq(rh_counter_get(&wire()->cipher_blocks.in_use), 0);
    }
}

Test(tls_bulk, pulls_other_sources_in_large_pieces)
{
    site_begin(false);
    FOR_EACH_VERSION()
    {
        ask(&client, "/length", 0);
        expect_content(&client);
        cr_expect_gt(room_most, 60000, "%zu", room_most);
        ask(&client, "/chunks", 0);
        cr_assert(tls_client_until(&client, &loop, "\r\n0\r\n\r\n", 5000));
        cr_expect_gt(client.got_len, LONG);
        cr_expect_leq(room_most, 65535, "a chunk's head has four digits");
        cr_expect_gt(room_most, 60000, "%zu", room_most);
        tls_client_free(&client);
        cr_expect(all_gone());
        cr_expect_eq(bulk_in_use(), 0);
    }
}

Test(tls_bulk, small_answers_take_no_large_buffer)
{
    site_begin(false);
    version = TLS1_3_VERSION;
    tls_client_open(&client, NULL, port, version, 0);
    cr_assert(tls_client_shake(&client, &loop));
    tls_client_say(&client, "POST /whole HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nend");
    cr_expect(tls_client_until(&client, &loop, "end", 3000));
    cr_expect_eq(rh_counter_get(&wire()->cipher_bulk.in_use_peak), 0);
    cr_expect_eq(rh_counter_get(&server->engine.pools.bulk_outputs.in_use_peak), 0);
    tls_client_free(&client);
    cr_expect(all_gone());
}

/* A record of 512 bytes has more framing for its content: the room for four full ones does not hold them all. */
Test(tls_bulk, serves_a_peer_that_asked_for_short_records)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_tlsext_max_fragment_length(context, TLSEXT_max_fragment_length_512);
    site_begin(false);
    FOR_EACH_VERSION()
    {
        closes = 0;
        tls_client_open(&client, context, port, version, 0);
        cr_assert(tls_client_shake(&client, &loop), "no handshake");
        tls_client_say(&client, "GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        expect_content(&client);
    }
    SSL_CTX_free(context);
}

/* --- Without larger buffers ------------------------------------------------------------------------------ */

/* Takes every object of a pool out of it. */
struct taken {
    struct rh_slab *pool;
    void *objects[RH_BULK_MAX];
};

static void take_all(struct taken *taken, struct rh_slab *pool)
{
    taken->pool = pool;
    for (size_t i = 0; i < RH_BULK_MAX; i++) {
        taken->objects[i] = rh_slab_acquire(pool);
        cr_assert_not_null(taken->objects[i]);
    }
    cr_assert_null(rh_slab_acquire(pool));
}

static void give_back(struct taken *taken)
{
    for (size_t i = 0; i < RH_BULK_MAX; i++) {
        rh_slab_release(taken->pool, taken->objects[i]);
    }
}

static void serve_without(struct rh_slab *pool, size_t room_expected)
{
    static struct taken taken;
    FOR_EACH_VERSION()
    {
        take_all(&taken, pool);
        ask(&client, "/file", v == 0 ? 0 : SMALL_BUFFER);
        cr_assert(tls_client_until_end(&client, &loop, 20000));
        cr_expect_eq(room_most, room_expected, "%zu", room_most);
        give_back(&taken);
        expect_content(&client);
    }
}

Test(tls_bulk, goes_on_without_a_larger_output)
{
    site_begin(false);
    serve_without(&server->engine.pools.bulk_outputs, RECORD);
    cr_expect_eq(rh_counter_get(&wire()->cipher_bulk.in_use_peak), 0, "a record needs none");
}

Test(tls_bulk, goes_on_without_a_larger_block_of_ciphertext)
{
    site_begin(false);
    serve_without((struct rh_slab *)(uintptr_t)&wire()->cipher_bulk, 4 * RECORD);
}

/* More peers than larger buffers, none of which reads until all stand still. */
Test(tls_bulk, peers_that_do_not_read_leave_the_others_served)
{
    static struct tls_client peers[PEERS];
    site_begin(true);
    version = TLS1_3_VERSION;
    for (unsigned i = 0; i < PEERS; i++) {
        ask(&peers[i], "/file", SMALL_BUFFER);
        peers[i].deaf = true;
        tls_client_pump(&peers[i]);
        loop_run_ms(&loop, 1);
    }
    for (unsigned turn = 0; turn < 50; turn++) {
        for (unsigned i = 0; i < PEERS; i++) {
            tls_client_pump(&peers[i]);
        }
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    cr_expect_eq(rh_counter_get(&server->engine.pools.bulk_outputs.in_use), RH_BULK_MAX);
    cr_expect_eq(rh_counter_get(&wire()->cipher_bulk.in_use), RH_BULK_MAX);
    cr_expect_leq(rh_counter_get(&wire()->cipher_blocks.in_use), PEERS - RH_BULK_MAX, "one write for each");
    for (unsigned i = 0; i < PEERS - 1; i++) {
        if (i % 2 == 0) {
            tls_client_reset(&peers[i]);
        } else {
            tls_client_fin(&peers[i]); /* and with unread bytes: a reset too */
        }
        tls_client_free(&peers[i]);
    }
    loop_run_ms(&loop, 20);
    closes = 0;
    peers[PEERS - 1].deaf = false;
    expect_content(&peers[PEERS - 1]);
}

/* --- Slow peers and gone ones ---------------------------------------------------------------------------- */

Test(tls_bulk, a_peer_that_does_not_read_is_cut_and_holds_one_of_each_until_then)
{
    config.write_ms = 80;
    site_begin(true);
    FOR_EACH_VERSION()
    {
        lost = 0;
        ask(&client, "/file", SMALL_BUFFER);
        client.deaf = true;
        tls_client_pump(&client);
        loop_run_ms(&loop, 20);
        cr_expect_eq(rh_counter_get(&wire()->cipher_bulk.in_use), 1);
        cr_expect_eq(rh_counter_get(&server->engine.pools.bulk_outputs.in_use), 1);
        cr_expect_leq(pulls, 2, "%zu pulls for nobody", pulls);
        cr_expect(all_gone());
        cr_expect_eq(lost, 1);
        cr_expect_eq(closes, 1);
        cr_expect_eq(bulk_in_use(), 0);
        tls_client_free(&client);
    }
}

Test(tls_bulk, a_slow_peer_gets_all)
{
    site_begin(true);
    FOR_EACH_VERSION()
    {
        ask(&client, "/file", SMALL_BUFFER);
        client.step_bytes = 3000;
        expect_content(&client);
    }
}

/* The peer is gone after so many bytes: amid a small record, a full one, between two pulls. */
Test(tls_bulk, forgets_a_peer_that_is_gone_amid_the_answer)
{
    static const char *const paths[] = {"/file", "/chunks", "/big"};
    site_begin(true);
    FOR_EACH_VERSION()
    {
        for (size_t stop = 1, step = 0; stop < 200000; stop += stop / 4 + 997, step++) {
            lost = 0;
            ask(&client, paths[step % 3], SMALL_BUFFER);
            client.step_bytes = 1500;
            uint64_t until = uv_hrtime() + UINT64_C(5000000000);
            while (client.got_len < stop && uv_hrtime() < until) {
                tls_client_pump(&client);
                uv_run(&loop, UV_RUN_NOWAIT);
            }
            cr_assert_geq(client.got_len, stop);
            tls_client_reset(&client);
            tls_client_free(&client);
            cr_expect(all_gone());
            cr_expect_eq(lost, 1);
            cr_expect_eq(closes, step % 3 == 2 ? 0 : 1);
            cr_expect_eq(bulk_in_use(), 0);
            cr_expect_eq(rh_counter_get(&wire()->cipher_blocks.in_use), 0);
        }
    }
}

Test(tls_bulk, close_of_the_server_forgets_what_is_in_flight)
{
    site_begin(true);
    version = TLS1_3_VERSION;
    ask(&client, "/file", SMALL_BUFFER);
    client.deaf = true;
    tls_client_pump(&client);
    loop_run_ms(&loop, 20);
    cr_expect_eq(bulk_in_use(), 2);
    rh_server_close(server, note, &closed);
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    cr_expect_eq(lost, 1);
    cr_expect_eq(closes, 1);
    tls_client_free(&client);
}
