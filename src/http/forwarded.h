/* What proxies say of whom they forward for: the values of Forwarded (RFC 7239) and of
 * X-Forwarded-For. Pure. */
#ifndef RH_HTTP_FORWARDED_H
#define RH_HTTP_FORWARDED_H

#include <stdbool.h>
#include <stdint.h>

#include "rawhttp/slice.h"

/* An address as a proxy writes it. */
struct rh_node {
    uint8_t len;   /* 4 or 16; 0: none (unix socket, "unknown", or an obfuscated identifier) */
    uint16_t port; /* 0: not said */
    uint8_t address[16]; /* an IPv4-mapped IPv6 address is told as IPv4 */
};

/* One forwarded-element; parameters that are not there are absent. */
struct rh_forwarded {
    struct rh_slice node; /* "for", without its quotes */
    struct rh_slice proto;
    struct rh_slice host;
};

/* Takes the next element off the front of `*line`, the value of one Forwarded field line (RFC 7239
 * §4). 1; 0 at the end; -1 where it is malformed, and then nothing of the line is worth anything.
 * Quoted pairs are refused: no address, scheme or host needs one. */
int rh_forwarded_next(struct rh_slice *line, struct rh_forwarded *ret_element);

/* Reads a node (RFC 7239 §6): "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80",
 * "unknown", "_name", each with a port or "_port". With `bare`, as X-Forwarded-For has them, also
 * an IPv6 address without brackets. False where it is none of these. */
bool rh_node_parse(struct rh_slice text, bool bare, struct rh_node *ret_node);

/* The last element of a comma-separated line, trimmed, may be empty; takes it off the end of
 * `*line`. False at the front. */
bool rh_list_last(struct rh_slice *line, struct rh_slice *ret_element);

#endif
