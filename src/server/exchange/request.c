/* The public view of a request, and the small services of an exchange. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "http/form.h"
#include "server/exchange/exchange.h"
#include "util/ascii.h"

static const struct rh_slice absent = {NULL, 0};

static struct rh_slice part(const struct rh_exchange *x, size_t at, size_t len)
{
    return x->base != NULL ? (struct rh_slice){x->base + at, len} : absent;
}

int rh_request_method(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->head.method;
}

struct rh_slice rh_request_method_name(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->head.method == RH_METHOD_OTHER
               ? part(x, x->head.method_at, x->head.method_len)
               : rh_slice_from(rh_method_name((enum rh_method)x->head.method));
}

struct rh_slice rh_request_target(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return part(x, x->head.target_at, x->head.target_len);
}

struct rh_slice rh_exchange_row(const struct rh_exchange *x)
{
    if (x->route.len > 0 && memchr(x->route.base, '*', x->route.len) == NULL) {
        return x->route;
    }
    struct rh_slice target = rh_request_target(x);
    const char *query = target.len > 0 ? memchr(target.base, '?', target.len) : NULL;
    return target.len == 0
               ? rh_slice_from("an unknown target")
               : (struct rh_slice){target.base,
                                   query != NULL ? (size_t)(query - target.base) : target.len};
}

struct rh_slice rh_request_path(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->path;
}

struct rh_slice rh_request_query(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->head.has_query ? part(x, x->head.query_at, x->head.query_len) : absent;
}

struct rh_slice rh_request_host(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    if (x->forwarded_host.base != NULL) {
        return x->forwarded_host;
    }
    return x->head.host_len > 0 ? part(x, x->head.host_at, x->head.host_len) : absent;
}

int rh_request_version_major(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->head.version_major;
}

int rh_request_version_minor(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->head.version_minor;
}

int rh_request_is_tls(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->tls;
}

struct rh_slice rh_request_peer(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    char text[RH_PEER_TEXT_MAX];
    rh_peer_text(&x->peer, text);
    return rh_arena_copy((struct rh_arena *)(uintptr_t)&x->arena, rh_slice_from(text));
}

unsigned rh_request_peer_port(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->peer.port;
}

/* Field lines, from `next` on. */
struct lines {
    const char *base;
    const struct rh_field *fields;
    size_t n;
    size_t next;
};

/* Takes the next line with this name; absent at the end. */
static struct rh_slice next_line(struct lines *lines, struct rh_slice name)
{
    enum rh_field_id id = rh_field_classify(name);
    while (lines->next < lines->n) {
        const struct rh_field *f = &lines->fields[lines->next++];
        if (f->id == id &&
            (id != RH_FIELD_OTHER ||
             rh_ascii_equal((struct rh_slice){lines->base + f->name_at, f->name_len}, name))) {
            return (struct rh_slice){lines->base + f->value_at, f->value_len};
        }
    }
    return absent;
}

static struct lines lines_of(const struct rh_exchange *x)
{
    return (struct lines){x->base, x->fields, x->head.fields_n, 0};
}

struct rh_slice rh_request_field(const struct rh_exchange *x, const char *name)
{
    rh_exchange_assert_thread(x);
    struct lines lines = lines_of(x);
    return next_line(&lines, rh_slice_from(name));
}

bool rh_request_has_any(const struct rh_exchange *x, uint64_t ids)
{
    _Static_assert(RH_FIELD_IDS <= 64, "an id is a bit");
    for (size_t i = 0; i < x->head.fields_n; i++) {
        if ((ids >> x->fields[i].id & 1) != 0) {
            return true;
        }
    }
    return false;
}

/* Writes the lines from `line` on to `out`, joined, if it is not NULL; returns their length. */
static size_t join(struct lines lines, struct rh_slice name, struct rh_slice line, char *out)
{
    size_t len = 0;
    while (line.base != NULL) {
        if (out != NULL) {
            memcpy(out + len, line.base, line.len);
        }
        len += line.len;
        line = next_line(&lines, name);
        if (line.base != NULL && out != NULL) {
            memcpy(out + len, ", ", 2);
        }
        len += line.base != NULL ? 2 : 0;
    }
    return len;
}

struct rh_slice rh_request_list(struct rh_exchange *x, const char *name_text)
{
    rh_exchange_assert_thread(x);
    struct lines lines = lines_of(x);
    struct rh_slice name = rh_slice_from(name_text);
    struct rh_slice first = next_line(&lines, name);
    struct lines rest = lines;
    if (first.base == NULL || next_line(&rest, name).base == NULL) {
        return first; /* one line, as nearly everybody sends it: no copy */
    }
    size_t len = join(lines, name, first, NULL);
    char *text = rh_arena_text(&x->arena, len);
    if (text == NULL) {
        return (struct rh_slice){"", 0};
    }
    join(lines, name, first, text);
    return (struct rh_slice){text, len};
}

struct rh_slice rh_request_trailer(const struct rh_exchange *x, const char *name)
{
    rh_exchange_assert_thread(x);
    struct lines lines = {x->trailers_base, x->trailers, x->trailers_n, 0};
    return next_line(&lines, rh_slice_from(name));
}

size_t rh_request_fields(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->head.fields_n;
}

