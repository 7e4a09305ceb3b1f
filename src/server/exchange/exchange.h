/* The inside of an exchange: request view, arena, response draft, and the two machines that move
 * beside each other, the request's body and the answer. The session drives it; the public functions
 * only change its state and wake the session's host. */
#ifndef RH_SERVER_EXCHANGE_EXCHANGE_H
#define RH_SERVER_EXCHANGE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/h1/chunked.h"
#include "http/h1/parser.h"
#include "rawhttp/body.h"
#include "rawhttp/exchange.h"
#include "rawhttp/stream.h"
#include "server/engine/engine.h"
#include "server/output.h"
#include "server/session.h"
#include "server/exchange/watch.h"
#include "util/arena.h"
#include "util/list.h"

/* The request's body; body.c moves it.
 *
 *   UNASKED <-> READING <-> PAUSED          (an answer takes the reader away: UNASKED again)
 *   UNASKED --> DISCARDING                  (the answer is complete: read on)
 *   READING, DISCARDING, UNASKED --> DONE
 *   each but DONE ----------------> FAILED
 */
enum rh_body_state {
    RH_BODY_UNASKED,    /* nobody wants it so far: its bytes wait */
    RH_BODY_READING,    /* pieces are delivered as they come */
    RH_BODY_PAUSED,     /* the handler took less than it was given */
    RH_BODY_DISCARDING, /* the answer is complete: read on to keep the connection */
    RH_BODY_DONE,       /* complete, or there was none */
    RH_BODY_FAILED      /* cut, too large, framed wrongly, too late */
};

/* The answer; answer.c moves it.
 *
 *   NONE -> READY -> SENDING <-> WAITING
 *             |         `-----------`-> COMPLETE
 *             `-----------------------> COMPLETE       (no content follows the head)
 */
enum rh_answer_state {
    RH_ANSWER_NONE,    /* not given yet */
    RH_ANSWER_READY,   /* given: its head is made at the next pull */
    RH_ANSWER_SENDING, /* head made, content is pulled */
    RH_ANSWER_WAITING, /* its source has nothing now */
    RH_ANSWER_COMPLETE /* all of it is in the output, or was lost */
};

/* Its content. From OWNED on it holds something that is given back (rh_answer_give_back), and then
 * it is EMPTY. */
enum rh_answer_kind {
    RH_ANSWER_EMPTY,
    RH_ANSWER_COPY,   /* in the arena */
    RH_ANSWER_STATIC, /* in the program */
    RH_ANSWER_OWNED,  /* the handler's, freed by its function */
    RH_ANSWER_SLAB,   /* a copy that fits no arena */
    RH_ANSWER_SOURCE, /* pulled */
    RH_ANSWER_FILE,   /* pulled, or taken as ranges: its data begins with a struct rh_file_source */
    RH_ANSWER_STREAM, /* pulled from the pipe that the handler writes to */
    RH_ANSWER_UPGRADE /* 101: a session of another kind takes over */
};

/* Whose answer it is; hold.c moves it.
 *
 *   OWN -> OVERRULING -> REPLYING -> OVERRULED
 */
enum rh_tie {
    RH_TIE_OWN,        /* the handler's */
    RH_TIE_OVERRULING, /* the handler hears that its answer comes too late */
    RH_TIE_REPLYING,   /* the library answers in its place */
    RH_TIE_OVERRULED   /* what the handler answers is a no-op, but its hold is its own to end */
};

/* The push stream; stream.c moves it. It is the handler's to end, whatever becomes of the answer;
 * one that is opened after another has ended writes to nobody, as a second answer does. */
enum rh_stream_state { RH_STREAM_NONE, RH_STREAM_OPEN, RH_STREAM_CLOSED };

/* The content that such a stream writes. */
enum rh_pipe_state { RH_PIPE_OPEN, RH_PIPE_ENDED, RH_PIPE_FAILED };

struct rh_response_field {
    struct rh_response_field *next;
    struct rh_slice name;
    struct rh_slice value;
};

