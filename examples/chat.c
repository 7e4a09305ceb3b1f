/* A chat: each text goes to everybody who is connected, on every loop. Try, in two terminals:
 * npx wscat -c ws://localhost:8080/chat */
#include <rawhttp.h>

static void on_open(struct rh_websocket *socket, void *hub)
{
    rh_websocket_hub_subscribe(hub, socket, "all");
}

static void on_message(struct rh_websocket *socket, enum rh_websocket_kind kind,
                       struct rh_slice message, void *hub)
{
    (void)socket;
    rh_websocket_hub_publish(hub, "all", kind, message.base, message.len);
}

static void chat(struct rh_exchange *x, void *hub)
{
    struct rh_websocket_options options;
    rh_websocket_options_init(&options);
    options.on_open = on_open;
    options.on_message = on_message;
    options.data = hub;
    rh_websocket_accept(x, &options);
}

int main(int argc, char **argv)
{
    struct rh_app *app = rh_app_create();
    struct rh_websocket_hub *hub = rh_websocket_hub_create(NULL);
    rh_app_own(app, rh_websocket_hub_destroy, hub);
    rh_app_get(app, "/chat", chat, hub);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
