/* How TLS itself ends: truncation is never a complete message, closure alerts are answered, and
 * what breaks the protocol ends the connection, and only it. */
#include "server/tls_site.h"

#include "server/server.h"

TestSuite(tls_ends, .init = site_init, .fini = site_tear_down, .timeout = 120);

static void connect_client(void)
{
    tls_client_open(&client, NULL, port, version, 0);
    cr_assert(tls_client_shake(&client, &loop), "no handshake");
    body_error = 1;
    hints = cuts = 0;
}

static void end_client(void)
{
    cr_expect(tls_client_until_end(&client, &loop, 3000), "the server does not end it");
    tls_client_free(&client);
    cr_expect(all_gone());
}

/* Says it, but the last `missing` bytes of ciphertext never leave, then FIN. */
static void say_truncated(const char *text, size_t missing)
{
    tls_client_say(&client, text);
    tls_client_cut(&client, missing);
    pump_ms(3);
    tls_client_fin(&client);
}

/* --- Truncation (RFC 8446 §6.1, RFC 9112 §9.8) ---------------------------------------------- */

Test(tls_ends, half_a_record_of_a_head_is_no_request)
{
    site_begin(false);
    FOR_EACH_VERSION()
    {
        for (size_t missing = 1; missing < 40; missing += 6) {
            connect_client();
            say_truncated(HEAD("/pong"), missing);
            end_client();
        }
    }
    cr_expect_eq(atomic_load(&door.handled), 0);
}

static const char *const bodies[] = {"/whole", "/body"};

