/* One line, one write: lines of several threads do not mix. */
#include "program/log/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024 };

void notes_line(const struct notes *notes, const char *line)
{
    char bytes[LINE_MAX_BYTES + 2];
    int length = snprintf(bytes, sizeof bytes, "%.*s\n", LINE_MAX_BYTES, line);
    if (notes->writer != NULL) {
        log_writer_add(notes->writer, bytes, (size_t)length, 1);
    } else {
        fwrite(bytes, 1, (size_t)length, stderr);
    }
}

__attribute__((format(printf, 3, 0))) static void
write_line(const struct notes *notes, const char *begin, const char *format, va_list arguments)
{
    char line[LINE_MAX_BYTES];
    size_t length = (size_t)snprintf(line, sizeof line, "rawhttp-uv: %s", begin);
    vsnprintf(line + length, sizeof line - length, format, arguments);
    notes_line(notes, line);
}

void notes_say(const struct notes *notes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(notes, "", format, arguments);
    va_end(arguments);
}

void notes_warn(const struct notes *notes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(notes, notes->color ? "\033[33mwarning:\033[0m " : "warning: ", format, arguments);
    va_end(arguments);
}
