/* The connections of one loop: what they share with their server, and what is done to all of them.
 */
#ifndef RH_SERVER_CONN_CONNS_H
#define RH_SERVER_CONN_CONNS_H

#include <stdbool.h>
#include <stdint.h>

#include "rawhttp/exchange.h"
#include "server/conn/addresses.h"
#include "server/engine/deadlines.h"
#include "util/counter.h"

struct rh_drive;
struct rh_engine;

/* What carries the bytes of connections: sockets, or the driver's memory. */
struct rh_carrier {
    /* Writes d->out. 0: all was taken; 1: in flight, until rh_drive_written; negative: failed. */
    int (*write)(struct rh_drive *d);
    /* How much of what is in flight the peer has not taken. */
    uint64_t (*unsent)(const struct rh_drive *d);
    /* Reads on, or stops. Input that waited may come at once. */
    void (*read)(struct rh_drive *d, bool on);
    /* Ends our side after what was written. Idempotent. */
    void (*shut)(struct rh_drive *d);
    /* Returns true while bytes of its own are in flight; rh_drive_run follows. */
    bool (*is_busy)(const struct rh_drive *d);
    /* Returns true if a handshake has begun. */
    bool (*has_begun)(const struct rh_drive *d);
    /* Gives back memory that an idle connection does not need. */
    void (*rest)(struct rh_drive *d);
    /* Ends it; rh_drive_closed follows, at once or later. */
    void (*close)(struct rh_drive *d);
};

/* What the connections of one loop share with their server. */
struct rh_conns {
    struct rh_engine *engine;
    const struct rh_carrier *carrier;
    struct rh_deadlines deadlines;
    struct rh_addresses addresses; /* whose the connections are; empty in the driver */
    struct rh_drive *ready;        /* to be driven at the end of this turn */
    struct rh_drive *due;          /* those whose turn it is now */
    rh_counter open;               /* connections; read by statistics from other threads */
    bool crowded;   /* the listeners wait for room: the next one that comes to rest makes it */
    uint8_t ending; /* all were closed with this reason (enum rh_abort), and so are those that are
                       met later */
    void (*soon)(struct rh_conns *conns); /* call rh_conns_run_ready at the end of this turn */
    void (*alarm)(struct rh_conns *conns,
                  uint64_t at_ms);            /* call rh_conns_expire then, after a poll */
    void (*released)(struct rh_conns *conns); /* a connection's memory is free again */
};

void rh_conns_init(struct rh_conns *conns, struct rh_engine *engine,
                   const struct rh_carrier *carrier);

/* Lists a connection that is in no list as ready. */
void rh_conns_queue(struct rh_conns *conns, struct rh_drive *d);
/* Takes it out of the list, if it is there. */
void rh_conns_unqueue(struct rh_conns *conns, struct rh_drive *d);
/* Returns true if there were any. */
bool rh_conns_run_ready(struct rh_conns *conns);
/* Ends what is overdue; sets the next alarm. */
void rh_conns_expire(struct rh_conns *conns);
/* Tells every session to drain. */
void rh_conns_drain(struct rh_conns *conns);
void rh_conns_close_all(struct rh_conns *conns, enum rh_abort reason);
/* Closes one connection that has no request: an idle one of the address that has the most
 * connections, or one of its unfinished heads that is not quite new, else the one that has been
 * idle the longest. If there is none, the next that is one of these. */
void rh_conns_make_room(struct rh_conns *conns);

#endif
