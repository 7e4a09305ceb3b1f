/* A session is what speaks a protocol on a connection. It does no I/O: a host (the drive loop of a
 * connection, a session that carries another one, a test) feeds it with bytes and pulls its
 * answers.
 *
 * The host's loop: feed while the session wants input; pull until nothing is added; write what was
 * pulled; call `sent` when all of it was taken. While a write is in flight nothing is pulled, and
 * nothing is fed either, unless the session reads while it writes. Calls never nest. */
#ifndef RH_SERVER_SESSION_H
#define RH_SERVER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/address.h"
#include "rawhttp/exchange.h"

struct rh_engine;
struct rh_exchange;
struct rh_host;
struct rh_output;
struct rh_session;
struct rh_tls_info;
union rh_speaker;

/* Which deadline runs; its length is in the configuration. */
enum rh_deadline_class {
    RH_DEADLINE_NONE,
    RH_DEADLINE_HEAD,  /* a head is arriving (or the first one is awaited) */
    RH_DEADLINE_WRITE, /* silence while writing: the host's own */
    RH_DEADLINE_IDLE,  /* between requests */
    RH_DEADLINE_REST,  /* TLS: a moment of idleness before buffers are given back: the host's own */
    RH_DEADLINE_LINGER, /* our side is closed, the peer's bytes are discarded */
    RH_DEADLINE_TLS,    /* handshake: the host's own */
    RH_DEADLINE_QUIET,  /* no end; TLS gives its buffers back as between requests */
    RH_DEADLINE_CLASSES
};

enum rh_pull {
    RH_PULL_NOTHING, /* nothing to add now */
    RH_PULL_ADDED,   /* something was added; there may be more */
    RH_PULL_FULL     /* there is more, but it needs an empty output */
};

/* Whose the first bytes of a plain connection are. */
enum rh_claim {
    RH_CLAIM_NO,
    RH_CLAIM_MORE, /* they may be its own: more bytes decide */
    RH_CLAIM_YES
};

/* One kind of session, and how a connection comes to speak it. */
struct rh_session_kind {
    const char *name; /* for logs */
    const char *alpn; /* by which the handshake chooses it (RFC 7301); NULL: never */
    /* Looks at the first bytes of a plain connection; NULL: none are its own. */
    enum rh_claim (*claims)(const char *bytes, size_t len);
    /* Begins a session, in `speaker` or in memory of its own (`speaker` is NULL inside of another
     * session). `argument` is what a hand-over passes on, else NULL. Returns NULL if there is no
     * memory; the argument is given back then. */
    struct rh_session *(*open)(struct rh_host *host, union rh_speaker *speaker, void *argument);
    /* Gives back the argument of a hand-over that does not happen; NULL: nothing to do. */
    void (*cancel)(void *argument);
};

struct rh_session_ops {
    /* Takes bytes and returns how many it used; the rest is fed again, with more after it. The
     * bytes may be changed. `len` may be 0 after an EOF. */
    size_t (*feed)(struct rh_session *s, char *bytes, size_t len);
    /* Adds answers to the output. */
    enum rh_pull (*pull)(struct rh_session *s, struct rh_output *out);
    /* The output that was pulled is written whole; called if it held a reference or a file, or
     * answers that somebody waits for. */
    void (*sent)(struct rh_session *s);
    /* The peer sends no more. */
    void (*eof)(struct rh_session *s);
    /* The connection is gone, or another session has taken it: cuts what is open and gives back
     * memory of its own. The last call. */
    void (*end)(struct rh_session *s, enum rh_abort reason);
    /* Its deadline passed. */
    void (*expire)(struct rh_session *s, enum rh_deadline_class which);
    /* Finish what is open and end; an idle session ends at once. */
    void (*drain)(struct rh_session *s);
    /* This exchange has something new to say, or wants its input again. Called at any time, also
     * from inside of a call of the session's own, after which the host looks anyway. */
    void (*ready)(struct rh_session *s, struct rh_exchange *x);
    /* Names the kind that takes over, and its argument; asked once after `hands_over` was set.
     * What the old session pulled stays in front of what the new one pulls, and bytes that were
     * not used are fed to the new one. NULL if it never sets the flag. */
    const struct rh_session_kind *(*become)(struct rh_session *s, void **ret_argument);
};

/* What a host does in its round. */
enum rh_drive_state {
    RH_DRIVE_IDLE,
    RH_DRIVE_QUEUED,  /* is driven at the end of this turn */
    RH_DRIVE_RUNNING, /* calls of the session may be running: all of its state is looked at after */
    RH_DRIVE_AGAIN    /* running, and something happened meanwhile */
};

/* Who carries the session, and is woken. */
enum rh_host_kind {
    RH_HOST_CONNECTION,
    RH_HOST_SESSION /* another session, which engine->wake_within wakes */
};

/* What carries a session. */
struct rh_host {
    struct rh_engine *engine;
    struct rh_peer peer;
    bool secure;      /* the bytes travel encrypted */
    bool takes_files; /* ranges of open files may be put into the output */
    uint8_t drive;    /* enum rh_drive_state */
    uint8_t kind;     /* enum rh_host_kind */
};

struct rh_session {
    const struct rh_session_ops *ops;
    struct rh_host *host;
    uint8_t deadline; /* enum rh_deadline_class that should run now */
    bool restart;     /* restart the deadline although its class is the same; the host clears it */
    bool wants_input; /* feed would make progress; else the host may stop reading */
    bool has_output;  /* pull would add something; after a wake it must be asked anyway */
    bool finished;    /* nothing more to say: close our side after the output */
    bool bulk;        /* much more comes or goes: larger buffers save system calls */
    bool at_rest;     /* between requests */
    bool lingers : 1; /* finished, and the peer may still be sending: discard for a while... */
    bool unread : 1;  /* ...also at a stop: it sends what was answered already */
    bool hands_over : 1;          /* another session takes over: `become` names it */
    bool reads_while_writing : 1; /* it must be fed also while a write is in flight */
};

/* Something changed outside of the host's calls: it looks at the session soon. Defined by the drive
 * loop (drive.c). */
void rh_host_wake(struct rh_host *host);

/* Returns true if the host looks at the session after the call that runs now. */
static inline bool rh_host_is_driving(const struct rh_host *host)
{
    return host->drive >= RH_DRIVE_RUNNING;
}

#endif
