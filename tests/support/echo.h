/* A kind of session of the tests' own: sends back what it gets. Boxed, chosen by ALPN "echo", by
 * the preface "ECHO\n" on a plain port, or by a hand-over. */
#ifndef TESTS_SUPPORT_ECHO_H
#define TESTS_SUPPORT_ECHO_H

#include <stdbool.h>

#include "rawhttp/exchange.h"

struct rh_session_kind;

extern const struct rh_session_kind echo_kind;

/* What a hand-over to it passes on. */
struct echo_argument {
    const char *greeting; /* said first */
};

extern unsigned echo_opened;    /* sessions begun */
extern unsigned echo_ended;     /* their last call was made */
extern unsigned echo_drained;   /* told to drain */
extern unsigned echo_cancelled; /* hand-overs that did not happen */
extern unsigned echo_expired;
extern enum rh_abort echo_reason;     /* of the last end */
extern bool echo_fails;               /* the next one finds no memory */
extern bool echo_is_quiet;            /* waits without a deadline, as a WebSocket does */
extern bool echo_reads_while_writing; /* of the next one */
extern unsigned echo_fed_in_flight;   /* bytes that came while its answer was not taken */

#endif
