/* The response draft and the final answers. An answer only changes the exchange's state: the
 * session makes bytes of it when the host next pulls. Ways to fail: a field that could break the
 * framing is refused (RH_EFIELD); a body that fits no arena becomes a 500; a second answer is
 * refused with a log line. */
#include <stdio.h>
#include <string.h>

#include "http/reference.h"
#include "http/status.h"
#include "server/door.h"
#include "server/exchange.h"
#include "util/ascii.h"

/* Fields of the engine: a handler that set them could break the framing (RFC 9112 §6) or lie about
 * the time. */
static bool is_engines_own(struct rh_slice name)
{
    switch (rh_field_classify(name)) {
    case RH_FIELD_CONTENT_LENGTH:
    case RH_FIELD_TRANSFER_ENCODING:
    case RH_FIELD_CONNECTION:
    case RH_FIELD_DATE:
        return true;
    default:
        return rh_ascii_is(name, "keep-alive") || rh_ascii_is(name, "server");
    }
}

/* Behind the others of the draft; the name is kept by pointer. */
static int append_field(struct rh_exchange *x, struct rh_slice name, struct rh_slice value)
{
    if (x->answer_state != RH_ANSWER_NONE) {
        return RH_ESTATE;
    }
    struct rh_response_field *field = rh_arena_alloc(&x->arena, sizeof *field);
    if (field == NULL || name.base == NULL) {
        return RH_ENOROOM;
    }
    *field = (struct rh_response_field){NULL, name, rh_arena_copy(&x->arena, value)};
    if (field->value.base == NULL) {
        return RH_ENOROOM;
    }
    *x->response_last = field;
    x->response_last = &field->next;
    x->response_bytes += (uint32_t)(name.len + value.len + 4);
    return 0;
}

static int add_field(struct rh_exchange *x, struct rh_slice name, struct rh_slice value)
{
    value = rh_ascii_trim(value);
    if (!rh_field_name_is_valid(name) || !rh_field_value_is_valid(value) || is_engines_own(name)) {
        rh_exchange_log(x, RH_LOG_ERROR, "response field refused: %.*s (RFC 9110 5.1, 5.5)",
                        (int)name.len, name.base);
        return RH_EFIELD;
    }
    return append_field(x, rh_arena_copy(&x->arena, name), value);
}

static bool sets_cookie(struct rh_slice value, struct rh_slice name)
{
    return value.len > name.len && value.base[name.len] == '=' &&
           memcmp(value.base, name.base, name.len) == 0;
}

/* All fields of that name; where `cookie` is there, only those that set this one. */
static void remove_fields(struct rh_exchange *x, struct rh_slice name, struct rh_slice cookie)
{
    struct rh_response_field **at = &x->response_first;
    while (*at != NULL) {
        struct rh_response_field *field = *at;
        if (rh_ascii_equal(field->name, name) &&
            (cookie.base == NULL || sets_cookie(field->value, cookie))) {
            x->response_bytes -= (uint32_t)(field->name.len + field->value.len + 4);
            *at = field->next;
        } else {
            at = &field->next;
        }
    }
    x->response_last = at;
}

static const struct rh_slice any = {NULL, 0};

int rh_exchange_replace_cookie(struct rh_exchange *x, const char *name, struct rh_slice value)
{
    struct rh_slice key = rh_slice_from("Set-Cookie");
    if (x->answer_state != RH_ANSWER_NONE) {
        return RH_ESTATE;
    }
    remove_fields(x, key, rh_slice_from(name));
    return add_field(x, key, value);
}

int rh_response_set_slice(struct rh_exchange *x, const char *name, struct rh_slice value)
{
    if (x->answer_state != RH_ANSWER_NONE) {
        return RH_ESTATE;
    }
    struct rh_slice key = rh_slice_from(name);
    if (rh_ascii_is(key, "content-type")) { /* one place for it, so that it is never sent twice */
        value = rh_ascii_trim(value);
        if (!rh_field_value_is_valid(value)) {
            return RH_EFIELD;
        }
        x->type = rh_arena_copy(&x->arena, value);
        return x->type.base != NULL ? 0 : RH_ENOROOM;
    }
    remove_fields(x, key, any);
    return add_field(x, key, value);
}

int rh_response_set(struct rh_exchange *x, const char *name, const char *value)
{
    return rh_response_set_slice(x, name, rh_slice_from(value));
}

int rh_response_add(struct rh_exchange *x, const char *name, const char *value)
{
    if (rh_ascii_is(rh_slice_from(name), "content-type")) { /* there is only one (RFC 9110 §8.3) */
        return rh_response_set(x, name, value);
    }
    return add_field(x, rh_slice_from(name), rh_slice_from(value));
}

/* Returns true if the answer can be given now. It cannot on a cut or overruled exchange, nor if
 * there is one already. */
static bool accepts(struct rh_exchange *x, unsigned status)
{
    if (x->session == NULL || x->overruled) {
        return false;
    }
    if (x->answer_state != RH_ANSWER_NONE) {
        rh_exchange_log(x, RH_LOG_ERROR, "second answer (%u) on %.*s refused", status,
                        RH_ROW(x));
        return false;
    }
    RH_ASSERT((status >= 200 && status <= 599) || status == 101);
    return true;
}

