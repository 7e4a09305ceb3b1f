#include "fake_exchange.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/ascii.h"

void fake_init(struct rh_exchange *x, struct rh_door *door, enum rh_method method, const char *path)
{
    memset(x, 0, sizeof *x);
    x->door = door;
    x->method = method;
    x->path = rh_slice_from(path);
    x->allocs_left = -1;
}

void fake_fini(struct rh_exchange *x)
{
    while (x->blocks != NULL) {
        struct fake_block *block = x->blocks;
        x->blocks = block->next;
        free(block);
    }
}

void fake_run(struct rh_exchange *x)
{
    x->door->handle(x, x->door);
}

int rh_request_method(const struct rh_exchange *x)
{
    return x->method;
}

struct rh_slice rh_request_method_name(const struct rh_exchange *x)
{
    return x->method_name.base != NULL ? x->method_name : rh_slice_from(rh_method_name(x->method));
}

struct rh_slice rh_request_path(const struct rh_exchange *x)
{
    return x->path;
}

struct rh_slice rh_request_field(const struct rh_exchange *x, const char *name)
{
    for (size_t i = 0; i < 8 && x->fields[i][0].base != NULL; i++) {
        if (rh_ascii_equal(x->fields[i][0], rh_slice_from(name))) {
            return x->fields[i][1];
        }
    }
    return (struct rh_slice){NULL, 0};
}

struct rh_slice rh_request_list(struct rh_exchange *x, const char *name)
{
    return rh_request_field(x, name);
}

void **rh_exchange_app_slot(struct rh_exchange *x)
{
    return &x->app_slot;
}

void rh_exchange_set_route(struct rh_exchange *x, struct rh_slice pattern)
{
    x->route = pattern;
}

void *rh_exchange_alloc(struct rh_exchange *x, size_t bytes)
{
    if (x->allocs_left == 0) {
        return NULL;
    }
    x->allocs_left -= x->allocs_left > 0;
    struct fake_block *block = malloc(sizeof *block + bytes);
    block->next = x->blocks;
    x->blocks = block;
    memset(block->bytes, 0xee, bytes);
    return block->bytes;
}

char *rh_exchange_format(struct rh_exchange *x, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = rh_exchange_alloc(x, (size_t)len + 1);
    if (text != NULL) {
        va_start(args, format);
        vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
    }
    return text;
}

void rh_exchange_log(struct rh_exchange *x, int level, const char *format, ...)
{
    (void)level;
    (void)format;
    x->log_lines++;
}

int rh_response_set_slice(struct rh_exchange *x, const char *name, struct rh_slice value)
{
    size_t at = strlen(x->response);
    snprintf(x->response + at, sizeof x->response - at, "%s: %.*s\n", name, (int)value.len,
             value.base);
    return 0;
}

int rh_response_set(struct rh_exchange *x, const char *name, const char *value)
{
    return rh_response_set_slice(x, name, rh_slice_from(value));
}

/* No field of an answer is looked at by what this stands in for, but to see that there is none. */
struct rh_slice rh_response_field(const struct rh_exchange *x, const char *name, size_t index)
{
    (void)x;
    (void)name;
    (void)index;
    return (struct rh_slice){NULL, 0};
}

int rh_response_add(struct rh_exchange *x, const char *name, const char *value)
{
    return rh_response_set_slice(x, name, rh_slice_from(value));
}

void rh_respond(struct rh_exchange *x, unsigned status, const char *type, const void *body,
                size_t len)
{
    cr_assert_lt(len, sizeof x->body);
    x->status = status;
    x->answers++;
    snprintf(x->type, sizeof x->type, "%s", type == NULL ? "" : type);
    if (len > 0) {
        memcpy(x->body, body, len);
    }
    x->body[len] = '\0';
    x->body_len = len;
}

void rh_respond_static(struct rh_exchange *x, unsigned status, const char *type, const void *body,
                       size_t len)
{
    rh_respond(x, status, type, body, len < sizeof x->body ? len : sizeof x->body - 1);
    x->body_len = len;
}

void rh_respond_text(struct rh_exchange *x, unsigned status, const char *text)
{
    rh_respond(x, status, "text/plain; charset=utf-8", text, strlen(text));
}

void rh_respond_empty(struct rh_exchange *x, unsigned status)
{
    rh_respond(x, status, NULL, NULL, 0);
}

void rh_respond_error(struct rh_exchange *x, unsigned status, const char *detail)
{
    x->door->fail(x, status, detail, x->door);
}

void rh_exchange_hold(struct rh_exchange *x)
{
    x->held = true;
}

void rh_exchange_continue(struct rh_exchange *x, void (*fn)(struct rh_exchange *x, void *data),
                          void *data)
{
    x->held = false;
    fn(x, data);
}
