/* A connection joins a transport and a session: it keeps the input that is not used yet and the
 * output that is not written yet, and moves both in one loop, `drive`. */
#ifndef RH_SERVER_CONN_H
#define RH_SERVER_CONN_H

#include <time.h>

#include "io/transport.h"
#include "server/conns.h"
#include "server/deadlines.h"
#include "server/http1.h"
#include "server/output.h"

struct rh_conn {
    struct rh_transport transport;
    struct rh_host host;
    struct rh_http1 http1;
    struct rh_conn *next_ready;
    struct rh_due deadline;
    char *in; /* slab object with bytes in_at to in_len unused; NULL while there are none */
    struct rh_output *out; /* NULL while nothing is to be written */
    uint32_t in_at;
    uint32_t in_len;
    union {
        uint32_t discarded; /* while `shut`: bytes that came since */
        uint32_t unsent; /* while `in_flight`: what the socket had not taken when the write deadline
                            was set */
    } count;
    uint8_t deadline_class; /* that runs */
    bool again;             /* something happened while driving */
    bool queued;            /* in conns->ready */
    bool in_flight;         /* out is being written */
    bool eof;               /* the peer sends no more */
    bool eof_told;          /* the session knows */
    bool shut;              /* our side is closed; what comes is discarded */
    bool closing;
    bool ended;          /* the session was told */
    bool in_is_bulk : 1; /* where `in` came from */
    bool rested : 1;     /* TLS gave its buffers back */
    uint8_t reason;      /* enum rh_abort with which it closes */
};

/* Takes over the descriptor. False when it could not (it is closed then). */
bool rh_conn_open(struct rh_conns *conns, int fd, const struct sockaddr_storage *peer,
                  struct rh_tls *tls);
/* The only way an end begins; idempotent. */
void rh_conn_close(struct rh_conn *c, enum rh_abort reason);

/* Moves bytes until nothing moves any more; a call from inside of it is done by the one that runs.
 */
void rh_conn_drive(struct rh_conn *c);
void rh_conn_set_deadline(struct rh_conn *c, enum rh_deadline_class which);

/* The deadline that ran has passed. */
void rh_conn_expire(struct rh_conn *c, enum rh_deadline_class which);
/* Finish what is open and end. */
void rh_conn_drain(struct rh_conn *c);

/* What the engine calls. */
void rh_conn_wake(struct rh_host *host);
void rh_conn_tls_info(struct rh_host *host, struct rh_tls_info *ret_info);
extern const struct rh_transport_callbacks rh_conn_callbacks;

static inline struct rh_session *rh_conn_session(struct rh_conn *c)
{
    return &c->http1.session;
}

static inline struct rh_conns *rh_conn_conns(const struct rh_conn *c)
{
    return RH_CONTAINER_OF(rh_transport_wire(&c->transport), struct rh_conns, wire);
}

static inline uint64_t rh_conn_clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

#endif
