/* What the rows of the demo share: pages from templates, numbers from the query. */
#include "program/demo/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The output of a template, in memory that grows: it becomes the answer's. */
struct output {
    char *bytes;
    size_t used, size;
};

enum { OUTPUT_MAX = 1 << 20 };

static int take(void *data, const char *bytes, size_t length)
{
    struct output *output = data;
    if (length > OUTPUT_MAX - output->used)
        return RH_ENOROOM;
    if (output->used + length > output->size) {
        size_t size = 2 * (output->used + length);
        char *grown = realloc(output->bytes, size);
        if (grown == NULL)
            return RH_ENOROOM;
        output->bytes = grown;
        output->size = size;
    }
    memcpy(output->bytes + output->used, bytes, length);
    output->used += length;
    return 0;
}

static void respond(struct rh_exchange *x, unsigned status, const char *type, struct output *output,
                    int error)
{
    if (error == 0) {
        rh_respond_owned(x, status, type, output->bytes, output->used, free, output->bytes);
        return;
    }
    free(output->bytes);
    rh_exchange_log(x, RH_LOG_ERROR, "making an answer: %s", rh_strerror(error));
    rh_respond_error(x, 500, NULL);
}

void demo_respond_template(struct rh_exchange *x, const struct demo *demo, unsigned status,
                           const char *name, struct rh_value *data, const char *without)
{
    struct output output = {NULL, 0, 0};
    if (demo->templates == NULL) {
        rh_respond_text(x, status, without);
        rh_value_destroy(data);
        return;
    }
    int error = rh_value_is_whole(data)
                    ? rh_templates_render(demo->templates, name, data, take, &output)
                    : RH_ENOROOM;
    rh_value_destroy(data);
    rh_response_set(x, "Cache-Control", "no-store");
    respond(x, status, "text/html; charset=utf-8", &output, error);
}

bool demo_is_visitor(struct rh_exchange *x)
{
    static const char html[] = "text/html";
    struct rh_slice accept = rh_request_list(x, "Accept");
    rh_response_add(x, "Vary", "Accept");
    return accept.base != NULL && memmem(accept.base, accept.len, html, sizeof html - 1) != NULL;
}

void demo_respond_page(struct rh_exchange *x, const struct demo *demo, unsigned status,
                       struct rh_slice shown)
{
    struct rh_value *values = rh_value_create();
    struct rh_slice target = rh_request_target(x);
    rh_value_set_bytes(values, "target", target);
    rh_value_set_bytes(values, "shown", shown);
    demo_respond_template(x, demo, status, "answer", values, "");
}

void demo_respond_value(struct rh_exchange *x, const struct demo *demo, unsigned status,
                        struct rh_value *value)
{
    struct output json = {NULL, 0, 0};
    if (!demo_is_visitor(x) || demo->templates == NULL) {
        rh_respond_json(x, status, value);
        rh_value_destroy(value);
        return;
    }
    int error = rh_value_is_whole(value) ? rh_json_write(value, 0, take, &json) : RH_ENOROOM;
    rh_value_destroy(value);
    if (error != 0) {
        respond(x, status, NULL, &json, error);
        return;
    }
    demo_respond_page(x, demo, status, (struct rh_slice){json.bytes, json.used});
    free(json.bytes);
}

unsigned demo_body_status(int error)
{
    switch (error) {
    case RH_EBODY_TOO_LARGE:
        return 413;
    case RH_EBODY_TIMEOUT:
        return 408;
    case RH_ETYPE:
        return 415;
    case RH_ENOROOM:
        return 503;
    default:
        return 400;
    }
}

int64_t demo_query_number(struct rh_exchange *x, const char *name, int64_t standard,
                          int64_t maximum)
{
    struct rh_slice text = rh_request_query_value(x, name);
    if (text.base == NULL)
        return standard;
    int64_t value = 0;
    bool valid = text.len > 0 && text.len <= 12;
    for (size_t i = 0; valid && i < text.len; i++) {
        valid = text.base[i] >= '0' && text.base[i] <= '9';
        value = value * 10 + (text.base[i] - '0');
    }
    if (valid && value <= maximum)
        return value;
    const char *detail =
        rh_exchange_format(x, "'%s' must be a number from 0 to %lld", name, (long long)maximum);
    rh_respond_text(x, 400, detail != NULL ? detail : "not a number");
    return -1;
}
