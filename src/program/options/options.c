/* Options: the table, and the reading of environment and command line by it.
 *
 * Happy path: defaults, then the command line, then RAWHTTP_* (and PORT) for what it left open. It
 * fails at the first value that is refused, with one line that names the place it came from, the
 * value and what would be right. */
#include "program/options/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/options/table.h"

#define FIELD(name) offsetof(struct options, name)
#define MS_MAX INT32_MAX

const struct option_row option_table[] = {
    {"Where", 'p', "port", "N", OPTION_NUMBER, FIELD(port), 0, 65535, NULL,
     "HTTP port; 0 picks a free one", "8080, on a terminal or the next free one"},
    {NULL, 0, "host", "ADDR", OPTION_LIST, FIELD(hosts), 0, 0, NULL,
     "address to bind, repeatable; 0.0.0.0 and :: for the network", "localhost"},
    {NULL, 0, "listen", "ADDR", OPTION_LIST, FIELD(listens), 0, 0, "\n",
     "host:port, unix:PATH[,mode=0660], unix:@name or fd:N, repeatable; tls: before it", NULL},
    {NULL, 0, "reuse-port", NULL, OPTION_FLAG, FIELD(reuse_port), 0, 1, NULL,
     "share a port with another process on purpose", NULL},
    {NULL, 0, "loops", "N", OPTION_LOOPS, FIELD(loops), 1, 256, NULL,
     "event loops, one thread each; auto is one per usable core", "1"},

    {"TLS", 0, "tls-port", "N", OPTION_NUMBER, FIELD(tls_port), 0, 65535, NULL,
     "HTTPS port; 0 picks a free one", "8443, on a terminal or the next free one"},
    {NULL, 0, "cert", "FILE", OPTION_LIST, FIELD(certs), 0, 0, NULL,
     "certificate chain, repeatable; chosen by name", "server.crt if it exists"},
    {NULL, 0, "key", "FILE", OPTION_LIST, FIELD(keys), 0, 0, NULL,
     "private key, one for each --cert", "server.key if it exists"},
    {NULL, 0, "dev-cert", NULL, OPTION_FLAG, FIELD(dev_cert), 0, 1, NULL,
     "make a self-signed pair for localhost if the files are missing", NULL},
    {NULL, 0, "no-tls", NULL, OPTION_FLAG, FIELD(no_tls), 0, 1, NULL, "no HTTPS", NULL},
    {NULL, 0, "client-ca", "FILE", OPTION_TEXT, FIELD(client_ca), 0, 0, NULL,
     "authority whose client certificates are asked for", NULL},
    {NULL, 0, "client-auth", "MODE", OPTION_CHOICE, FIELD(client_auth), 0, 0,
     "off/optional/required", "off, optional or required; --client-ca alone requires", "off"},
    {NULL, 0, "acme-dir", "DIR", OPTION_TEXT, FIELD(acme_dir), 0, 0, NULL,
     "serve an ACME client's challenges from DIR, on plain HTTP too", NULL},
    {NULL, 0, "redirect-https", NULL, OPTION_FLAG, FIELD(redirect_https), 0, 1, NULL,
     "answer plain HTTP with a redirect to HTTPS, with HSTS there", NULL},

    {"Log", 0, "access-log", "FORMAT", OPTION_CHOICE, FIELD(access_log), 0, 0,
     "off/dev/common/combined/json", "off, dev, common, combined or json",
     "dev on a terminal, else off"},
    {NULL, 0, "log-file", "FILE", OPTION_TEXT, FIELD(log_file), 0, 0, NULL,
     "where the access log goes; reopened on SIGUSR1", "stdout"},
    {NULL, 'v', "verbose", NULL, OPTION_FLAG, FIELD(verbose), 0, 1, NULL,
     "say on stderr why requests were refused, with the rule", NULL},
    {NULL, 0, "color", "WHEN", OPTION_CHOICE, FIELD(color), 0, 0, "auto/always/never",
     "auto, always or never; NO_COLOR is honoured", "auto"},

    {"Deadlines (0 is never)", 0, "header-timeout", "D", OPTION_DURATION, FIELD(head_ms), 0, MS_MAX,
     NULL, "for the whole head of a request", "10s"},
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

    {"Limits", 0, "max-head", "N", OPTION_COUNT, FIELD(head_bytes_max), 256, 65536, NULL,
     "bytes of a request's head, at most 64K", "16K"},
    {NULL, 0, "max-body", "N", OPTION_COUNT, FIELD(body_bytes_max), 0, INT64_MAX, NULL,
     "bytes of a request's body", "10M"},
    {NULL, 0, "max-connections", "N", OPTION_COUNT, FIELD(connections_max), 1, 1 << 24, NULL,
     "connections of one loop", "10000"},
    {NULL, 0, "max-per-address", "N", OPTION_COUNT, FIELD(connections_per_address_max), 0, 1 << 24,
     NULL, "connections of one address in a loop, 0 for any number", "0"},
    {NULL, 0, "no-http2", NULL, OPTION_FLAG, FIELD(no_http2), 0, 1, NULL,
     "HTTP/1 only, on plain and on TLS ports", NULL},
    {NULL, 0, "keep-alive", "on/off", OPTION_FLAG, FIELD(keep_alive), 0, 1, NULL,
     "several requests on one connection", "on"},

    {"Stopping", 0, "grace", "D", OPTION_DURATION, FIELD(grace_ms), 0, MS_MAX, NULL,
     "how long a shutdown waits for what is in flight", "2s"},
    {NULL, 0, "drain-delay", "D", OPTION_DURATION, FIELD(drain_delay_ms), 0, MS_MAX, NULL,
     "how long before that /healthz returns 503", "0"},

    {"Files", 0, "spa", NULL, OPTION_FLAG, FIELD(spa), 0, 1, NULL, "index.html for unknown paths",
     NULL},
    {NULL, 0, "listing", NULL, OPTION_FLAG, FIELD(listing), 0, 1, NULL,
     "folder listings; on with DIR", NULL},
    {NULL, 0, "clean-urls", NULL, OPTION_FLAG, FIELD(clean_urls), 0, 1, NULL,
     "/about is about.html if there is nothing else of that name", NULL},
    {NULL, 0, "index", "NAME", OPTION_LIST, FIELD(indexes), 0, 0, NULL,
     "file that stands for a folder, repeatable; the first that is there", "index.html"},
    {NULL, 0, "header", "RULE", OPTION_LIST, FIELD(headers), 0, 0, "\n",
     "'GLOB: Name: value', repeatable: a field for answers about such paths", NULL},
    {NULL, 0, "mime", "EXT=TYPE", OPTION_LIST, FIELD(types), 0, 0, NULL,
     "media type of an extension, repeatable", NULL},
    {NULL, 0, "mime-types", "FILE", OPTION_TEXT, FIELD(types_file), 0, 0, NULL,
     "types of extensions that are not known, as /etc/mime.types", NULL},
    {NULL, 0, "no-compression", NULL, OPTION_FLAG, FIELD(no_compression), 0, 1, NULL,
     "send files as they are; otherwise files above 1M only by their siblings", NULL},

    {"Other", 'V', "version", NULL, OPTION_INFO, FIELD(version), 0, 1, NULL,
     "version of this program and of what it is built with", NULL},
    {NULL, 'h', "help", NULL, OPTION_INFO, FIELD(help), 0, 1, NULL, "this text", NULL},
};
const size_t option_table_length = sizeof option_table / sizeof option_table[0];
_Static_assert(sizeof option_table / sizeof option_table[0] <= OPTIONS_MAX,
               "sources has a row each");

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

