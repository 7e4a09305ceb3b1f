/* Options: the table, and the reading of environment and command line by it.
 *
 * Happy path: defaults, then RAWHTTP_* (and PORT), then the command line. It fails at the first
 * value that is refused, with one line that names the place it came from, the value and what would
 * be right. */
#include "program/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/option_table.h"

#define FIELD(name) offsetof(struct options, name)
#define MS_MAX INT32_MAX

const struct option_row option_table[] = {
    {"Where", 'p', "port", "N", OPTION_NUMBER, FIELD(port), 0, 65535, NULL,
     "HTTP port; 0 picks a free one", "8080, or the next free one within 20"},
    {NULL, 0, "host", "ADDR", OPTION_LIST, FIELD(hosts), 0, 0, NULL,
     "address to bind, repeatable; 0.0.0.0 and :: for the network", "localhost"},
    {NULL, 0, "reuse-port", NULL, OPTION_FLAG, FIELD(reuse_port), 0, 1, NULL,
     "share a port with another process on purpose", NULL},
    {NULL, 0, "loops", "N", OPTION_LOOPS, FIELD(loops), 1, 256, NULL,
     "event loops, one thread each; auto is one per usable core", "1"},

    {"TLS", 0, "tls-port", "N", OPTION_NUMBER, FIELD(tls_port), 0, 65535, NULL,
     "HTTPS port; 0 picks a free one", "8443, or the next free one within 20"},
    {NULL, 0, "cert", "FILE", OPTION_LIST, FIELD(certs), 0, 0, NULL,
     "certificate chain, repeatable; chosen by name", "server.crt where it exists"},
    {NULL, 0, "key", "FILE", OPTION_LIST, FIELD(keys), 0, 0, NULL,
     "private key, one for each --cert", "server.key where it exists"},
    {NULL, 0, "dev-cert", NULL, OPTION_FLAG, FIELD(dev_cert), 0, 1, NULL,
     "make a self-signed pair for localhost where the files are missing", NULL},
    {NULL, 0, "no-tls", NULL, OPTION_FLAG, FIELD(no_tls), 0, 1, NULL, "no HTTPS", NULL},
    {NULL, 0, "client-ca", "FILE", OPTION_TEXT, FIELD(client_ca), 0, 0, NULL,
     "authority whose client certificates are asked for", NULL},
    {NULL, 0, "client-auth", "MODE", OPTION_CHOICE, FIELD(client_auth), 0, 0,
     "off/optional/required", "off, optional or required; --client-ca alone requires", "off"},
    {NULL, 0, "redirect-https", NULL, OPTION_FLAG, FIELD(redirect_https), 0, 1, NULL,
     "answer plain HTTP by a redirect to HTTPS, with HSTS there", NULL},

    {"Log", 0, "access-log", "FORMAT", OPTION_CHOICE, FIELD(access_log), 0, 0,
     "off/dev/common/combined/json", "off, dev, common, combined or json",
     "dev on a terminal, else off"},
    {NULL, 0, "log-file", "FILE", OPTION_TEXT, FIELD(log_file), 0, 0, NULL,
     "where the access log goes; reopened on SIGUSR1", "stdout"},
    {NULL, 'v', "verbose", NULL, OPTION_FLAG, FIELD(verbose), 0, 1, NULL,
     "say on stderr why requests were refused, with the rule", NULL},
    {NULL, 0, "color", "WHEN", OPTION_CHOICE, FIELD(color), 0, 0, "auto/always/never",
     "auto, always or never; NO_COLOR is honoured", "auto"},

    {"Deadlines", 0, "header-timeout", "D", OPTION_DURATION, FIELD(head_ms), 0, MS_MAX, NULL,
     "for the whole head of a request", "10s"},
    {NULL, 0, "body-timeout", "D", OPTION_DURATION, FIELD(body_ms), 0, MS_MAX, NULL,
     "of silence inside a request body", "30s"},
    {NULL, 0, "write-timeout", "D", OPTION_DURATION, FIELD(write_ms), 0, MS_MAX, NULL,
     "with no byte of an answer taken", "30s"},
    {NULL, 0, "idle-timeout", "D", OPTION_DURATION, FIELD(idle_ms), 0, MS_MAX, NULL,
     "between the requests of a connection", "120s"},
    {NULL, 0, "tls-timeout", "D", OPTION_DURATION, FIELD(tls_ms), 0, MS_MAX, NULL,
     "for a TLS handshake", "10s"},
    {NULL, 0, "answer-timeout", "D", OPTION_DURATION, FIELD(answer_ms), 0, MS_MAX, NULL,
     "for a deferred answer, which then becomes 503", "60s"},
    {NULL, 0, "min-rate", "N", OPTION_COUNT, FIELD(rate_bytes_min), 0, INT32_MAX, NULL,
     "bytes per second under which a transfer is cut; 0 is off", "240"},

    {"Limits", 0, "max-head", "N", OPTION_COUNT, FIELD(head_bytes_max), 256, 65535, NULL,
     "bytes of a request's head", "16K"},
    {NULL, 0, "max-body", "N", OPTION_COUNT, FIELD(body_bytes_max), 0, INT64_MAX, NULL,
     "bytes of a request's body", "10M"},
    {NULL, 0, "max-connections", "N", OPTION_COUNT, FIELD(connections_max), 1, 1 << 24, NULL,
     "connections of one loop", "10000"},
    {NULL, 0, "keep-alive", "on/off", OPTION_FLAG, FIELD(keep_alive), 0, 1, NULL,
     "several requests on one connection", "on"},

    {"Stopping", 0, "grace", "D", OPTION_DURATION, FIELD(grace_ms), 0, MS_MAX, NULL,
     "how long a shutdown waits for what is in flight", "2s"},
    {NULL, 0, "drain-delay", "D", OPTION_DURATION, FIELD(drain_delay_ms), 0, MS_MAX, NULL,
     "how long before that /healthz says 503", "0"},

    {"Files", 0, "spa", NULL, OPTION_FLAG, FIELD(spa), 0, 1, NULL, "index.html for unknown paths",
     NULL},
    {NULL, 0, "listing", NULL, OPTION_FLAG, FIELD(listing), 0, 1, NULL,
     "folder listings; on where DIR is given", NULL},
    {NULL, 0, "no-compression", NULL, OPTION_FLAG, FIELD(no_compression), 0, 1, NULL,
     "send files as they are", NULL},

    {"Other", 'V', "version", NULL, OPTION_INFO, FIELD(version), 0, 1, NULL,
     "version of this program and of what it is built with", NULL},
    {NULL, 'h', "help", NULL, OPTION_INFO, FIELD(help), 0, 1, NULL, "this text", NULL},
};
const size_t option_table_length = sizeof option_table / sizeof option_table[0];

