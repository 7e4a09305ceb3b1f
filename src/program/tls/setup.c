/* TLS as the options say.
 *
 * Happy path: the pairs of --cert and --key, or server.crt and server.key where they exist, or,
 * with --dev-cert, a pair that is made now. A pair that cannot be used is a warning, is kept, and
 * is tried again with every reload; HTTPS begins with the first one that works. It fails closed if
 * somebody asked for protection: --client-auth, --client-ca and --redirect-https end the start. */
#include "program/tls/setup.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/kit/locate.h"

/* A year, as RFC 6797 §6.1.1 has it in its example. */
static const char hsts_value[] = "max-age=31536000";
static const char challenge_prefix[] = "/.well-known/acme-challenge/";

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Adds a pair to those that are configured. */
static int add_pair(struct tls_setup *setup, const char *cert, const char *key)
{
    struct tls_pair *pair = &setup->pairs[setup->pairs_n];
    *pair = (struct tls_pair){.cert = strdup(cert), .key = strdup(key)};
    setup->pairs_n++;
    return pair->cert != NULL && pair->key != NULL ? 0 : -1;
}

/* Collects the pairs of the options, or the default pair where there is one. */
static int find_pairs(struct tls_setup *setup, const struct options *options)
{
    char cert[PATH_MAX], key[PATH_MAX];
    for (size_t i = 0; i < options->certs.count; i++) {
        if (add_pair(setup, options->certs.items[i], options->keys.items[i]) != 0) {
            return -1;
        }
    }
    if (options->certs.count > 0) {
        return 0;
    }
    if (locate_pair("server.crt", "server.key", cert, key) == 0) {
        return add_pair(setup, cert, key);
    }
    if (options->dev_cert) {
        return add_pair(setup, "server.crt", "server.key");
    }
    setup->no_default = true;
    return 0;
}

/* With --dev-cert: makes the pair if both files are missing. */
static void make_pair(const struct tls_setup *setup, const struct tls_pair *pair)
{
    char error[256];
    if (exists(pair->cert) || exists(pair->key)) {
        return;
    }
    if (rh_tls_write_dev_cert(pair->cert, pair->key, error, sizeof error) != 0) {
        notes_warn(setup->notes, "making a development certificate: %s", error);
    } else {
        notes_say(setup->notes, "made a development certificate for localhost: %s and %s",
                  pair->cert, pair->key);
    }
}

/* A file that was named and is not there is a mistake of the command line, not a certificate that
 * somebody will repair. */
static int check_named(const struct options *options, char *ret_error, size_t error_size)
{
    for (size_t i = 0; i < 2 * options->certs.count; i++) {
        bool is_cert = i % 2 == 0;
        const char *path = (is_cert ? options->certs : options->keys).items[i / 2];
        if (exists(path)) {
            continue;
        }
        snprintf(ret_error, error_size,
                 "--%s: cannot read '%.200s': %s: check the path, or make a pair with --dev-cert",
                 is_cert ? "cert" : "key", path, strerror(errno));
        return -1;
    }
    return 0;
}

/* Tries the pairs that are not loaded. A pair that fails is a warning and is kept for the next try.
 */
static void load_pairs(struct tls_setup *setup)
{
    for (size_t i = 0; i < setup->pairs_n; i++) {
        struct tls_pair *pair = &setup->pairs[i];
        if (pair->is_loaded) {
            continue;
        }
        pair->is_loaded = rh_tls_add_pair(setup->tls, pair->cert, pair->key) == 0;
        setup->loaded_n += pair->is_loaded;
        if (!pair->is_loaded) {
            notes_warn(setup->notes, "%s", rh_tls_error(setup->tls));
        }
    }
}

static void tell_warnings(const struct tls_setup *setup)
{
    char warning[512];
    for (size_t i = 0; rh_tls_warning(setup->tls, i, warning, sizeof warning); i++) {
        notes_warn(setup->notes, "%s", warning);
    }
}

