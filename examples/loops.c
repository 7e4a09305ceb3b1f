/* Several loops over one app: N threads with a loop, a server and a listener each, sharing nothing
 * on the path of a request. What belongs to a loop hangs on its server. Try: curl
 * localhost:8080/count a few times */
#include <signal.h>
#include <stdio.h>
#include <uv.h>

#include <rawhttp.h>

enum { LOOPS = 2 };

static unsigned counts[LOOPS]; /* one for each loop: no lock */

static void count(struct rh_exchange *x, void *data)
{
    (void)data;
    unsigned *mine = rh_server_data(rh_exchange_server(x));
    const char *text =
        rh_exchange_format(x, "loop %d has answered %u\n", (int)(mine - counts), ++*mine);
    rh_respond_text(x, 200, text != NULL ? text : "no memory\n");
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    rh_runner_drain(handle->data, 0, 2000);
}

int main(int argc, char **argv)
{
    struct rh_app *app = rh_app_create();
    struct rh_runner *runner;
    uv_signal_t handle;
    rh_app_get(app, "/count", count, NULL);
    int error = rh_runner_create(&runner, app, NULL, LOOPS);
    rh_app_unref(app);
    if (error == 0)
        error = rh_runner_listen(runner, argc > 1 ? argv[1] : "127.0.0.1:8080", NULL);
    if (error < 0) {
        fprintf(stderr, "%s\n", rh_runner_error(runner));
        rh_runner_destroy(runner);
        return 1;
    }
    for (unsigned i = 0; i < LOOPS; i++)
        rh_server_set_data(rh_runner_server(runner, i), &counts[i]);
    fprintf(stderr, "%s\n", rh_runner_url(runner, 0));

    uv_signal_init(rh_runner_loop(runner), &handle);
    handle.data = runner;
    uv_signal_start(&handle, on_signal, SIGTERM);
    uv_unref((uv_handle_t *)&handle);
    int code = rh_runner_run(runner);
    uv_close((uv_handle_t *)&handle, NULL);
    uv_run(rh_runner_loop(runner), UV_RUN_NOWAIT);
    rh_runner_destroy(runner);
    return code;
}
