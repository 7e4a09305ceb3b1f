/* A server with 10,000 routes, for bench/run: what the router costs must not grow with their number.
 *
 * Routes are /route/0/item to /route/9999/item and each answers "pong". Usage: server-routes PORT. */
#include <rawhttp.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUTES 10000

static void on_item(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

int main(int argc, char **argv)
{
    struct rh_app *app = rh_app_create();
    char text[64];

    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < ROUTES; i++) {
        snprintf(text, sizeof text, "/route/%d/item", i);
        rh_app_get(app, text, on_item, NULL);
    }
    snprintf(text, sizeof text, "127.0.0.1:%ld", strtol(argv[1], NULL, 10));
    return rh_run(app, text, NULL);
}
