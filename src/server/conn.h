/* A connection joins a transport and a session: it keeps the input that is not used yet and the output that is not
 * written yet, and moves both in one loop, `drive`. */
#ifndef RH_SERVER_CONN_H
#define RH_SERVER_CONN_H

#include "io/transport.h"
#include "server/deadlines.h"
#include "server/http1.h"
#include "server/output.h"

/* What the connections of one loop share with their server. */
struct rh_conns {
    struct rh_engine *engine;
    struct rh_wire wire;
    struct rh_deadlines deadlines;
    struct rh_conn *ready; /* to be driven at the end of this turn */
    rh_counter open;       /* connections; read by statistics from other threads */
    bool crowded;          /* the listeners wait for room: the next one that comes to rest makes it */
    uint8_t ending;        /* all were closed with this reason (enum rh_abort), and so are those that are met later */
    void (*soon)(struct rh_conns *conns);                     /* call rh_conns_run_ready at the end of this turn */
    void (*alarm)(struct rh_conns *conns, uint64_t at_ms);    /* call rh_conns_expire then, behind a poll */
    void (*released)(struct rh_conns *conns);                 /* a connection's memory is free again */
};

struct rh_conn {
    struct rh_transport transport;
    struct rh_host host;
    struct rh_http1 http1;
    struct rh_conn *next_ready;
    struct rh_deadline deadline;
    char *in;              /* slab object with bytes in_at to in_len unused; NULL while there are none */
    struct rh_output *out; /* NULL while nothing is to be written */
    uint32_t in_at;
    uint32_t in_len;
    union {
        uint32_t discarded; /* while `shut`: bytes that came since */
        uint32_t unsent;    /* while `in_flight`: what the socket had not taken when the write deadline was set */
    } count;
    uint8_t deadline_class;   /* that runs */
    bool driving;
    bool again;           /* something happened while driving */
    bool queued;          /* in conns->ready */
    bool in_flight;       /* out is being written */
    bool eof;             /* the peer sends no more */
    bool eof_told;        /* the session knows */
    bool shut;            /* our side is closed; what comes is discarded */
    bool closing;
    bool ended;           /* the session was told */
    bool rested;          /* TLS gave its buffers back */
    uint8_t reason;           /* enum rh_abort with which it closes */
};

/* `wire` is initialized; 0 or a negative code. */
int RH_MUST_CHECK rh_conns_init(struct rh_conns *conns, struct rh_engine *engine, uv_loop_t *loop);
/* Takes over the descriptor. False when it could not (it is closed then). */
bool rh_conn_open(struct rh_conns *conns, int fd, const struct sockaddr_storage *peer, struct rh_tls *tls);
/* The only way an end begins; idempotent. */
void rh_conn_close(struct rh_conn *c, enum rh_abort reason);

void rh_conns_run_ready(struct rh_conns *conns);
/* Ends what is overdue; sets the next alarm. */
void rh_conns_expire(struct rh_conns *conns);
/* Tells every session to drain. */
void rh_conns_drain(struct rh_conns *conns);
void rh_conns_close_all(struct rh_conns *conns, enum rh_abort reason);
/* Closes the connection that has been idle the longest; false where none is. */
bool rh_conns_close_idle(struct rh_conns *conns);

#endif
