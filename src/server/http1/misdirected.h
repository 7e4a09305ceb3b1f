/* What a plain request gets that was sent to a port for TLS: an answer that says so, once its head
 * is complete, so that a client that writes line by line can read it. */
#ifndef RH_SERVER_HTTP1_MISDIRECTED_H
#define RH_SERVER_HTTP1_MISDIRECTED_H

#include "server/session.h"

/* In the speaker's memory. */
struct rh_misdirected {
    struct rh_session session;
    uint32_t seen;   /* bytes of the head */
    uint8_t matched; /* bytes of "HEAD " at its start */
    bool line_ended; /* the last byte, CR apart, was LF */
    bool due;        /* the answer */
};

extern const struct rh_session_kind rh_misdirected_kind;

#endif
