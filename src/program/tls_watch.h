/* Watches the certificate files in use and reloads them when they change, on loop 0. */
#ifndef RH_PROGRAM_TLS_WATCH_H
#define RH_PROGRAM_TLS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "program/tls_setup.h"

struct tls_watch {
    struct tls_setup *setup;
    bool color;
    uv_timer_t
        calm; /* runs while files still change: certificate and key come one after the other */
    uv_fs_poll_t polls[PAIR_FILES_MAX];
    size_t count;
    bool open;
};

/* Without TLS, or where a watch can not be set, it does nothing: SIGHUP is always there. */
void tls_watch_open(struct tls_watch *watch, uv_loop_t *loop, struct tls_setup *setup, bool color);
/* Closes the handles; their loop must be run once more before it is closed. */
void tls_watch_close(struct tls_watch *watch);

#endif