static void mark(struct options *options, const struct option_row *row, enum option_source source)
{
    options->sources[row - option_table] = (unsigned char)source;
}

const struct option_row *option_find(const char *name, size_t length)
{
    for (size_t i = 0; i < option_table_length; i++) {
        const char *candidate = option_table[i].name;
        if (strlen(candidate) == length && strncmp(candidate, name, length) == 0) {
            return &option_table[i];
        }
    }
    return NULL;
}

enum option_source options_source(const struct options *options, const char *name)
{
    const struct option_row *row = option_find(name, strlen(name));
    return (enum option_source)options->sources[row - option_table];
}

static int store_item(struct text_list *list, const char *text)
{
    if (list->count == TEXT_LIST_MAX) {
        return -1;
    }
    list->items[list->count++] = text;
    return 0;
}

int option_store(struct options *options, const struct option_row *row, const char *where,
                 const char *text, char *ret_error, size_t error_size)
{
    char reason[200] = "the value is empty";
    bool is_text = row->kind == OPTION_TEXT || row->kind == OPTION_LIST;
    int64_t value;
    int failed = is_text && text[0] == '\0' ? -1 : 0;
    if (failed == 0 && row->kind == OPTION_TEXT) {
        *(const char **)field_of(options, row) = text;
    } else if (failed == 0 && row->kind == OPTION_LIST) {
        failed = store_item(field_of(options, row), text);
        snprintf(reason, sizeof reason, "given more than %d times", TEXT_LIST_MAX);
    } else if (failed == 0) {
        failed = option_value_read(row, text, &value, reason, sizeof reason);
        if (failed == 0) {
            *(int64_t *)field_of(options, row) = value;
        }
    }
    if (failed != 0) {
        snprintf(ret_error, error_size, "%s: %s", where, reason);
    }
    return failed;
}

static const struct option_row *find_short(char letter)
{
    for (size_t i = 0; i < option_table_length; i++) {
        if (option_table[i].letter != 0 && option_table[i].letter == letter) {
            return &option_table[i];
        }
    }
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

static int refuse_unknown(const char *argument, char *ret_error, size_t error_size)
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
    if (guess != NULL) {
        snprintf(ret_error, error_size, "unknown option '%.100s': did you mean --%s? See --help",
                 argument, guess);
    } else {
        snprintf(ret_error, error_size, "unknown option '%.100s': see --help", argument);
    }
    return -1;
}

