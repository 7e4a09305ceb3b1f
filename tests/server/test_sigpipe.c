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

/* Requests without end, and then the peer is gone without a look at an answer: the first write
 * makes it reset, and the next is the one that raises the signal. */
static void flood(const char *request, unsigned count)
{
    int fd = peer_connect(rh_server_port(server, 1));
    for (unsigned i = 0; i < count; i++) {
        if (write(fd, request, strlen(request)) < 0) {
            break;
        }
    }
    close(fd);
    loop_run_ms(&loop, 20);
}

static void begin(void)
{
    site_begin(true);
    cr_assert_eq(rh_server_listen(server, "127.0.0.1:0", NULL), 0);
}

Test(sigpipe, is_no_concern_of_small_answers)
{
    begin();
    for (unsigned i = 0; i < 10; i++) {
        flood(HEAD("/pong"), 3000);
    }
}

Test(sigpipe, is_no_concern_of_large_answers)
{
    begin();
    for (unsigned i = 0; i < 10; i++) {
        flood(HEAD("/big"), 30);
        flood(HEAD("/source"), 30);
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
            for (unsigned n = 0; n < (i % 2 == 0 ? 0 : 200); n++) {
                tls_client_say(&client, HEAD("/pong"));
            }
            tls_client_pump(&client);
            close(client.fd);
            client.fd = -1;
            loop_run_ms(&loop, 10);
            tls_client_free(&client);
        }
    }
}

/* The reset comes while the loop polls, and libuv itself goes on with the write. */
Test(sigpipe, is_none_while_libuv_goes_on_with_a_write)
{
    begin();
    for (unsigned i = 0; i < 50; i++) {
        int fd = peer_connect(rh_server_port(server, 1));
        peer_say(&loop, fd, HEAD("/big"));
        shutdown(fd, SHUT_WR); /* a reset in this state is EPIPE */
        loop_run_ms(&loop, 2);
        peer_reset(fd);
        loop_run_ms(&loop, 2);
    }
}
