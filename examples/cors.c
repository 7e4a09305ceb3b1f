/* CORS: a page of another site may use one route with its login, everybody's pages another without,
 * and all the rest stays closed. Try: curl -i -X OPTIONS -H 'Origin: https://shop.example' -H
 * 'Access-Control-Request-Method: PUT' localhost:8080/basket
 */
#include <rawhttp.h>

static void basket(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "three apples\n");
}

static void weather(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "sunny\n");
}

static void diary(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "for our own pages only\n");
}

int main(int argc, char **argv)
{
    static const char *const shop[] = {"https://shop.example", NULL};
    static const char *const all[] = {"*", NULL};
    struct rh_app *app = rh_app_create();
    struct rh_cors cors;

    rh_app_put(app, "/basket", basket, NULL);
    rh_cors_init(&cors);
    cors.origins = shop;
    cors.credentials = 1;
    rh_use_cors(app, rh_app_last(app), &cors);

    rh_app_get(app, "/weather", weather, NULL);
    rh_cors_init(&cors);
    cors.origins = all;
    rh_use_cors(app, rh_app_last(app), &cors);

    rh_app_get(app, "/diary", diary, NULL);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