/* The arguments while they are read. */
struct line {
    int argc, at;
    char **argv;
    char *error;
    size_t error_size;
};

/* Stores a flag: `wanted` if it stands alone, the same or its opposite after "=on" or "=off". */
static int take_flag(struct options *options, const struct option_row *row, struct line *line,
                     const char *where, const char *value, int64_t wanted)
{
    int64_t given = 1;
    bool is_digit = value != NULL && value[0] >= '0' && value[0] <= '9';
    if (value != NULL && (value[0] == '\0' || is_digit || option_flag_read(value, &given) != 0)) {
        snprintf(line->error, line->error_size, "%s: '%.100s' is neither on nor off", where, value);
        return -1;
    }
    if (row->kind == OPTION_INFO && value != NULL) {
        snprintf(line->error, line->error_size, "%s: takes no value", where);
        return -1;
    }
    if (row->kind == OPTION_INFO) {
        *(bool *)field_of(options, row) = true;
    } else {
        *(int64_t *)field_of(options, row) = given == wanted;
    }
    mark(options, row, OPTION_LINE);
    return 0;
}

/* Stores the value of an option that needs one: behind "=", or the next argument. */
static int take_value(struct options *options, const struct option_row *row, struct line *line,
                      const char *where, const char *value)
{
    if (value == NULL && line->at + 1 >= line->argc) {
        snprintf(line->error, line->error_size, "%s: needs a value: see --help", where);
        return -1;
    }
    if (value == NULL) {
        value = line->argv[++line->at];
    }
    mark(options, row, OPTION_LINE);
    return option_store(options, row, where, value, line->error, line->error_size);
}

/* The flag that "--no-NAME", or "--NAME" for a flag no-NAME, turns round. */
static const struct option_row *find_opposite(const char *name, size_t length)
{
    const struct option_row *row = NULL;
    char longer[64];
    if (length > 3 && strncmp(name, "no-", 3) == 0) {
        row = option_find(name + 3, length - 3);
    } else if (length < sizeof longer - 3) {
        int size = snprintf(longer, sizeof longer, "no-%.*s", (int)length, name);
        row = option_find(longer, (size_t)size);
    }
    return row != NULL && row->kind == OPTION_FLAG ? row : NULL;
}

static int read_long(struct options *options, struct line *line)
{
    const char *argument = line->argv[line->at];
    const char *name = argument + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    char where[64];
    snprintf(where, sizeof where, "--%.*s", (int)(length < 50 ? length : 50), name);
    const struct option_row *row = option_find(name, length);
    if (row != NULL) {
        return row->argument == NULL ? take_flag(options, row, line, where, value, 1)
                                     : take_value(options, row, line, where, value);
    }
    row = find_opposite(name, length);
    return row != NULL ? take_flag(options, row, line, where, value, 0)
                       : refuse_unknown(argument, line->error, line->error_size);
}

/* "-v", "-p8080", "-vp 8080": flags may share an argument; one that needs a value comes last. */
static int read_short(struct options *options, struct line *line)
{
    const char *argument = line->argv[line->at];
    for (const char *letter = argument + 1; *letter != '\0'; letter++) {
        const struct option_row *row = find_short(*letter);
        const char where[3] = {'-', *letter, '\0'};
        if (row == NULL) {
            return refuse_unknown(argument, line->error, line->error_size);
        }
        if (row->argument != NULL) {
            return take_value(options, row, line, where, letter[1] != '\0' ? letter + 1 : NULL);
        }
        if (take_flag(options, row, line, where, NULL, 1) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_line(struct options *options, struct line *line)
{
    bool only_operands = false;
    for (; line->at < line->argc; line->at++) {
        char *argument = line->argv[line->at];
        int failed = 0;
        if (!only_operands && strcmp(argument, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
            failed = argument[1] == '-' ? read_long(options, line) : read_short(options, line);
        } else if (options->folder != NULL) {
            snprintf(line->error, line->error_size, "one folder at a time: '%.100s' and '%.100s'",
                     options->folder, argument);
            failed = -1;
        } else {
            options->folder = argument;
        }
        if (failed != 0) {
            return -1;
        }
    }
    return 0;
}

int options_read(struct options *options, int argc, char **argv, char *ret_error, size_t error_size)
{
    struct line line = {argc, 1, argv, ret_error, error_size};
    if (read_line(options, &line) != 0) {
        return -1;
    }
    /* Help helps most if the environment is wrong. */
    if (options->help || options->version) {
        return 0;
    }
    if (options_read_environment(options, ret_error, error_size) != 0) {
        return -1;
    }
    return options_check(options, ret_error, error_size);
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
