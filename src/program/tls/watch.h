/* Watches the configured certificate files and reloads them when they change, on loop 0. */
#ifndef RH_PROGRAM_TLS_WATCH_H
#define RH_PROGRAM_TLS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "program/tls/setup.h"

struct tls_watch {
    struct tls_setup *setup;
    uint64_t last_ms; /* when the last reload was */
    uv_timer_t calm;  /* runs while files still change, or a signal waits to be obeyed */
    uv_fs_poll_t polls[PAIR_FILES_MAX];
    size_t count;
    bool open;
};

/* Without TLS it does nothing; if a watch cannot be set, SIGHUP still works. */
void tls_watch_open(struct tls_watch *watch, uv_loop_t *loop, struct tls_setup *setup);

/* Reloads soon, for a signal: at once or a second after the last time, and once for any number of
 * signals that come meanwhile. */
void tls_watch_ask(struct tls_watch *watch);

/* Closes the handles; their loop must be run once more before it is closed. */
void tls_watch_close(struct tls_watch *watch);

#endif