/* The answer is not given. On a cut or overruled exchange the hold ends with it; a stream is ended
 * by its own calls. The exchange may be gone after this. */
static void refuse(struct rh_exchange *x)
{
    if ((x->session == NULL || x->overruled) && !x->stream_open) {
        x->held = false;
        rh_exchange_maybe_release(x);
    }
}

/* As refuse; what the answer would have held goes back first, since it may lie in the exchange's
 * arena. */
static void refuse_owned(struct rh_exchange *x, void (*free_fn)(void *data), void *data)
{
    rh_exchange_enter(x);
    if (free_fn != NULL) {
        free_fn(data);
    }
    refuse(x);
    rh_exchange_leave(x);
}

static bool may_answer(struct rh_exchange *x, unsigned status)
{
    if (RH_LIKELY(accepts(x, status))) {
        return true;
    }
    refuse(x);
    return false;
}

static void set_type(struct rh_exchange *x, const char *type)
{
    if (type == NULL || x->type.base != NULL) { /* one that was set before stands */
        return;
    }
    struct rh_slice slice = rh_slice_from(type);
    if (rh_field_value_is_valid(slice)) {
        x->type = rh_arena_copy(&x->arena, slice);
    }
}

/* The handler's duty ends here; from now on its body callbacks are not called. */
static void give(struct rh_exchange *x, unsigned status, enum rh_answer_kind kind)
{
    struct rh_door *door = x->engine->door;
    x->status = (uint16_t)status;
    x->answer_kind = (uint8_t)kind;
    if (RH_UNLIKELY(door->finish != NULL && kind == RH_ANSWER_MEMORY &&
                    x->memory.len >= door->finish_bytes_min && !x->as_is)) {
        door->finish(x, door);
    }
    x->answer_state = RH_ANSWER_READY;
    x->held = false;
    x->body_told = true;
    rh_list_remove(&x->waiting);
    if (x->body_state == RH_BODY_READING || x->body_state == RH_BODY_PAUSED) {
        x->body_state = RH_BODY_UNASKED;
    }
    rh_exchange_ready(x);
}

static void answer_memory(struct rh_exchange *x, unsigned status, struct rh_slice body)
{
    x->memory = body;
    give(x, status, RH_ANSWER_MEMORY);
}

/* In the arena; what does not fit there goes where whole request bodies are gathered, and counts
 * against their budget. Absent where neither has room. */
static struct rh_slice copy_content(struct rh_exchange *x, struct rh_slice content)
{
    struct rh_slice copy = rh_arena_copy(&x->arena, content);
    if (RH_LIKELY(copy.base != NULL)) {
        return copy;
    }
    struct rh_slab *slab = rh_body_find_place(&x->engine->pools, content.len);
    char *place = slab != NULL ? rh_slab_acquire(slab) : NULL;
    if (place == NULL) {
        return copy;
    }
    memcpy(place, content.base, content.len);
    x->memory_slab = slab;
    x->owes_body = true;
    return (struct rh_slice){place, content.len};
}

/* --- What the app may still change ---------------------------------------------------------- */

int rh_response_set_own(struct rh_exchange *x, struct rh_slice name, struct rh_slice value)
{
    if (x->response_first != NULL) {
        remove_fields(x, name, any);
    }
    return append_field(x, name, value);
}

void rh_exchange_send_as_is(struct rh_exchange *x)
{
    x->as_is = true;
}

void rh_exchange_given(const struct rh_exchange *x, struct rh_given *ret_given)
{
    *ret_given = (struct rh_given){x->status, x->type, x->memory};
}

struct rh_slice rh_response_field(const struct rh_exchange *x, const char *name, size_t index)
{
    struct rh_slice key = rh_slice_from(name);
    for (const struct rh_response_field *field = x->response_first; field != NULL;
         field = field->next) {
        if (rh_ascii_equal(field->name, key) && index-- == 0) {
            return field->value;
        }
    }
    return (struct rh_slice){NULL, 0};
}

int rh_exchange_replace_content(struct rh_exchange *x, struct rh_slice content, const char *coding)
{
    RH_ASSERT(x->answer_kind == RH_ANSWER_MEMORY && x->answer_state == RH_ANSWER_NONE);
    struct rh_slab *old_slab = x->memory_slab;
    x->memory_slab = NULL;
    struct rh_slice copy = copy_content(x, content);
    struct rh_slab *copy_slab = x->memory_slab;
    x->memory_slab = old_slab;
    int err = copy.base == NULL ? RH_ENOROOM : rh_response_set(x, "Content-Encoding", coding);
    if (err != 0) {
        if (copy_slab != NULL) {
            rh_slab_release(copy_slab, (void *)(uintptr_t)copy.base);
        }
        return err;
    }
    rh_exchange_drop_memory(x);
    x->memory = copy;
    x->memory_slab = copy_slab;
    return 0;
}

/* --- Answers -------------------------------------------------------------------------------- */

