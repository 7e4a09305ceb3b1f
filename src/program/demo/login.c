/* A form: the page, and what it posts; and what becomes of it, a login in a signed cookie. The
 * fields may also come as JSON; rh_form_read knows both.
 *
 * The key that signs is made at random when the program starts, and known to nobody: a restart logs
 * everybody out. A site that should go on over restarts, or on several machines, reads its keys
 * from a file. */
#include "program/demo/demo.h"

#include <string.h>
#include <sys/random.h>

static void show(struct rh_exchange *x, const struct demo *demo, unsigned status,
                 struct rh_slice username)
{
    struct rh_value *values = rh_value_create();
    rh_value_set_bool(values, "success", status == 200 && username.base != NULL);
    rh_value_set_bool(values, "failed", status == 401);
    rh_value_set_bytes(values, "host", rh_request_host(x));
    if (username.base != NULL)
        rh_value_set_bytes(values, "username", username);
    demo_respond_template(x, demo, status, "login", values,
                          status == 401      ? "Login failed\n"
                          : username.len > 0 ? "Login successful\n"
                                             : "POST username and password here\n");
}

static void form(struct rh_exchange *x, void *data)
{
    show(x, data, 200, (struct rh_slice){NULL, 0});
}

static void on_fields(struct rh_exchange *x, int error, void *data)
{
    /* No answer here: the library gives the one that fits, 400, 413 or 415. */
    if (error != 0)
        return;
    struct rh_slice username = rh_form_field(x, "username");
    bool known =
        rh_slice_is(username, "admin") && rh_slice_is(rh_form_field(x, "password"), "secret");
    if (known && rh_login_start(x, username) != 0) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    show(x, data, known ? 200 : 401, username);
}

static void login(struct rh_exchange *x, void *data)
{
    rh_form_read(x, on_fields, data);
}

/* By POST: a link, or an image on another site, must not log anybody out. */
static void logout(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_login_end(x);
    rh_respond_redirect(x, 303, "/login");
}

struct rh_group *demo_login_group(struct rh_app *app)
{
    unsigned char key[32];
    struct rh_login options;
    struct rh_group *group = rh_app_group(app, NULL, "");
    rh_login_init(&options);
    options.page = "/login";
    if (getrandom(key, sizeof key, 0) == (ssize_t)sizeof key) {
        options.keys.keys[0] = (struct rh_slice){(const char *)key, sizeof key};
        options.keys.count = 1;
    }
    rh_use_login(app, group, &options); /* without a key the start ends here, and says so */
    explicit_bzero(key, sizeof key);
    return group;
}

void demo_login_add(struct rh_app *app, struct rh_group *group, struct demo *demo)
{
    /* A form of another site must log nobody in, not even as somebody else. */
    rh_group_route(group, "GET", "/login", form, demo);
    rh_use_same_origin(app, rh_app_last(app), NULL);
    rh_group_route(group, "POST", "/login", login, demo);
    rh_use_same_origin(app, rh_app_last(app), NULL);
    rh_group_route(group, "POST", "/logout", logout, NULL);
    rh_use_same_origin(app, rh_app_last(app), NULL);
}