static int set_client_auth(struct tls_setup *setup, const struct options *options, char *ret_error,
                           size_t error_size)
{
    if (options->client_ca == NULL) {
        return 0;
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

/* Makes, checks and loads the pairs. Returns 0 even if none is usable, or -1 with a line. */
static int open_pairs(struct tls_setup *setup, const struct options *options, char *ret_error,
                      size_t error_size)
{
    if (find_pairs(setup, options) != 0) {
        snprintf(ret_error, error_size, "preparing TLS: out of memory");
        return -1;
    }
    for (size_t i = 0; options->dev_cert && i < setup->pairs_n; i++) {
        make_pair(setup, &setup->pairs[i]);
    }
    if (check_named(options, ret_error, error_size) != 0) {
        return -1;
    }
    load_pairs(setup);
    tell_warnings(setup);
    if (setup->pairs_n > 1 || setup->loaded_n < setup->pairs_n) {
        notes_say(setup->notes, "certificates: %zu of %zu loaded", setup->loaded_n, setup->pairs_n);
    }
    return 0;
}

int tls_setup_open(struct tls_setup *setup, const struct options *options,
                   const struct notes *notes, char *ret_error, size_t error_size)
{
    const char *asked = protection(options);
    *setup = (struct tls_setup){.notes = notes,
                                .has_challenges = options->acme_dir != NULL,
                                .redirect = options->redirect_https,
                                .hsts = options->redirect_https};
    if (options->no_tls) {
        return 0;
    }
    setup->tls = rh_tls_create();
    if (setup->tls == NULL) {
        snprintf(ret_error, error_size, "preparing TLS: out of memory or of random numbers");
        return -1;
    }
    if (open_pairs(setup, options, ret_error, error_size) != 0) {
        goto fail;
    }
    if (setup->loaded_n > 0) {
        if (set_client_auth(setup, options, ret_error, error_size) == 0) {
            return 0;
        }
        goto fail;
    }
    if (asked == NULL) {
        return 0;
    }
    snprintf(
        ret_error, error_size,
        "%s: no certificate is usable: without HTTPS nothing is protected: give --cert and --key",
        asked);
fail:
    tls_setup_close(setup);
    return -1;
}

void tls_setup_close(struct tls_setup *setup)
{
    rh_tls_unref(setup->tls);
    setup->tls = NULL;
    while (setup->pairs_n > 0) {
        struct tls_pair *pair = &setup->pairs[--setup->pairs_n];
        free(pair->cert);
        free(pair->key);
    }
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

/* True for the path of a challenge (RFC 8555 §8.3). Only the characters of a token may follow: dots
 * could lead elsewhere once the path is resolved, past the redirect. */
static bool is_challenge(struct rh_slice target)
{
    size_t length = sizeof challenge_prefix - 1;
    if (target.len <= length || memcmp(target.base, challenge_prefix, length) != 0) {
        return false;
    }
    for (size_t i = length; i < target.len; i++) {
        unsigned char c = (unsigned char)target.base[i];
        if (!isalnum(c) && c != '-' && c != '_') {
            return false;
        }
    }
    return true;
}

static void middleware(struct rh_exchange *x, void *data)
{
    const struct tls_setup *setup = data;
    bool passes = setup->has_challenges && is_challenge(rh_request_target(x));
    if (!rh_request_is_tls(x) && !passes) {
        redirect(x, setup);
        return;
    }
    if (setup->hsts && !passes)
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

void tls_setup_reload(struct tls_setup *setup)
{
    if (setup->tls == NULL || setup->pairs_n == 0) {
        return;
    }
    /* Those in use first: what is loaded now need not be read twice. */
    bool is_kept = setup->loaded_n > 0 && rh_tls_reload(setup->tls) != 0;
    if (is_kept) {
        notes_warn(setup->notes, "%s; the certificates in use stay", rh_tls_error(setup->tls));
    }
    load_pairs(setup);
    if (!is_kept && setup->loaded_n > 0) {
        notes_say(setup->notes, "certificates reloaded: %zu of %zu loaded", setup->loaded_n,
                  setup->pairs_n);
    } else {
        notes_say(setup->notes, "certificates: %zu of %zu loaded", setup->loaded_n, setup->pairs_n);
    }
    tell_warnings(setup);
    if (setup->loaded_n > 0 && setup->port == 0 && setup->on_ready != NULL) {
        setup->on_ready(setup->data);
    }
}
