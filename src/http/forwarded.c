/* Strict reading of what proxies add. A proxy writes these values itself, so anything unusual in
 * them came from somewhere else, and is not believed. */
#include "http/forwarded.h"

#include <arpa/inet.h>
#include <string.h>

#include "http/chars.h"
#include "util/ascii.h"

/* --- Forwarded --- */

static void skip_space(struct rh_slice *line)
{
    while (line->len > 0 && (line->base[0] == ' ' || line->base[0] == '\t')) {
        line->base++;
        line->len--;
    }
}

static bool take_char(struct rh_slice *line, char c)
{
    if (line->len == 0 || line->base[0] != c) {
        return false;
    }
    line->base++;
    line->len--;
    return true;
}

static struct rh_slice take_token(struct rh_slice *line)
{
    struct rh_slice token = {line->base, 0};
    while (token.len < line->len && rh_char_is(line->base[token.len], RH_CHAR_TOKEN)) {
        token.len++;
    }
    line->base += token.len;
    line->len -= token.len;
    return token;
}

/* token or quoted-string (RFC 9110 §5.6.4); false where it is neither, or has a quoted pair. */
static bool take_value(struct rh_slice *line, struct rh_slice *ret_value)
{
    if (!take_char(line, '"')) {
        *ret_value = take_token(line);
        return ret_value->len > 0;
    }
    const char *end = line->len > 0 ? memchr(line->base, '"', line->len) : NULL;
    if (end == NULL) {
        return false;
    }
    *ret_value = (struct rh_slice){line->base, (size_t)(end - line->base)};
    line->len -= ret_value->len + 1;
    line->base = end + 1;
    return ret_value->len > 0 && memchr(ret_value->base, '\\', ret_value->len) == NULL;
}

/* A name comes at most once in an element (RFC 7239 §4). */
static bool keep_once(struct rh_slice *place, struct rh_slice value)
{
    if (place->base != NULL) {
        return false;
    }
    *place = value;
    return true;
}

static bool take_pair(struct rh_slice *line, struct rh_forwarded *element)
{
    struct rh_slice value;
    struct rh_slice name = take_token(line);
    if (name.len == 0 || !take_char(line, '=') || !take_value(line, &value)) {
        return false;
    }
    if (rh_ascii_is(name, "for")) {
        return keep_once(&element->node, value);
    }
    if (rh_ascii_is(name, "proto")) {
        return keep_once(&element->proto, value);
    }
    return rh_ascii_is(name, "host") ? keep_once(&element->host, value) : true;
}

int rh_forwarded_next(struct rh_slice *line, struct rh_forwarded *ret_element)
{
    struct rh_forwarded element = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    bool has_pair = false;
    do { /* empty elements of a list say nothing (RFC 9110 §5.6.1.2) */
        skip_space(line);
    } while (take_char(line, ','));
    if (line->len == 0) {
        return 0;
    }
    do {
        skip_space(line);
        if (line->len == 0 || line->base[0] == ',' || line->base[0] == ';') {
            continue; /* a pair may be left out */
        }
        if (!take_pair(line, &element)) {
            return -1;
        }
        has_pair = true;
        skip_space(line);
    } while (take_char(line, ';'));
    if (!has_pair || (line->len > 0 && line->base[0] != ',')) {
        return -1;
    }
    *ret_element = element;
    return 1;
}

/* --- Nodes --- */

static bool parse_address(struct rh_slice text, int family, struct rh_node *node)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.base, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.base, text.len);
    copy[text.len] = '\0';
    if (inet_pton(family, copy, node->address) != 1) {
        return false;
    }
    node->len = family == AF_INET ? 4 : 16;
    if (node->len == 16 && memcmp(node->address, mapped, sizeof mapped) == 0) {
        memmove(node->address, node->address + sizeof mapped, 4);
        node->len = 4;
    }
    return true;
}

/* obfnode and obfport: "_" 1*( ALPHA / DIGIT / "." / "_" / "-" ). */
static bool is_obfuscated(struct rh_slice text)
{
    return text.len >= 2 && text.base[0] == '_' && rh_ascii_all_alnum_or(text, "._-");
}

static bool parse_port(struct rh_slice text, struct rh_node *node)
{
    uint64_t port;
    if (is_obfuscated(text)) {
        return true;
    }
    if (text.len > 5 || !rh_ascii_to_u64(text, &port) || port > 65535) {
        return false;
    }
    node->port = (uint16_t)port;
    return true;
}

bool rh_node_parse(struct rh_slice text, bool bare, struct rh_node *ret_node)
{
    struct rh_node node = {0};
    struct rh_slice name = text;
    struct rh_slice port = {NULL, 0};
    bool in_brackets = text.len > 0 && text.base[0] == '[';
    const char *end = in_brackets    ? memchr(text.base, ']', text.len)
                      : text.len > 0 ? memchr(text.base, ':', text.len)
                                     : NULL;
    if (in_brackets) {
        if (end == NULL) {
            return false;
        }
        name = (struct rh_slice){text.base + 1, (size_t)(end - text.base) - 1};
        port = (struct rh_slice){end + 1, text.len - name.len - 2};
        if (port.len > 0 && *port.base++ != ':') {
            return false;
        }
        port.base = port.len > 0 ? port.base : NULL;
        port.len -= port.len > 0;
    } else if (bare && end != NULL &&
               memchr(end + 1, ':', (size_t)(text.base + text.len - end) - 1) != NULL) {
        in_brackets = true; /* as if it were */
    } else if (end != NULL) {
        name.len = (size_t)(end - text.base);
        port = (struct rh_slice){end + 1, text.len - name.len - 1};
    }
    if (port.base != NULL && !parse_port(port, &node)) {
        return false;
    }
    if (!parse_address(name, in_brackets ? AF_INET6 : AF_INET, &node) &&
        (in_brackets || !(rh_ascii_is(name, "unknown") || is_obfuscated(name)))) {
        return false;
    }
    *ret_node = node;
    return true;
}

/* --- Lists --- */

bool rh_list_last(struct rh_slice *line, struct rh_slice *ret_element)
{
    if (line->base == NULL) {
        return false;
    }
    const char *comma = line->len > 0 ? memrchr(line->base, ',', line->len) : NULL;
    size_t at = comma != NULL ? (size_t)(comma - line->base) + 1 : 0;
    *ret_element = rh_ascii_trim((struct rh_slice){line->base + at, line->len - at});
    line->len = comma != NULL ? at - 1 : 0;
    line->base = comma != NULL ? line->base : NULL;
    return true;
}
