/* Builds what the options ask for and runs it.
 *
 * Happy path: addresses, logs, certificates, app, runner, ports, banner, signals, run. Each step
 * that fails says why in one line on stderr, and everything before it is taken down in reverse
 * order. */
#include "program/serve.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rawhttp.h>

#include "program/banner.h"
#include "program/demo/demo.h"
#include "program/kit/hidden.h"
#include "program/limits.h"
#include "program/listens.h"
#include "program/log/logs.h"
#include "program/ports.h"
#include "program/signals.h"
#include "program/supervisor.h"
#include "program/tls/setup.h"
#include "program/tls/watch.h"

enum { HTTP_PORT = 8080, HTTPS_PORT = 8443, ERROR_MAX = 512, HEAD_BYTES_MAX = 65535 };

struct service {
    const struct options *options;
    struct addresses addresses;
    struct logs logs;
    struct tls_setup tls;
    struct hidden hidden;
    struct demo demo;
    struct rh_app *app;
    struct rh_config config;
    struct rh_runner *runner;
    struct signals signals;
    struct tls_watch watch;
    struct supervisor supervisor;
    unsigned loops;
    char folder[PATH_MAX]; /* for the banner; "" where there is none */
    char error[ERROR_MAX];
};

static int say(const struct service *service)
{
    notes_say(&service->logs.notes, "%s", service->error);
    return 1;
}

/* 0, or -1 with the reason in service->error. */
static int configure(struct service *service)
{
    const struct options *options = service->options;
    struct rh_config *config = &service->config;
    rh_config_init(config);
    config->head_ms = (uint32_t)options->head_ms;
    config->body_ms = (uint32_t)options->body_ms;
    config->write_ms = (uint32_t)options->write_ms;
    config->idle_ms = (uint32_t)options->idle_ms;
    config->tls_ms = (uint32_t)options->tls_ms;
    config->answer_ms = (uint32_t)options->answer_ms;
    config->rate_bytes_min = (uint32_t)options->rate_bytes_min;
    /* 64K is what people write; the library counts to one less. */
    config->head_bytes_max = options->head_bytes_max > HEAD_BYTES_MAX
                                 ? HEAD_BYTES_MAX
                                 : (uint32_t)options->head_bytes_max;
    if (config->target_bytes_max > config->head_bytes_max)
        config->target_bytes_max = config->head_bytes_max;
    config->body_bytes_max = (uint64_t)options->body_bytes_max;
    if (config->body_whole_bytes_max > config->body_bytes_max)
        config->body_whole_bytes_max = (uint32_t)config->body_bytes_max;
    config->keep_alive = (uint32_t)options->keep_alive;
    config->http2 = options->no_http2 ? 0 : 1;
    if (options->verbose)
        config->log_level = RH_LOG_DEBUG;

    service->loops = options->loops > 0 ? (unsigned)options->loops : rh_loops_usable();
    config->connections_max =
        limits_fit_connections(service->loops, (uint32_t)options->connections_max);
    config->connections_per_address_max = (uint32_t)options->connections_per_address_max;
    logs_hook(&service->logs, config);
    if (config->connections_max == 0) {
        snprintf(service->error, ERROR_MAX,
                 "the limit of %llu open files leaves room for no connection: raise it with ulimit "
                 "-n",
                 (unsigned long long)limits_open_files());
        return -1;
    }
    if (config->connections_max < options->connections_max)
        notes_say(&service->logs.notes,
                  "the limit of open files leaves room for %u connections of each loop and the "
                  "files that they send, not %lld: raise it with ulimit -Hn",
                  config->connections_max, (long long)options->connections_max);
    return 0;
}

static const char *folder_advice(int error)
{
    switch (error) {
    case EACCES:
        return "let this user read and enter it";
    case ENOTDIR:
        return "name the folder that the file is in";
    case ENOENT:
        return "name a folder that is there";
    case EMFILE:
    case ENFILE:
        return "raise the limit of open files";
    default:
        return "choose another folder";
    }
}

/* Options that were given and change nothing are worth a line each. */
static void note_without_effect(const struct service *service)
{
    const struct options *options = service->options;
    const struct notes *notes = &service->logs.notes;
    char path[PATH_MAX];
    if (options->folder == NULL) {
        if (options->listing > 0) {
            notes_say(notes, "--listing has no effect without DIR: the demo lists no folder");
        }
        return;
    }
    snprintf(path, sizeof path, "%s/index.html", options->folder);
    if (options->spa && access(path, F_OK) != 0) {
        notes_say(notes, "--spa has no effect while there is no %s", path);
    }
}

/* The lines about ignored variables. */
static void note_variables(const struct service *service)
{
    const char *line = service->options->notes;
    for (size_t length; (length = strcspn(line, "\n")) > 0; line += length + 1) {
        notes_say(&service->logs.notes, "%.*s", (int)length, line);
    }
}

