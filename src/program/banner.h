/* What the program says when it has started. */
#ifndef RH_PROGRAM_BANNER_H
#define RH_PROGRAM_BANNER_H

#include <stdbool.h>
#include <stdint.h>

#include <rawhttp.h>

#include "program/ports.h"

struct banner {
    bool color;
    bool explains; /* somebody reads it: a line says how to stop, and what the memory is */
    const struct rh_runner *runner;
    size_t listeners;    /* of the runner, the first ones: those of --listen */
    unsigned http_port;  /* 0: there is none */
    unsigned https_port; /* 0: there is no TLS listener */
    const char *folder;  /* NULL: none was found */
    unsigned loops;
    const struct rh_config *config;
};

/* One line for each scheme and host with its URL, then one with the rest; on stderr. */
void banner_print(const struct banner *banner, const struct addresses *addresses);

#endif
