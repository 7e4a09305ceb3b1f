/* What the program has to say on stderr. Before the start a line is written at once; after it,
 * lines go through the bounded log writer: a reader that reads no more must not stop the loop. */
#ifndef RH_PROGRAM_LOG_NOTES_H
#define RH_PROGRAM_LOG_NOTES_H

#include <stdbool.h>

#include "program/log/writer.h"

struct notes {
    struct log_writer *writer; /* NULL: before the start, straight to stderr */
    bool color;
};

/* "rawhttp-uv: …", or with "warning: " before the text. */
void notes_say(const struct notes *notes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void notes_warn(const struct notes *notes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The line as it is. */
void notes_line(const struct notes *notes, const char *line);

#endif
