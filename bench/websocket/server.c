/* The server that bench/websocket/run measures: /echo sends each message back, /all sends it to
 * everybody who is there. */
#include <rawhttp.h>

static void on_message(struct rh_websocket *socket, enum rh_websocket_kind kind,
                       struct rh_slice message, void *data)
{
    (void)data;
    rh_websocket_send(socket, kind, message.base, message.len);
}

static void echo(struct rh_exchange *x, void *data)
{
    struct rh_websocket_options options;
    (void)data;
    rh_websocket_options_init(&options);
    options.on_message = on_message;
    rh_websocket_accept(x, &options);
}

static void on_open(struct rh_websocket *socket, void *hub)
{
    rh_websocket_hub_subscribe(hub, socket, "all");
}

static void on_publish(struct rh_websocket *socket, enum rh_websocket_kind kind,
                       struct rh_slice message, void *hub)
{
    (void)socket;
    rh_websocket_hub_publish(hub, "all", kind, message.base, message.len);
}

static void all(struct rh_exchange *x, void *hub)
{
    struct rh_websocket_options options;
    rh_websocket_options_init(&options);
    options.on_open = on_open;
    options.on_message = on_publish;
    options.data = hub;
    rh_websocket_accept(x, &options);
}

int main(int argc, char **argv)
{
    struct rh_config config;
    struct rh_app *app = rh_app_create();
    struct rh_websocket_hub *hub = rh_websocket_hub_create(NULL);
    rh_app_own(app, rh_websocket_hub_destroy, hub);
    rh_app_get(app, "/echo", echo, NULL);
    rh_app_get(app, "/all", all, hub);
    rh_config_init(&config);
    config.connections_max = 12000;
    return rh_run(app, argc > 1 ? argv[1] : "127.0.0.1:8080", &config);
}
