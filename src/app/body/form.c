/* One way to ask for a field, whatever the body's type. The happy path: the type is looked at, the
 * body is gathered by the server, names and values are decoded in place (the body is the exchange's
 * own copy, and decoding never makes it longer), and the handler asks for them by name. A wrong
 * type is told after the body was read or refused, so that everything that may answer happens
 * inside one callback of the server. */
#include "rawhttp/form.h"

#include <string.h>

#include "app/app.h"
#include "app/body/form.h"
#include "http/form.h"
#include "http/media.h"
#include "rawhttp/body.h"
#include "rawhttp/log.h"
#include "rh-build.h"

int rh_form_add(struct rh_exchange *x, struct rh_form *form, struct rh_slice name,
                struct rh_slice value)
{
    struct rh_form_chunk *chunk = form->last;
    if (form->count == RH_FORM_FIELDS_MAX) {
        form->error = "more than 1,000 fields";
        return RH_EFORM;
    }
    if (chunk == NULL || chunk->used == RH_FORM_CHUNK) {
        chunk = rh_exchange_alloc(x, sizeof *chunk);
        if (chunk == NULL) {
            form->error = "too many fields";
            return RH_ENOROOM;
        }
        chunk->next = NULL;
        chunk->used = 0;
        if (form->last != NULL) {
            form->last->next = chunk;
        } else {
            form->first = chunk;
        }
        form->last = chunk;
    }
    chunk->fields[chunk->used].name = name;
    chunk->fields[chunk->used].value = value;
    chunk->used++;
    form->count++;
    return 0;
}

/* Decodes in place; false for a malformed percent-encoding. */
static bool decode(struct rh_slice *text)
{
    char *bytes = (char *)(uintptr_t)text->base; /* of the body, which is the exchange's own */
    ptrdiff_t len = rh_form_decode(*text, bytes);
    text->len = len < 0 ? 0 : (size_t)len;
    return len >= 0;
}

static int take_urlencoded(struct rh_exchange *x, struct rh_form *form, struct rh_slice body)
{
    struct rh_slice name;
    struct rh_slice value;
    while (rh_form_next(&body, &name, &value)) {
        if (!decode(&name) || !decode(&value)) {
            form->error = "malformed percent-encoding in a form field";
            return RH_EFORM;
        }
        int err = rh_form_add(x, form, name, value);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

static unsigned status_of(int error)
{
    switch (error) {
    case RH_ETYPE:
        return 415;
    case RH_ENOROOM:
        return 413;
    default:
        return 400;
    }
}

static void on_body(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    struct rh_form *form = data;
    bool is_ours = false;
    if (form->type_error != 0 && body.len == 0 && error == 0) {
        form->type_error = 0; /* no body: no fields of no type */
    }
    if (form->type_error != 0) {
        error = form->type_error;
        form->error = "the body's type holds no form fields";
        is_ours = true;
    } else if (error == 0 && body.len > 0) {
        error = form->take(x, form, body);
        is_ours = error != 0;
    }
    if (error != 0) {
        form->count = 0;
        form->first = NULL;
        form->last = NULL;
    }
    if (error != 0 && form->error == NULL) {
        form->error = rh_strerror(error);
    }
    if (error != 0) {
        rh_exchange_log(x, RH_LOG_DEBUG, "form refused: %s", form->error);
    }
    form->fn(x, error, form->data);
    /* The server keeps the exchange until this callback returns, also where it was answered. */
    if (is_ours && rh_exchange_needs_answer(x)) {
        rh_respond_error(x, form->status != 0 ? form->status : status_of(error), form->error);
    }
}

void rh_form_read(struct rh_exchange *x, rh_form_fn fn, void *data)
{
    struct rh_app_state *state = rh_app_state(x);
    struct rh_form *form = state == NULL ? NULL : rh_exchange_alloc(x, sizeof *form);
    struct rh_slice type = rh_request_field(x, "content-type");
    struct rh_media media;
    if (form == NULL) {
        rh_exchange_log(x, RH_LOG_WARNING, "no room in the arena for a form");
        rh_respond_error(x, 503, NULL);
        return;
    }
    memset(form, 0, sizeof *form);
    form->fn = fn;
    form->data = data;
    state->form = form;
    bool is_type = type.base != NULL && rh_media_parse(type, &media);
    if (is_type && rh_media_is(&media, "application/x-www-form-urlencoded")) {
        form->take = take_urlencoded;
    } else if (is_type && rh_media_is(&media, "multipart/form-data")) {
        form->take = rh_form_take_multipart;
    } else if (RH_HAVE_JSON && is_type && rh_media_is(&media, "application/json")) {
        form->take = rh_form_take_json;
    } else {
        form->type_error = RH_ETYPE;
    }
    rh_body_whole(x, on_body, form);
}

/* --- What the handler asks ------------------------------------------------------------------ */

/* rh_exchange_app_slot takes the exchange to write; here it is only read. */
static const struct rh_form *form_of(const struct rh_exchange *x)
{
    const struct rh_app_state *state = *rh_exchange_app_slot((struct rh_exchange *)(uintptr_t)x);
    return state == NULL ? NULL : state->form;
}

struct rh_slice rh_form_field_nth(const struct rh_exchange *x, const char *name, size_t index)
{
    const struct rh_form *form = form_of(x);
    const struct rh_form_chunk *chunk = form == NULL ? NULL : form->first;
    for (; chunk != NULL; chunk = chunk->next) {
        for (unsigned i = 0; i < chunk->used; i++) {
            if (rh_slice_is(chunk->fields[i].name, name) && index-- == 0) {
                return chunk->fields[i].value;
            }
        }
    }
    return (struct rh_slice){NULL, 0};
}

struct rh_slice rh_form_field(const struct rh_exchange *x, const char *name)
{
    return rh_form_field_nth(x, name, 0);
}

size_t rh_form_count(const struct rh_exchange *x)
{
    const struct rh_form *form = form_of(x);
    return form == NULL ? 0 : form->count;
}

void rh_form_at(const struct rh_exchange *x, size_t index, struct rh_slice *ret_name,
                struct rh_slice *ret_value)
{
    const struct rh_form *form = form_of(x);
    const struct rh_form_chunk *chunk = form == NULL ? NULL : form->first;
    for (; chunk != NULL && index >= RH_FORM_CHUNK; index -= RH_FORM_CHUNK) {
        chunk = chunk->next;
    }
    bool is_there = chunk != NULL && index < chunk->used;
    *ret_name = is_there ? chunk->fields[index].name : (struct rh_slice){NULL, 0};
    *ret_value = is_there ? chunk->fields[index].value : (struct rh_slice){NULL, 0};
}

const char *rh_form_error(const struct rh_exchange *x)
{
    const struct rh_form *form = form_of(x);
    return form == NULL || form->error == NULL ? "" : form->error;
}
