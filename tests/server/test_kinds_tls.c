/* A second kind of session on real sockets: chosen by ALPN, by a preface, by a hand-over, and ended
 * while bytes are in flight. */
#include "server/tls_site.h"
#include "support/echo.h"

static const struct echo_argument hello = {"hello "};

static void upgrades(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_exchange_upgrade(x, &echo_kind, (void *)(uintptr_t)&hello);
}

static void set_up(void)
{
    site_init();
    other_kind = &echo_kind;
    other = upgrades;
}

static void tear_down(void)
{
    site_end();
    site_fini();
    cr_expect_eq(echo_opened, echo_ended);
}

TestSuite(kinds_tls, .init = set_up, .fini = tear_down, .timeout = 60);

#define UP "GET /up HTTP/1.1\r\nHost: x\r\n\r\n"

static void open_client(const char *offered)
{
    tls_client_open(&client, NULL, port, version, SMALL_BUFFER);
    if (offered != NULL) {
        SSL_set_alpn_protos(client.ssl, (const unsigned char *)offered, (unsigned)strlen(offered));
    }
    cr_assert(tls_client_shake(&client, &loop));
}

Test(kinds_tls, alpn_chooses)
{
    site_begin(true);
    FOR_EACH_VERSION()
    {
        open_client("\x04"
                    "echo\x08http/1.1");
        tls_client_say(&client, "GET");
        cr_expect(tls_client_until(&client, &loop, "GET", 2000));
        cr_expect_eq(echo_opened, v + 1);
        tls_client_free(&client);
    }
}

Test(kinds_tls, without_alpn_or_with_another_name_it_is_http1)
{
    static const char *const offers[] = {NULL, "\x08http/1.1", "\x08http/1.0"};
    site_begin(true);
    other = NULL;
    version = TLS1_3_VERSION;
    for (unsigned i = 0; i < 3; i++) {
        open_client(offers[i]);
        tls_client_say(&client, HEAD("/"));
        cr_expect(tls_client_until(&client, &loop, "pong", 2000));
        tls_client_free(&client);
    }
    cr_expect_eq(echo_opened, 0);
}

Test(kinds_tls, hand_over_with_bytes_left)
{
    site_begin(true);
    FOR_EACH_VERSION()
    {
        open_client(NULL);
        tls_client_say(&client, UP "left");
        cr_expect(tls_client_until(&client, &loop, "\r\n\r\nhello left", 2000));
        tls_client_say(&client, " more");
        cr_expect(tls_client_until(&client, &loop, "left more", 2000));
        tls_client_free(&client);
    }
}

/* Much is on its way when the end comes. */
static void fill(void)
{
    size_t len = 64 * 1024;
    char *much = malloc(len);
    memset(much, 'm', len);
    open_client(NULL);
    tls_client_say(&client, UP);
    cr_assert(tls_client_until(&client, &loop, "hello ", 2000));
    client.deaf = true;
    tls_client_write(&client, much, len);
    for (unsigned i = 0; i < 50; i++) {
        tls_client_pump(&client);
        loop_run_ms(&loop, 1);
    }
    free(much);
}

Test(kinds_tls, cut_while_it_writes)
{
    site_begin(true);
    FOR_EACH_VERSION()
    {
        fill();
        tls_client_reset(&client);
        loop_run_ms(&loop, 50);
        tls_client_free(&client);
    }
    cr_expect_eq(echo_ended, 2);
}

Test(kinds_tls, closed_while_it_writes)
{
    site_begin(true);
    version = TLS1_3_VERSION;
    fill();
    rh_server_close(server, note, &closed);
    cr_expect(loop_until_flag(&loop, &closed, 2000));
    cr_expect_eq(echo_ended, 1);
    cr_expect_eq(echo_reason, RH_CLOSED);
    tls_client_free(&client);
}

Test(kinds_tls, drained_at_rest)
{
    site_begin(true);
    version = TLS1_3_VERSION;
    open_client("\x04"
                "echo");
    tls_client_say(&client, "a");
    cr_expect(tls_client_until(&client, &loop, "a", 2000));
    rh_server_drain(server, 2000, note, &drained);
    cr_expect(tls_client_until_end(&client, &loop, 2000));
    cr_expect_str_eq(client.got, "adrained");
    cr_expect(client.clean);
    cr_expect(loop_until_flag(&loop, &drained, 2000));
    tls_client_free(&client);
}

Test(kinds_tls, refused_while_a_head_is_awaited_too_long)
{
    config.head_ms = 100;
    site_begin(true);
    version = TLS1_3_VERSION;
    open_client("\x04"
                "echo");
    cr_expect(tls_client_until_end(&client, &loop, 2000));
    cr_expect_eq(echo_expired, 1);
    tls_client_free(&client);
}

/* It has no request, and yet it is not idle: it neither ends nor makes room. */
Test(kinds_tls, a_quiet_session_keeps_its_place)
{
    char text[64];
    config.connections_max = 2;
    config.idle_ms = 100;
    echo_is_quiet = true;
    site_begin(true);
    version = TLS1_3_VERSION;
    open_client("\x04"
                "echo");
    for (unsigned i = 0; i < 2; i++) { /* the second time it rests a moment later */
        tls_client_say(&client, "a");
        cr_expect(tls_client_until(&client, &loop, "a", 2000));
        loop_run_ms(&loop, 150);
        client.got_len = 0;
    }
    cr_assert_eq(rh_server_listen(server, "127.0.0.1:0", NULL), 0);
    int fd = peer_connect(rh_server_port(server, 1));
    loop_run_ms(&loop, 50);
    tls_client_say(&client, "b");
    cr_expect(tls_client_until(&client, &loop, "b", 2000));
    cr_expect_eq(echo_ended, 0);
    peer_receive(&loop, fd, text, sizeof text, NULL, 10, NULL);
    close(fd);
    tls_client_free(&client);
}

Test(kinds_tls, preface_on_a_plain_socket)
{
    char text[64];
    site_begin(true);
    cr_assert_eq(rh_server_listen(server, "127.0.0.1:0", NULL), 0);
    int fd = peer_connect(rh_server_port(server, 1));
    peer_say(&loop, fd, "EC");
    loop_run_ms(&loop, 20);
    peer_say(&loop, fd, "HO\nhi");
    peer_receive(&loop, fd, text, sizeof text, "hi", 2000, NULL);
    cr_expect_str_eq(text, "ECHO\nhi");
    close(fd);
}
