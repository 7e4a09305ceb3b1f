/* What the floors share: options, the listening socket, one thread for each loop, the fixed answer
 * and the tally that says how many requests some bytes are.
 *
 * A floor is a server that does nothing but what no server can leave out: take the bytes from the
 * kernel and give an answer of the right size back. It parses nothing: it learns the length of the
 * first request of a connection and takes all others to be as long. */
#ifndef RH_BENCH_FLOOR_H
#define RH_BENCH_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RH_FLOOR_READ_BYTES (64 * 1024) /* one read buffer for each loop, as libuv suggests */

struct rh_floor_options {
    uint16_t port;
    unsigned loops;
    bool close;           /* end every connection after its first answer */
    bool keep_alive;      /* say "Connection: keep-alive", which ab -k waits for */
    size_t body_bytes;    /* size of the body in the answer; 0 means "pong" */
    size_t request_bytes; /* length of a request with its body; 0: learnt from the first head */
    const char *cert;     /* PEM files, for the TLS floor only */
    const char *key;
};

/* The answer, many times in a row, so that a burst of requests costs one write. */
struct rh_fixed {
    char *answers;
    size_t count;        /* how many stand in `answers` */
    size_t answer_bytes; /* of one of them */
    size_t date_offset;
};

/* How much of a request has been seen on a connection. */
struct rh_tally {
    uint32_t seen;          /* bytes of a request that is not complete yet */
    uint32_t request_bytes; /* 0 until known */
};

/* Runs one loop until the process ends. `listener` is the loop's own listening socket. */
typedef void (*rh_floor_loop_fn)(const struct rh_floor_options *options, int listener);

/* Reads the options, opens the listeners and runs `loop` on each; returns the exit code. */
int rh_floor_main(int argc, char **argv, rh_floor_loop_fn loop);

/* Builds the answer; ends the process when memory runs out, as a floor may. */
void rh_fixed_init(struct rh_fixed *fixed, const struct rh_floor_options *options);
void rh_fixed_fini(struct rh_fixed *fixed);

/* Writes the current time into every Date field: to be called once a second. */
void rh_fixed_tick(struct rh_fixed *fixed);

/* Where the next answers start and how many bytes they have: as many of `*count` as fit are taken
 * from it. */
size_t rh_fixed_take(const struct rh_fixed *fixed, size_t *count);

/* Learns the length of the first request; called by rh_tally_add only. */
uint32_t rh_tally_learn(const char *data, size_t size);

/* Takes `size` more bytes and answers how many requests they complete. */
static inline size_t rh_tally_add(struct rh_tally *tally, const char *data, size_t size)
{
    size_t total, count;

    if (tally->request_bytes == 0)
        tally->request_bytes = rh_tally_learn(data, size);
    if (tally->seen == 0 && size == tally->request_bytes)
        return 1;
    total = tally->seen + size;
    count = total / tally->request_bytes;
    tally->seen = (uint32_t)(total % tally->request_bytes);
    return count;
}

#endif
