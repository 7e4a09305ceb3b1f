/* The response draft and the final answers. An answer only changes the exchange's state: the
 * session makes bytes of it when the host next pulls. Ways to fail: a field that could break the
 * framing is refused (RH_EFIELD); a body that fits no arena becomes a 500; a second answer is
 * refused with a log line. */
#include <stdio.h>
#include <string.h>

#include "http/reference.h"
#include "http/status.h"
#include "server/exchange/answer.h"
#include "server/door.h"
#include "util/ascii.h"

enum { FIELD_FRAME = 4 }; /* ": " and the end of the line */

/* Fields of the engine: a handler that set them could break the framing (RFC 9112 §6) or lie about
 * the time. */
static bool is_engines_own(struct rh_slice name, bool names_itself)
{
    switch (rh_field_classify(name)) {
    case RH_FIELD_CONTENT_LENGTH:
    case RH_FIELD_TRANSFER_ENCODING:
    case RH_FIELD_CONNECTION:
    case RH_FIELD_DATE:
        return true;
    default:
        return rh_ascii_is(name, "keep-alive") || (rh_ascii_is(name, "server") && names_itself);
    }
}

/* Behind the others of the draft; the name is kept by pointer. */
static int append_field(struct rh_exchange *x, struct rh_slice name, struct rh_slice value)
{
    if (x->answer_state != RH_ANSWER_NONE) {
        return RH_ESTATE;
    }
    if (!rh_answer_has_room(x, name.len + value.len + FIELD_FRAME)) {
        return RH_ENOROOM;
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
    x->response_bytes += (uint32_t)(name.len + value.len + FIELD_FRAME);
    return 0;
}

static int add_field(struct rh_exchange *x, struct rh_slice name, struct rh_slice value)
{
    value = rh_ascii_trim(value);
    const char *why = NULL;
    if (!rh_field_name_is_valid(name)) {
        why = "its name is not a token (RFC 9110 §5.1)";
    } else if (!rh_field_value_is_valid(value)) {
        why = "its value contains a control (RFC 9110 §5.5)";
    } else if (is_engines_own(name, x->engine->config.server_name != NULL)) {
        why = "the server writes it";
    }
    if (why != NULL) {
        rh_exchange_log(x, RH_LOG_ERROR, "response field %.*s refused: %s", (int)name.len,
                        name.base, why);
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
            x->response_bytes -= (uint32_t)(field->name.len + field->value.len + FIELD_FRAME);
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
    rh_exchange_assert_thread(x);
    if (x->answer_state != RH_ANSWER_NONE) {
        return RH_ESTATE;
    }
    struct rh_slice key = rh_slice_from(name);
    if (rh_ascii_is(key, "content-type")) { /* one place for it, so that it is never sent twice */
        value = rh_ascii_trim(value);
        if (!rh_field_value_is_valid(value)) {
            return RH_EFIELD;
        }
        struct rh_slice copy = {NULL, 0};
        if (value.len <= x->type.len || rh_answer_has_room(x, value.len - x->type.len)) {
            copy = rh_arena_copy(&x->arena, value);
        }
        x->type = copy.base != NULL ? copy : x->type;
        return copy.base != NULL ? 0 : RH_ENOROOM;
    }
    remove_fields(x, key, any);
    return add_field(x, key, value);
}

int rh_response_set(struct rh_exchange *x, const char *name, const char *value)
{
    rh_exchange_assert_thread(x);
    return rh_response_set_slice(x, name, rh_slice_from(value));
}

int rh_response_add(struct rh_exchange *x, const char *name, const char *value)
{
    rh_exchange_assert_thread(x);
    if (rh_ascii_is(rh_slice_from(name), "content-type")) { /* there is only one (RFC 9110 §8.3) */
        return rh_response_set(x, name, value);
    }
    return add_field(x, rh_slice_from(name), rh_slice_from(value));
}

/* The answer is not given. On a cut or overruled exchange the hold ends with it; a stream is ended
 * by its own calls. The exchange may be gone after this. */
static void refuse(struct rh_exchange *x)
{
    if ((x->session == NULL || rh_exchange_is_overruled(x)) && x->stream != RH_STREAM_OPEN) {
        rh_exchange_let_go(x);
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
    if (RH_LIKELY(rh_answer_accepts(x, status))) {
        return true;
    }
    refuse(x);
    return false;
}

/* In the arena, or, if it is full, in *ret_place, out of the memory for answers. Absent if there is
 * no room there either: *ret_result says whether there never is. */
static struct rh_slice copy_content(struct rh_exchange *x, struct rh_slice content,
                                    struct rh_place *ret_place, enum rh_gather_result *ret_result)
{
    struct rh_slice copy = rh_arena_copy(&x->arena, content);
    *ret_place = (struct rh_place){NULL, 0, 0};
    *ret_result = RH_GATHER_TAKEN;
    if (RH_LIKELY(copy.base != NULL)) {
        return copy;
    }
    struct rh_gather *answers = &x->engine->pools.answers;
    *ret_result = rh_gather_take(answers, ret_place, rh_exchange_owner(x), content.len);
    if (*ret_result != RH_GATHER_TAKEN) {
        return copy;
    }
    memcpy(ret_place->bytes, content.base, content.len);
    return (struct rh_slice){ret_place->bytes, content.len};
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
    struct rh_place place;
    enum rh_gather_result result;
    struct rh_slice copy = copy_content(x, content, &place, &result);
    int err = copy.base == NULL ? RH_ENOROOM : rh_response_set(x, "Content-Encoding", coding);
    if (err == 0) {
        rh_answer_replace_memory(x, copy, place);
    } else {
        rh_gather_give_back(&x->engine->pools.answers, &place);
    }
    return err;
}

/* --- Answers -------------------------------------------------------------------------------- */

/* The last resort is static: an error answer that needed memory would come back here. A 500 is the
 * program's fault, whose answer is too large; a 503 is the hour's. */
static void answer_copy(struct rh_exchange *x, unsigned status, struct rh_slice body)
{
    static const char too_large[] = "500 Internal Server Error\n";
    static const char no_room[] = "503 Service Unavailable\n";
    struct rh_place place;
    enum rh_gather_result result;
    struct rh_slice copy = copy_content(x, body, &place, &result);
    if (RH_LIKELY(copy.base != NULL && place.bytes == NULL)) {
        rh_answer_give_memory(x, status, RH_ANSWER_COPY, copy);
    } else if (copy.base != NULL) {
        rh_answer_give_slab(x, status, copy, place);
    } else {
        bool never = result == RH_GATHER_NEVER;
        const char *why = never                        ? "it is too large"
                          : result == RH_GATHER_FAILED ? "the system has no memory"
                                                       : "answer_budget is spent";
        rh_exchange_log(x, RH_LOG_ERROR,
                        "cannot copy an answer of %zu bytes on %.*s: %s: use rh_respond_owned",
                        body.len, RH_ROW(x), why);
        x->type = rh_slice_from("text/plain");
        copy = never ? (struct rh_slice){too_large, sizeof too_large - 1}
                     : (struct rh_slice){no_room, sizeof no_room - 1};
        rh_answer_give_memory(x, never ? 500 : 503, RH_ANSWER_STATIC, copy);
    }
}

void rh_respond(struct rh_exchange *x, unsigned status, const char *type, const void *body,
                size_t len)
{
    if (may_answer(x, status)) {
        rh_answer_set_type(x, type);
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
        rh_answer_give_empty(x, status);
    }
}

void rh_respond_static(struct rh_exchange *x, unsigned status, const char *type, const void *body,
                       size_t len)
{
    if (may_answer(x, status)) {
        rh_answer_set_type(x, type);
        rh_answer_give_memory(x, status, RH_ANSWER_STATIC, (struct rh_slice){body, len});
    }
}

void rh_respond_owned(struct rh_exchange *x, unsigned status, const char *type, const void *body,
                      size_t len, void (*free_fn)(void *free_data), void *free_data)
{
    if (!rh_answer_accepts(x, status)) {
        refuse_owned(x, free_fn, free_data);
        return;
    }
    rh_answer_set_type(x, type);
    rh_answer_give_owned(x, status, (struct rh_slice){body, len}, free_fn, free_data);
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
    if (text.len == 0) {
        return RH_EFIELD;
    }
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
                          const struct rh_source *source, enum rh_answer_kind kind)
{
    if (!rh_answer_accepts(x, status)) {
        refuse_owned(x, source->close, source->data);
        return;
    }
    rh_answer_set_type(x, type);
    rh_answer_give_source(x, status, kind, source);
}

void rh_respond_source(struct rh_exchange *x, unsigned status, const char *type,
                       const struct rh_source *source)
{
    answer_source(x, status, type, source, RH_ANSWER_SOURCE);
}

void rh_respond_file(struct rh_exchange *x, unsigned status, const char *type,
                     const struct rh_source *source)
{
    RH_ASSERT(source->length >= 0);
    answer_source(x, status, type, source, RH_ANSWER_FILE);
}

void rh_exchange_upgrade(struct rh_exchange *x, const struct rh_session_kind *kind, void *argument)
{
    bool is_wanted = rh_answer_is_wanted(x, 101);
    if (is_wanted && x->body_state == RH_BODY_DONE) {
        rh_answer_give_upgrade(x, kind, argument);
        return;
    }
    rh_exchange_enter(x);
    if (kind->cancel != NULL) {
        kind->cancel(argument);
    }
    if (is_wanted) {
        rh_respond_error(x, 400, "a request for an upgrade has no body");
    } else {
        refuse(x);
    }
    rh_exchange_leave(x);
}
