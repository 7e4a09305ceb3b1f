/* Options that contradict each other: each pair is refused by name, since one of the two is not
 * what somebody meant. */
#include <stdio.h>
#include <string.h>

#include "program/options/listen.h"
#include "program/options/table.h"

/* "--port", or its variable if the value came from there. */
static const char *shown(const struct options *options, const char *name, char ret_text[64])
{
    if (options_source(options, name) == OPTION_ENVIRONMENT) {
        option_variable(option_find(name, strlen(name)), ret_text, 64);
    } else {
        snprintf(ret_text, 64, "--%s", name);
    }
    return ret_text;
}

static int check_no_tls(const struct options *options, char *ret_error, size_t error_size)
{
    const struct {
        const char *name;
        bool is_set;
    } others[] = {
        {"cert", options->certs.count > 0},
        {"key", options->keys.count > 0},
        {"tls-port", options->tls_port >= 0},
        {"dev-cert", options->dev_cert != 0},
        {"redirect-https", options->redirect_https != 0},
        {"client-ca", options->client_ca != NULL},
        {"client-auth", options->client_auth != CLIENT_AUTH_OFF},
    };
    char first[64], second[64];
    for (size_t i = 0; options->no_tls && i < sizeof others / sizeof others[0]; i++) {
        if (others[i].is_set) {
            snprintf(ret_error, error_size, "%s: it contradicts %s: give one of the two",
                     shown(options, others[i].name, first), shown(options, "no-tls", second));
            return -1;
        }
    }
    return 0;
}

static int check_clients(const struct options *options, char *ret_error, size_t error_size)
{
    bool is_off = options->client_auth == CLIENT_AUTH_OFF;
    if (!is_off && options->client_ca == NULL) {
        snprintf(ret_error, error_size,
                 "--client-auth: needs --client-ca with the authority's certificate");
        return -1;
    }
    if (is_off && options->client_ca != NULL &&
        options_source(options, "client-auth") != OPTION_DEFAULT) {
        snprintf(ret_error, error_size, "--client-auth off: it contradicts --client-ca: drop one");
        return -1;
    }
    return 0;
}

/* "*.css: Cache-Control: max-age=3600": a glob, a name that is a token, a value. */
static bool is_rule(const char *text)
{
    const char *name = strchr(text, ':');
    if (name == NULL || name == text) {
        return false;
    }
    name += 1 + strspn(name + 1, " ");
    size_t length = strcspn(name, ":");
    return length > 0 && name[length] == ':' && strcspn(name, " \t\"(),/;<=>?@[\\]{}") >= length;
}

/* "md=text/plain" */
static bool is_type(const char *text)
{
    const char *type = strchr(text, '=');
    const char *slash = type != NULL ? strchr(type, '/') : NULL;
    return slash != NULL && type != text && slash != type + 1 && slash[1] != '\0';
}

static bool is_address(const char *text)
{
    struct listen_value value;
    return listen_value_read(text, &value);
}

static bool is_name(const char *text)
{
    return strchr(text, '/') == NULL && text[0] != '.';
}

static int check_values(const struct text_list *list, bool (*is_good)(const char *text),
                        const char *option, const char *right, char *ret_error, size_t error_size)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!is_good(list->items[i])) {
            snprintf(ret_error, error_size, "%s: '%.200s' is not %s", option, list->items[i],
                     right);
            return -1;
        }
    }
    return 0;
}

static int check_files(const struct options *options, char *ret_error, size_t error_size)
{
    if (check_values(&options->headers, is_rule, "--header",
                     "a rule: write 'GLOB: Name: value', as '*.css: Cache-Control: max-age=3600'",
                     ret_error, error_size) != 0 ||
        check_values(&options->indexes, is_name, "--index",
                     "the name of a file in its folder: write one without a slash", ret_error,
                     error_size) != 0) {
        return -1;
    }
    return check_values(&options->types, is_type, "--mime",
                        "a type for an extension: write 'md=text/markdown'", ret_error, error_size);
}

int options_check(const struct options *options, char *ret_error, size_t error_size)
{
    if (options->certs.count != options->keys.count) {
        snprintf(ret_error, error_size,
                 "--cert, --key: they come in pairs: give one --key for each --cert");
        return -1;
    }
    if (options->port > 0 && options->port == options->tls_port) {
        snprintf(ret_error, error_size,
                 "--port, --tls-port: both are %lld: HTTP and HTTPS need a port each",
                 (long long)options->port);
        return -1;
    }
    if (check_values(&options->listens, is_address, "--listen",
                     "an address: write host:port, unix:PATH, unix:@name or fd:N", ret_error,
                     error_size) != 0 ||
        check_no_tls(options, ret_error, error_size) != 0 ||
        check_files(options, ret_error, error_size) != 0) {
        return -1;
    }
    return check_clients(options, ret_error, error_size);
}