/* The challenges that an ACME client puts into a folder (RFC 8555 §8.3). */
static int add_challenges(struct service *service)
{
    struct rh_files *files = rh_files_create(service->options->acme_dir, NULL);
    if (files == NULL) {
        snprintf(service->error, ERROR_MAX, "cannot serve --acme-dir '%.200s': %s: %s",
                 service->options->acme_dir, strerror(errno), folder_advice(errno));
        rh_app_unref(service->app);
        return -1;
    }
    rh_app_files(service->app, "/.well-known/acme-challenge", files);
    return 0;
}

/* A folder and nothing else, or the demo application. */
static int build_app(struct service *service)
{
    const struct options *options = service->options;
    struct rh_files_options files_options;
    rh_files_options_init(&files_options);
    files_options.spa = (int)options->spa;
    files_options.compression = !options->no_compression;
    files_options.clean_urls = (int)options->clean_urls;
    files_options.indexes = options->indexes.count > 0 ? options->indexes.items : NULL;
    files_options.headers = options->headers.count > 0 ? options->headers.items : NULL;
    files_options.types = options->types.count > 0 ? options->types.items : NULL;
    files_options.types_file = options->types_file;
    files_options.listing = options->listing >= 0 ? (int)options->listing : options->folder != NULL;

    hidden_init(&service->hidden, options);
    if (options->folder == NULL)
        hidden_add(&service->hidden, DEMO_UPLOADS_FOLDER);
    files_options.hidden = service->hidden.paths;
    tls_setup_hide_files(&service->tls, &files_options);

    service->app = rh_app_create();
    if (service->app == NULL) {
        snprintf(service->error, ERROR_MAX, "out of memory at the start");
        return -1;
    }
    tls_setup_use(&service->tls, service->app);
    if (options->acme_dir != NULL && add_challenges(service) != 0) {
        return -1;
    }
    if (!options->no_compression)
        rh_app_compress(service->app, NULL);
    if (options->folder == NULL) {
        demo_init(&service->demo, service->app, &files_options, &service->logs.notes);
        snprintf(service->folder, sizeof service->folder, "%s", service->demo.folder);
        return 0;
    }
    struct rh_security careful;
    rh_security_init(&careful);
    careful.content_security_policy = careful.frame_options = careful.referrer_policy =
        careful.opener_policy = NULL; /* somebody else's pages: theirs to say */
    rh_use_security(service->app, NULL, &careful);
    files_options.not_found = "404.html"; /* if it is there */
    struct rh_files *files = rh_files_create(options->folder, &files_options);
    if (files == NULL) {
        snprintf(service->error, ERROR_MAX, "cannot serve the folder '%.200s': %s: %s",
                 options->folder, strerror(errno), folder_advice(errno));
        rh_app_unref(service->app);
        return -1;
    }
    rh_app_files(service->app, "/", files);
    snprintf(service->folder, sizeof service->folder, "%s", options->folder);
    return 0;
}

/* One scheme on its port. Without a terminal nobody would read that the port is another one, and a
 * proxy would not notice: a busy port is then an error. Returns the port, or -1. */
static int listen_scheme(struct service *service, int64_t wanted, unsigned standard,
                         const char *option, struct rh_tls *tls)
{
    struct rh_listen listen;
    int reuse = (int)service->options->reuse_port;
    struct port_wish wish = {.port = wanted,
                             .standard = standard,
                             .option = option,
                             .reuse = reuse,
                             .hunts = isatty(STDIN_FILENO) || isatty(STDERR_FILENO)};
    int port = ports_find(&service->addresses, &wish, service->error, ERROR_MAX);
    if (port < 0)
        return -1;
    if (wanted < 0 && port != (int)standard)
        notes_say(&service->logs.notes, "port %u is busy, using %d", standard, port);
    rh_listen_init(&listen);
    listen.reuse_port = reuse;
    listen.tls = tls;
    return ports_listen(service->runner, &service->addresses, (unsigned)port, &listen,
                        service->error, ERROR_MAX) == 0
               ? port
               : -1;
}

static int listen_tls(struct service *service)
{
    int port = listen_scheme(service, service->options->tls_port, HTTPS_PORT, "--tls-port",
                             service->tls.tls);
    if (port < 0) {
        return -1;
    }
    service->tls.port = (unsigned)port;
    return 0;
}

/* HTTPS begins when the first broken pair has been repaired. */
static void listen_late(void *data)
{
    struct service *service = data;
    if (listen_tls(service) != 0) {
        notes_warn(&service->logs.notes, "HTTPS cannot start: %s", service->error);
        return;
    }
    for (size_t i = 0; i < service->addresses.host_count; i++) {
        char url[128];
        for (size_t j = 0; ports_next_url(&service->addresses.hosts[i], j, "https",
                                          service->tls.port, url, sizeof url);
             j++) {
            notes_line(&service->logs.notes, url);
        }
    }
}