/* Who wants to hear of an abort. */
struct rh_abort_hook {
    struct rh_abort_hook *next;
    rh_abort_fn fn; /* NULL: taken away, its place is free for another */
    void *data;
    uint8_t told; /* 0, 1: of the hint, 2: of the cut */
};

struct rh_outcome_hook {
    struct rh_outcome_hook *next;
    rh_outcome_fn fn;
    void *data;
};

/* Buffer between rh_stream_write and pull. */
struct rh_pipe {
    char *bytes;  /* a slab object, acquired at the first write, given back when empty and ended */
    uint32_t at;  /* the first byte not yet pulled */
    uint32_t end; /* behind the last one written */
    rh_stream_fn on_drained;
    void *data;
    uint8_t state;      /* enum rh_pipe_state */
    bool wants_drained; /* a write took less than everything */
};

/* What a session keeps for an exchange: the first member of an object of its own. */
struct rh_exchange_part {
    void (*on_free)(struct rh_exchange *x); /* the exchange is about to be freed */
};

struct rh_exchange {
    /* Set when it is created, or before they are first read. */
    struct rh_link waiting; /* in engine->body_waiters, or, answered, in output->answered until it
                               is written */
    struct rh_engine *engine;
    struct rh_session *session; /* NULL: cut, or concluded */
    uint64_t started_us;        /* first byte of the head was seen */
    struct rh_field *fields;    /* head.fields_n of them, in the arena */
    struct rh_head head;        /* this and the path with `base` */
    struct rh_slice path;       /* canonical */
    struct rh_peer peer;        /* the connection's, or what a trusted proxy says */
    struct rh_arena arena;      /* with `base` */
    void *body_data;            /* with the callbacks of the body */
    uint64_t body_limit;
    uint64_t rate_paid; /* since rate_from_ms, with what was in hand then; thousandths of a byte */
    struct rh_field *trailers; /* with RH_BODY_CHUNKED */
    const char *trailers_base; /* with trailers_n */
    struct rh_response_field **response_last;
    union {
        struct {
            struct rh_slice memory; /* with COPY to SLAB */
            union {
                struct {
                    void (*free_fn)(void *free_data);
                    void *free_data;
                } owned;
                struct rh_place place; /* with SLAB: where `memory` lies, from pools.answers */
            };
        };
        struct rh_source source; /* with SOURCE, FILE and STREAM */
        struct {
            const struct rh_session_kind *kind; /* NULL: it has taken over */
            void *argument;
        } upgrade;
    };
    struct rh_alarm alarm; /* with `watch` */
    uint64_t seen_ms;      /* with `watch`: since then it waits */
    struct rh_pipe pipe;   /* with a stream */

    /* From here to `in` all is zero at first. */
    struct rh_link held_link; /* in engine->held; zero: it was never held */

    /* Request. */
    const char *base; /* the head's bytes, in the arena or in head_block; NULL: still arriving */
    void *head_block; /* from pools.heads, for a large one */
    struct rh_slice forwarded_host; /* what a trusted proxy says; absent: the request's own */

    /* Request body. */
    rh_body_data_fn on_data;
    rh_body_end_fn on_end;
    rh_body_whole_fn on_whole;
    uint64_t body_received; /* content bytes so far */
    uint64_t body_left;     /* RH_BODY_LENGTH: still to come */
    uint64_t body_pending;  /* decoded and not taken: they stand first in the input */
    uint64_t body_discarded;
    uint64_t rate_from_ms; /* the minimum rate counts from here */
    struct rh_place whole; /* the gathered body, in the arena or from pools.bodies */
    uint16_t trailers_n;

    /* Answer. */
    uint16_t status; /* once given */
    struct rh_response_field *response_first;
    struct rh_slice type;    /* Content-Type; absent: none */
    uint64_t answer_bytes;   /* body bytes handed to the output */
    uint32_t response_bytes; /* what the fields need in a head */

