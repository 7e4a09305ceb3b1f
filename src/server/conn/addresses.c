/* Linear probing in a table that is at most half full; removing closes the gap, so that no mark is
 * left behind. Ways to fail: no memory at the start. */
#include "server/conn/addresses.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

static size_t slots_for(size_t connections_max)
{
    size_t slots = 16;
    while (slots < 2 * connections_max) {
        slots *= 2;
    }
    return slots;
}

size_t rh_addresses_bytes(size_t connections_max)
{
    return slots_for(connections_max) * sizeof(struct rh_address_slot);
}

int rh_addresses_init(struct rh_addresses *a, size_t connections_max)
{
    size_t slots = slots_for(connections_max);
    memset(a, 0, sizeof *a);
    a->slots = calloc(slots, sizeof *a->slots);
    a->mask = slots - 1;
    RH_IGNORE(getrandom(&a->seed, sizeof a->seed, GRND_NONBLOCK) < 0); /* 0 is as good as unknown */
    return a->slots != NULL ? 0 : UV_ENOMEM;
}

void rh_addresses_fini(struct rh_addresses *a)
{
    free(a->slots);
    a->slots = NULL;
}

static bool is_counted(const struct rh_addresses *a, const struct rh_peer *peer)
{
    return a->slots != NULL && (peer->family == AF_INET || peer->family == AF_INET6);
}

static uint64_t key_of(const struct rh_peer *peer)
{
    uint64_t key = 0;
    memcpy(&key, peer->ip, peer->family == AF_INET ? 4 : 8);
    return key;
}

static size_t home_of(const struct rh_addresses *a, uint64_t key)
{
    uint64_t hash = (key ^ a->seed) * 0x9e3779b97f4a7c15u; /* 2^64 divided by the golden ratio */
    hash ^= hash >> 32;
    return (size_t)(hash * 0x9e3779b97f4a7c15u >> 32) & a->mask;
}

/* The slot of this peer, or the free one that it would get. */
static size_t find(const struct rh_addresses *a, const struct rh_peer *peer)
{
    uint64_t key = key_of(peer);
    size_t at = home_of(a, key);
    while (a->slots[at].count > 0 &&
           (a->slots[at].key != key || a->slots[at].family != peer->family)) {
        at = (at + 1) & a->mask;
    }
    return at;
}

static bool is_same(const struct rh_address_slot *one, const struct rh_address_slot *other)
{
    return one->key == other->key && one->family == other->family;
}

void rh_addresses_add(struct rh_addresses *a, const struct rh_peer *peer)
{
    if (!is_counted(a, peer)) {
        return;
    }
    struct rh_address_slot *slot = &a->slots[find(a, peer)];
    slot->key = key_of(peer);
    slot->family = peer->family;
    slot->count++;
    if (slot->count > a->top.count || is_same(slot, &a->top)) {
        a->top = *slot;
    }
}

/* What stands behind a gap moves into it, unless it would come before its home. */
static void close_gap(struct rh_addresses *a, size_t gap)
{
    for (size_t at = (gap + 1) & a->mask; a->slots[at].count > 0; at = (at + 1) & a->mask) {
        size_t home = home_of(a, a->slots[at].key);
        if (((at - home) & a->mask) >= ((at - gap) & a->mask)) {
            a->slots[gap] = a->slots[at];
            gap = at;
        }
    }
    a->slots[gap].count = 0;
}

void rh_addresses_remove(struct rh_addresses *a, const struct rh_peer *peer)
{
    if (!is_counted(a, peer)) {
        return;
    }
    size_t at = find(a, peer);
    struct rh_address_slot *slot = &a->slots[at];
    RH_ASSERT(slot->count > 0);
    slot->count--;
    if (is_same(slot, &a->top)) {
        a->top.count = slot->count;
    }
    if (slot->count == 0) {
        close_gap(a, at);
    }
}

uint32_t rh_addresses_count(const struct rh_addresses *a, const struct rh_peer *peer)
{
    return is_counted(a, peer) ? a->slots[find(a, peer)].count : 0;
}

bool rh_addresses_is_top(const struct rh_addresses *a, const struct rh_peer *peer)
{
    return is_counted(a, peer) && a->top.count > 0 && a->top.key == key_of(peer) &&
           a->top.family == peer->family;
}

bool rh_addresses_is_loopback(const struct rh_peer *peer)
{
    static const uint8_t loopback6[16] = {[15] = 1};
    static const uint8_t mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    return peer->family == AF_INET ? peer->ip[0] == 127
                                   : memcmp(peer->ip, loopback6, sizeof loopback6) == 0 ||
                                         memcmp(peer->ip, mapped, sizeof mapped) == 0;
}
