/* The server's side of the opening handshake (RFC 6455 §4.2). Each requirement is checked in the
 * order of §4.2.1; the first that fails answers the request, and nothing of a socket exists yet. */
#include <string.h>

#include "http/method.h"
#include "server/exchange/exchange.h"
#include "server/websocket/handshake.h"
#include "server/websocket/websocket.h"
#include "util/ascii.h"
#include "util/options.h"

struct answer {
    unsigned status; /* 0: none needed */
    const char *detail;
};

struct handshake {
    struct rh_slice key;
    struct rh_slice protocol; /* chosen; absent: none */
    struct rh_ws_deflate_terms deflate;
    struct rh_ws_codec *codec;
};

void rh_websocket_options_init_sized(struct rh_websocket_options *options, size_t size)
{
    static const struct rh_websocket_options defaults = {.message_bytes_max = 256 << 10,
                                                         .queue_bytes_max = 256 << 10,
                                                         .ping_ms = 30000,
                                                         .close_ms = 5000,
                                                         .compression = RH_WEBSOCKET_SHARED,
                                                         .compress_bytes_min = 512};
    rh_options_fill(options, size, &defaults, sizeof defaults);
}

/* --- Fields -------------------------------------------------------------------------------------
 */

/* The next field line with this name from *index on, which moves past it. */
static bool next_field(const struct rh_exchange *x, const char *lower, size_t *index,
                       struct rh_slice *ret_value)
{
    while (*index < rh_request_fields(x)) {
        struct rh_slice name;
        rh_request_field_at(x, (*index)++, &name, ret_value);
        if (rh_ascii_is(name, lower)) {
            return true;
        }
    }
    return false;
}

/* The only field with this name; absent if there is none or more than one. */
static struct rh_slice only_field(const struct rh_exchange *x, const char *lower)
{
    size_t index = 0;
    struct rh_slice value;
    struct rh_slice other;
    if (!next_field(x, lower, &index, &value) || next_field(x, lower, &index, &other)) {
        return (struct rh_slice){NULL, 0};
    }
    return value;
}

static bool lists(const struct rh_exchange *x, const char *name, const char *token)
{
    size_t index = 0;
    struct rh_slice list;
    while (next_field(x, name, &index, &list)) {
        struct rh_slice element;
        while (rh_ascii_list_next(&list, &element)) {
            if (rh_ascii_is(element, token)) {
                return true;
            }
        }
    }
    return false;
}

/* --- Checks -------------------------------------------------------------------------------------
 */

static struct answer check_request(struct rh_exchange *x, struct handshake *handshake)
{
    struct rh_slice version = only_field(x, "sec-websocket-version");
    handshake->key = only_field(x, "sec-websocket-key");
    if (!x->head.upgrade || !lists(x, "upgrade", "websocket")) {
        return (struct answer){426, "this address speaks WebSocket"};
    }
    if (rh_request_method(x) != RH_GET || x->head.body_kind != RH_BODY_NONE) {
        return (struct answer){400, "a WebSocket handshake is a GET without content"};
    }
    if (!rh_slice_is(version, "13")) {
        return (struct answer){426, "only version 13 of WebSocket is spoken here"};
    }
    if (handshake->key.base == NULL || !rh_ws_key_is_valid(handshake->key)) {
        return (struct answer){400, "Sec-WebSocket-Key must be 16 bytes in base64"};
    }
    return (struct answer){0, NULL};
}

/* A browser always says which page connects; what is no browser need not (RFC 6455 §10.2). */
static bool origin_is_allowed(const struct rh_exchange *x, const char *origins)
{
    size_t index = 0;
    struct rh_slice origin;
    if (!next_field(x, "origin", &index, &origin)) {
        return true;
    }
    origin = only_field(x, "origin");
    return origins != NULL
               ? rh_ws_origin_is_listed(origin, rh_slice_from(origins))
               : rh_ws_origin_is_same(origin, rh_request_is_tls(x) != 0, rh_request_host(x));
}

/* The client may spread its list over several lines (RFC 6455 §11.3.4): each choice of ours is
 * looked for in all of them. */
static struct rh_slice choose_protocol(const struct rh_exchange *x, const char *known)
{
    struct rh_slice list = rh_slice_from(known != NULL ? known : "");
    struct rh_slice element;
    while (rh_ascii_list_next(&list, &element)) {
        size_t index = 0;
        struct rh_slice offered;
        while (next_field(x, "sec-websocket-protocol", &index, &offered)) {
            if (rh_ws_protocol_choose(element, offered).base != NULL) {
                return element;
            }
        }
    }
    return (struct rh_slice){NULL, 0};
}

/* A codec for a socket of its own, if there is one left. */
static void acquire_codec(struct rh_ws_store *store, struct handshake *handshake)
{
    struct rh_ws_deflate_terms *deflate = &handshake->deflate;
    void *memory = deflate->server_keeps_window || deflate->client_keeps_window
                       ? rh_slab_acquire(&store->windows)
                       : NULL;
    if (memory == NULL) {
        return;
    }
    handshake->codec = rh_ws_codec_init(memory, deflate->server_bits);
    if (handshake->codec == NULL) {
        rh_slab_release(&store->windows, memory);
    }
}

