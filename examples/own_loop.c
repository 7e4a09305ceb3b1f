/* A server on a loop of your own, beside handles of your own: create, listen, run; drain, close,
 * destroy. The server closes only its own handles and never stops your loop. Try: curl
 * localhost:8080/ticks */
#include <stdio.h>
#include <uv.h>

#include <rawhttp.h>

static uv_timer_t ticker;
static uv_signal_t interrupt;
static unsigned ticks;

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
    ticks++;
}

static void show_ticks(struct rh_exchange *x, void *data)
{
    (void)data;
    const char *text = rh_exchange_format(x, "%u ticks\n", ticks);
    rh_respond_text(x, 200, text != NULL ? text : "no memory\n");
}

/* The close callback comes when the last held exchange was given back: only now may the server be
 * destroyed. */
static void on_closed(struct rh_server *server, void *data)
{
    (void)data;
    rh_server_destroy(server);
    uv_close((uv_handle_t *)&ticker, NULL);
    uv_close((uv_handle_t *)&interrupt, NULL);
}

static void on_drained(struct rh_server *server, void *data)
{
    (void)data;
    rh_server_close(server, on_closed, NULL);
}

static void on_interrupt(uv_signal_t *handle, int number)
{
    (void)number;
    uv_signal_stop(handle);
    rh_server_drain(handle->data, 2000, on_drained, NULL);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct rh_app *app = rh_app_create();
    struct rh_server *server;
    struct rh_config config;

    rh_app_get(app, "/ticks", show_ticks, NULL);
    rh_config_init(&config);
    config.body_bytes_max = 1 << 20;

    int error = rh_server_create(&server, loop, app, &config);
    rh_app_unref(app); /* the server has a reference of its own */
    if (error == 0)
        error = rh_server_listen(server, argc > 1 ? argv[1] : "localhost:8080", NULL);
    if (error < 0) {
        fprintf(stderr, "%s\n", rh_server_error(server));
        return 1; /* at the end of the process its memory goes too */
    }
    fprintf(stderr, "%s\n", rh_server_url(server, 0));

    uv_timer_init(loop, &ticker);
    uv_timer_start(&ticker, on_tick, 0, 10);
    uv_signal_init(loop, &interrupt);
    interrupt.data = server;
    uv_signal_start(&interrupt, on_interrupt, SIGTERM);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0 ? 0 : 1;
}
