/* The hooks run on the loops' threads: they make a line and hand it to a log writer, which never
 * blocks. */
#include "program/log/logs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program/log/access_line.h"
#include "program/kit/text.h"

/* How long the end waits while a descriptor takes nothing. */
enum { CLOSE_MS = 100, CLOSE_FILE_MS = 1000 };

static void on_line(void *data, enum rh_log_level level, const char *line)
{
    static const char *const names[] = {"error: ", "warning: ", "", "debug: "};
    static const char *const colors[] = {"\033[31m", "\033[33m", "", "\033[2m"};
    struct logs *logs = data;
    char buffer[2048];
    struct text text = {buffer, 0, sizeof buffer - 1};
    text_puts(&text, "rawhttp-uv: ");
    text_puts(&text, logs->notes.color ? colors[level] : "");
    text_puts(&text, names[level]);
    text_puts(&text, logs->notes.color && level != RH_LOG_INFO ? "\033[0m" : "");
    text_puts(&text, line);
    buffer[text.used++] = '\n';
    log_writer_add(logs->errors, buffer, text.used, 1);
}

static void on_access(void *data, const struct rh_access *access)
{
    struct logs *logs = data;
    char buffer[ACCESS_LINE_MAX];
    struct text text = {buffer, 0, sizeof buffer};
    access_line_add(&text, logs->format, logs->color_access, access);
    log_writer_add(logs->access, buffer, text.used, 1);
}

int logs_open(struct logs *logs, const struct options *options, char *ret_error, size_t error_size)
{
    *logs = (struct logs){.format = ACCESS_OFF};
    if (options->access_log >= 0)
        logs->format = (enum access_format)options->access_log;
    else if (options->log_file == NULL && isatty(STDOUT_FILENO))
        logs->format = ACCESS_DEV;
    /* Asking for a file asks for a log. */
    else if (options->log_file != NULL)
        logs->format = ACCESS_COMBINED;

    logs->notes.color = options_color(options, STDERR_FILENO);
    logs->color_access = options->log_file == NULL ? options_color(options, STDOUT_FILENO)
                                                   : options->color == COLOR_ALWAYS;
    logs->errors = log_writer_create(NULL, STDERR_FILENO);
    if (logs->errors == NULL) {
        snprintf(ret_error, error_size, "starting the log: %s", strerror(errno));
        return -1;
    }
    if (logs->format == ACCESS_OFF)
        return 0;
    logs->file = options->log_file != NULL;
    logs->access = log_writer_create(options->log_file, STDOUT_FILENO);
    if (logs->access != NULL) {
        log_writer_complain_to(logs->access, logs->errors);
        return 0;
    }
    snprintf(ret_error, error_size,
             "opening the access log '%.200s': %s; choose another --log-file",
             options->log_file != NULL ? options->log_file : "stdout", strerror(errno));
    log_writer_destroy(logs->errors, CLOSE_MS);
    return -1;
}

void logs_hook(struct logs *logs, struct rh_config *config)
{
    config->log = on_line;
    config->access = logs->access != NULL ? on_access : NULL;
    config->log_data = logs;
}

void logs_begin(struct logs *logs)
{
    logs->notes.writer = logs->errors;
}

void logs_reopen(struct logs *logs)
{
    if (logs->access != NULL)
        log_writer_reopen(logs->access);
}

void logs_close(struct logs *logs)
{
    log_writer_destroy(logs->access, logs->file ? CLOSE_FILE_MS : CLOSE_MS);
    log_writer_destroy(logs->errors, CLOSE_MS);
}
