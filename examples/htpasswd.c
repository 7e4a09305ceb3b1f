/* A password file: who stands in it may in. Make one with: htpasswd -cB users ada
 * Try: curl -i -u ada localhost:8080/
 */
#include <rawhttp.h>

static void home(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "come in\n");
}

int main(int argc, char **argv)
{
    struct rh_app *app = rh_app_create();
    struct rh_htpasswd htpasswd;
    rh_htpasswd_init(&htpasswd);
    htpasswd.file = "users";
    rh_use_htpasswd(app, NULL, &htpasswd); /* before the routes that it guards */
    rh_app_get(app, "/", home, NULL);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
