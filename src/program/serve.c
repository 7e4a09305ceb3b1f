/* Builds what the options ask for and runs it.
 *
 * Happy path: addresses, logs, app, runner, ports, banner, signals, run. Each step that fails says why in one
 * line on stderr, and everything before it is taken down in reverse order. */
#include "program/serve.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rawhttp.h>

#include "program/banner.h"
#include "program/demo.h"
#include "program/limits.h"
#include "program/logs.h"
#include "program/ports.h"
#include "program/signals.h"

enum { HTTP_PORT = 8080, ERROR_MAX = 512 };

struct service {
    const struct options *options;
    struct addresses addresses;
    struct logs logs;
    struct demo demo;
    struct rh_app *app;
    struct rh_config config;
    struct rh_runner *runner;
    struct signals signals;
    unsigned loops;
    char folder[PATH_MAX]; /* for the banner; "" where there is none */
    char error[ERROR_MAX];
};

static int say(const struct service *service)
{
    banner_note("%s", service->error);
    return 1;
}

static unsigned count_loops(const struct options *options)
{
    if (options->loops > 0)
        return (unsigned)options->loops;
    cpu_set_t usable;
    if (sched_getaffinity(0, sizeof usable, &usable) != 0)
        return 1;
    int count = CPU_COUNT(&usable);
    return count > 0 ? (unsigned)count : 1;
}

static void configure(struct service *service)
{
    const struct options *options = service->options;
    struct rh_config *config = &service->config;
    rh_config_init(config);
    config->head_ms = (uint32_t)options->head_ms;
    config->body_ms = (uint32_t)options->body_ms;
    config->write_ms = (uint32_t)options->write_ms;
    config->idle_ms = (uint32_t)options->idle_ms;
    config->answer_ms = (uint32_t)options->answer_ms;
    config->rate_bytes_min = (uint32_t)options->rate_bytes_min;
    config->head_bytes_max = (uint32_t)options->head_bytes_max;
    if (config->target_bytes_max > config->head_bytes_max)
        config->target_bytes_max = config->head_bytes_max;
    config->body_bytes_max = (uint64_t)options->body_bytes_max;
    if (config->body_whole_bytes_max > config->body_bytes_max)
        config->body_whole_bytes_max = (uint32_t)config->body_bytes_max;
    config->keep_alive = (uint32_t)options->keep_alive;
    if (options->verbose)
        config->log_level = RH_LOG_DEBUG;

    service->loops = count_loops(options);
    config->connections_max =
        limits_fit_connections(service->loops, (uint32_t)options->connections_max);
    if (config->connections_max < options->connections_max)
        banner_note("the limit of open files leaves room for %u connections of each loop, not %lld; "
                    "raise it with ulimit -Hn", config->connections_max,
                    (long long)options->connections_max);
    logs_hook(&service->logs, config);
}

/* A folder and nothing else, or the demo application. */
static int build_app(struct service *service)
{
    const struct options *options = service->options;
    struct rh_files_options files_options;
    rh_files_options_init(&files_options);
    files_options.spa = (int)options->spa;
    files_options.compression = !options->no_compression;
    files_options.listing = options->listing >= 0 ? (int)options->listing : options->folder != NULL;

    service->app = rh_app_create();
    if (service->app == NULL) {
        snprintf(service->error, ERROR_MAX, "out of memory at the start");
        return -1;
    }
    if (options->folder == NULL) {
        demo_init(&service->demo, service->app, &files_options);
        snprintf(service->folder, sizeof service->folder, "%s", service->demo.folder);
        return 0;
    }
    struct rh_files *files = rh_files_create(options->folder, &files_options);
    if (files == NULL) {
        snprintf(service->error, ERROR_MAX, "serving the folder '%.200s': %s; name a folder that is there",
                 options->folder, strerror(errno));
        rh_app_unref(service->app);
        return -1;
    }
    rh_app_files(service->app, "/", files);
    snprintf(service->folder, sizeof service->folder, "%s", options->folder);
    return 0;
}

/* Creates the runner and listens; says so where the port is not the standard one. */
static int listen_all(struct service *service, struct banner *banner)
{
    const struct options *options = service->options;
    struct rh_listen listen;
    if (rh_runner_create(&service->runner, service->app, &service->config, service->loops) != 0) {
        snprintf(service->error, ERROR_MAX, "starting the server: %.300s",
                 rh_runner_error(service->runner));
        return -1;
    }
    int port = ports_find(&service->addresses, options->port, HTTP_PORT, options->reuse_port,
                          service->error, ERROR_MAX);
    if (port < 0)
        return -1;
    if (options->port < 0 && port != HTTP_PORT)
        banner_note("port %d is busy, using %d", HTTP_PORT, port);
    rh_listen_init(&listen);
    listen.reuse_port = (int)options->reuse_port;
    if (ports_listen(service->runner, &service->addresses, (unsigned)port, &listen, service->error,
                     ERROR_MAX) != 0)
        return -1;
    banner->scheme_http = "http";
    banner->http_port = (unsigned)port;
    return 0;
}

/* Everything between the app and the end of the run. */
static int run(struct service *service)
{
    const struct options *options = service->options;
    struct banner banner = {
        .color = options_color(options, STDERR_FILENO),
        .folder = service->folder[0] != '\0' ? service->folder : NULL,
        .loops = service->loops,
        .config = &service->config,
    };
    if (listen_all(service, &banner) != 0)
        return say(service);
    service->demo.runner = service->runner;

    int code = 1;
    int error = signals_open(&service->signals, service->runner, &service->logs,
                             (uint64_t)options->drain_delay_ms, (uint64_t)options->grace_ms);
    if (error == 0) {
        banner_print(&banner, &service->addresses);
        code = rh_runner_run(service->runner);
        fprintf(stderr, "Stopped.\n");
    } else {
        banner_note("listening to signals: %s", rh_strerror(error));
    }
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
    configure(service);
    if (build_app(service) != 0) {
        code = say(service);
        goto end_logs;
    }
    code = run(service);
    rh_runner_destroy(service->runner);
    rh_app_unref(service->app);
end_logs:
    logs_close(&service->logs);
end:
    free(service);
    return code;
}
