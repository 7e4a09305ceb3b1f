/* One field out of a body of any of the three types that forms have: urlencoded, JSON, multipart.
 * rh_form_read knows them all, and answers by itself what is wrong with a body. */
#include "program/demo/demo.h"

static void on_fields(struct rh_exchange *x, int error, void *data)
{
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
    demo_respond_value(x, data, 201, answer);
}

static void create(struct rh_exchange *x, void *data)
{
    rh_form_read(x, on_fields, data);
}

void demo_create_add(struct rh_app *app, struct demo *demo)
{
    rh_app_post(app, "/api/create", create, demo);
}
