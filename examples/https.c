/* HTTPS beside HTTP, with a certificate for development that is made where there is none.
 * Try: curl -k https://localhost:8443/ */
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include <rawhttp.h>

static void hello(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, rh_request_is_tls(x) ? "hello, privately\n" : "hello, everybody\n");
}

static void on_closed(struct rh_server *server, void *data)
{
    (void)data;
    rh_server_destroy(server);
}

static void on_drained(struct rh_server *server, void *data)
{
    rh_server_close(server, on_closed, data);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    rh_server_drain(handle->data, 2000, on_drained, NULL);
    uv_close((uv_handle_t *)handle, NULL);
}

int main(int argc, char **argv)
{
    char error[256] = "";
    uv_loop_t *loop = uv_default_loop();
    uv_signal_t handle;
    struct rh_server *server;
    struct rh_listen listen;
    struct rh_tls *tls = rh_tls_create();
    struct rh_app *app = rh_app_create();
    rh_app_get(app, "/", hello, NULL);

    if (access("dev.crt", R_OK) != 0 &&
        rh_tls_write_dev_cert("dev.crt", "dev.key", error, sizeof error) != 0)
        return fprintf(stderr, "%s\n", error), 1;
    if (rh_tls_add_pair(tls, "dev.crt", "dev.key") != 0)
        return fprintf(stderr, "%s\n", rh_tls_error(tls)), 1;
    rh_listen_init(&listen);
    listen.tls = tls;
    if (rh_server_create(&server, loop, app, NULL) != 0 ||
        rh_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8080", NULL) != 0 ||
        rh_server_listen(server, argc > 2 ? argv[2] : "127.0.0.1:8443", &listen) != 0)
        return fprintf(stderr, "%s\n", rh_server_error(server)), 1;
    rh_app_unref(app);
    rh_tls_unref(tls); /* the listener has a reference of its own */
    for (size_t i = 0; rh_server_url(server, i) != NULL; i++)
        fprintf(stderr, "%s\n", rh_server_url(server, i));

    uv_signal_init(loop, &handle);
    handle.data = server;
    uv_signal_start(&handle, on_signal, SIGTERM);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0 ? 0 : 1;
}
