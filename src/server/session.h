/* A session is what speaks a protocol on a connection: HTTP/1.1 now. It does no I/O: a host (the
 * connection, the in-memory driver, a test) feeds it with bytes and pulls its answers.
 *
 * The host's loop: feed while the session wants input and no write is in flight; pull until nothing
 * is added; write what was pulled; tell `sent` when all of it was taken. Calls never nest. */
#ifndef RH_SERVER_SESSION_H
#define RH_SERVER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/address.h"
#include "rawhttp/exchange.h"

struct rh_engine;
struct rh_exchange;
struct rh_output;
struct rh_session;

/* Which deadline runs; its length is in the configuration. */
enum rh_deadline_class {
    RH_DEADLINE_NONE,
    RH_DEADLINE_HEAD,  /* a head is arriving (or the first one is awaited) */
    RH_DEADLINE_BODY,  /* silence in a body; restarts with each byte */
    RH_DEADLINE_WRITE, /* silence while writing: the host's own */
    RH_DEADLINE_IDLE,  /* between requests */
    RH_DEADLINE_REST,  /* TLS: a moment of idleness before buffers are given back: the host's own */
    RH_DEADLINE_ANSWER, /* the handler deferred */
    RH_DEADLINE_LINGER, /* our side is closed, the peer's bytes are discarded */
    RH_DEADLINE_TLS,    /* handshake: the host's own */
    RH_DEADLINE_CLASSES
};

enum rh_pull {
    RH_PULL_NOTHING, /* nothing to add now */
    RH_PULL_ADDED,   /* something was added; there may be more */
    RH_PULL_FULL     /* there is more, but it needs an empty output */
};

struct rh_session_ops {
    /* Takes bytes and answers how many it used; the rest is fed again, with more behind it. `len`
     * may be 0 after an EOF. */
    size_t (*feed)(struct rh_session *s, const char *bytes, size_t len);
    /* Adds answers to the output. */
    enum rh_pull (*pull)(struct rh_session *s, struct rh_output *out);
    /* The output that was pulled is written whole; told where it held a reference or a file, or
     * answers that somebody waits for. */
    void (*sent)(struct rh_session *s);
    /* The peer sends no more. */
    void (*eof)(struct rh_session *s);
    /* The connection is gone: cuts what is open. The last call. */
    void (*end)(struct rh_session *s, enum rh_abort reason);
    /* Its deadline passed. */
    void (*expire)(struct rh_session *s, enum rh_deadline_class which);
    /* Finish what is open and end; an idle session ends at once. */
    void (*drain)(struct rh_session *s);
    /* This exchange has something new to say, or wants its input again. Called at any time, also
     * from inside of a call of the session's own, behind which the host looks anyway. */
    void (*ready)(struct rh_session *s, struct rh_exchange *x);
};

/* What carries a session. */
struct rh_host {
    struct rh_engine *engine;
    struct rh_peer peer;
    bool tls;
    bool takes_files; /* ranges of open files may be put into the output */
    bool
        driving; /* a call of the session may be running: all of its state is looked at behind it */
};

struct rh_session {
    const struct rh_session_ops *ops;
    struct rh_host *host;
    uint8_t deadline; /* enum rh_deadline_class that should run now */
    bool restart;     /* restart the deadline although its class is the same; the host clears it */
    bool wants_input; /* feed would make progress; else the host may stop reading */
    bool has_output;  /* pull would add something; after a wake it must be asked anyway */
    bool finished;    /* nothing more to say: close our side behind the output */
    bool lingers;     /* finished, and the peer may still be sending: discard for a while */
    bool bulk;        /* much more comes or goes: larger buffers save system calls */
    bool at_rest;     /* between requests */
};

#endif
