/* Token buckets in a table of fixed size for each server: nothing is allocated by a request, and an
 * attacker with many addresses costs no memory. A key is remembered by a keyed hash of 64 bits, in
 * one of the four places that the hash names; where all four are others', the one with the most
 * tokens is forgotten, which is the one that loses least. */
#include <string.h>

#include "app/middleware/middleware.h"
#include "rawhttp/respond.h"
#include "util/digest.h"
#include "util/options.h"

enum { WAYS = 4 };

struct bucket {
    uint64_t hash;  /* 0: never used */
    float tokens;   /* at `at_ms` */
    uint32_t at_ms; /* of the server's clock, wrapping */
};

struct prepared {
    struct rh_rate options;
    uint32_t sets_mask; /* sets of four, less one */
};

/* What one server counts for one middleware. */
struct table {
    struct rh_home home;
    uint64_t secret[2];
    struct bucket buckets[];
};

void rh_rate_init_sized(struct rh_rate *rate, size_t size)
{
    static const struct rh_rate defaults = {.per_second = 10, .burst = 20, .keys_max = 4096};
    rh_options_fill(rate, size, &defaults, sizeof defaults);
}

static bool table_init(struct rh_home *home)
{
    struct table *table = RH_CONTAINER_OF(home, struct table, home);
    return rh_random_bytes(table->secret, sizeof table->secret) == 0;
}

static struct table *table_of(struct rh_exchange *x, const struct prepared *prepared)
{
    size_t buckets = ((size_t)prepared->sets_mask + 1) * WAYS;
    return rh_middleware_home(x, prepared, sizeof(struct table) + buckets * sizeof(struct bucket),
                              table_init, NULL);
}

/* Keyed, so that nobody can choose addresses or names that meet in one set. */
static uint64_t key_hash(const struct table *table, struct rh_slice key)
{
    uint64_t hash = table->secret[0] ^ key.len;
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ (unsigned char)key.base[i]) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    }
    hash = (hash ^ table->secret[1]) * 0xbf58476d1ce4e5b9;
    hash ^= hash >> 32;
    return hash == 0 ? 1 : hash;
}

/* The address of the peer; of IPv6 the first 64 bits, which is what one subscriber has. */
static struct rh_slice peer_key(struct rh_exchange *x, unsigned char address[16])
{
    unsigned len = rh_exchange_peer_bytes(x, address);
    return len == 0 ? rh_request_peer(x)
                    : (struct rh_slice){(const char *)address, len == 16 ? 8 : len};
}

static double tokens_now(const struct bucket *bucket, const struct rh_rate *options,
                         uint32_t now_ms)
{
    double tokens = (double)bucket->tokens +
                    (double)(uint32_t)(now_ms - bucket->at_ms) / 1000.0 * options->per_second;
    return tokens < options->burst ? tokens : options->burst;
}

static struct bucket *bucket_of(const struct prepared *prepared, struct table *table, uint64_t hash,
                                uint32_t now_ms)
{
    struct bucket *set = &table->buckets[(hash & prepared->sets_mask) * WAYS];
    struct bucket *fullest = set;
    double most = -1;
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].hash == hash) {
            return &set[i];
        }
        double tokens = set[i].hash == 0 ? prepared->options.burst + 1
                                         : tokens_now(&set[i], &prepared->options, now_ms);
        if (tokens > most) {
            most = tokens;
            fullest = &set[i];
        }
    }
    *fullest = (struct bucket){hash, (float)prepared->options.burst, now_ms};
    return fullest;
}

static void limit(struct rh_exchange *x, void *data)
{
    const struct prepared *prepared = data;
    const struct rh_rate *options = &prepared->options;
    unsigned char address[16];
    struct rh_slice key =
        options->key != NULL ? options->key(x, options->data) : peer_key(x, address);
    struct table *table = key.base == NULL ? NULL : table_of(x, prepared);
    if (table ==
        NULL) { /* not limited; or no memory at the first request of a server: let it pass */
        rh_next(x);
        return;
    }
    uint32_t now_ms = (uint32_t)rh_exchange_now_ms(x);
    struct bucket *bucket = bucket_of(prepared, table, key_hash(table, key), now_ms);
    double tokens = tokens_now(bucket, options, now_ms);
    bucket->at_ms = now_ms;
    if (tokens >= 1) {
        bucket->tokens = (float)(tokens - 1);
        rh_next(x);
        return;
    }
    bucket->tokens = (float)tokens;
    double seconds = (1 - tokens) / options->per_second;
    uint32_t whole = seconds < 1e9 ? (uint32_t)seconds : 1000000000;
    uint32_t after_s = whole < seconds ? whole + 1 : whole; /* never too early */
    rh_respond_too_many_requests(x, after_s, NULL);
}

void rh_use_rate_limit(struct rh_app *app, struct rh_group *group, const struct rh_rate *rate)
{
    struct prepared *prepared = rh_middleware_alloc(app, sizeof *prepared);
    if (prepared == NULL) {
        rh_middleware_add(app, group, limit, NULL); /* says what is wrong with the app */
        return;
    }
    rh_rate_init(&prepared->options);
    rh_options_take(&prepared->options, sizeof prepared->options, rate);
    const struct rh_rate *options = &prepared->options;
    if (!(options->per_second > 0) || !(options->burst >= 1) || !(options->burst <= 1e6) ||
        options->keys_max == 0 || options->keys_max > 1u << 24) {
        rh_app_spoil(
            app, RH_ECONFIG,
            "rate limit: tokens per second above 0, a burst of 1 to 1,000,000, keys up to 16 M");
        return;
    }
    uint32_t sets = 1;
    while (sets * WAYS < options->keys_max) {
        sets *= 2;
    }
    prepared->sets_mask = sets - 1;
    rh_middleware_add(app, group, limit, prepared);
}
