/* What the person who starts the program decides: filled from the environment, then from the
 * command line, which wins. */
#ifndef RH_PROGRAM_OPTIONS_OPTIONS_H
#define RH_PROGRAM_OPTIONS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
enum access_format { ACCESS_OFF, ACCESS_DEV, ACCESS_COMMON, ACCESS_COMBINED, ACCESS_JSON };

enum client_auth { CLIENT_AUTH_OFF, CLIENT_AUTH_OPTIONAL, CLIENT_AUTH_REQUIRED };

enum { TEXT_LIST_MAX = 16, OPTIONS_MAX = 96, OPTION_NOTES_BYTES = 1024 };

/* Where an option's value comes from. */
enum option_source { OPTION_DEFAULT, OPTION_ENVIRONMENT, OPTION_LINE };

/* A repeatable option's values. */
struct text_list {
    const char *items[TEXT_LIST_MAX + 1]; /* NULL at the end */
    size_t count;
    char *copy; /* the environment's text, cut at its commas; owned */
};

struct options {
    const char *folder;     /* DIR, or NULL: the demo application */
    int64_t port;           /* -1: not given */
    struct text_list hosts; /* empty: localhost */
    struct text_list listens;
    int64_t reuse_port;
    int64_t loops; /* 0: auto */

    int64_t tls_port;             /* -1: not given */
    struct text_list certs, keys; /* as many of each */
    int64_t dev_cert, no_tls, redirect_https;
    const char *client_ca;
    const char *acme_dir; /* challenges of an ACME client; NULL: none */
    int64_t client_auth;  /* enum client_auth */

    int64_t access_log; /* enum access_format, -1: not given */
    const char *log_file;

    int64_t head_ms, body_ms, write_ms, idle_ms, tls_ms; /* deadlines */
    int64_t rate_bytes_min;
    int64_t answer_ms;
    int64_t head_bytes_max, body_bytes_max, connections_max, connections_per_address_max;
    int64_t keep_alive, no_http2;

    int64_t grace_ms, drain_delay_ms;
    int64_t spa, no_compression, clean_urls;
    struct text_list headers, indexes, types; /* as rh_files_options has them */
    const char *types_file;
    int64_t listing; /* -1: not given */
    int64_t color;   /* enum color_mode */
    int64_t verbose; /* tell why requests were refused */

    bool help, version;

    unsigned char sources[OPTIONS_MAX]; /* enum option_source, by the row of the table */
    char notes[OPTION_NOTES_BYTES];     /* lines about variables that were ignored */
};

/* Fills in every default. */
void options_init(struct options *options);
/* Frees what the environment's lists needed. */
void options_fini(struct options *options);

/* Reads the command line, then what the environment adds to it. A variable that the command line
 * overrides, or that has no effect, is not looked at. Returns 0, or -1 with one line of text in
 * `ret_error`. */
int options_read(struct options *options, int argc, char **argv, char *ret_error,
                 size_t error_size);

/* Where the value of the option with this name comes from. */
enum option_source options_source(const struct options *options, const char *name);

/* Looks for options that contradict each other. Returns 0, or -1 with one line in `ret_error`. */
int options_check(const struct options *options, char *ret_error, size_t error_size);

/* The help text, made from the same table that reads the options. */
void options_print_help(bool color);

/* True where `descriptor` should be written to in colours. */
bool options_color(const struct options *options, int descriptor);

#endif