/* False if a list of extensions is malformed. */
static bool choose_deflate(const struct rh_exchange *x, struct rh_ws_store *store,
                           unsigned compression, struct handshake *handshake)
{
    struct rh_ws_deflate_terms *deflate = &handshake->deflate;
    bool keeps_windows = compression == RH_WEBSOCKET_DEDICATED && store->has_windows &&
                         !rh_slab_is_exhausted(&store->windows);
    size_t index = 0;
    struct rh_slice list;
    if (compression == RH_WEBSOCKET_PLAIN || rh_ws_store_codec(store) == NULL) {
        return true;
    }
    while (!deflate->is_on && next_field(x, "sec-websocket-extensions", &index, &list)) {
        if (rh_ws_deflate_choose(list, keeps_windows, deflate) == RH_WS_OFFER_MALFORMED) {
            return false;
        }
    }
    acquire_codec(store, handshake);
    if (handshake->codec == NULL) {
        deflate->server_keeps_window = deflate->client_keeps_window = false;
    }
    return true;
}

/* --- The answer ---------------------------------------------------------------------------------
 */

/* Both are required of a 426 (RFC 9110 §15.5.22, RFC 6455 §4.4). */
static void refuse(struct rh_exchange *x, struct answer answer)
{
    if (answer.status == 426) {
        RH_IGNORE(rh_response_set(x, "Upgrade", "websocket"));
        RH_IGNORE(rh_response_set(x, "Sec-WebSocket-Version", "13"));
    }
    rh_respond_error(x, answer.status, answer.detail);
}

static bool set_fields(struct rh_exchange *x, const struct handshake *handshake)
{
    char accept[RH_WS_ACCEPT_BYTES];
    char terms[RH_WS_TERMS_BYTES_MAX];
    rh_ws_accept_write(handshake->key, accept);
    if (rh_response_set(x, "Upgrade", "websocket") != 0 ||
        rh_response_set_slice(x, "Sec-WebSocket-Accept",
                              (struct rh_slice){accept, sizeof accept}) != 0) {
        return false;
    }
    if (handshake->protocol.base != NULL &&
        rh_response_set_slice(x, "Sec-WebSocket-Protocol", handshake->protocol) != 0) {
        return false;
    }
    if (!handshake->deflate.is_on) {
        return true;
    }
    size_t len = rh_ws_deflate_write_terms(&handshake->deflate, terms);
    return rh_response_set_slice(x, "Sec-WebSocket-Extensions", (struct rh_slice){terms, len}) == 0;
}

static struct rh_websocket *create(struct rh_exchange *x,
                                   const struct rh_websocket_options *options,
                                   const struct handshake *handshake)
{
    struct rh_websocket *socket = NULL;
    if (set_fields(x, handshake)) {
        socket = rh_websocket_create(x->engine, options, &handshake->deflate, handshake->codec);
    }
    if (socket == NULL) {
        if (handshake->codec != NULL) {
            rh_slab_release(&x->engine->websockets->windows, handshake->codec);
        }
        refuse(x, (struct answer){503, NULL});
        return NULL;
    }
    if (handshake->protocol.base != NULL) { /* the same place in the copy that the terms keep */
        socket->protocol = rh_ws_protocol_choose(rh_slice_from(socket->terms->options.protocols),
                                                 handshake->protocol);
    }
    return socket;
}

struct rh_websocket *rh_websocket_accept(struct rh_exchange *x,
                                         const struct rh_websocket_options *given)
{
    struct rh_websocket_options options;
    struct handshake handshake = {.codec = NULL};
    rh_websocket_options_init(&options);
    rh_options_take(&options, sizeof options, given);
    RH_ASSERT(options.protocols == NULL ||
              rh_ws_protocols_are_valid(rh_slice_from(options.protocols)));
    struct answer answer = check_request(x, &handshake);
    if (answer.status == 0 && !origin_is_allowed(x, options.origins)) {
        answer = (struct answer){403, "pages of this origin may not connect"};
    }
    struct rh_ws_store *store = rh_ws_store_of(x->engine);
    if (answer.status == 0 && store == NULL) {
        answer = (struct answer){503, NULL};
    }
    if (answer.status == 0 && !choose_deflate(x, store, options.compression, &handshake)) {
        answer = (struct answer){400, "Sec-WebSocket-Extensions is malformed"};
    }
    if (answer.status != 0) {
        refuse(x, answer);
        return NULL;
    }
    if (x->session == NULL || rh_exchange_is_overruled(x) || x->answer_state != RH_ANSWER_NONE) {
        rh_respond_error(x, 503, NULL); /* nobody is there to take it, or it is a second answer */
        return NULL;
    }
    handshake.protocol = choose_protocol(x, options.protocols);
    struct rh_websocket *socket = create(x, &options, &handshake);
    if (socket != NULL) {
        rh_exchange_upgrade(x, &rh_websocket_kind, socket);
    }
    return socket;
}
