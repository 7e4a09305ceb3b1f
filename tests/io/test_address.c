#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "io/address.h"
#include "rawhttp/error.h"

static struct rh_address addresses[RH_ADDRESSES_MAX];

Test(address, reads_ip_literals)
{
    cr_assert_eq(rh_address_parse("127.0.0.1:8080", addresses), 1);
    cr_expect_eq(addresses[0].kind, RH_ADDRESS_IP);
    cr_expect_eq(addresses[0].sa.in.sin_port, htons(8080));
    cr_expect_eq(addresses[0].sa.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    cr_assert_eq(rh_address_parse("[::1]:0", addresses), 1);
    cr_expect_eq(addresses[0].sa.in6.sin6_family, AF_INET6);
    cr_expect_eq(addresses[0].sa.in6.sin6_port, 0);
}

Test(address, reads_names_that_need_no_name_server)
{
    cr_assert_eq(rh_address_parse("localhost:80", addresses), 2);
    cr_expect_eq(addresses[0].sa.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    cr_expect(IN6_IS_ADDR_LOOPBACK(&addresses[1].sa.in6.sin6_addr));
    cr_assert_eq(rh_address_parse("*:65535", addresses), 2);
    cr_expect_eq(addresses[0].sa.in.sin_addr.s_addr, htonl(INADDR_ANY));
}

Test(address, reads_paths_and_descriptors)
{
    cr_assert_eq(rh_address_parse("unix:/run/x.sock", addresses), 1);
    cr_expect_eq(addresses[0].kind, RH_ADDRESS_UNIX);
    cr_expect_str_eq(addresses[0].sa.un.sun_path, "/run/x.sock");
    cr_assert_eq(rh_address_parse("fd:3", addresses), 1);
    cr_expect_eq(addresses[0].kind, RH_ADDRESS_FD);
    cr_expect_eq(addresses[0].fd, 3);
}

Test(address, reads_names_in_the_abstract_namespace)
{
    cr_assert_eq(rh_address_parse("unix:@rawhttp", addresses), 1);
    cr_expect(rh_address_is_abstract(&addresses[0]));
    cr_expect_eq(memcmp(addresses[0].sa.un.sun_path, "\0rawhttp", 8), 0);
    cr_expect_eq(addresses[0].length, offsetof(struct sockaddr_un, sun_path) + 8, "no NUL at the end");
    cr_assert_eq(rh_address_parse("unix:/run/x.sock", addresses), 1);
    cr_expect(!rh_address_is_abstract(&addresses[0]));
}

Test(address, refuses_everything_else)
{
    char path[200] = "unix:";
    memset(path + 5, 'p', 150);
    path[155] = '\0';
    const char *const wrong[] = {"", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                                 "127.0.0.1:8o", "127.0.0.1.5:80", "::1:80", "[::1]", "[::1:80", "[]:80",
                                 "example.org:80", "fd:", "fd:x", "fd:99999999", "unix:", "unix:@", path,
                                 "1111111111111111111111111111111111111111111111111111111:80"};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(rh_address_parse(wrong[i], addresses), RH_EADDRESS, "%s", wrong[i]);
    }
}

Test(address, of_a_peer_is_text_and_mapped_ones_are_ipv4)
{
    struct sockaddr_storage sa = {0};
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&sa;
    struct rh_peer peer;
    char text[RH_PEER_TEXT_MAX];
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(81);
    inet_pton(AF_INET6, "::ffff:10.1.2.3", &in6->sin6_addr);
    rh_peer_from(&peer, &sa);
    rh_peer_text(&peer, text);
    cr_expect_str_eq(text, "10.1.2.3");
    cr_expect_eq(peer.port, 81);
    sa.ss_family = AF_UNIX;
    rh_peer_from(&peer, &sa);
    rh_peer_text(&peer, text);
    cr_expect_str_eq(text, "unix");
}
