/* Time and chance for those who ask the system: the library, and OpenSSL, whose handshakes repeat
 * byte for byte when they get the same numbers at the same time. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "sim/clock.h"
#include "sim/sim.h"

enum { EPOCH = 1750000000 }; /* the wall clock's time at the start of a run */

int __wrap_clock_gettime(clockid_t which, struct timespec *ret_now);

int __wrap_clock_gettime(clockid_t which, struct timespec *ret_now)
{
    uint64_t us = sim.now_us++; /* time passes while it is asked for */
    ret_now->tv_sec = (time_t)(us / 1000000) + (which == CLOCK_REALTIME ? EPOCH : 0);
    ret_now->tv_nsec = (long)(us % 1000000) * 1000;
    return 0;
}

/* In libc's place, for OpenSSL too, which dates its sessions. */
time_t time(time_t *ret_now)
{
    time_t now = (time_t)(sim.now_us / 1000000) + EPOCH;
    if (ret_now != NULL) {
        *ret_now = now;
    }
    return now;
}

static uint64_t state =
    1; /* not that of the plan: OpenSSL may ask more or less often from one version to the next */

void sim_clock_seed(uint64_t seed)
{
    state = seed | 1;
}

static int give_bytes(unsigned char *out, int len)
{
    for (int i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out[i] = (unsigned char)(state >> 24);
    }
    return 1;
}

static int is_seeded(void)
{
    return 1;
}

bool sim_clock_take_over(void)
{
    static const RAND_METHOD seeded = {
        .bytes = give_bytes, .pseudorand = give_bytes, .status = is_seeded};
    return RAND_set_rand_method(&seeded) == 1;
}
