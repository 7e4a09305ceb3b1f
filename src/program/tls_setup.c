/* TLS as the options say.
 *
 * Happy path: the pairs of --cert and --key, or server.crt and server.key where they exist, or,
 * with --dev-cert, a pair that is made now. It fails open where somebody only wanted HTTPS beside
 * HTTP (a warning), and closed where somebody asked for protection: --client-auth, --client-ca and
 * --redirect-https end the start. */
#include "program/tls_setup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/banner.h"
#include "program/locate.h"

/* A year, as RFC 6797 §6.1.1 has it in its example. */
static const char hsts_value[] = "max-age=31536000";

struct pair {
    const char *cert, *key;
};

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* With --dev-cert: makes the pair where both files are missing. */
static void make_pair(const struct pair *pair, bool color)
{
    char error[256];
    if (exists(pair->cert) || exists(pair->key))
        return;
    if (rh_tls_write_dev_cert(pair->cert, pair->key, error, sizeof error) != 0)
        banner_warning(color, "making a development certificate: %s", error);
    else
        banner_note("made a development certificate for localhost: %s and %s", pair->cert,
                    pair->key);
}

/* A path that can not be kept is not watched; SIGHUP still reloads it. */
static void remember_path(struct tls_setup *setup, const char *path)
{
    char *copy = setup->loaded_count < PAIR_FILES_MAX ? strdup(path) : NULL;
    if (copy != NULL)
        setup->loaded[setup->loaded_count++] = copy;
}

/* Loads one pair. Returns 0, or -1 after a warning. */
static int load_pair(struct tls_setup *setup, const struct pair *pair, bool color)
{
    if (rh_tls_add_pair(setup->tls, pair->cert, pair->key) == 0) {
        remember_path(setup, pair->cert);
        remember_path(setup, pair->key);
        return 0;
    }
    banner_warning(color, "%s", rh_tls_error(setup->tls));
    return -1;
}

/* The pairs to load, at most TEXT_LIST_MAX. The default pair's paths are put into `cert` and `key`.
 */
static size_t find_pairs(const struct options *options, struct pair *ret_pairs, char cert[PATH_MAX],
                         char key[PATH_MAX])
{
    if (options->certs.count > 0) {
        for (size_t i = 0; i < options->certs.count; i++)
            ret_pairs[i] = (struct pair){options->certs.items[i], options->keys.items[i]};
        return options->certs.count;
    }
    if (locate_pair("server.crt", "server.key", cert, key) != 0) {
        if (!options->dev_cert)
            return 0;
        snprintf(cert, PATH_MAX, "server.crt");
        snprintf(key, PATH_MAX, "server.key");
    }
    ret_pairs[0] = (struct pair){cert, key};
    return 1;
}

/* How many pairs could be loaded. */
static size_t load_pairs(struct tls_setup *setup, const struct options *options, bool color)
{
    struct pair pairs[TEXT_LIST_MAX];
    char cert[PATH_MAX], key[PATH_MAX], warning[512];
    size_t count = find_pairs(options, pairs, cert, key);
    size_t loaded = 0;
    setup->no_default = count == 0 && !options->no_tls;
    for (size_t i = 0; i < count && !options->no_tls; i++) {
        if (options->dev_cert)
            make_pair(&pairs[i], color);
        loaded += load_pair(setup, &pairs[i], color) == 0;
    }
    for (size_t i = 0; loaded > 0 && rh_tls_warning(setup->tls, i, warning, sizeof warning); i++)
        banner_warning(color, "%s", warning);
    return loaded;
}

static int set_client_auth(struct tls_setup *setup, const struct options *options, char *ret_error,
                           size_t error_size)
{
    if (options->client_auth == CLIENT_AUTH_OFF && options->client_ca == NULL)
        return 0;
    if (options->client_ca == NULL) {
        snprintf(ret_error, error_size,
                 "--client-auth: needs --client-ca with the authority's certificate");
        return -1;
    }
    /* Who names an authority and no mode wants its certificates to be needed. */
    bool required = options->client_auth != CLIENT_AUTH_OPTIONAL;
    if (rh_tls_client_auth(setup->tls, options->client_ca,
                           required ? RH_TLS_CLIENT_REQUIRED : RH_TLS_CLIENT_OPTIONAL) != 0) {
        snprintf(ret_error, error_size, "--client-ca: %.400s", rh_tls_error(setup->tls));
        return -1;
    }
    setup->redirect = setup->redirect || required;
    return 0;
}