void rh_request_field_at(const struct rh_exchange *x, size_t index, struct rh_slice *ret_name,
                         struct rh_slice *ret_value)
{
    rh_exchange_assert_thread(x);
    RH_ASSERT(index < x->head.fields_n);
    const struct rh_field *f = &x->fields[index];
    *ret_name = (struct rh_slice){x->base + f->name_at, f->name_len};
    *ret_value = (struct rh_slice){x->base + f->value_at, f->value_len};
}

static struct rh_slice decoded(struct rh_exchange *x, struct rh_slice raw)
{
    char *text = rh_arena_text(&x->arena, raw.len + 1);
    if (text == NULL) {
        return absent;
    }
    size_t len = rh_form_decode_query(raw, text);
    text[len] = '\0';
    return (struct rh_slice){text, len};
}

/* Compares an encoded name with a plain one without a copy. */
static bool name_is(struct rh_slice raw, const char *name)
{
    size_t i = 0;
    for (; i < raw.len && *name != '\0'; name++) {
        char c = raw.base[i++];
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && i + 2 <= raw.len) {
            int high = rh_ascii_hex(raw.base[i]);
            int low = rh_ascii_hex(raw.base[i + 1]);
            if (high >= 0 && low >= 0) {
                c = (char)(high << 4 | low);
                i += 2;
            }
        }
        if (c != *name) {
            return false;
        }
    }
    return i == raw.len && *name == '\0';
}

struct rh_slice rh_request_query_value(struct rh_exchange *x, const char *name)
{
    rh_exchange_assert_thread(x);
    struct rh_slice rest = rh_request_query(x);
    struct rh_slice key;
    struct rh_slice value;
    while (name != NULL && rest.len > 0 && rh_form_next(&rest, &key, &value)) {
        if (name_is(key, name)) {
            return decoded(x, value);
        }
    }
    return absent;
}

struct rh_slice rh_request_route(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->route.base != NULL ? x->route : (struct rh_slice){"", 0};
}

void **rh_exchange_app_slot(struct rh_exchange *x)
{
    return &x->app;
}

void rh_exchange_set_route(struct rh_exchange *x, struct rh_slice pattern)
{
    x->route = pattern;
}

void **rh_exchange_server_slot(struct rh_exchange *x, unsigned index, void (*free_fn)(void *value))
{
    RH_ASSERT(index < RH_SERVER_SLOTS);
    x->engine->slots[index].free_fn = free_fn;
    return &x->engine->slots[index].value;
}

int rh_exchange_is_cut(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->cut != 0;
}

int rh_exchange_on_outcome(struct rh_exchange *x, rh_outcome_fn fn, void *data)
{
    rh_exchange_assert_thread(x);
    if (x->concluded) {
        return RH_ESTATE;
    }
    struct rh_outcome_hook *hook = rh_arena_alloc(&x->arena, sizeof *hook);
    if (hook == NULL) {
        return RH_ENOROOM;
    }
    *hook = (struct rh_outcome_hook){x->outcomes, fn, data};
    x->outcomes = hook;
    return 0;
}

void *rh_exchange_alloc(struct rh_exchange *x, size_t bytes)
{
    rh_exchange_assert_thread(x);
    return rh_arena_alloc(&x->arena, bytes);
}

char *rh_exchange_format(struct rh_exchange *x, const char *format, ...)
{
    rh_exchange_assert_thread(x);
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len >= 0 ? rh_arena_text(&x->arena, (size_t)len + 1) : NULL;
    if (text != NULL) {
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text;
}

uv_loop_t *rh_exchange_loop(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->engine->loop;
}

uint64_t rh_exchange_now_ms(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return rh_engine_now_ms(x->engine);
}

struct rh_server *rh_exchange_server(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    return x->engine->server;
}

void rh_exchange_log(struct rh_exchange *x, int level, const char *format, ...)
{
    rh_exchange_assert_thread(x);
    char line[768];
    if (!rh_engine_logs(x->engine, (enum rh_log_level)level)) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    rh_engine_log(x->engine, (enum rh_log_level)level, "%s", line);
}

static const char *kept(struct rh_exchange *x, const char *text)
{
    return rh_arena_copy(&x->arena, rh_slice_from(text)).base;
}

void rh_exchange_set_user(struct rh_exchange *x, const char *user)
{
    rh_exchange_assert_thread(x);
    x->user = kept(x, user);
}

void rh_exchange_set_request_id(struct rh_exchange *x, const char *id)
{
    rh_exchange_assert_thread(x);
    x->request_id = kept(x, id);
}

int rh_exchange_post(struct rh_exchange *x, rh_exchange_post_fn fn, void *data)
{
    /* The box's lock orders it before the post runs. */
    atomic_fetch_add_explicit(&x->posts, 1, memory_order_relaxed);
    int err = rh_post_box_put(&x->engine->posts, x, fn, NULL, NULL, data);
    if (err != 0) {
        atomic_fetch_sub_explicit(&x->posts, 1, memory_order_relaxed);
    }
    return err;
}

void rh_exchange_posted(struct rh_exchange *x)
{
    atomic_fetch_sub_explicit(&x->posts, 1, memory_order_relaxed);
    rh_exchange_maybe_release(x);
}
