/* One field out of a body of any of the three types that forms have: urlencoded, JSON, multipart.
 * The first two are rh_form_read's; multipart is taken apart by the machine that also does the
 * uploads. */
#include "program/demo.h"

#include <string.h>
#include <strings.h>

enum { NAME_MAX_BYTES = 1024 };

static void created(struct rh_exchange *x, struct rh_slice name)
{
    if (name.len == 0) {
        rh_respond_text(x, 400, "missing field 'name'");
        return;
    }
    struct rh_value *answer = rh_value_create();
    rh_value_set_bytes(answer, "name", name);
    rh_value_set_bool(answer, "created", true);
    demo_respond_json(x, 201, answer);
}

static void on_fields(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    if (error == 0)
        created(x, rh_form_field(x, "name"));
}

/* The content of the first part called "name", collected in `out`. Returns 0, or the status that
 * refuses the body. */
static int find_name(struct rh_multipart *form, struct rh_slice body, char out[NAME_MAX_BYTES],
                     size_t *ret_length)
{
    bool found = false, inside = false;
    for (;;) {
        switch (rh_multipart_next(form, &body)) {
        case RH_MULTIPART_MORE:
            return rh_multipart_end(form) == 0 ? 0 : form->status;
        case RH_MULTIPART_ERROR:
            return form->status;
        case RH_MULTIPART_PART:
            inside = !found && rh_slice_is(form->name, "name");
            found = found || inside;
            break;
        case RH_MULTIPART_DATA:
            if (!inside)
                break;
            if (form->data.len > NAME_MAX_BYTES - *ret_length)
                return 413;
            memcpy(out + *ret_length, form->data.base, form->data.len);
            *ret_length += form->data.len;
            break;
        case RH_MULTIPART_PART_END:
            inside = false;
            break;
        }
    }
}

static void on_multipart(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    struct rh_multipart *form = data;
    char name[NAME_MAX_BYTES];
    size_t length = 0;
    if (error != 0)
        return;
    int status = find_name(form, body, name, &length);
    if (status != 0)
        rh_respond_error(x, (unsigned)status, form->rule);
    else
        created(x, (struct rh_slice){name, length});
}

static void create(struct rh_exchange *x, void *data)
{
    static const char multipart[] = "multipart/";
    struct rh_slice type = rh_request_field(x, "Content-Type");
    (void)data;
    if (type.len < sizeof multipart - 1 ||
        strncasecmp(type.base, multipart, sizeof multipart - 1) != 0) {
        rh_form_read(x, on_fields, NULL);
        return;
    }
    struct rh_multipart *form = rh_exchange_alloc(x, sizeof *form);
    int error = form != NULL ? rh_multipart_init(form, type, NULL) : RH_ENOROOM;
    if (error != 0)
        rh_respond_error(x, demo_body_status(error), NULL);
    else
        rh_body_whole(x, on_multipart, form);
}

void demo_create_add(struct rh_app *app)
{
    rh_app_post(app, "/api/create", create, NULL);
}
