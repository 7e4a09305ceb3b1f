/* Signals of the program, handled on loop 0. */
#ifndef RH_PROGRAM_SIGNALS_H
#define RH_PROGRAM_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <rawhttp.h>

#include "program/log/logs.h"
#include "program/tls/watch.h"

struct signals {
    struct rh_runner *runner;
    struct logs *logs;
    struct tls_watch *watch;
    uint64_t delay_ms, grace_ms;
    bool had_terminal; /* a controlling terminal, when the program started */
    bool stopping;
    size_t open; /* handles that are initialised: the first ones of the array */
    uv_signal_t handles[4];
};

/* Starts to listen to SIGINT, SIGTERM, SIGHUP (where it was not ignored) and SIGUSR1, and ignores
 * SIGPIPE. Returns 0 or a negative code of libuv. */
int signals_open(struct signals *signals, struct rh_runner *runner, struct logs *logs,
                 struct tls_watch *watch, uint64_t delay_ms, uint64_t grace_ms);

/* Closes the handles; their loop must be run once more before it is closed. */
void signals_close(struct signals *signals);

#endif
