/* A form: the page, and what it posts. The fields may also come as JSON; rh_form_read knows both.
 */
#include "program/demo.h"

static void show(struct rh_exchange *x, const struct demo *demo, unsigned status,
                 struct rh_slice username)
{
    struct rh_value *values = rh_value_create();
    rh_value_set_bool(values, "success", status == 200 && username.base != NULL);
    rh_value_set_bool(values, "failed", status == 401);
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
    show(x, data, known ? 200 : 401, username);
}

static void login(struct rh_exchange *x, void *data)
{
    rh_form_read(x, on_fields, data);
}

void demo_login_add(struct rh_app *app, struct demo *demo)
{
    rh_app_get(app, "/login", form, demo);
    rh_app_post(app, "/login", login, demo);
}
