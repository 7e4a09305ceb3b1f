/* The turns of a loop as a server needs them: "soon" (at the end of this turn), "look" (after the next poll,
 * which must not block), an alarm clock, and a signal from other threads. One for each server. */
#ifndef RH_IO_TURN_H
#define RH_IO_TURN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct rh_turn;

struct rh_turn_callbacks {
    void (*soon)(struct rh_turn *turn);   /* asked for by rh_turn_soon */
    void (*look)(struct rh_turn *turn);   /* asked for by rh_turn_look, or the alarm's time has passed */
    void (*signal)(struct rh_turn *turn); /* another thread called rh_turn_signal */
    void (*closed)(struct rh_turn *turn); /* all handles are closed; the memory is the caller's again */
};

struct rh_turn {
    const struct rh_turn_callbacks *callbacks;
    uv_timer_t timer;     /* marks that time has passed; ends nothing itself */
    uv_idle_t idle;       /* keeps the next poll from blocking */
    uv_prepare_t prepare; /* "soon", asked for before the poll */
    uv_check_t check;     /* "soon" and "look", behind the poll */
    uv_async_t async;     /* the signal */
    uint64_t alarm_ms;    /* loop time of the next alarm, UINT64_MAX: none */
    unsigned open;        /* handles whose close callback is still to come */
    bool soon;            /* asked for */
    bool look;            /* asked for, and the idle handle runs */
    bool ready_to_look;   /* a poll has run since */
    unsigned guards;      /* writes that libuv may go on with inside of its poll */
    bool guarded;         /* SIGPIPE is blocked until `check` */
    bool sigpipe_ignored; /* nothing to guard: as it was at open, or when the first of `guards` came */
};

/* Opens all handles; none of them keeps the loop alive while nothing is asked for. 0 or a libuv code, and then
 * `closed` is still called once (the handles that did open are closing). */
int rh_turn_open(struct rh_turn *turn, uv_loop_t *loop, const struct rh_turn_callbacks *callbacks);
void rh_turn_close(struct rh_turn *turn);

/* Calls `soon` once, behind the callbacks that run now and before the loop blocks. */
void rh_turn_soon(struct rh_turn *turn);
/* Calls `look` once, after a poll that does not block: bytes that had already arrived were read by then. */
void rh_turn_look(struct rh_turn *turn);
/* `look` no earlier than loop time `at_ms`; an earlier alarm stands. */
void rh_turn_alarm(struct rh_turn *turn, uint64_t at_ms);
/* From here on the turn keeps its loop alive: something may still come by a signal. */
void rh_turn_keep(struct rh_turn *turn);
/* libuv writes without MSG_NOSIGNAL: between these two, SIGPIPE is blocked in every poll, unless
 * the process ignores it. Counted. */
void rh_turn_guard(struct rh_turn *turn);
void rh_turn_unguard(struct rh_turn *turn);
/* The same around one call into the system that cannot be told otherwise. */
struct rh_turn_block {
    bool blocked;
};
struct rh_turn_block rh_turn_block(struct rh_turn *turn);
void rh_turn_unblock(struct rh_turn_block block);
/* From any thread while the turn is open. */
void rh_turn_signal(struct rh_turn *turn);

static inline uint64_t rh_turn_now_ms(const struct rh_turn *turn)
{
    return uv_now(turn->timer.loop);
}

#endif
