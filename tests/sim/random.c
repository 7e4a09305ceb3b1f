/* xorshift128+: small, fast, and the same everywhere. */
#include "sim/sim.h"

struct sim sim;

static uint64_t mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void sim_seed(uint64_t seed)
{
    sim.random[0] = mix(&seed);
    sim.random[1] = mix(&seed);
}

uint64_t sim_random(void)
{
    uint64_t a = sim.random[0];
    const uint64_t b = sim.random[1];
    sim.random[0] = b;
    a ^= a << 23;
    sim.random[1] = a ^ b ^ a >> 17 ^ b >> 26;
    return sim.random[1] + b;
}

size_t sim_pick(size_t n)
{
    return (size_t)(sim_random() >> 16) % n;
}

bool sim_percent(unsigned percent)
{
    return sim_pick(100) < percent;
}

bool sim_permille(unsigned permille)
{
    return permille > 0 && sim_pick(1000) < permille;
}

size_t sim_part(size_t len)
{
    if (len <= 1 || !sim_percent(sim.plan.partial)) {
        return len;
    }
    return 1 + sim_pick(sim_percent(50) && len > 16 ? 16 : len);
}
