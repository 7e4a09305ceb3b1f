/* A deal: one request that a peer sends and what the app makes of it, seen from both sides. The
 * peer writes down what it asks for, the handler what it answers, and each of the library's
 * callbacks is counted against what is promised. */
#ifndef TESTS_SIM_DEAL_H
#define TESTS_SIM_DEAL_H

#include <rawhttp.h>

#include "sim/sim.h"
#include "util/assert.h"

enum deal_body { DEAL_NO_BODY, DEAL_LENGTH, DEAL_CHUNKED };

struct deal {
    unsigned id;
    /* The peer's. */
    enum rh_method method;
    enum deal_body body;
    size_t body_len;
    bool hostile; /* it breaks a rule: whatever is answered is right */

    /* The handler's. `x` is touched only where deal_is_usable. */
    struct rh_exchange *x;
    unsigned calls; /* callbacks with `x` that run now */
    bool handled;   /* the handler was called */
    bool held;
    bool stream_open;
    bool hub;   /* the stream is a hub's */
    bool asked; /* for the body */
    bool over;  /* its end was told */
    bool answered;
    bool handed;  /* to files or a hub, whose exchange it is from then on */
    bool cut;     /* on_abort said so */
    bool ended;   /* the outcome was told */
    bool never;   /* the handler forgets it until it is told of its end */
    bool overdue; /* the library may have answered in the handler's place */
    bool source_open;
    bool source_waits;
    bool in_pull;
    bool source_fails;
    bool watches;   /* the outcome is asked for */
    bool listens;   /* on_abort is */
    bool drainable; /* on_drain is */
    unsigned hints, cuts, drains;
    unsigned threads;  /* that will still post */
    unsigned posts;    /* that have not run */
    unsigned frees;    /* of free functions that are owed */
    uint64_t later_us; /* 0: nothing is planned */
    uint64_t received; /* of the body */

    /* The answer. */
    unsigned status;
    bool patterned; /* its content is the pattern */
    bool length_known;
    size_t length; /* what was promised, or pushed so far */
    bool served;   /* the peer read the handler's answer to its end */
    size_t given;  /* of a source or stream */
};

/* Byte `at` of a deal's request or answer. */
static inline char deal_byte(unsigned id, size_t at)
{
    return (char)('a' + (id * 7 + at * 3 + (at >> 8)) % 26);
}
void deal_fill(unsigned id, size_t at, char *out, size_t len);

/* A fresh one. */
struct deal *deal_create(void);
struct deal *deal_find(unsigned id);
unsigned deal_count(void);
void deal_forget_all(void);

/* May its exchange be touched now? */
static inline bool deal_is_usable(const struct deal *d)
{
    return d->x != NULL && !d->handed &&
           (d->calls > 0 || d->held || d->stream_open || (d->asked && !d->over && !d->answered));
}

/* Everything that was promised about it has come. */
void deal_check_end(const struct deal *d);

/* --- What a handler does (moves.c) --- */

enum place {
    PLACE_HANDLER,
    PLACE_BODY,
    PLACE_END,
    PLACE_ABORT,
    PLACE_DRAIN,
    PLACE_POST,
    PLACE_LATER,
    PLACE_ROOM
};

/* Something, as the seed says: it may answer, hold, ask for the body, and end the server. */
void deal_move(struct deal *d, enum place place);
/* Brings it to its end now, whatever it waits for. */
void deal_finish(struct deal *d);
/* Does what is due later. */
void deal_run_later(void);
/* A thread does something; false: there is none. */
bool deal_run_thread(void);
size_t deal_threads(void);
/* At the end of a callback: whoever did nothing yet does so. */
void deal_settle(struct deal *d, enum place place);

/* Frees an answer; for moves.c and sources.c. */
void deal_answer(struct deal *d);
/* An answer that is pulled. */
void deal_answer_source(struct deal *d);
void deal_open_stream(struct deal *d);
/* Writes some and perhaps ends. */
void deal_write_stream(struct deal *d, bool may_end);
void deal_ask_body(struct deal *d);

/* Whose server it is may end, inside of any callback. */
void sim_server_move(void);
struct rh_sse_hub *sim_hub(void);
struct rh_files *sim_files(void);

#endif
