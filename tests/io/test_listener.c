/* Listening sockets: who may share a port, what a stale socket file is, and how accepting pauses.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/listener.h"
#include "support/loop.h"

static const struct rh_listener_options plain = {.backlog = 16, .unix_mode = 0600};

static int bind_text(const char *text, const struct rh_listener_options *options,
                     unsigned *ret_port)
{
    struct rh_address addresses[RH_ADDRESSES_MAX];
    cr_assert_geq(rh_address_parse(text, addresses), 1);
    int fd = rh_listener_bind(&addresses[0], options);
    if (ret_port != NULL && fd >= 0) {
        *ret_port = ntohs(addresses[0].sa.in.sin_port);
    }
    return fd;
}

Test(listener, tells_the_port_that_zero_became)
{
    unsigned port = 0;
    int fd = bind_text("127.0.0.1:0", &plain, &port);
    cr_expect_geq(fd, 0);
    cr_expect_gt(port, 0);
    close(fd);
}

Test(listener, of_a_second_instance_is_noticed_though_the_first_shares)
{
    struct rh_listener_options share = plain;
    struct rh_listener_options join = plain;
    char text[32];
    unsigned port;
    share.share = true;
    join.join = true;
    int first = bind_text("127.0.0.1:0", &share, &port);
    cr_assert_geq(first, 0);
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    int joined = bind_text(text, &join, NULL);
    cr_expect_geq(joined, 0, "another loop of ours joins");
    cr_expect_eq(bind_text(text, &share, NULL), -EADDRINUSE, "a stranger's first bind does not");
    cr_expect_eq(bind_text(text, &plain, NULL), -EADDRINUSE);
    close(first);
    close(joined);
}

Test(listener, on_a_path_replaces_a_stale_file_but_no_live_one)
{
    char folder[] = "listener-XXXXXX";
    char text[64];
    struct stat st;
    cr_assert_not_null(mkdtemp(folder));
    snprintf(text, sizeof text, "unix:%s/s", folder);
    int fd = bind_text(text, &plain, NULL);
    cr_assert_geq(fd, 0);
    cr_assert_eq(stat(text + 5, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    cr_expect_eq(bind_text(text, &plain, NULL), -EADDRINUSE);
    close(fd); /* as a crash leaves it */
    fd = bind_text(text, &plain, NULL);
    cr_expect_geq(fd, 0);
    close(fd);
    unlink(text + 5);
    FILE *file = fopen(text + 5, "w");
    fclose(file);
    cr_expect_lt(bind_text(text, &plain, NULL), 0, "a plain file stays");
    cr_expect_eq(stat(text + 5, &st), 0);
    unlink(text + 5);
    rmdir(folder);
}

Test(listener, adopts_only_descriptors_that_listen)
{
    char text[32];
    unsigned port;
    int fd = bind_text("127.0.0.1:0", &plain, &port);
    snprintf(text, sizeof text, "fd:%d", fd);
    unsigned adopted_port = 0;
    int adopted = bind_text(text, &plain, &adopted_port);
    cr_expect_geq(adopted, 0);
    cr_expect_neq(adopted, fd);
    cr_expect_eq(adopted_port, port);
    close(adopted);
    close(fd);
    int fds[2];
    cr_assert_eq(pipe(fds), 0);
    snprintf(text, sizeof text, "fd:%d", fds[0]);
    cr_expect_lt(bind_text(text, &plain, NULL), 0);
}

/* Whoever made it (systemd, a parent) did not think of it, and answers would wait for
 * acknowledgements. */
Test(listener, that_is_adopted_accepts_sockets_that_do_not_delay)
{
    char text[32];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 4), 0);
    snprintf(text, sizeof text, "fd:%d", fd);
    unsigned port;
    int adopted = bind_text(text, &plain, &port);
    cr_assert_geq(adopted, 0);
    int peer = peer_connect(port);
    int connection = accept(fd, NULL, NULL);
    int on = 0;
    socklen_t length = sizeof on;
    cr_assert_eq(getsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, &length), 0);
    cr_expect_neq(on, 0);
    close(connection);
    close(peer);
    close(adopted);
    close(fd);
}

static unsigned accepted;
static unsigned pause_at;
static int is_closed;

static bool on_accepted(struct rh_listener *listener, int fd, const struct sockaddr_storage *peer)
{
    (void)listener;
    cr_expect_eq(peer->ss_family, AF_INET);
    close(fd);
    return ++accepted != pause_at;
}

static void on_failed(struct rh_listener *listener, int error)
{
    (void)listener;
    (void)error;
}

static void on_closed(struct rh_listener *listener)
{
    (void)listener;
    is_closed++;
}

static const struct rh_listener_callbacks callbacks = {on_accepted, on_failed, on_closed};

Test(listener, pauses_resumes_and_empties_its_queue, .timeout = 10)
{
    uv_loop_t loop;
    struct rh_listener listener;
    unsigned port;
    uv_loop_init(&loop);
    int fd = bind_text("127.0.0.1:0", &plain, &port);
    cr_assert_eq(rh_listener_open(&listener, &loop, fd, &callbacks), 0);
    pause_at = 2;
    int fds[6];
    for (unsigned i = 0; i < 4; i++) {
        fds[i] = peer_connect(port);
    }
    loop_run_ms(&loop, 20);
    cr_expect_eq(accepted, 2, "the others wait in the kernel");
    rh_listener_resume(&listener);
    loop_run_ms(&loop, 20);
    cr_expect_eq(accepted, 4);
    fds[4] = peer_connect(port);
    fds[5] = peer_connect(port);
    rh_listener_empty_queue(&listener); /* without the loop */
    cr_expect_eq(accepted, 6);
    rh_listener_close(&listener);
    rh_listener_close(&listener);
    cr_expect(loop_until_flag(&loop, &is_closed, 500));
    cr_expect_eq(is_closed, 1);
    loop_close(&loop);
    for (unsigned i = 0; i < 6; i++) {
        close(fds[i]);
    }
}

Test(listener, on_an_abstract_name_needs_no_file)
{
    char text[64];
    snprintf(text, sizeof text, "unix:@rawhttp-test-%d", (int)getpid());
    int fd = bind_text(text, &plain, NULL);
    cr_assert_geq(fd, 0);
    cr_expect_eq(access(text + 5, F_OK), -1);
    cr_expect_eq(bind_text(text, &plain, NULL), -EADDRINUSE);
    close(fd);
    fd = bind_text(text, &plain, NULL);
    cr_expect_geq(fd, 0, "nothing is left of it");
    close(fd);
}