/* With --listen, or sockets of a service manager, the usual ports are opened only if they are
 * named. */
static bool wants_ports(const struct options *options)
{
    return (options->listens.count == 0 && listens_inherited() == 0) || options->port >= 0 ||
           options->tls_port >= 0 || options->hosts.count > 0;
}

/* The port that plain HTTP redirects to: the first one of HTTPS. */
static void note_tls_port(struct service *service)
{
    const char *url;
    for (size_t i = 0; (url = rh_runner_url(service->runner, i)) != NULL; i++) {
        if (service->tls.port == 0 && strncmp(url, "https:", 6) == 0) {
            service->tls.port = rh_runner_port(service->runner, i);
        }
    }
}

/* Creates the runner and listens. */
static int listen_all(struct service *service, struct banner *banner)
{
    const struct options *options = service->options;
    if (rh_runner_create(&service->runner, service->app, &service->config, service->loops) != 0) {
        snprintf(service->error, ERROR_MAX, "starting the server: %.300s",
                 rh_runner_error(service->runner));
        return -1;
    }
    struct rh_tls *tls = service->tls.loaded_n > 0 ? service->tls.tls : NULL;
    if (listens_open(service->runner, options, tls, service->error, ERROR_MAX) != 0) {
        return -1;
    }
    while (rh_runner_url(service->runner, banner->listeners) != NULL) {
        banner->listeners++;
    }
    banner->runner = service->runner;
    if (!wants_ports(options)) {
        note_tls_port(service);
        return 0;
    }
    int port = listen_scheme(service, options->port, HTTP_PORT, "--port", NULL);
    if (port < 0)
        return -1;
    banner->http_port = (unsigned)port;
    if (service->tls.loaded_n == 0) {
        service->tls.on_ready = listen_late;
        service->tls.data = service;
        return 0;
    }
    if (listen_tls(service) != 0) {
        return -1;
    }
    banner->https_port = service->tls.port;
    return 0;
}

/* Everything between the app and the end of the run. */
static int run(struct service *service)
{
    const struct options *options = service->options;
    struct banner banner = {
        .color = options_color(options, STDERR_FILENO),
        .explains = isatty(STDERR_FILENO),
        .folder = service->folder[0] != '\0' ? service->folder : NULL,
        .loops = service->loops,
        .config = &service->config,
    };
    if (listen_all(service, &banner) != 0)
        return say(service);
    service->demo.runner = service->runner;

    int code = 1;
    int error = signals_open(&service->signals, service->runner, &service->logs, &service->watch,
                             (uint64_t)options->drain_delay_ms, (uint64_t)options->grace_ms);
    if (error == 0) {
        if (service->tls.no_default)
            notes_say(&service->logs.notes,
                      "no server.crt and server.key here: HTTP only; --dev-cert makes a pair");
        banner_print(&banner, &service->addresses);
        logs_begin(&service->logs);
        demo_watch_open(&service->demo, rh_runner_loop(service->runner));
        tls_watch_open(&service->watch, rh_runner_loop(service->runner), &service->tls);
        supervisor_open(&service->supervisor, rh_runner_loop(service->runner));
        code = rh_runner_run(service->runner);
        notes_line(&service->logs.notes, "Stopped.");
    } else {
        notes_say(&service->logs.notes, "listening to signals: %s", rh_strerror(error));
    }
    supervisor_close(&service->supervisor);
    tls_watch_close(&service->watch);
    demo_watch_close(&service->demo);
    signals_close(&service->signals);
    uv_run(rh_runner_loop(service->runner), UV_RUN_NOWAIT);
    return code;
}

int serve(const struct options *options)
{
    int code = 1;
    struct service *service = calloc(1, sizeof *service);
    if (service == NULL)
        return 1;
    service->options = options;
    if (addresses_init(&service->addresses, &options->hosts, service->error, ERROR_MAX) != 0) {
        say(service);
        code = 2;
        goto end;
    }
    if (logs_open(&service->logs, options, service->error, ERROR_MAX) != 0) {
        code = say(service);
        goto end;
    }
    note_variables(service);
    if (configure(service) != 0) {
        code = say(service);
        goto end_logs;
    }
    if (tls_setup_open(&service->tls, options, &service->logs.notes, service->error, ERROR_MAX) !=
        0) {
        code = say(service);
        goto end_logs;
    }
    if (build_app(service) != 0) {
        code = say(service);
        goto end_tls;
    }
    note_without_effect(service);
    code = run(service);
    rh_runner_destroy(service->runner);
    rh_app_unref(service->app);
end_tls:
    tls_setup_close(&service->tls);
end_logs:
    logs_close(&service->logs);
end:
    free(service);
    return code;
}
