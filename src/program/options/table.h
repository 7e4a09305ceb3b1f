/* The table of options: one row each, for the command line, the environment and the help. */
#ifndef RH_PROGRAM_OPTIONS_TABLE_H
#define RH_PROGRAM_OPTIONS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "program/options/options.h"

/* What a value may look like. All but TEXT and LIST store an int64_t. */
enum option_kind {
    OPTION_FLAG,     /* on or off; on the command line without a value too, and as --no-NAME */
    OPTION_CHOICE,   /* one of `choices`; stores its place in the list */
    OPTION_COUNT,    /* a number that may end in K, M or G, within minimum and maximum */
    OPTION_NUMBER,   /* a plain number within minimum and maximum */
    OPTION_LOOPS,    /* a number, or `auto`, which stores 0 */
    OPTION_DURATION, /* 500ms, 10s, 2m, 1h; stores milliseconds */
    OPTION_TEXT,     /* const char * */
    OPTION_LIST,     /* struct text_list; commas separate in the environment */
    OPTION_INFO      /* help and version: a bool, and not in the environment */
};

struct option_row {
    const char *group; /* heading of the help where it differs from the row before */
    char letter;       /* short name, or 0 */
    const char *name;
    const char *argument; /* what the help calls the value; NULL where there is none */
    enum option_kind kind;
    size_t offset; /* of the field in struct options */
    int64_t minimum, maximum;
    const char *choices; /* "auto/always/never"; of a list: what separates values in the environment */
    const char *help;
    const char *standard; /* the default as the help shows it, or NULL */
};

extern const struct option_row option_table[];
extern const size_t option_table_length;

/* The row with this name, `length` bytes long; NULL: there is none. */
const struct option_row *option_find(const char *name, size_t length);

/* Reads "on" or "off" in one of their spellings. Returns 0, or -1. */
int option_flag_read(const char *text, int64_t *ret_value);

/* "max-body" becomes RAWHTTP_MAX_BODY. */
void option_variable(const struct option_row *row, char *ret_name, size_t size);

/* Reads the environment for what the command line left open. Returns 0, or -1 with a line. */
int options_read_environment(struct options *options, char *ret_error, size_t error_size);

/* Stores one value; `where` is "--port" or "RAWHTTP_PORT". Returns 0, or -1 with a line. */
int option_store(struct options *options, const struct option_row *row, const char *where,
                 const char *text, char *ret_error, size_t error_size);

/* Reads a value by the row's kind. Returns 0, or -1 with the reason in `ret_reason`. */
int option_value_read(const struct option_row *row, const char *text, int64_t *ret_value,
                      char *ret_reason, size_t reason_size);

#endif
