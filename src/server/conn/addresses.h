/* How many connections each address has. An IPv6 address counts by its first 64 bits, which is what
 * one customer has; peers on unix sockets have none and are not counted. */
#ifndef RH_SERVER_CONN_ADDRESSES_H
#define RH_SERVER_CONN_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/address.h"
#include "util/assert.h"

/* count 0: the slot is free */
struct rh_address_slot {
    uint64_t key;
    uint32_t count;
    uint8_t family;
};

struct rh_addresses {
    struct rh_address_slot *slots; /* a hash table; NULL: nobody is counted */
    size_t mask;
    uint64_t seed; /* so that nobody can choose addresses that collide */
    /* The one with the most connections, at the latest from its next connection on. */
    struct rh_address_slot top;
};

/* For at most `connections_max` connections. 0 or UV_ENOMEM. */
int RH_MUST_CHECK rh_addresses_init(struct rh_addresses *a, size_t connections_max);
void rh_addresses_fini(struct rh_addresses *a);
/* Bytes of the table. */
size_t rh_addresses_bytes(size_t connections_max);

/* Counts a connection of this peer. */
void rh_addresses_add(struct rh_addresses *a, const struct rh_peer *peer);
void rh_addresses_remove(struct rh_addresses *a, const struct rh_peer *peer);
uint32_t rh_addresses_count(const struct rh_addresses *a, const struct rh_peer *peer);
/* Returns true if no address has more connections than this peer's. */
bool rh_addresses_is_top(const struct rh_addresses *a, const struct rh_peer *peer);

/* Returns true for addresses of this machine's own loopback network. */
bool rh_addresses_is_loopback(const struct rh_peer *peer);

#endif
