/* Logins in signed cookies: who is not logged in is sent to a form and comes back from there.
 * Try it in a browser: http://localhost:8080/diary (ada, lovelace).
 */
#include <sys/random.h>

#include <rawhttp.h>

static void form(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_html(
        x, 200,
        "<!doctype html><title>Log in</title><form method=\"post\">\n" /* to this address, with its
                                                                          `next` */
        "<input name=\"name\"><input name=\"password\" type=\"password\"><button>Log "
        "in</button></form>\n");
}

static void on_fields(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    if (error != 0)
        return; /* the library answers */
    struct rh_slice name = rh_form_field(x, "name");
    bool fits = rh_slice_is(name, "ada") &&
                rh_same_bytes(rh_form_field(x, "password"), rh_slice_from("lovelace"));
    if (!fits || rh_login_start(x, name) != 0) {
        rh_respond_error(x, 401, "name or password is wrong");
        return;
    }
    struct rh_slice next = rh_login_next(x); /* never another site */
    rh_respond_redirect(x, 303, next.base != NULL ? next.base : "/diary");
}

static void log_in(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_form_read(x, on_fields, NULL);
}

static void log_out(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_login_end(x);
    rh_respond_redirect(x, 303, "/login");
}

static void diary(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice user = rh_login_user(x);
    const char *text = rh_exchange_format(x, "Dear diary of %.*s\n", (int)user.len, user.base);
    rh_respond_text(x, 200, text != NULL ? text : "");
}

int main(int argc, char **argv)
{
    char key[32]; /* of this run; from a file where logins should survive it */
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
        return 1;
    struct rh_login login;
    rh_login_init(&login);
    login.keys.keys[0] = (struct rh_slice){key, sizeof key};
    login.keys.count = 1;
    login.page = "/login";

    struct rh_app *app = rh_app_create();
    rh_use_login(app, NULL, &login);
    rh_app_get(app, "/login", form, NULL);
    rh_app_post(app, "/login", log_in, NULL);
    rh_app_post(app, "/logout", log_out, NULL);
    rh_app_get(app, "/diary", diary, NULL);
    rh_use_login_required(app, rh_app_last(app));
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