    /* States and flags. */
    uint8_t body_state;   /* enum rh_body_state */
    uint8_t answer_state; /* enum rh_answer_state */
    uint8_t answer_kind;  /* enum rh_answer_kind */
    uint8_t watch;        /* enum rh_watch; changed by rh_exchange_watch_for */
    bool overdue;         /* what is watched for did not come in time */
    uint8_t stream;       /* enum rh_stream_state */
    uint8_t refusal;      /* enum rh_rule for which its head or body was refused */
    uint8_t cut;          /* enum rh_abort with which it was cut, 0: not */
    uint8_t calls;        /* depth of user callbacks that run on it: not released inside */
    bool held;            /* by rh_exchange_hold */
    bool peer_eof;        /* the hint was given */
    bool chunked;         /* the answer is framed by chunks */
    bool ends_connection; /* the answer says so */
    bool body_told;       /* on_end or on_whole was called */
    bool continue_due;    /* 100 (Continue) is to be sent */
    bool concluded;       /* outcome told */
    bool tls;             /* the connection's, or what a trusted proxy says */
    bool as_is;           /* the door's `finish` is not told of it */
    uint8_t tie;          /* enum rh_tie */

    _Atomic uint32_t posts; /* of other threads that have not run yet; counted by them */

    struct rh_exchange_part *part; /* the session's own; NULL: none */

    /* Hooks and names. */
    struct rh_abort_hook *aborts; /* newest first; in the arena, and their places stay in it */
    struct rh_outcome_hook *outcomes;
    void *app;
    struct rh_slice route;
    const char *user;
    const char *request_id;

    union {
        struct rh_parser parser;  /* until the head is complete */
        struct rh_chunked chunks; /* from then on */
    } in;
    char memory_inline[];
};

/* A fresh exchange whose parser stands at the first byte, or NULL when the pool is empty. */
struct rh_exchange *rh_exchange_create(struct rh_engine *engine, struct rh_session *session);
/* The head is complete at `base`: keeps its bytes and makes the path canonical. RH_RULE_NONE or why
 * not. */
enum rh_rule rh_exchange_open_head(struct rh_exchange *x, const char *base);
/* Calls the app. */
void rh_exchange_handle(struct rh_exchange *x);
/* A handler returned: if it neither answered nor deferred, the peer gets a 500 and the log a line,
 * unless the handler closed the server. */
void rh_exchange_require_answer(struct rh_exchange *x);
/* Gives a gathered body back. */
void rh_exchange_release_whole(struct rh_exchange *x);
/* For whom memory is gathered: peers on this machine have no share. */
rh_owner rh_exchange_owner(const struct rh_exchange *x);
/* Whole bodies that wait for the budget: the first for which there is room goes on. */
void rh_body_serve_waiters(struct rh_engine *engine);

/* A hook or the access log is to be told how it ended. */
static inline bool rh_exchange_wants_outcome(const struct rh_exchange *x)
{
    return RH_UNLIKELY(x->outcomes != NULL || x->engine->config.access != NULL);
}
/* The outcome is known: tells hooks, log and counters, then releases where nobody holds it. */
void rh_exchange_conclude(struct rh_exchange *x, bool aborted);
/* All bytes of the answer are in the output (NULL: written): concludes it, or, where somebody wants
 * to be told, puts it behind the others that wait for the write. Between enter and leave. */
void rh_exchange_conclude_behind(struct rh_exchange *x, struct rh_output *out);
/* The write is done, or will never be: concludes those that waited for it. */
void rh_exchange_conclude_answered(struct rh_output *out, bool aborted);
/* The connection is gone, or the answer came too late: detaches it from its session and tells the
 * handler. */
void rh_exchange_cut(struct rh_exchange *x, enum rh_abort reason);
void rh_exchange_hint_eof(struct rh_exchange *x);
/* Tells those who want to hear of it and have not yet, newest first. Between enter and leave. */
void rh_exchange_tell_abort(struct rh_exchange *x, enum rh_abort reason);
/* Posts of other threads that have not run yet. */
static inline bool rh_exchange_has_posts(const struct rh_exchange *x)
{
    return atomic_load_explicit(&x->posts, memory_order_relaxed) > 0;
}
/* A handler will come back to it: it holds it, or has a stream to end. */
static inline bool rh_exchange_is_kept(const struct rh_exchange *x)
{
    return x->held || x->stream == RH_STREAM_OPEN;
}
/* Gives the memory back if nothing needs it any more: the one gate, which asks and does not count.
 */