/* One refusal: where the value came from, and why it is none. */
struct refusal {
    char *text;
    size_t size;
};

void options_init(struct options *options)
{
    *options = (struct options){
        .port = -1,
        .tls_port = -1,
        .tls_ms = 10000,
        .loops = 1,
        .access_log = -1,
        .head_ms = 10000,
        .body_ms = 30000,
        .write_ms = 30000,
        .idle_ms = 120000,
        .rate_bytes_min = 240,
        .answer_ms = 60000,
        .head_bytes_max = 16 << 10,
        .body_bytes_max = 10 << 20,
        .connections_max = 10000,
        .keep_alive = 1,
        .grace_ms = 2000,
        .listing = -1,
    };
}

void options_fini(struct options *options)
{
    for (size_t i = 0; i < option_table_length; i++) {
        if (option_table[i].kind != OPTION_LIST)
            continue;
        struct text_list *list =
            (struct text_list *)(void *)((char *)options + option_table[i].offset);
        free(list->copy);
        list->copy = NULL;
    }
}

static void *field_of(struct options *options, const struct option_row *row)
{
    return (char *)options + row->offset;
}

static int refuse(struct refusal *refusal, const char *where, const char *reason)
{
    snprintf(refusal->text, refusal->size, "%s: %s", where, reason);
    return -1;
}

static int list_add(struct text_list *list, const char *item)
{
    if (list->count == TEXT_LIST_MAX)
        return -1;
    list->items[list->count++] = item;
    return 0;
}

/* Stores one value; `where` is "--port" or "RAWHTTP_PORT". */
static int store(struct options *options, const struct option_row *row, const char *where,
                 const char *text, struct refusal *refusal)
{
    char reason[200];
    if (row->kind == OPTION_TEXT) {
        if (text[0] == '\0')
            return refuse(refusal, where, "the value is empty");
        *(const char **)field_of(options, row) = text;
        return 0;
    }
    if (row->kind == OPTION_LIST) {
        struct text_list *list = field_of(options, row);
        if (list->from_environment) {
            list->count = 0;
            list->from_environment = false;
        }
        if (text[0] == '\0')
            return refuse(refusal, where, "the value is empty");
        if (list_add(list, text) != 0)
            return refuse(refusal, where, "given more than 16 times");
        return 0;
    }
    int64_t value;
    if (option_value_read(row, text, &value, reason, sizeof reason) != 0)
        return refuse(refusal, where, reason);
    *(int64_t *)field_of(options, row) = value;
    return 0;
}

/* "max-body" becomes RAWHTTP_MAX_BODY. */
static void environment_name(const struct option_row *row, char *ret_name, size_t size)
{
    size_t length = (size_t)snprintf(ret_name, size, "RAWHTTP_%s", row->name);
    for (size_t i = 0; i < length && i < size; i++) {
        if (ret_name[i] >= 'a' && ret_name[i] <= 'z')
            ret_name[i] = (char)(ret_name[i] - 'a' + 'A');
        else if (ret_name[i] == '-')
            ret_name[i] = '_';
    }
}

static int read_environment_list(struct options *options, const struct option_row *row,
                                 const char *where, const char *text, struct refusal *refusal)
{
    struct text_list *list = field_of(options, row);
    list->copy = strdup(text);
    if (list->copy == NULL)
        return refuse(refusal, where, "out of memory");
    char *rest = NULL;
    for (char *item = strtok_r(list->copy, ",", &rest); item != NULL;
         item = strtok_r(NULL, ",", &rest)) {
        if (list_add(list, item) != 0)
            return refuse(refusal, where, "more than 16 values");
    }
    list->from_environment = true;
    return 0;
}

