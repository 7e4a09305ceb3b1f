/* A chat in one room: a message goes to everybody who is there, on every loop. A hub does the
 * spreading, so what is left is to say who said it. A page that reads too slowly misses messages.
 */
#include "program/demo/demo.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "program/kit/text.h"

enum { NAME_BYTES_MAX = 40, TEXT_BYTES_MAX = 1000, LINE_BYTES_MAX = 256 + 6 * TEXT_BYTES_MAX };

static const char room[] = "room";

struct chat {
    struct rh_websocket_hub *hub;
    atomic_uint visitors; /* so far */
};

struct visitor {
    struct chat *chat;
    unsigned id;
    char name[NAME_BYTES_MAX + 1];
};

/* One line of JSON: {"kind":"says","id":7,"here":2,"name":"Ada","text":"hello"}. */
static void write_line(struct text *line, const struct visitor *visitor, const char *kind,
                       struct rh_slice said)
{
    char numbers[64];
    size_t here = rh_websocket_hub_subscribers(visitor->chat->hub, room);
    snprintf(numbers, sizeof numbers, "\",\"id\":%u,\"here\":%zu,\"name\":\"", visitor->id, here);
    text_puts(line, "{\"kind\":\"");
    text_puts(line, kind);
    text_puts(line, numbers);
    text_add_json(line, rh_slice_from(visitor->name));
    text_puts(line, "\",\"text\":\"");
    text_add_json(line, said);
    text_puts(line, "\"}");
}

static void tell_all(const struct visitor *visitor, const char *kind, struct rh_slice said)
{
    char bytes[LINE_BYTES_MAX];
    struct text line = {bytes, 0, sizeof bytes};
    write_line(&line, visitor, kind, said);
    (void)!rh_websocket_hub_publish(visitor->chat->hub, room, RH_WEBSOCKET_TEXT, bytes, line.used);
}

/* First the visitor alone learns its number, then everybody that it is here. */
static void on_open(struct rh_websocket *socket, void *data)
{
    const struct visitor *visitor = data;
    char bytes[LINE_BYTES_MAX];
    struct text line = {bytes, 0, sizeof bytes};
    if (rh_websocket_hub_subscribe(visitor->chat->hub, socket, room) != 0) {
        (void)!rh_websocket_close(socket, RH_WEBSOCKET_TRY_LATER, NULL);
        return;
    }
    write_line(&line, visitor, "you", rh_slice_from(""));
    (void)!rh_websocket_send(socket, RH_WEBSOCKET_TEXT, bytes, line.used);
    tell_all(visitor, "came", rh_slice_from(""));
}

static void on_message(struct rh_websocket *socket, enum rh_websocket_kind kind,
                       struct rh_slice message, void *data)
{
    if (kind != RH_WEBSOCKET_TEXT) {
        (void)!rh_websocket_close(socket, RH_WEBSOCKET_UNSUPPORTED, "only text is chatted here");
    } else if (message.len > 0) {
        tell_all(data, "says", message);
    }
}

static void on_close(struct rh_websocket *socket, unsigned code, struct rh_slice reason, void *data)
{
    struct visitor *visitor = data;
    (void)socket;
    (void)code;
    (void)reason;
    tell_all(visitor, "left", rh_slice_from(""));
    free(visitor);
}

/* The name in the query, or a number. */
static struct visitor *visitor_create(struct rh_exchange *x, struct chat *chat)
{
    struct visitor *visitor = calloc(1, sizeof *visitor);
    struct rh_slice name = rh_request_query_value(x, "name");
    if (visitor == NULL)
        return NULL;
    visitor->chat = chat;
    visitor->id = atomic_fetch_add(&chat->visitors, 1) + 1;
    if (name.len > 0 && name.len <= NAME_BYTES_MAX)
        snprintf(visitor->name, sizeof visitor->name, "%.*s", (int)name.len, name.base);
    else
        snprintf(visitor->name, sizeof visitor->name, "Visitor %u", visitor->id);
    return visitor;
}

static void chat(struct rh_exchange *x, void *data)
{
    struct rh_websocket_options options;
    struct visitor *visitor = visitor_create(x, data);
    if (visitor == NULL) {
        rh_respond_error(x, 503, "no memory for a visitor");
        return;
    }
    rh_websocket_options_init(&options);
    options.on_open = on_open;
    options.on_message = on_message;
    options.on_close = on_close;
    options.data = visitor;
    options.message_bytes_max = TEXT_BYTES_MAX;
    if (rh_websocket_accept(x, &options) == NULL)
        free(visitor);
}

static void chat_destroy(void *data)
{
    struct chat *chat = data;
    rh_websocket_hub_destroy(chat->hub);
    free(chat);
}

void demo_chat_add(struct rh_app *app)
{
    struct chat *all = calloc(1, sizeof *all);
    if (all == NULL || (all->hub = rh_websocket_hub_create(NULL)) == NULL) {
        free(all);
        return;
    }
    rh_app_own(app, chat_destroy, all);
    rh_app_get(app, "/chat", chat, all);
}
