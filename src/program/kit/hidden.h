/* The paths that no folder serves: certificates, keys, the authority of clients, the log file. */
#ifndef RH_PROGRAM_KIT_HIDDEN_H
#define RH_PROGRAM_KIT_HIDDEN_H

#include <limits.h>
#include <stddef.h>

#include <rawhttp.h>

#include "program/kit/locate.h"
#include "program/options/options.h"

enum { DEFAULT_PAIR_FILES = 2 * LOCATE_PAIR_PLACES };

struct hidden {
    const char *paths[RH_FILES_HIDDEN_MAX + 1]; /* NULL at the end, for rh_files_options.hidden */
    size_t count;
    char defaults[DEFAULT_PAIR_FILES][PATH_MAX]; /* where a default pair is looked for */
};

/* Collects what the options name, whether it is in use or not, and where a default pair would be.
 * The options must stay. */
void hidden_init(struct hidden *hidden, const struct options *options);
/* Adds a path, which must stay. NULL accepted. */
void hidden_add(struct hidden *hidden, const char *path);

#endif