void rh_exchange_free(struct rh_exchange *x);
static inline void rh_exchange_maybe_release(struct rh_exchange *x)
{
    if (x->session == NULL && x->concluded && !rh_exchange_is_kept(x) && x->calls == 0 &&
        !rh_exchange_has_posts(x)) {
        rh_exchange_free(x);
    }
}
/* What the handler answers is not sent any more. */
static inline bool rh_exchange_is_overruled(const struct rh_exchange *x)
{
    return x->tie == RH_TIE_OVERRULING || x->tie == RH_TIE_OVERRULED;
}

/* Everything of an exchange belongs to its loop's thread. */
static inline void rh_exchange_assert_thread(const struct rh_exchange *x)
{
    RH_ASSERT(x->engine->thread == rh_thread_self());
}

/* A user callback runs from here to leave: the exchange is not released in between. */
static inline void rh_exchange_enter(struct rh_exchange *x)
{
    x->calls++;
}
static inline void rh_exchange_leave(struct rh_exchange *x)
{
    RH_ASSERT(x->calls > 0);
    x->calls--;
    rh_exchange_maybe_release(x);
}

/* The answer was given: a hold has ended, unless another answered in the handler's place. */
static inline void rh_exchange_answered(struct rh_exchange *x)
{
    if (RH_LIKELY(x->tie != RH_TIE_REPLYING)) {
        x->held = false;
    }
}
/* There is none, or it comes. */
void rh_body_begin(struct rh_exchange *x, bool is_empty);
/* The answer is complete: the rest of it is read and thrown away. */
void rh_body_discard(struct rh_exchange *x);
/* Nobody reads it any more. */
void rh_body_drop_reader(struct rh_exchange *x);
/* The body's callbacks are not called any more. */
static inline void rh_body_leave(struct rh_exchange *x)
{
    x->body_told = true;
    if (x->body_state == RH_BODY_READING || x->body_state == RH_BODY_PAUSED) {
        rh_body_drop_reader(x);
    }
}

/* Gives the pipe's memory back. */
void rh_stream_drop(struct rh_exchange *x);
/* Nothing is sent any more: a writer that waits for room hears that there is some, so that it comes
 * to its end. */
void rh_stream_let_go(struct rh_exchange *x);

/* Delivers `piece` to whoever asked for the body; returns how much was taken. Between enter and
 * leave. */
size_t rh_exchange_body_deliver(struct rh_exchange *x, struct rh_slice piece);
/* How many bytes the reader of the body takes at most. */
uint64_t rh_exchange_body_limit(const struct rh_exchange *x);
/* The body ended: 0 or an error; tells once. After an error that the handler did not answer, the
 * library does. */
void rh_exchange_body_end(struct rh_exchange *x, int error);
/* Somebody else answers: whoever reads the body hears RH_ECUT, and the rest of it is discarded. */
void rh_exchange_body_abandon(struct rh_exchange *x);

/* hold.c: a handler, or an open stream, keeps it beyond its callback: it is in the engine's list
 * from now on. */
void rh_exchange_note_kept(struct rh_exchange *x);
/* The handler's hold has ended. */
static inline void rh_exchange_let_go(struct rh_exchange *x)
{
    x->held = false;
}

/* It has something new to say, or wants its input again: its session hears. */
static inline void rh_exchange_ready(struct rh_exchange *x)
{
    if (x->session != NULL) {
        x->session->ops->ready(x->session, x);
    }
}

/* What log lines call an exchange: its route; its target, as it was sent, up to the query, if there
 * is no route or a route of many names. */
struct rh_slice rh_exchange_row(const struct rh_exchange *x);
#define RH_ROW(x) (int)rh_exchange_row(x).len, rh_exchange_row(x).base /* for "%.*s" */

#endif
