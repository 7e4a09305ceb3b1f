/* The smallest server: one route, an own loop, signals and a clean end. Try: curl
 * localhost:8080/ping */
#include <rawhttp.h>

static void ping(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

int main(int argc, char **argv)
{
    struct rh_app *app = rh_app_create();
    rh_app_get(app, "/ping", ping, NULL);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