static const char *protection(const struct options *options)
{
    if (options->client_auth != CLIENT_AUTH_OFF)
        return "--client-auth";
    if (options->client_ca != NULL)
        return "--client-ca";
    return options->redirect_https ? "--redirect-https" : NULL;
}

int tls_setup_open(struct tls_setup *setup, const struct options *options, bool color,
                   char *ret_error, size_t error_size)
{
    const char *asked = protection(options);
    *setup =
        (struct tls_setup){.redirect = options->redirect_https, .hsts = options->redirect_https};
    setup->tls = rh_tls_create();
    if (setup->tls == NULL) {
        snprintf(ret_error, error_size, "preparing TLS: out of memory or of random numbers");
        return -1;
    }
    if (load_pairs(setup, options, color) > 0) {
        if (set_client_auth(setup, options, ret_error, error_size) == 0)
            return 0;
        tls_setup_close(setup);
        return -1;
    }
    tls_setup_close(setup);
    if (asked == NULL)
        return 0;
    snprintf(ret_error, error_size,
             "%s: there is no usable certificate, and without HTTPS nothing would be protected; "
             "give --cert "
             "and --key",
             asked);
    return -1;
}

void tls_setup_close(struct tls_setup *setup)
{
    rh_tls_unref(setup->tls);
    setup->tls = NULL;
    while (setup->loaded_count > 0)
        free(setup->loaded[--setup->loaded_count]);
}

/* The name that the client asked for, without its port; "[::1]" keeps its brackets. */
static struct rh_slice host_name(struct rh_exchange *x)
{
    struct rh_slice host = rh_request_host(x);
    for (size_t i = host.len; i > 0 && host.base[i - 1] != ']'; i--) {
        if (host.base[i - 1] == ':') {
            host.len = i - 1;
            break;
        }
    }
    return host;
}

/* What follows the authority of an absolute-form target (RFC 9112 §3.2.2); nothing of "*", which
 * has no path. */
static struct rh_slice path_and_query(struct rh_slice target)
{
    const char *end = target.base + target.len;
    const char *at = target.base;
    if (target.len > 0 && *at != '/') {
        const char *authority = memmem(at, target.len, "://", 3);
        at = authority != NULL ? authority + 3 : end;
        while (at < end && *at != '/' && *at != '?') {
            at++;
        }
    }
    return (struct rh_slice){at, (size_t)(end - at)};
}

static void redirect(struct rh_exchange *x, const struct tls_setup *setup)
{
    struct rh_slice host = host_name(x);
    struct rh_slice target = rh_request_target(x);
    int method = rh_request_method(x);
    char port[16] = "";
    if (host.len == 0) {
        rh_respond_text(x, 400, "HTTPS only, and without a Host there is no place to redirect to");
        return;
    }
    if (setup->port != 443)
        snprintf(port, sizeof port, ":%u", setup->port);
    target = path_and_query(target);
    const char *slash = target.len > 0 && target.base[0] == '/' ? "" : "/";
    const char *location = rh_exchange_format(x, "https://%.*s%s%s%.*s", (int)host.len, host.base,
                                              port, slash, (int)target.len, target.base);
    if (location == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    /* 308 keeps the method (RFC 9110 §15.4.9); for GET and HEAD the older 301 says the same. */
    rh_respond_redirect(x, method == RH_GET || method == RH_HEAD ? 301 : 308, location);
}

static void middleware(struct rh_exchange *x, void *data)
{
    const struct tls_setup *setup = data;
    if (!rh_request_is_tls(x)) {
        redirect(x, setup);
        return;
    }
    if (setup->hsts)
        rh_response_set(x, "Strict-Transport-Security", hsts_value);
    rh_next(x);
}

void tls_setup_use(struct tls_setup *setup, struct rh_app *app)
{
    if (setup->redirect)
        rh_app_use(app, middleware, setup);
}

static int is_loaded(void *data, uint64_t device, uint64_t inode)
{
    const struct tls_setup *setup = data;
    return rh_tls_holds_file(setup->tls, device, inode);
}

void tls_setup_hide_files(struct tls_setup *setup, struct rh_files_options *options)
{
    options->is_private = is_loaded;
    options->data = setup;
}

void tls_setup_reload(struct tls_setup *setup, bool color)
{
    char warning[512];
    if (setup->tls == NULL)
        return;
    if (rh_tls_reload(setup->tls) != 0) {
        banner_warning(color, "%s; the certificates in use stay", rh_tls_error(setup->tls));
        return;
    }
    banner_note("certificates reloaded");
    for (size_t i = 0; rh_tls_warning(setup->tls, i, warning, sizeof warning); i++)
        banner_warning(color, "%s", warning);
}
