/* A connection without what carries it: joins a session and two buffers, and moves bytes between
 * them in one loop. A socket's connection (conn/conn.h) embeds one, and so does the in-memory
 * driver's, so both behave alike.
 */
#ifndef RH_SERVER_DRIVE_H
#define RH_SERVER_DRIVE_H

#include <time.h>

#include "server/conn/conns.h"
#include "server/drive_states.h"
#include "server/output.h"
#include "server/session.h"
#include "server/speaker.h"

struct rh_drive {
    struct rh_host host;
    union rh_speaker speaker;
    struct rh_drive *next_ready; /* in conns->ready, whose last one points to itself; else NULL */
    struct rh_due deadline;
    char *in; /* slab object with bytes in_at to in_len unused; NULL while there are none */
    struct rh_output *out; /* NULL while nothing is to be written */
    uint32_t in_at;
    uint32_t in_len;
    union {
        uint32_t unsent; /* IN_FLIGHT: what was not taken when the write deadline was set */
        struct {
            uint32_t came : 24;   /* SHUT: bytes of the peer's in this period of the linger... */
            uint32_t periods : 8; /* ...and how many were before it */
        } linger;
    } count;
    uint8_t deadline_class; /* that runs */
    uint8_t reason;         /* enum rh_abort with which it closes */
    uint8_t life : 2;       /* enum rh_life */
    uint8_t input : 2;      /* enum rh_input_state */
    uint8_t output : 2;     /* enum rh_output_state */
    bool in_is_bulk : 1;    /* where `in` came from */
    bool boxed : 1;         /* which of the speaker's */
    bool chosen : 1;        /* the kind of session is decided */
    bool rested : 1;        /* what carries it gave its buffers back */
    bool was_idle : 1;      /* not its first rest */
};

/* Begins with the default kind in zeroed memory. The caller has set `host`, and `life` to SECURING
 * if `rh_drive_secured` follows. */
void rh_drive_open(struct rh_drive *d);
/* The only way an end begins; idempotent. The session ends when its call that runs now is over. */
void rh_drive_close(struct rh_drive *d, enum rh_abort reason);

/* Moves bytes until nothing moves any more; a call from inside of it is done by the one that runs.
 */
void rh_drive_run(struct rh_drive *d);

/* What the carrier tells. */
void rh_drive_room(struct rh_drive *d, char **ret_base, size_t *ret_len); /* for input, 0: none */
void rh_drive_input(struct rh_drive *d, size_t len); /* so much was put there; `run` follows */
void rh_drive_ended(struct rh_drive *d, int status); /* UV_EOF, or what ended reading */
/* The handshake is complete; `alpn` may be absent. */
void rh_drive_secured(struct rh_drive *d, struct rh_slice alpn);
/* There is no handshake: the peer's bytes come as they are, and are plain HTTP. */
void rh_drive_plain(struct rh_drive *d);
void rh_drive_written(struct rh_drive *d, int status); /* what was in flight */
/* Nothing carries it any more: gives everything back. The last call. */
void rh_drive_closed(struct rh_drive *d);

/* Between these two, calls of the session run; a close that comes meanwhile goes on in `leave`,
 * which returns true if something happened that asks for another round. */
void rh_drive_enter(struct rh_drive *d);
bool rh_drive_leave(struct rh_drive *d);

/* Who speaks (drive_speaker.c). `choose` returns false if more bytes are needed. */
bool rh_drive_choose(struct rh_drive *d);
void rh_drive_hand_over(struct rh_drive *d);

/* The deadline that ran has passed (drive_expire.c). */
void rh_drive_expire(struct rh_drive *d, enum rh_deadline_class which);
/* Finish what is open and end. */
void rh_drive_drain(struct rh_drive *d);
void rh_drive_set_deadline(struct rh_drive *d, enum rh_deadline_class which);

/* Its turn has come: it was queued and is not in the list any more. */
void rh_drive_ready(struct rh_drive *d);

static inline struct rh_session *rh_drive_session(struct rh_drive *d)
{
    return RH_LIKELY(!d->boxed) ? &d->speaker.http1.session : d->speaker.boxed;
}

static inline struct rh_conns *rh_drive_conns(const struct rh_drive *d)
{
    return d->host.engine->conns;
}

static inline const struct rh_carrier *rh_drive_carrier(const struct rh_drive *d)
{
    return rh_drive_conns(d)->carrier;
}

static inline bool rh_drive_is_closing(const struct rh_drive *d)
{
    return (d->life & RH_LIFE_CLOSING) != 0; /* ENDED has that bit too: one test with other fields */
}

#endif
