/* The connections of one loop: what they share with their server, and what is done to all of them.
 */
#ifndef RH_SERVER_CONNS_H
#define RH_SERVER_CONNS_H

#include "io/transport.h"
#include "rawhttp/exchange.h"
#include "server/deadlines.h"
#include "util/counter.h"

struct rh_conn;
struct rh_engine;

/* What the connections of one loop share with their server. */
struct rh_conns {
    struct rh_engine *engine;
    struct rh_wire wire;
    struct rh_deadlines deadlines;
    struct rh_conn *ready; /* to be driven at the end of this turn */
    uint32_t input_bytes;  /* of one input buffer */
    rh_counter open;       /* connections; read by statistics from other threads */
    bool crowded;   /* the listeners wait for room: the next one that comes to rest makes it */
    uint8_t ending; /* all were closed with this reason (enum rh_abort), and so are those that are
                       met later */
    void (*soon)(struct rh_conns *conns); /* call rh_conns_run_ready at the end of this turn */
    void (*alarm)(struct rh_conns *conns,
                  uint64_t at_ms);            /* call rh_conns_expire then, behind a poll */
    void (*released)(struct rh_conns *conns); /* a connection's memory is free again */
};

/* `wire` is initialized; 0 or a negative code. */
int RH_MUST_CHECK rh_conns_init(struct rh_conns *conns, struct rh_engine *engine, uv_loop_t *loop);

void rh_conns_run_ready(struct rh_conns *conns);
/* Ends what is overdue; sets the next alarm. */
void rh_conns_expire(struct rh_conns *conns);
/* Tells every session to drain. */
void rh_conns_drain(struct rh_conns *conns);
void rh_conns_close_all(struct rh_conns *conns, enum rh_abort reason);
/* Closes the connection that has been idle the longest; false where none is. */
bool rh_conns_close_idle(struct rh_conns *conns);

#endif
