/* Offers come in the order of the client's preference, and each is taken whole or declined: one
 * parameter that is unknown, given twice or out of range declines its offer (RFC 7692 §7.1). A
 * window of 8 bits is declined too, since zlib cannot write one. */
#include "server/websocket/extension.h"

#include <string.h>

#include "http/chars.h"
#include "util/ascii.h"

enum { BITS_MIN = 9, BITS_MAX = 15 };
enum { SERVER_NO_TAKEOVER = 1, CLIENT_NO_TAKEOVER = 2, SERVER_BITS = 4, CLIENT_BITS = 8 };

struct offer {
    unsigned given; /* parameters, as bits */
    uint8_t server_bits;
    bool is_ours; /* permessage-deflate */
    bool is_declined;
};

static void skip_space(struct rh_slice *text)
{
    while (text->len > 0 && (*text->base == ' ' || *text->base == '\t')) {
        text->base++;
        text->len--;
    }
}

static bool take_char(struct rh_slice *text, char c)
{
    skip_space(text);
    if (text->len == 0 || *text->base != c) {
        return false;
    }
    text->base++;
    text->len--;
    skip_space(text);
    return true;
}

static struct rh_slice take_token(struct rh_slice *text)
{
    struct rh_slice token = {text->base, 0};
    while (token.len < text->len && rh_char_is(token.base[token.len], RH_CHAR_TOKEN)) {
        token.len++;
    }
    text->base += token.len;
    text->len -= token.len;
    return token;
}

/* A token, or a token in quotes (RFC 6455 §9.1); absent if it is neither. */
static struct rh_slice take_value(struct rh_slice *text)
{
    bool is_quoted = take_char(text, '"');
    struct rh_slice value = take_token(text);
    if (value.len == 0 || (is_quoted && !take_char(text, '"'))) {
        return (struct rh_slice){NULL, 0};
    }
    return value;
}

/* 8 to 15 without a leading zero (RFC 7692 §7.1.2); 0 for anything else. */
static uint8_t window_bits(struct rh_slice value)
{
    uint64_t bits;
    if (value.base == NULL || value.base[0] == '0' || !rh_ascii_to_u64(value, &bits)) {
        return 0;
    }
    return bits >= 8 && bits <= BITS_MAX ? (uint8_t)bits : 0;
}

static void note_parameter(struct offer *offer, struct rh_slice name, struct rh_slice value)
{
    unsigned which = rh_ascii_is(name, "server_no_context_takeover")   ? SERVER_NO_TAKEOVER
                     : rh_ascii_is(name, "client_no_context_takeover") ? CLIENT_NO_TAKEOVER
                     : rh_ascii_is(name, "server_max_window_bits")     ? SERVER_BITS
                     : rh_ascii_is(name, "client_max_window_bits")     ? CLIENT_BITS
                                                                       : 0;
    bool wants_value = which == SERVER_BITS || (which == CLIENT_BITS && value.base != NULL);
    uint8_t bits = window_bits(value);
    if (which == 0 || (offer->given & which) != 0 || wants_value != (value.base != NULL) ||
        (wants_value && bits == 0) || (which == SERVER_BITS && bits < BITS_MIN)) {
        offer->is_declined = true;
        return;
    }
    offer->given |= which;
    if (which == SERVER_BITS) {
        offer->server_bits = bits;
    }
}

/* One element of the list. False if it is malformed. */
static bool parse_offer(struct rh_slice text, struct offer *ret_offer)
{
    struct rh_slice name = take_token(&text);
    *ret_offer =
        (struct offer){.server_bits = BITS_MAX, .is_ours = rh_ascii_is(name, "permessage-deflate")};
    if (name.len == 0) {
        return false;
    }
    while (take_char(&text, ';')) {
        struct rh_slice parameter = take_token(&text);
        struct rh_slice value = {NULL, 0};
        if (parameter.len == 0) {
            return false;
        }
        if (take_char(&text, '=')) {
            value = take_value(&text);
            if (value.base == NULL) {
                return false;
            }
        }
        note_parameter(ret_offer, parameter, value);
    }
    return text.len == 0;
}

/* Without a window of its own, this server's side refers to no earlier message, and it asks the
 * client for the same, which a server may do unasked (RFC 7692 §7.1.1.2). */
static struct rh_ws_deflate_terms accept_offer(const struct offer *offer, bool keeps_windows)
{
    return (struct rh_ws_deflate_terms){
        .is_on = true,
        .server_keeps_window = keeps_windows && (offer->given & SERVER_NO_TAKEOVER) == 0,
        .client_keeps_window = keeps_windows && (offer->given & CLIENT_NO_TAKEOVER) == 0,
        .server_bits = offer->server_bits};
}

enum rh_ws_offer rh_ws_deflate_choose(struct rh_slice list, bool keeps_windows,
                                      struct rh_ws_deflate_terms *ret_terms)
{
    enum rh_ws_offer result = RH_WS_OFFER_DECLINED;
    struct rh_slice element;
    while (rh_ascii_list_next(&list, &element)) {
        struct offer offer;
        if (!parse_offer(element, &offer)) {
            return RH_WS_OFFER_MALFORMED;
        }
        if (result == RH_WS_OFFER_DECLINED && offer.is_ours && !offer.is_declined) {
            *ret_terms = accept_offer(&offer, keeps_windows);
            result = RH_WS_OFFER_TAKEN;
        }
    }
    return result;
}

static size_t append(char *out, size_t len, const char *text)
{
    size_t n = strlen(text);
    memcpy(out + len, text, n);
    return len + n;
}

size_t rh_ws_deflate_write_terms(const struct rh_ws_deflate_terms *terms, char *out)
{
    size_t len = append(out, 0, "permessage-deflate");
    if (!terms->server_keeps_window) {
        len = append(out, len, "; server_no_context_takeover");
    }
    if (!terms->client_keeps_window) {
        len = append(out, len, "; client_no_context_takeover");
    }
    if (terms->server_bits < BITS_MAX) {
        len = append(out, len, "; server_max_window_bits=");
        len += rh_ascii_from_u64(out + len, terms->server_bits);
    }
    return len;
}
