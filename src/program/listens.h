/* The addresses of --listen, and the sockets that a service manager hands over. */
#ifndef RH_PROGRAM_LISTENS_H
#define RH_PROGRAM_LISTENS_H

#include <stddef.h>

#include <rawhttp.h>

#include "program/options/options.h"

/* How many sockets a service manager hands over to this process (sd_listen_fds(3)). */
size_t listens_inherited(void);

/* Listens on all of them, each on all loops; `tls` (may be NULL) for those that are of HTTPS.
 * Returns 0, or -1 with a line in `ret_error`. */
int listens_open(struct rh_runner *runner, const struct options *options, struct rh_tls *tls,
                 char *ret_error, size_t error_size);

#endif
