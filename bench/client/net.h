/* What the load clients share: options, sockets, an answer counter, latencies.
 *
 * The clients are tools for a benchmark on the loopback: they end the process with one line on
 * stderr when something that is not the server's doing fails. */
#ifndef RH_BENCH_CLIENT_NET_H
#define RH_BENCH_CLIENT_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RH_NET_HEAD_BYTES 4096 /* the longest answer head the clients accept */

struct rh_net_options {
    uint16_t port;
    const char *path;
    unsigned connections;
    unsigned threads;
    double seconds;
    double rate; /* requests per second, for the open loop */
    bool tls;
    bool resume; /* handshakes: offer the session of the one before */
    bool wait;   /* hold: wait for the answer before saying ready */
};

/* Counts complete answers in a stream of bytes: a head, then Content-Length bytes. */
struct rh_answer {
    char head[RH_NET_HEAD_BYTES];
    size_t head_bytes; /* of the head that is being collected */
    uint64_t body_left;
    bool in_body;
    unsigned status; /* of the last head */
};

/* Latencies in nanoseconds, sorted once at the end. */
struct rh_latencies {
    uint64_t *values;
    size_t count;
    size_t size;
};

_Noreturn void rh_net_die(const char *what);

void rh_net_options_parse(struct rh_net_options *options, int argc, char **argv);

/* A connected socket to the loopback; with `blocking` false the connection may still be on its way.
 */
int rh_net_connect(uint16_t port, bool blocking);

/* Writes a request into `buffer` and answers its length. */
size_t rh_net_request(char *buffer, size_t size, const struct rh_net_options *options, bool last);

/* Raises the descriptor limit to the hard one. */
void rh_net_limits(void);

uint64_t rh_net_now(void);

/* Takes bytes and answers how many answers they complete; ends the process at one it cannot read.
 */
unsigned rh_answer_feed(struct rh_answer *answer, const char *data, size_t size);

void rh_latencies_init(struct rh_latencies *latencies, size_t size);
void rh_latencies_fini(struct rh_latencies *latencies);
void rh_latencies_add(struct rh_latencies *latencies, uint64_t value);

/* Sorts, then prints the members p50, p90, p99, p999 and max of a JSON object, in microseconds. */
void rh_latencies_print(struct rh_latencies *latencies);

#endif