/* The last resort is static: an error answer that needed memory would come back here. */
static void answer_copy(struct rh_exchange *x, unsigned status, struct rh_slice body)
{
    static const char no_memory[] = "500 Internal Server Error\n";
    struct rh_slice copy = copy_content(x, body);
    if (RH_UNLIKELY(copy.base == NULL)) {
        rh_exchange_log(x, RH_LOG_ERROR,
                        "no memory for a copy of an answer of %zu bytes: use rh_respond_owned",
                        body.len);
        x->type = rh_slice_from("text/plain");
        status = 500;
        copy = (struct rh_slice){no_memory, sizeof no_memory - 1};
    }
    answer_memory(x, status, copy);
}

void rh_respond(struct rh_exchange *x, unsigned status, const char *type, const void *body,
                size_t len)
{
    if (may_answer(x, status)) {
        set_type(x, type);
        answer_copy(x, status, (struct rh_slice){body, len});
    }
}

/* The types of our own need neither check nor copy. */
static void answer_text(struct rh_exchange *x, unsigned status, struct rh_slice type,
                        const char *text)
{
    if (may_answer(x, status)) {
        if (x->type.base == NULL) {
            x->type = type;
        }
        answer_copy(x, status, rh_slice_from(text));
    }
}

void rh_respond_text(struct rh_exchange *x, unsigned status, const char *text)
{
    static const char type[] = "text/plain; charset=utf-8";
    answer_text(x, status, (struct rh_slice){type, sizeof type - 1}, text);
}

void rh_respond_html(struct rh_exchange *x, unsigned status, const char *html)
{
    static const char type[] = "text/html; charset=utf-8";
    answer_text(x, status, (struct rh_slice){type, sizeof type - 1}, html);
}

void rh_respond_empty(struct rh_exchange *x, unsigned status)
{
    if (may_answer(x, status)) {
        give(x, status, RH_ANSWER_EMPTY);
    }
}

void rh_respond_static(struct rh_exchange *x, unsigned status, const char *type, const void *body,
                       size_t len)
{
    if (may_answer(x, status)) {
        set_type(x, type);
        answer_memory(x, status, (struct rh_slice){body, len});
    }
}

void rh_respond_owned(struct rh_exchange *x, unsigned status, const char *type, const void *body,
                      size_t len, void (*free_fn)(void *free_data), void *free_data)
{
    if (!accepts(x, status)) {
        refuse_owned(x, free_fn, free_data);
        return;
    }
    x->free_fn = free_fn;
    x->free_data = free_data;
    x->owes_body = true;
    set_type(x, type);
    answer_memory(x, status, (struct rh_slice){body, len});
}

void rh_respond_error(struct rh_exchange *x, unsigned status, const char *detail)
{
    if (may_answer(x, status)) {
        x->engine->door->fail(x, status, detail, x->engine->door);
    }
}

int rh_exchange_set_location(struct rh_exchange *x, const char *location)
{
    struct rh_slice text = rh_slice_from(location);
    size_t len = rh_reference_encode(NULL, text);
    char *encoded = rh_arena_text(&x->arena, len);
    if (encoded == NULL) {
        return RH_ENOROOM;
    }
    rh_reference_encode(encoded, text);
    return rh_response_set_slice(x, "Location", (struct rh_slice){encoded, len});
}

void rh_respond_redirect(struct rh_exchange *x, unsigned status, const char *location)
{
    if (!may_answer(x, status)) {
        return;
    }
    if (rh_exchange_set_location(x, location) != 0) {
        rh_respond_error(x, 500, NULL);
        return;
    }
    rh_respond(x, status, "text/plain; charset=utf-8", "", 0);
}

static void answer_source(struct rh_exchange *x, unsigned status, const char *type,
                          const struct rh_source *source, bool is_file)
{
    if (!accepts(x, status)) {
        refuse_owned(x, source->close, source->data);
        return;
    }
    set_type(x, type);
    x->source = *source;
    x->source_open = x->owes_body = true;
    x->source_is_file = is_file;
    give(x, status, RH_ANSWER_SOURCE);
}

void rh_respond_source(struct rh_exchange *x, unsigned status, const char *type,
                       const struct rh_source *source)
{
    answer_source(x, status, type, source, false);
}

void rh_respond_file(struct rh_exchange *x, unsigned status, const char *type,
                     const struct rh_source *source)
{
    RH_ASSERT(source->length >= 0);
    answer_source(x, status, type, source, true);
}

void rh_exchange_upgrade(struct rh_exchange *x, const struct rh_session_kind *kind, void *argument)
{
    bool may = may_answer(x, 101);
    if (may && x->body_state == RH_BODY_DONE) {
        x->upgrade.kind = kind;
        x->upgrade.argument = argument;
        x->owes_body = true;
        give(x, 101, RH_ANSWER_UPGRADE);
        return;
    }
    if (kind->cancel != NULL) {
        kind->cancel(argument);
    }
    if (may) {
        rh_respond_error(x, 400, "a request for an upgrade has no body");
    }
}

void rh_source_resume(struct rh_exchange *x)
{
    if (x->source_waits) {
        x->source_waits = false;
        rh_exchange_ready(x);
    }
}
