/* Connections counted by address, against a count by hand. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/conn/addresses.h"

static struct rh_peer v4(uint32_t address)
{
    struct rh_peer peer = {.family = AF_INET};
    memcpy(peer.ip, &address, sizeof address);
    return peer;
}

static struct rh_peer v6(uint64_t network, uint64_t host)
{
    struct rh_peer peer = {.family = AF_INET6};
    memcpy(peer.ip, &network, sizeof network);
    memcpy(peer.ip + 8, &host, sizeof host);
    return peer;
}

static struct rh_addresses a;

static void set_up(void)
{
    cr_assert_eq(rh_addresses_init(&a, 64), 0);
}

static void tear_down(void)
{
    rh_addresses_fini(&a);
}

TestSuite(addresses, .init = set_up, .fini = tear_down);

Test(addresses, are_counted_as_by_hand)
{
    enum { PEERS = 40, STEPS = 20000 };
    unsigned counts[PEERS] = {0};
    unsigned all = 0;
    srand(1);
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned k = (unsigned)rand() % PEERS;
        struct rh_peer peer = k % 2 == 0 ? v4(k) : v6(k, i);
        if (all < 64 && rand() % 2 == 0) {
            rh_addresses_add(&a, &peer);
            counts[k]++;
            all++;
        } else if (counts[k] > 0) {
            rh_addresses_remove(&a, &peer);
            counts[k]--;
            all--;
        }
        for (unsigned j = 0; j < PEERS; j++) {
            struct rh_peer other = j % 2 == 0 ? v4(j) : v6(j, 0);
            cr_assert_eq(rh_addresses_count(&a, &other), counts[j]);
        }
    }
}

Test(addresses, the_one_with_the_most_is_known)
{
    struct rh_peer few = v4(1);
    struct rh_peer many = v6(2, 3);
    struct rh_peer neighbour = v6(2, 4);
    rh_addresses_add(&a, &few);
    cr_expect(rh_addresses_is_top(&a, &few));
    rh_addresses_add(&a, &many);
    rh_addresses_add(&a, &neighbour);
    cr_expect(rh_addresses_is_top(&a, &many), "a network of 64 bits counts as one");
    cr_expect_not(rh_addresses_is_top(&a, &few));
    rh_addresses_remove(&a, &many);
    rh_addresses_remove(&a, &neighbour);
    cr_expect_not(rh_addresses_is_top(&a, &many));
    rh_addresses_add(&a, &few);
    cr_expect(rh_addresses_is_top(&a, &few));
}

Test(addresses, unix_sockets_have_none)
{
    struct rh_peer peer = {.family = AF_UNIX};
    rh_addresses_add(&a, &peer);
    cr_expect_eq(rh_addresses_count(&a, &peer), 0);
    cr_expect_not(rh_addresses_is_top(&a, &peer));
    rh_addresses_remove(&a, &peer);
}

Test(addresses, loopback_is_known)
{
    struct rh_peer own = {.family = AF_INET, .ip = {127, 1, 2, 3}};
    struct rh_peer own6 = {.family = AF_INET6, .ip = {[15] = 1}};
    struct rh_peer mapped = {.family = AF_INET6,
                             .ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    struct rh_peer other = {.family = AF_INET, .ip = {192, 0, 2, 1}};
    struct rh_peer other6 = {.family = AF_INET6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    cr_expect(rh_addresses_is_loopback(&own));
    cr_expect(rh_addresses_is_loopback(&own6));
    cr_expect(rh_addresses_is_loopback(&mapped));
    cr_expect_not(rh_addresses_is_loopback(&other));
    cr_expect_not(rh_addresses_is_loopback(&other6));
}
