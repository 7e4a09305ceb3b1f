/* Answers that are known at once: the smallest handlers there are. */
#include "program/demo/demo.h"

#include "program/kit/text.h"

static void ping(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

/* TechEmpower's two: the text is a constant, the JSON is built for each request. */
static void plaintext(struct rh_exchange *x, void *data)
{
    static const char hello[] = "Hello, World!";
    (void)data;
    rh_respond_static(x, 200, "text/plain", hello, sizeof hello - 1);
}

/* Programs get the text as it is, a person with a browser gets it in a page. */
static void respond(struct rh_exchange *x, const struct demo *demo, const char *type,
                    const struct text *text)
{
    if (demo_is_visitor(x) && demo->templates != NULL) {
        demo_respond_page(x, demo, 200, (struct rh_slice){text->base, text->used});
    } else {
        rh_respond(x, 200, type, text->base, text->used);
    }
}

static void json(struct rh_exchange *x, void *data)
{
    char body[64];
    struct text text = {body, 0, sizeof body};
    text_puts(&text, "{\"message\":\"");
    text_add_json(&text, rh_slice_from("Hello, World!"));
    text_puts(&text, "\"}");
    respond(x, data, "application/json", &text);
}

/* A query parameter: decoded, and escaped again for where it goes. */
static void data_row(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice id = rh_request_query_value(x, "id");
    if (id.base == NULL || id.len == 0) {
        rh_respond_text(x, 400, "missing 'id' query parameter");
        return;
    }
    size_t size = 6 * id.len + 16; /* the longest escape is six bytes for one */
    char *body = rh_exchange_alloc(x, size);
    if (body == NULL) {
        rh_respond_error(x, 503, "no memory for this answer");
        return;
    }
    struct text text = {body, 0, size};
    text_puts(&text, "{\"id\":\"");
    text_add_json(&text, id);
    text_puts(&text, "\"}");
    rh_respond(x, 200, "application/json", body, text.used);
}

/* A path parameter, percent-decoded: any bytes, so the type says plain text and nothing guesses. */
static void user(struct rh_exchange *x, void *data)
{
    struct rh_slice id = rh_request_param(x, "id");
    char *body = rh_exchange_alloc(x, id.len + 8);
    if (body == NULL) {
        rh_respond_error(x, 503, "no memory for this answer");
        return;
    }
    struct text text = {body, 0, id.len + 8};
    text_puts(&text, "User: ");
    text_add(&text, id.base, id.len);
    rh_response_set(x, "X-Content-Type-Options", "nosniff");
    respond(x, data, "text/plain; charset=utf-8", &text);
}

void demo_text_add(struct rh_app *app, struct demo *demo)
{
    rh_app_get(app, "/ping", ping, NULL);
    rh_app_get(app, "/plaintext", plaintext, NULL);
    rh_app_get(app, "/json", json, demo);
    rh_app_get(app, "/data", data_row, NULL);
    rh_app_get(app, "/users/:id", user, demo);
}
