/* One stream of requests of every kind over TLS, and an end of some kind behind each of its turns
 * of the loop: whatever was in flight then, all memory comes back, each outcome is told once, and
 * the loop can be closed. */
#include "server/tls_site.h"

#include "server/server.h"

#define STREAM                                                             \
    HEAD("/pong")                                                          \
    "POST /whole HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwhole"    \
    "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "                \
    "chunked\r\n\r\n5\r\npiece\r\n0\r\n\r\n" HEAD("/hold") HEAD("/source") \
        HEAD("/big") "GET /pong HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

enum { REQUESTS = 7, TURNS_MAX = 2000, HOLD_TURNS = 3 };

static unsigned held_for; /* turns */
static bool said;

static void set_up(void)
{
    site_init();
    long_bytes = 12000;
}

static void tear_down(void)
{
    site_fini();
}

TestSuite(tls_sweep, .init = set_up, .fini = tear_down, .timeout = 240);

static void turn(void)
{
    tls_client_pump(&client);
    if (client.open && !said && client.fd >= 0) {
        said = true;
        tls_client_say(&client, STREAM);
    }
    uv_run(&loop, UV_RUN_NOWAIT);
    held_for = held_n > 0 ? held_for + 1 : 0;
    if (held_for > HOLD_TURNS) {
        rh_respond_text(held[--held_n], 200, "held");
    }
}

static void begin(int tls_version)
{
    site_begin(true);
    held_for = 0;
    said = false;
    tls_client_open(&client, NULL, port, tls_version, SMALL_BUFFER);
    client.step_bytes = 700; /* flights and requests come in pieces */
}

/* How many turns it takes to its natural end. */
static unsigned count_turns(int tls_version)
{
    unsigned turns = 0;
    begin(tls_version);
    while (client.end == 0 && turns < TURNS_MAX) {
        turn();
        turns++;
    }
    cr_assert_eq(client.end, 1,
                 "no end after %u turns: open %d, sent %zu, left %zu, got %zu, handled %u, held %u",
                 turns, client.open, client.sent, client.out_len, client.got_len,
                 atomic_load(&door.handled), held_n);
    cr_assert(client.clean);
    cr_assert_eq(outcomes, REQUESTS);
    cr_assert_eq(lost, 0);
    tls_client_free(&client);
    site_end();
    return turns;
}

static void end_behind_each_turn(void (*end)(void))
{
    for (unsigned v = 0; v < 2; v++) {
        unsigned turns = count_turns(versions[v]);
        cr_assert_gt(turns, 30, "a stream of %u turns is none", turns);
        for (unsigned k = 0; k <= turns; k++) {
            begin(versions[v]);
            for (unsigned i = 0; i < k; i++) {
                turn();
            }
            end();
            for (unsigned i = 0; i < 2 * HOLD_TURNS;
                 i++) { /* a hold is given back behind the end */
                turn();
            }
            tls_client_free(&client);
            site_end();
        }
    }
}

static void by_close(void)
{
    rh_server_close(server, note, &closed);
}

Test(tls_sweep, server_closes_behind_any_turn)
{
    end_behind_each_turn(by_close);
}

static void by_drain_at_once(void)
{
    rh_server_drain(server, 0, note, &drained);
}

Test(tls_sweep, server_drains_at_once_behind_any_turn)
{
    end_behind_each_turn(by_drain_at_once);
}

/* All that began is answered; the client loses nothing that it was promised. */
static void by_drain(void)
{
    rh_server_drain(server, 3000, note, &drained);
    unsigned turns = 0;
    while (!drained && turns++ < TURNS_MAX) {
        turn();
        if (client.end != 0 && client.fd >= 0) {
            close(client.fd); /* the server waits for this a while */
            client.fd = -1;
        }
    }
    cr_expect(drained);
    for (turns = 0; client.end == 0 && client.fd >= 0 && turns < TURNS_MAX; turns++) {
        turn(); /* the client reads what is on its way, a step at a time */
    }
    cr_expect_eq(lost, 0, "%u answers were lost", lost);
    cr_expect_eq(cuts, 0);
    cr_expect(client.end == 1 && (client.clean || !client.open), "end %d, clean %d, open %d",
              client.end, client.clean, client.open);
}

Test(tls_sweep, server_drains_with_patience_behind_any_turn)
{
    end_behind_each_turn(by_drain);
}

static void by_close_in_a_drain(void)
{
    rh_server_drain(server, 3000, note, &drained);
    turn();
    rh_server_close(server, note, &closed);
}

Test(tls_sweep, server_closes_in_its_drain_behind_any_turn)
{
    end_behind_each_turn(by_close_in_a_drain);
}

static void by_reset(void)
{
    tls_client_reset(&client);
    unsigned turns = 0;
    while (open_now() > 0 && turns++ < TURNS_MAX) {
        turn();
    }
    cr_expect_eq(open_now(), 0);
}

Test(tls_sweep, peer_resets_behind_any_turn)
{
    end_behind_each_turn(by_reset);
}

/* The client still reads: what came whole is answered whole. */
static void by_fin(void)
{
    unsigned turns = 0;
    tls_client_fin(&client);
    while (client.end == 0 && turns++ < TURNS_MAX) {
        turn();
    }
    cr_expect_eq(client.end, 1, "end %d", client.end);
    cr_expect_eq(lost, 0);
    bool was_open = rh_counter_get(&server->wire.handshakes) > 0;
    cr_expect(client.clean == was_open, "clean %d, version %x, got %zu, sent %zu, left %zu",
              client.clean, SSL_version(client.ssl), client.got_len, client.sent, client.out_len);
    cr_expect_eq(cuts, 0);
}

Test(tls_sweep, peer_ends_its_side_behind_any_turn)
{
    end_behind_each_turn(by_fin);
}

static void by_notify(void)
{
    client.step_bytes = SIZE_MAX;
    tls_client_notify(&client);
    tls_client_pump(&client);
    by_fin();
}

Test(tls_sweep, peer_says_its_end_behind_any_turn)
{
    end_behind_each_turn(by_notify);
}

static void by_garbage(void)
{
    char garbage[256];
    memset(garbage, 0xda, sizeof garbage); /* no letter, which would be plain HTTP */
    client.out_len = 0;
    client.step_bytes = SIZE_MAX;
    tls_client_raw(&client, garbage, sizeof garbage);
    unsigned turns = 0;
    while (client.end == 0 && turns++ < TURNS_MAX) {
        turn();
    }
    cr_expect_neq(client.end, 0);
}

Test(tls_sweep, peer_breaks_the_protocol_behind_any_turn)
{
    end_behind_each_turn(by_garbage);
}

static void by_silence(void)
{
    client.deaf = true;
    client.budget = client.sent;
    for (unsigned i = 0; i < 20; i++) {
        turn();
    }
    rh_server_close(server, note, &closed);
}

Test(tls_sweep, server_closes_on_a_peer_that_fell_silent_behind_any_turn)
{
    end_behind_each_turn(by_silence);
}
