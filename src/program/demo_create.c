/* One field out of a body of any of the three types that forms have: urlencoded, JSON, multipart.
 * rh_form_read knows them all, and answers by itself what is wrong with a body. */
#include "program/demo.h"

static void on_fields(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    if (error != 0)
        return;
    struct rh_slice name = rh_form_field(x, "name");
    if (name.len == 0) {
        rh_respond_text(x, 400, "missing field 'name'");
        return;
    }
    struct rh_value *answer = rh_value_create();
    rh_value_set_bytes(answer, "name", name);
    rh_value_set_bool(answer, "created", true);
    rh_respond_json(x, 201, answer);
    rh_value_destroy(answer);
}

static void create(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_form_read(x, on_fields, NULL);
}

void demo_create_add(struct rh_app *app)
{
    rh_app_post(app, "/api/create", create, NULL);
}
