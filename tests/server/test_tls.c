/* A server behind TLS whose client ends in every way that TLS and TCP know, at every point: what is
 * cut, what is still answered, and that all memory comes back. */
#include "server/tls_site.h"

#include "server/server.h"

TestSuite(tls, .init = site_init, .fini = site_tear_down, .timeout = 120);

/* Blocks of either size that are in flight. */
static uint64_t in_flight(void)
{
    const struct rh_wire *wire = &server->wire;
    return rh_counter_get(&wire->cipher_blocks.in_use) + rh_counter_get(&wire->cipher_bulk.in_use);
}

static void connect_client(int receive_bytes)
{
    tls_client_open(&client, NULL, port, version, receive_bytes);
    cr_assert(tls_client_shake(&client, &loop), "no handshake");
}

/* Until so many requests were handled. */
static void wait_handled(unsigned count)
{
    uint64_t until = uv_hrtime() + UINT64_C(3000000000);
    while (atomic_load(&door.handled) < count) {
        cr_assert_lt(uv_hrtime(), until, "a request was not handled");
        tls_client_pump(&client);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
}

static void expect_gone(void)
{
    tls_client_free(&client);
    cr_expect(all_gone(), "a connection is left");
}

static struct rh_pool_stats pool_stats(const char *name)
{
    struct rh_pool_stats stats = {0};
    for (size_t i = 0; rh_server_pool_stats(server, i, &stats) == 0; i++) {
        if (strcmp(stats.name, name) == 0) {
            return stats;
        }
    }
    cr_assert_fail("no pool %s", name);
    return stats;
}

Test(tls, pools_are_shown_among_the_others)
{
    site_begin(false);
    version = TLS1_3_VERSION;
    cr_expect_eq(pool_stats("tls_engines").in_use, 0);
    connect_client(0);
    cr_expect_eq(pool_stats("tls_engines").in_use, 1);
    cr_expect_gt(pool_stats("tls_ciphertext").max, 0);
    cr_expect_geq(pool_stats("tls_ciphertext").object_bytes, 16 * 1024);
    expect_gone();
    cr_expect_eq(pool_stats("tls_engines").in_use, 0);
    cr_expect_eq(pool_stats("tls_engines").peak, 1);
}

Test(tls, answers_pipelined_requests_and_keeps_the_connection)
{
    site_begin(false);
    FOR_EACH_VERSION()
    {
        connect_client(0);
        tls_client_say(&client, HEAD("/pong") HEAD("/big"));
        cr_expect(tls_client_until(&client, &loop, ".", 3000));
        tls_client_say(&client, POST("/whole", "Content-Length: 3\r\n") "end");
        cr_expect(tls_client_until(&client, &loop, "end", 3000));
        cr_expect_eq(client.end, 0);
        expect_gone();
    }
}

/* What waited as ciphertext is worked on inside the resume: the deadline of what came of it is what
 * runs after it. */
Test(tls, connection_rests_behind_a_body_that_was_paused)
{
    char body[20000];
    memset(body, 'x', sizeof body);
    config.body_ms = 40;
    site_begin(false);
    FOR_EACH_VERSION()
    {
        unsigned handled = atomic_load(&door.handled);
        connect_client(0);
        tls_client_say(&client, POST("/paused", "Content-Length: 20000\r\n"));
        tls_client_write(&client, body, sizeof body);
        wait_handled(handled + 1);
        pump_ms(100);
        cr_assert_gt(rh_counter_get(&server->wire.cipher_blocks.in_use), 0, "nothing waits");
        struct rh_exchange *x = paused;
        paused = NULL;
        rh_body_resume(x);
        cr_expect(tls_client_until(&client, &loop, "body done", 2000));
        pump_ms(150);
        cr_expect_eq(client.end, 0, "a deadline of the body ended what was at rest");
        tls_client_say(&client, HEAD("/pong"));
        cr_expect(tls_client_until(&client, &loop, "pong", 2000));
        expect_gone();
    }
}

/* Names of three hundred authorities: a first flight that is larger than any buffer of ours. */
Test(tls, handshake_may_be_longer_than_a_buffer)
{
    char *authorities = calloc(1, 1 << 20);
    for (unsigned i = 0; i < 300; i++) {
        char name[72];
        char file[80];
        snprintf(name, sizeof name,
                 "authority-%03u-with-a-name-that-takes-up-much-room-in-a-flight", i);
        cert_folder_add(&folder, name, NULL, 86400);
        snprintf(file, sizeof file, "%s.crt", name);
        FILE *stream = fopen(cert_folder_path(&folder, file), "r");
        size_t len = strlen(authorities);
        cr_assert_gt(fread(authorities + len, 1, (1 << 20) - 1 - len, stream), 0);
        fclose(stream);
    }
    cert_folder_write(&folder, "all.pem", authorities);
    free(authorities);
    cr_assert_eq(
        rh_tls_client_auth(tls, cert_folder_path(&folder, "all.pem"), RH_TLS_CLIENT_OPTIONAL), 0,
        "%s", rh_tls_error(tls));
    site_begin(true);
    FOR_EACH_VERSION()
    {
        connect_client(SMALL_BUFFER);
        tls_client_say(&client, HEAD("/pong"));
        cr_expect(tls_client_until(&client, &loop, "pong", 3000));
        expect_gone();
    }
}

/* --- The handshake, byte by byte ------------------------------------------------------------ */

enum ending { FIN, RESET };

/* One client that falls silent after `budget` bytes and ends; how much it would have said, where it
 * got that far. */
static size_t end_after(size_t budget, enum ending ending)
{
    tls_client_open(&client, NULL, port, version, 0);
    client.budget = budget;
    bool said = false;
    for (unsigned quiet = 0; quiet < 4;) { /* until nothing moves any more */
        size_t before = client.sent + client.got_len;
        tls_client_pump(&client);
        uv_run(&loop, UV_RUN_NOWAIT);
        quiet = client.sent + client.got_len == before ? quiet + 1 : 0;
        if (client.open && !said) {
            tls_client_say(&client, HEAD("/pong"));
            said = true;
        }
    }
    size_t total = client.sent;
    if (ending == RESET) {
        tls_client_reset(&client);
    } else {
        tls_client_fin(&client);
        cr_expect(tls_client_until_end(&client, &loop, 3000), "no end after %zu bytes", budget);
    }
    tls_client_free(&client);
    return total;
}

static void end_at_every_byte(enum ending ending)
{
    site_begin(false);
    FOR_EACH_VERSION()
    {
        size_t total = end_after(SIZE_MAX, ending);
        cr_assert_gt(total, 200, "a handshake and a request are longer than %zu", total);
        for (size_t budget = 0; budget <= total; budget++) {
            end_after(budget, ending);
        }
        cr_expect(all_gone());
    }
    cr_expect_eq(rh_counter_get(&server->wire.engines.in_use), 0);
}

Test(tls, forgets_a_peer_that_ends_after_any_byte_of_the_handshake)
{
    end_at_every_byte(FIN);
}

Test(tls, forgets_a_peer_that_resets_after_any_byte_of_the_handshake)
{
    end_at_every_byte(RESET);
}

/* --- Answers that the socket did not take --------------------------------------------------- */

/* A client that reads nothing, and an answer that waits for it. */
static void queue_answer(const char *request)
{
    connect_client(SMALL_BUFFER);
    client.deaf = true;
    lost = hints = 0;
    unsigned handled = atomic_load(&door.handled);
    tls_client_say(&client, request);
    wait_handled(handled + 1);
    pump_ms(10);
    cr_assert_gt(in_flight(), 0, "nothing is in flight");
}

static const char *const long_answers[] = {HEAD("/big"), HEAD("/source")};

/* Source and static memory, under both versions; with `lost` counted anew. */
#define FOR_EACH_LONG_ANSWER()       \
    for (unsigned a = 0; a < 4; a++) \
        if (version = versions[a / 2], queue_answer(long_answers[a % 2]), true)

Test(tls, forgets_a_queued_answer_when_the_peer_resets)
{
    site_begin(true);
    FOR_EACH_LONG_ANSWER()
    {
        tls_client_reset(&client);
        expect_gone();
        cr_expect_eq(lost, 1);
        cr_expect_eq(in_flight(), 0);
    }
}

Test(tls, delivers_a_queued_answer_whole_behind_the_end_of_the_input)
{
    site_begin(true);
    FOR_EACH_LONG_ANSWER()
    {
        tls_client_notify(&client);
        pump_ms(2);
        tls_client_fin(&client);
        pump_ms(5);
        cr_expect_leq(hints, 1);
        client.deaf = false;
        cr_expect(tls_client_until_end(&client, &loop, 5000));
        cr_expect_gt(client.got_len, BIG);
        cr_expect(client.clean, "our end is a close_notify");
        cr_expect_eq(lost, 0);
        expect_gone();
    }
}

/* At some length the socket has just taken the whole answer and has no room for a byte more. */
Test(tls, closure_alert_waits_for_room_in_the_socket)
{
    site_begin(true);
    version = TLS1_3_VERSION;
    for (long_bytes = 4000; long_bytes < 14000; long_bytes += 64) {
        connect_client(SMALL_BUFFER);
        client.deaf = true;
        tls_client_say(&client, HEAD("/big"));
        tls_client_notify(&client);
        pump_ms(2);
        client.deaf = false;
        cr_expect(tls_client_until_end(&client, &loop, 3000));
        cr_expect(client.clean, "no closure alert behind %zu bytes", long_bytes);
        expect_gone();
    }
}

Test(tls, cuts_a_peer_that_does_not_read)
{
    config.write_ms = 60;
    site_begin(true);
    FOR_EACH_LONG_ANSWER()
    {
        cr_expect(all_gone());
        cr_expect_eq(lost, 1);
        tls_client_free(&client);
    }
}

Test(tls, drain_waits_no_longer_for_a_peer_that_does_not_read)
{
    site_begin(true);
    version = TLS1_3_VERSION;
    queue_answer(HEAD("/big"));
    rh_server_drain(server, 30, note, &drained);
    cr_expect(loop_until_flag(&loop, &drained, 2000));
    cr_expect_eq(lost, 1);
    expect_gone();
}

Test(tls, drain_lets_a_slow_peer_have_its_answer)
{
    site_begin(true);
    version = TLS1_2_VERSION;
    queue_answer(HEAD("/big"));
    rh_server_drain(server, 5000, note, &drained);
    client.deaf = false;
    cr_expect(tls_client_until_end(&client, &loop, 5000));
    cr_expect_gt(client.got_len, BIG);
    cr_expect(client.clean);
    tls_client_free(&client);
    cr_expect(loop_until_flag(&loop, &drained, 2000));
}

Test(tls, close_forgets_a_queued_answer)
{
    site_begin(true);
    version = TLS1_3_VERSION;
    queue_answer(HEAD("/source"));
    rh_server_close(server, note, &closed);
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    cr_expect_eq(lost, 1);
    tls_client_free(&client);
}

/* --- Ends inside a handler, and of what a handler holds ------------------------------------- */

Test(tls, server_may_be_closed_inside_a_handler)
{
    site_begin(false);
    version = TLS1_3_VERSION;
    connect_client(0);
    tls_client_say(&client, HEAD("/close") HEAD("/big"));
    pump_ms(5);
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    cr_expect_eq(lost, 1);
    cr_expect_eq(atomic_load(&door.handled), 1);
    tls_client_free(&client);
}

Test(tls, server_may_be_drained_inside_a_handler)
{
    site_begin(false);
    version = TLS1_2_VERSION;
    connect_client(0);
    tls_client_say(&client, HEAD("/drain") HEAD("/pong"));
    cr_expect(tls_client_until_end(&client, &loop, 2000));
    cr_expect(loop_until_flag(&loop, &drained, 2000));
    tls_client_free(&client);
}

Test(tls, peer_may_reset_while_its_handler_runs)
{
    site_begin(true);
    FOR_EACH_VERSION()
    {
        connect_client(SMALL_BUFFER);
        lost = 0;
        tls_client_say(&client, HEAD("/reset"));
        tls_client_pump(&client);
        cr_expect(loop_until_flag(&loop, (const int *)&lost, 2000));
        expect_gone();
    }
}

Test(tls, held_exchange_outlives_a_peer_that_resets)
{
    site_begin(false);
    FOR_EACH_VERSION()
    {
        connect_client(0);
        cuts = held_n = 0;
        unsigned handled = atomic_load(&door.handled);
        tls_client_say(&client, HEAD("/hold"));
        wait_handled(handled + 1);
        tls_client_reset(&client);
        expect_gone();
        cr_expect_eq(cuts, 1);
        cr_expect_eq(last_cut, RH_PEER_RESET);
        cr_expect(rh_exchange_is_cut(held[0]));
        cr_expect_eq(rh_request_is_tls(held[0]), 1);
        rh_respond_static(held[0], 200, NULL, big, BIG);
        held_n = 0;
    }
}

Test(tls, held_exchange_outlives_a_drain_and_a_close)
{
    site_begin(false);
    version = TLS1_3_VERSION;
    connect_client(0);
    tls_client_say(&client, HEAD("/hold"));
    wait_handled(1);
    rh_server_drain(server, 20, note, &drained);
    cr_expect(loop_until_flag(&loop, &drained, 2000));
    cr_expect_eq(last_cut, RH_DRAINED);
    rh_server_close(server, note, &closed);
    cr_expect_not(loop_until_flag(&loop, &closed, 20), "closed before the hold was given back");
    release_held();
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    tls_client_free(&client);
}

Test(tls, drain_that_is_over_at_once_ends_every_stage)
{
    struct tls_client stages[4];
    site_begin(true);
    for (unsigned i = 0; i < 4;
         i++) { /* connected; half a hello; open and silent; an answer queued */
        tls_client_open(&stages[i], NULL, port, versions[i % 2], SMALL_BUFFER);
        stages[i].budget = i == 0 ? 0 : i == 1 ? 50 : SIZE_MAX;
        if (i >= 2) {
            cr_assert(tls_client_shake(&stages[i], &loop));
        } else {
            tls_client_pump(&stages[i]);
            loop_run_ms(&loop, 5);
        }
    }
    stages[3].deaf = true;
    tls_client_say(&stages[3], HEAD("/big"));
    tls_client_pump(&stages[3]);
    loop_run_ms(&loop, 10);
    cr_assert_eq(open_now(), 4);
    rh_server_drain(server, 0, note, &drained);
    cr_expect(loop_until_flag(&loop, &drained, 1000));
    cr_expect(all_gone());
    for (unsigned i = 0; i < 4; i++) {
        tls_client_free(&stages[i]);
    }
}

/* --- Plain HTTP on a port for TLS ----------------------------------------------------------- */

Test(tls, plain_request_is_answered_when_its_head_is_complete)
{
    char text[1024];
    int end;
    site_begin(false);
    int fd = peer_connect(port);
    peer_say(&loop, fd, "GET / HTTP/1.1\r\n"); /* as a client that writes line by line */
    peer_receive(&loop, fd, text, sizeof text, NULL, 50, &end);
    cr_expect_str_eq(text, "");
    cr_expect_eq(end, 0);
    peer_say(&loop, fd, "Host: x\r\n");
    peer_say(&loop, fd, "\r\n");
    peer_receive(&loop, fd, text, sizeof text, NULL, 2000, &end);
    cr_expect_eq(end, 1, "a reset would eat the answer");
    cr_expect_not_null(strstr(text, "HTTP/1.1 400 Bad Request\r\n"));
    cr_expect_not_null(strstr(text, "\r\n\r\nThis port speaks HTTPS: use an https:// address.\n"));
    close(fd);
    fd = peer_connect(port);
    peer_say(&loop, fd, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_receive(&loop, fd, text, sizeof text, NULL, 2000, &end);
    cr_expect_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\n", "HEAD has no content in its answer");
    close(fd);
    cr_expect_eq(rh_counter_get(&server->wire.tls_failures), 2);
}

Test(tls, plain_request_without_an_end_is_answered_at_its_deadline)
{
    char text[1024];
    config.head_ms = 200;
    site_begin(false);
    int fd = peer_connect(port);
    peer_say(&loop, fd, "GET / HTTP/1.1\r\nHost:");
    peer_receive(&loop, fd, text, sizeof text, NULL, 2000, NULL);
    cr_expect_not_null(strstr(text, "This port speaks HTTPS"));
    close(fd);
}

static char debug_line[256];

static void note_debug(void *data, enum rh_log_level level, const char *line)
{
    (void)data;
    if (level == RH_LOG_DEBUG) {
        snprintf(debug_line, sizeof debug_line, "%s", line);
    }
}

Test(tls, failed_handshake_is_logged_with_its_reason)
{
    config.log = note_debug;
    config.log_level = RH_LOG_DEBUG;
    site_begin(false);
    int fd = peer_connect(port);
    peer_say(&loop, fd, "\x16\x03\x01no handshake at all");
    loop_run_ms(&loop, 30);
    cr_expect_not_null(strstr(debug_line, "TLS handshake with 127.0.0.1 failed: "), "%s",
                       debug_line);
    cr_expect_eq(rh_counter_get(&server->wire.tls_failures), 1);
    close(fd);
}
