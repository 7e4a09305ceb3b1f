/* The time limits of an exchange: for its handler's answer, for silence in its body, and for the
 * rate at which a body comes. They are the exchange's, whatever else its connection does. */
#ifndef RH_SERVER_EXCHANGE_WATCH_H
#define RH_SERVER_EXCHANGE_WATCH_H

#include <stdbool.h>
#include <stddef.h>

struct rh_exchange;

enum rh_watch {
    RH_WATCH_NONE,
    RH_WATCH_ANSWER, /* the handler's answer: answer_ms */
    RH_WATCH_BODY    /* the next bytes of the body: body_ms */
};

/* Watches for this from now on. When its time is over, `overdue` is set and the session is told
 * that the exchange is ready. */
void rh_exchange_watch_for(struct rh_exchange *x, enum rh_watch what);
/* `n` bytes of the body came: its silence begins anew. Returns true if they come too slowly. */
bool rh_exchange_watch_bytes(struct rh_exchange *x, size_t n);
/* The clocks of the body stood still while nobody read. */
void rh_exchange_watch_resumes(struct rh_exchange *x);

#endif
