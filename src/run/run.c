/* rh_run: a whole program in one call, for the first five minutes with the library. */
#include <signal.h>
#include <stdio.h>
#include <uv.h>

#include "rawhttp/runner.h"
#include "util/assert.h"

enum { GRACE_MS = 2000 };

static void log_to_stderr(void *data, enum rh_log_level level, const char *line)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    (void)data;
    fprintf(stderr, "%s: %s\n", names[level], line);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    fputs("Shutting down…\n", stderr);
    rh_runner_drain(handle->data, 0, GRACE_MS);
}

static void watch(struct rh_runner *runner, uv_signal_t *handle, int number)
{
    RH_IGNORE(uv_signal_init(rh_runner_loop(runner), handle));
    handle->data = runner;
    RH_IGNORE(uv_signal_start(handle, on_signal, number));
    uv_unref((uv_handle_t *)handle);
}

int rh_run(struct rh_app *app, const char *address, const struct rh_config *config)
{
    struct rh_runner *runner;
    struct rh_config own;
    uv_signal_t interrupt;
    uv_signal_t terminate;
    int result = 1;
    if (config != NULL) {
        own = *config;
    } else {
        rh_config_init(&own);
    }
    if (own.log == NULL) {
        own.log = log_to_stderr;
    }
    signal(SIGPIPE, SIG_IGN);
    if (rh_runner_create(&runner, app, &own, 1) < 0 || rh_runner_listen(runner, address, NULL) < 0) {
        fprintf(stderr, "%s\n", rh_runner_error(runner));
    } else {
        for (size_t i = 0; rh_runner_url(runner, i) != NULL; i++) {
            fprintf(stderr, "%s\n", rh_runner_url(runner, i));
        }
        watch(runner, &interrupt, SIGINT);
        watch(runner, &terminate, SIGTERM);
        result = rh_runner_run(runner);
        uv_close((uv_handle_t *)&interrupt, NULL);
        uv_close((uv_handle_t *)&terminate, NULL);
    }
    rh_runner_destroy(runner);
    rh_app_unref(app);
    return result;
}
