#include "server/websocket/handshake.h"

#include <string.h>

#include "http/chars.h"
#include "util/ascii.h"
#include "util/digest.h"

/* 22 digits hold 132 bits: the last four are unused, and clients differ in what they leave there.
 */
bool rh_ws_key_is_valid(struct rh_slice key)
{
    return key.len == RH_WS_KEY_BYTES && key.base[22] == '=' && key.base[23] == '=' &&
           rh_ascii_all_alnum_or((struct rh_slice){key.base, 22}, "+/");
}

void rh_ws_accept_write(struct rh_slice key, char ret_accept[RH_WS_ACCEPT_BYTES])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[RH_WS_KEY_BYTES + sizeof guid - 1];
    unsigned char digest[RH_SHA1_BYTES];
    memcpy(text, key.base, RH_WS_KEY_BYTES);
    memcpy(text + RH_WS_KEY_BYTES, guid, sizeof guid - 1);
    rh_sha1((struct rh_slice){text, sizeof text}, digest);
    rh_base64_encode((struct rh_slice){(const char *)digest, sizeof digest}, ret_accept);
}

/* --- Subprotocols -------------------------------------------------------------------------------
 */

static bool lists(struct rh_slice list, struct rh_slice token)
{
    struct rh_slice element;
    while (rh_ascii_list_next(&list, &element)) {
        if (rh_slice_equal(element, token)) {
            return true;
        }
    }
    return false;
}

struct rh_slice rh_ws_protocol_choose(struct rh_slice known, struct rh_slice offered)
{
    struct rh_slice element;
    while (rh_ascii_list_next(&known, &element)) {
        if (lists(offered, element)) {
            return element;
        }
    }
    return (struct rh_slice){NULL, 0};
}

static bool is_token(struct rh_slice text)
{
    size_t i = 0;
    while (i < text.len && rh_char_is(text.base[i], RH_CHAR_TOKEN)) {
        i++;
    }
    return i == text.len && i > 0;
}

bool rh_ws_protocols_are_valid(struct rh_slice text)
{
    struct rh_slice element;
    while (rh_ascii_list_next(&text, &element)) {
        if (!is_token(element) || lists(text, element)) {
            return false;
        }
    }
    return true;
}

/* --- Origins ------------------------------------------------------------------------------------
 */

static bool take_prefix(struct rh_slice *text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (text->len < len ||
        !rh_ascii_equal((struct rh_slice){text->base, len}, (struct rh_slice){prefix, len})) {
        return false;
    }
    text->base += len;
    text->len -= len;
    return true;
}

/* Without the port that the scheme has anyway, which an origin does not write (RFC 6454 §6.1). */
static struct rh_slice without_port(struct rh_slice authority, const char *port)
{
    size_t len = strlen(port);
    if (authority.len > len && memcmp(authority.base + authority.len - len, port, len) == 0) {
        authority.len -= len;
    }
    return authority;
}

bool rh_ws_origin_is_same(struct rh_slice origin, bool is_tls, struct rh_slice host)
{
    const char *port = is_tls ? ":443" : ":80";
    if (host.len == 0 || !take_prefix(&origin, is_tls ? "https://" : "http://")) {
        return false;
    }
    return rh_ascii_equal(without_port(origin, port), without_port(host, port));
}

bool rh_ws_origin_is_listed(struct rh_slice origin, struct rh_slice list)
{
    while (list.len > 0) {
        const char *space = memchr(list.base, ' ', list.len);
        size_t len = space != NULL ? (size_t)(space - list.base) : list.len;
        struct rh_slice one = {list.base, len};
        if (rh_slice_is(one, "*") || (len > 0 && rh_ascii_equal(one, origin))) {
            return true;
        }
        len += space != NULL;
        list.base += len;
        list.len -= len;
    }
    return false;
}
