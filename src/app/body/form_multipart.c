/* Fields of a multipart form whose body is small enough to be whole. Names and values are moved to
 * the front of the body itself: what is kept of a part is always shorter than what was read of it.
 * Files are left out: who wants them reads the body as a stream (multipart.h). */
#include <string.h>

#include "app/body/form.h"
#include "rawhttp/multipart.h"

/* Moves bytes of the body (or of the machine's memory) to the cursor. */
static struct rh_slice keep(char **cursor, struct rh_slice bytes)
{
    struct rh_slice kept = {*cursor, bytes.len};
    if (bytes.len > 0) {
        memmove(*cursor, bytes.base, bytes.len);
    }
    *cursor += bytes.len;
    return kept;
}

int rh_form_take_multipart(struct rh_exchange *x, struct rh_form *form, struct rh_slice body)
{
    struct rh_multipart machine;
    struct rh_slice name = {NULL, 0};
    struct rh_slice value = {NULL, 0};
    bool is_file = false;
    char *cursor = (char *)(uintptr_t)body.base; /* the exchange's own copy */
    int err = rh_multipart_init(&machine, rh_request_field(x, "content-type"), NULL);
    if (err != 0) {
        form->error = "multipart form without a proper boundary";
        return RH_EFORM;
    }
    enum rh_multipart_event event;
    while (err == 0 && (event = rh_multipart_next(&machine, &body)) != RH_MULTIPART_MORE) {
        switch (event) {
        case RH_MULTIPART_PART:
            is_file = machine.filename.base != NULL;
            name = keep(&cursor, machine.name);
            value = (struct rh_slice){cursor, 0};
            break;
        case RH_MULTIPART_DATA:
            if (!is_file) {
                value.len += keep(&cursor, machine.data).len;
            }
            break;
        case RH_MULTIPART_PART_END:
            err = is_file ? 0 : rh_form_add(x, form, name, value);
            break;
        default:
            err = RH_EFORM;
            break;
        }
    }
    if (err == 0) {
        err = rh_multipart_end(&machine);
    }
    if (err == RH_EFORM && form->error == NULL) {
        form->error = machine.rule;
        form->status = (unsigned)machine.status;
    }
    return err;
}
