/* The environment: RAWHTTP_* for each row of the table, and PORT.
 *
 * What the command line gave is not read again, and neither is what has no effect: a variable that
 * somebody set for another purpose must not end a program that was told otherwise. Kubernetes sets
 * RAWHTTP_PORT=tcp://10.0.0.1:80 in every pod beside a Service called rawhttp: such values are
 * ignored with a note. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/options/table.h"

void option_variable(const struct option_row *row, char *ret_name, size_t size)
{
    size_t length = (size_t)snprintf(ret_name, size, "RAWHTTP_%s", row->name);
    for (size_t i = 0; i < length && i < size; i++) {
        if (ret_name[i] >= 'a' && ret_name[i] <= 'z') {
            ret_name[i] = (char)(ret_name[i] - 'a' + 'A');
        } else if (ret_name[i] == '-') {
            ret_name[i] = '_';
        }
    }
}

/* Adds a line about a variable; one for which there is no room is left out. */
static void note(struct options *options, const char *name, const char *why)
{
    size_t used = strlen(options->notes);
    size_t left = sizeof options->notes - used;
    int length = snprintf(options->notes + used, left, "%s is ignored: %s\n", name, why);
    if (length < 0 || (size_t)length >= left) {
        options->notes[used] = '\0';
    }
}

/* The options that say nothing without TLS. Those that protect (--redirect-https, --client-ca) are
 * not among them: to drop a protection silently would be worse than to stop. */
static bool needs_tls(const struct option_row *row)
{
    static const char *const names[] = {"tls-port", "cert", "key", "dev-cert", "tls-timeout"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(row->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int read_list(struct options *options, const struct option_row *row, const char *name,
                     const char *text, char *ret_error, size_t error_size)
{
    struct text_list *list = (struct text_list *)(void *)((char *)options + row->offset);
    char *rest = NULL;
    list->copy = strdup(text);
    if (list->copy == NULL) {
        snprintf(ret_error, error_size, "%s: out of memory", name);
        return -1;
    }
    /* Values that may contain a comma are lines. */
    const char *separators = row->choices != NULL ? row->choices : ",";
    for (char *item = strtok_r(list->copy, separators, &rest); item != NULL;
         item = strtok_r(NULL, separators, &rest)) {
        if (option_store(options, row, name, item, ret_error, error_size) != 0) {
            return -1;
        }
    }
    return 0;
}

/* True for what Kubernetes calls the port of a Service. */
static bool is_service_port(const struct option_row *row, const char *text)
{
    return row->kind == OPTION_NUMBER && strstr(text, "://") != NULL;
}

/* The value of a row's variable, or NULL; of two names for a port the first that is usable. */
static const char *variable_of(struct options *options, const struct option_row *row,
                               char *ret_name, size_t size)
{
    option_variable(row, ret_name, size);
    const char *text = getenv(ret_name);
    if (text != NULL && is_service_port(row, text)) {
        note(options, ret_name, "it is the address of a service, not a port");
        text = NULL;
    }
    if (text == NULL && strcmp(row->name, "port") == 0) {
        /* What platforms set for the program they start; HOST is not read, shells set that. */
        snprintf(ret_name, size, "PORT");
        text = getenv(ret_name);
    }
    return text;
}

static int read_row(struct options *options, const struct option_row *row, char *ret_error,
                    size_t error_size)
{
    size_t index = (size_t)(row - option_table);
    char name[64];
    if (row->kind == OPTION_INFO || options->sources[index] != OPTION_DEFAULT ||
        (options->no_tls && needs_tls(row))) {
        return 0;
    }
    const char *text = variable_of(options, row, name, sizeof name);
    bool is_plain_flag = row->kind == OPTION_FLAG && row->argument == NULL;
    if (text == NULL || (text[0] == '\0' && !is_plain_flag)) {
        return 0;
    }
    options->sources[index] = OPTION_ENVIRONMENT;
    return row->kind == OPTION_LIST ? read_list(options, row, name, text, ret_error, error_size)
                                    : option_store(options, row, name, text, ret_error, error_size);
}

/* What Kubernetes sets beside a Service called rawhttp. */
static bool is_of_a_service(const char *name)
{
    return strncmp(name, "RAWHTTP_SERVICE_", 16) == 0 || strncmp(name, "RAWHTTP_PORT_", 13) == 0;
}

static bool is_known(const char *variable, size_t length)
{
    char name[64];
    for (size_t i = 0; i < option_table_length; i++) {
        option_variable(&option_table[i], name, sizeof name);
        if (option_table[i].kind != OPTION_INFO && strlen(name) == length &&
            strncmp(variable, name, length) == 0) {
            return true;
        }
    }
    return false;
}

/* A misspelt variable would otherwise be a setting that silently is none. */
static void note_unknown(struct options *options)
{
    for (char **variable = environ; *variable != NULL; variable++) {
        size_t length = strcspn(*variable, "=");
        char name[80];
        if (strncmp(*variable, "RAWHTTP_", 8) != 0 || is_of_a_service(*variable) ||
            is_known(*variable, length)) {
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)(length < 79 ? length : 79), *variable);
        note(options, name, "there is no such option: see --help");
    }
}

int options_read_environment(struct options *options, char *ret_error, size_t error_size)
{
    /* First, because others then have no effect. */
    if (read_row(options, option_find("no-tls", 6), ret_error, error_size) != 0) {
        return -1;
    }
    for (size_t i = 0; i < option_table_length; i++) {
        if (read_row(options, &option_table[i], ret_error, error_size) != 0) {
            return -1;
        }
    }
    note_unknown(options);
    return 0;
}
