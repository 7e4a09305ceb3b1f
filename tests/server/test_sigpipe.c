/* A host that leaves SIGPIPE as it is: peers that are gone end their connection, not the process.
 */
#include <signal.h>

#include "server/tls_site.h"

static void set_up(void)
{
    site_init();
    signal(SIGPIPE, SIG_DFL);
}

TestSuite(sigpipe, .init = set_up, .fini = site_tear_down, .timeout = 60);

/* Requests without end, of which no answer is read, then a reset. */
static void flood(unsigned plain_port, const char *request, unsigned count)
{
    int fd = peer_connect(plain_port);
    for (unsigned i = 0; i < count; i++) {
        if (write(fd, request, strlen(request)) < 0) {
            break;
        }
        if (i % 64 == 0) {
            loop_run_ms(&loop, 1);
        }
    }
    peer_reset(fd);
    loop_run_ms(&loop, 20);
}

Test(sigpipe, is_no_concern_of_plain_connections)
{
    site_begin(true);
    cr_assert_eq(rh_server_listen(server, "127.0.0.1:0", NULL), 0);
    for (unsigned i = 0; i < 20; i++) {
        flood(rh_server_port(server, 1), HEAD("/big"), 30);
        flood(rh_server_port(server, 1), HEAD("/pong"), 3000);
        flood(rh_server_port(server, 1), HEAD("/source"), 30);
    }
}

Test(sigpipe, is_no_concern_of_tls_connections)
{
    site_begin(true);
    FOR_EACH_VERSION()
    {
        for (unsigned i = 0; i < 20; i++) {
            tls_client_open(&client, NULL, port, version, SMALL_BUFFER);
            cr_assert(tls_client_shake(&client, &loop));
            client.deaf = true;
            tls_client_say(&client, HEAD("/big") HEAD("/big"));
            tls_client_pump(&client);
            loop_run_ms(&loop, 2);
            tls_client_reset(&client);
            loop_run_ms(&loop, 5);
            tls_client_free(&client);
        }
    }
}

/* The reset comes while the loop polls, and libuv itself goes on with the write. */
Test(sigpipe, is_none_while_libuv_goes_on_with_a_write)
{
    site_begin(true);
    cr_assert_eq(rh_server_listen(server, "127.0.0.1:0", NULL), 0);
    for (unsigned i = 0; i < 50; i++) {
        int fd = peer_connect(rh_server_port(server, 1));
        peer_say(&loop, fd, HEAD("/big"));
        loop_run_ms(&loop, 2);
        peer_reset(fd);
        loop_run_ms(&loop, 2);
    }
}