/* A body of 2,000 bytes of which 1,000 come in whole records, then `how` ends it. */
static void cut_body(const char *target, bool chunked, void (*how)(void))
{
    char head[256];
    char half[1001];
    memset(half, 'x', sizeof half - 1);
    half[1000] = '\0';
    snprintf(head, sizeof head, POST("%s", "%s"), target,
             chunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: 2000\r\n");
    connect_client();
    tls_client_say(&client, head);
    if (chunked) {
        tls_client_say(&client, "3e8\r\n");
    }
    tls_client_say(&client, half);
    if (chunked) {
        tls_client_say(&client, "\r\n"); /* only the last chunk is missing */
    }
    pump_ms(2);
    how();
    end_client();
    cr_expect_eq(body_error, RH_EBODY_CUT, "%s, chunked %d: %d", target, chunked, body_error);
}

static void cut_every_body(void (*how)(void))
{
    site_begin(false);
    FOR_EACH_VERSION()
    {
        for (unsigned i = 0; i < 4; i++) {
            cut_body(bodies[i % 2], i / 2 == 1, how);
        }
    }
}

static void by_half_a_record(void)
{
    say_truncated("0\r\n\r\n", 7);
}

Test(tls_ends, half_a_record_of_a_body_is_no_complete_body)
{
    cut_every_body(by_half_a_record);
}

static void by_fin(void)
{
    tls_client_fin(&client);
}

Test(tls_ends, end_without_closure_alert_is_no_complete_body)
{
    cut_every_body(by_fin);
}

static void by_notify(void)
{
    tls_client_notify(&client);
    pump_ms(2);
}

Test(tls_ends, closure_alert_is_no_complete_body_either)
{
    cut_every_body(by_notify);
}

/* --- Closure -------------------------------------------------------------------------------- */

/* RFC 9112 §9.8: a server has to expect an incomplete close; the requests before it were whole. */
Test(tls_ends, both_kinds_of_end_get_the_answers_that_are_due_and_a_closure_alert)
{
    site_begin(false);
    FOR_EACH_VERSION()
    {
        for (unsigned clean = 0; clean < 2; clean++) {
            connect_client();
            tls_client_say(&client, HEAD("/pong") HEAD("/big"));
            if (clean) {
                tls_client_notify(&client);
            }
            pump_ms(1);
            tls_client_fin(&client);
            cr_expect(tls_client_until_end(&client, &loop, 3000));
            cr_expect_eq(client.end, 1, "FIN, not a reset");
            cr_expect(client.clean, "version %x, end %d, error %d, got %zu", version, client.end,
                      client.error, client.got_len);
            cr_expect_gt(client.got_len, BIG);
            cr_expect_eq(client.got[client.got_len - 1], '.');
            end_client();
        }
    }
}

Test(tls_ends, closure_alert_alone_ends_the_connection)
{
    site_begin(false);
    FOR_EACH_VERSION()
    {
        connect_client();
        tls_client_notify(&client); /* and the socket stays open */
        cr_expect(tls_client_until_end(&client, &loop, 3000));
        cr_expect(client.clean, "version %x, end %d, error %d, got %zu", version, client.end,
                  client.error, client.got_len);
        end_client();
    }
}

Test(tls_ends, what_follows_a_closure_alert_is_ignored)
{
    site_begin(false);
    FOR_EACH_VERSION()
    {
        connect_client();
        tls_client_say(&client, HEAD("/hold"));
        tls_client_notify(&client);
        tls_client_raw(&client, "GET /pong HTTP/1.1\r\n\r\n", 22);
        pump_ms(5);
        cr_assert_eq(held_n, 1);
        cr_expect_eq(hints, 1);
        cr_expect_eq(cuts, 0);
        rh_respond_text(held[--held_n], 200, "pong");
        cr_expect(tls_client_until_end(&client, &loop, 3000));
        cr_expect_not_null(strstr(client.got, "pong"));
        end_client();
    }
    cr_expect_eq(atomic_load(&door.handled), 2);
}

Test(tls_ends, idle_connections_end_by_a_closure_alert)
{
    config.idle_ms = 40;
    site_begin(false);
    FOR_EACH_VERSION()
    {
        connect_client();
        tls_client_say(&client, HEAD("/pong"));
        cr_expect(tls_client_until(&client, &loop, "pong", 2000));
        cr_expect(tls_client_until_end(&client, &loop, 2000));
        cr_expect(client.clean, "version %x, end %d, error %d, got %zu", version, client.end,
                  client.error, client.got_len);
        end_client();
    }
}

/* --- Broken protocol ------------------------------------------------------------------------ */

Test(tls_ends, garbage_gets_an_alert_and_cuts_what_is_open)
{
    char garbage[64];
    memset(garbage, 0x5a, sizeof garbage);
    memcpy(garbage, "\x17\x03\x03\x00\x3b", 5); /* looks like a record of 59 bytes */
    site_begin(false);
    FOR_EACH_VERSION()
    {
        connect_client();
        tls_client_say(&client, HEAD("/hold"));
        pump_ms(5);
        cr_assert_eq(held_n, 1);
        tls_client_raw(&client, garbage, sizeof garbage);
        cr_expect(tls_client_until_end(&client, &loop, 3000));
        cr_expect_eq(client.error, SSL_ERROR_SSL, "an alert was expected: %d", client.error);
        cr_expect_eq(cuts, 1);
        end_client();
        release_held();
    }
    connect_client(); /* others go on */
    tls_client_say(&client, HEAD("/pong"));
    cr_expect(tls_client_until(&client, &loop, "pong", 2000));
    tls_client_free(&client);
}

Test(tls_ends, plain_http_is_told_where_it_is)
{
    site_begin(false);
    char text[1024];
    int end;
    int fd = peer_connect(port);
    peer_say(&loop, fd, HEAD("/pong"));
    peer_receive(&loop, fd, text, sizeof text, NULL, 2000, &end);
    cr_expect_not_null(strstr(text, "400 Bad Request"));
    cr_expect_not_null(strstr(text, "https://"));
    cr_expect_eq(end, 1);
    close(fd);
    cr_expect(all_gone());
    cr_expect_eq(atomic_load(&door.handled), 0);
}

Test(tls_ends, renegotiation_is_refused)
{
    site_begin(false);
    version = TLS1_2_VERSION;
    connect_client();
    tls_client_say(&client, HEAD("/pong"));
    cr_expect(tls_client_until(&client, &loop, "pong", 2000));
    cr_assert_eq(SSL_renegotiate(client.ssl), 1);
    SSL_do_handshake(client.ssl);
    pump_ms(20);
    cr_expect_eq(client.error, SSL_ERROR_SSL, "OpenSSL's client gives up when it is refused");
    cr_expect_eq(rh_counter_get(&server->wire.handshakes), 1);
    tls_client_fin(&client);
    end_client();
}

Test(tls_ends, keys_are_updated_on_request)
{
    site_begin(false);
    version = TLS1_3_VERSION;
    connect_client();
    for (unsigned i = 0; i < 5; i++) {
        client.got_len = 0;
        cr_assert_eq(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        tls_client_say(&client, HEAD("/big"));
        cr_expect(tls_client_until(&client, &loop, ".", 2000));
    }
    tls_client_free(&client);
}

/* Keys without data cost work for nothing, and so do empty records. */
Test(tls_ends, peer_that_sends_records_without_data_is_cut_off)
{
    site_begin(false);
    version = TLS1_3_VERSION;
    connect_client();
    for (unsigned i = 0; i < 200; i++) {
        tls_client_say(&client, "GET /pong HTTP/1.1\r\n");
        SSL_key_update(client.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
        tls_client_say(&client, "Host: x\r\n\r\n");
    }
    client.got_len = 0;
    cr_expect(tls_client_until(&client, &loop, "pong", 2000), "keys may change with the data");
    pump_ms(50);
    for (unsigned i = 0; i < 200 && client.end == 0; i++) {
        SSL_key_update(client.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_do_handshake(client.ssl);
        if (i == 50) {
            pump_ms(5);
            cr_expect_eq(client.end, 0);
        }
    }
    cr_expect(tls_client_until_end(&client, &loop, 2000));
    cr_expect(all_gone());
    end_client();
}

/* Each request for new keys is answered, also to a peer that never reads: the answers must not pile
 * up. */
Test(tls_ends, peer_that_asks_for_keys_and_does_not_read_holds_a_bounded_heap)
{
    site_begin(true);
    version = TLS1_3_VERSION;
    tls_client_open(&client, NULL, port, version, SMALL_BUFFER);
    cr_assert(tls_client_shake(&client, &loop));
    client.deaf = true;
    uint64_t peak = 0;
    tls_client_say(&client, POST("/body", "Content-Length: 40000\r\n"));
    for (unsigned i = 0; i < 40000; i++) {
        SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED);
        tls_client_write(&client, "b", 1); /* without data it is cut off soon */
        if (i % 500 == 0) {
            pump_ms(1);
        }
        uint64_t now = rh_counter_get(&server->wire.cipher_blocks.in_use);
        peak = now > peak ? now : peak;
    }
    cr_expect_gt(peak, 0, "the peer's window was never full");
    cr_expect_leq(peak, 3, "%zu blocks of ciphertext for one peer", (size_t)peak);
    tls_client_reset(&client);
    tls_client_free(&client);
    cr_expect(all_gone());
}
