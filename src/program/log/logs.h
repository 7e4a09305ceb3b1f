/* The program's two logs: the access log, and what the library has to say, on stderr. */
#ifndef RH_PROGRAM_LOG_LOGS_H
#define RH_PROGRAM_LOG_LOGS_H

#include <stdbool.h>
#include <stddef.h>

#include <rawhttp.h>

#include "program/log/writer.h"
#include "program/log/notes.h"
#include "program/options/options.h"

struct logs {
    struct log_writer *access; /* NULL where the access log is off */
    struct log_writer *errors;
    enum access_format format;
    bool color_access;
    struct notes notes; /* what the program itself says */
    bool file;          /* the access log is a file: a slow disk gets more time at the end */
};

/* Opens both as the options say. Returns 0, or -1 with a line in `ret_error`. */
int logs_open(struct logs *logs, const struct options *options, char *ret_error, size_t error_size);

/* Puts the hooks into a server's configuration; they may run on any number of loops at once. */
void logs_hook(struct logs *logs, struct rh_config *config);

/* Opens the access log's file again. */
void logs_reopen(struct logs *logs);

/* From here on the program's notes wait for no reader. */
void logs_begin(struct logs *logs);

/* Writes what is left, and closes. */
void logs_close(struct logs *logs);

#endif