static int read_environment(struct options *options, struct refusal *refusal)
{
    for (size_t i = 0; i < option_table_length; i++) {
        const struct option_row *row = &option_table[i];
        if (row->kind == OPTION_INFO)
            continue;
        char name[64];
        environment_name(row, name, sizeof name);
        const char *text = getenv(name);
        if (text == NULL && strcmp(row->name, "port") == 0) {
            /* What platforms set for the program they start; HOST is not read, shells set that. */
            snprintf(name, sizeof name, "PORT");
            text = getenv(name);
        }
        bool is_flag = row->kind == OPTION_FLAG && row->argument == NULL;
        if (text == NULL || (text[0] == '\0' && !is_flag))
            continue;
        int failed = row->kind == OPTION_LIST
                         ? read_environment_list(options, row, name, text, refusal)
                         : store(options, row, name, text, refusal);
        if (failed)
            return -1;
    }
    return 0;
}

static const struct option_row *find_long(const char *name, size_t length)
{
    for (size_t i = 0; i < option_table_length; i++) {
        const char *candidate = option_table[i].name;
        if (strlen(candidate) == length && strncmp(candidate, name, length) == 0)
            return &option_table[i];
    }
    return NULL;
}

static const struct option_row *find_short(char letter)
{
    for (size_t i = 0; i < option_table_length; i++)
        if (option_table[i].letter != 0 && option_table[i].letter == letter)
            return &option_table[i];
    return NULL;
}

/* How many letters two names share at their starts: enough to guess what was meant. */
static size_t shared_start(const char *a, const char *b)
{
    size_t length = 0;
    while (a[length] != '\0' && a[length] == b[length])
        length++;
    return length;
}

static int refuse_unknown(struct refusal *refusal, const char *argument)
{
    const char *guess = NULL;
    size_t best = 2;
    for (size_t i = 0; argument[1] == '-' && i < option_table_length; i++) {
        size_t shared = shared_start(argument + 2, option_table[i].name);
        if (shared > best) {
            best = shared;
            guess = option_table[i].name;
        }
    }
    if (guess != NULL)
        snprintf(refusal->text, refusal->size,
                 "unknown option '%.100s': did you mean --%s? See --help", argument, guess);
    else
        snprintf(refusal->text, refusal->size, "unknown option '%.100s': see --help", argument);
    return -1;
}

/* Takes the option at argv[*at], and its value where that is an argument of its own. */
static int read_option(struct options *options, int argc, char **argv, int *at,
                       struct refusal *refusal)
{
    char *argument = argv[*at];
    bool is_long = argument[1] == '-';
    const char *value = NULL;
    const struct option_row *row;
    if (is_long) {
        size_t length = strcspn(argument + 2, "=");
        row = find_long(argument + 2, length);
        if (argument[2 + length] == '=')
            value = argument + 2 + length + 1;
    } else {
        row = find_short(argument[1]);
        if (argument[2] != '\0')
            value = argument + 2;
    }
    if (row == NULL)
        return refuse_unknown(refusal, argument);

    char where[64];
    snprintf(where, sizeof where, is_long ? "--%s" : "-%.1s", is_long ? row->name : argument + 1);
    if (row->argument == NULL) {
        if (value != NULL)
            return refuse(refusal, where, "takes no value");
        if (row->kind == OPTION_INFO)
            *(bool *)field_of(options, row) = true;
        else
            *(int64_t *)field_of(options, row) = 1;
        return 0;
    }
    if (value == NULL) {
        if (*at + 1 >= argc)
            return refuse(refusal, where, "needs a value; see --help");
        value = argv[++*at];
    }
    return store(options, row, where, value, refusal);
}

int options_read(struct options *options, int argc, char **argv, char *ret_error, size_t error_size)
{
    struct refusal refusal = {ret_error, error_size};
    int environment = read_environment(options, &refusal);
    bool only_operands = false;
    for (int at = 1; at < argc; at++) {
        char *argument = argv[at];
        if (!only_operands && strcmp(argument, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
            if (read_option(options, argc, argv, &at, &refusal) != 0)
                return -1;
        } else if (options->folder != NULL) {
            snprintf(ret_error, error_size, "one folder at a time: '%.100s' and '%.100s'",
                     options->folder, argument);
            return -1;
        } else {
            options->folder = argument;
        }
    }
    /* Help helps most where the environment is wrong. */
    if (options->help || options->version)
        return 0;
    if (environment == 0 && options->certs.count != options->keys.count)
        return refuse(&refusal, "--cert, --key", "they come in pairs: one --key for each --cert");
    return environment;
}

bool options_color(const struct options *options, int descriptor)
{
    if (options->color != COLOR_AUTO)
        return options->color == COLOR_ALWAYS;
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    if (no_color != NULL && no_color[0] != '\0')
        return false;
    return isatty(descriptor) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}
