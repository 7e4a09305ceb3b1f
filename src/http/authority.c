/* The host runs to the first ':' or the end, or in brackets to ']'; what follows is the port. A
 * reg-name may hold percent-encoded bytes by the grammar and is accepted so; whoever looks such a
 * host up in a list will not find it. */
#include "http/authority.h"

#include "http/scan.h"
#include "util/ascii.h"

/* IPv6address of RFC 3986 §3.2.2: groups of up to four hex digits, at most one "::", perhaps an
 * IPv4 address in the place of the last two. Zone identifiers are for links and not for Host. */
static bool is_ipv4(const char *at, const char *stop)
{
    for (int parts = 1;; parts++) {
        unsigned value = 0;
        const char *first = at;
        while (at < stop && rh_ascii_is_digit(*at) && at - first < 3) {
            value = value * 10 + (unsigned)(*at++ - '0');
        }
        if (at == first || value > 255 || (*first == '0' && at - first > 1)) {
            return false;
        }
        if (parts == 4) {
            return at == stop;
        }
        if (at == stop || *at++ != '.') {
            return false;
        }
    }
}

static bool is_ipv6(const char *at, const char *stop)
{
    int groups = 0;
    bool gap = false;
    if (stop - at >= 2 && at[0] == ':' && at[1] == ':') {
        gap = true;
        at += 2;
    }
    while (at < stop) {
        const char *first = at;
        while (at < stop && at - first < 5 && rh_ascii_hex(*at) >= 0) {
            at++;
        }
        if (at < stop && *at == '.') {
            groups += 2;
            return (gap ? groups < 8 : groups == 8) && is_ipv4(first, stop);
        }
        if (at == first || at - first > 4) {
            return false;
        }
        groups++;
        if (at == stop) {
            break;
        }
        if (*at++ != ':' || at == stop) {
            return false;
        }
        if (*at == ':') {
            if (gap) {
                return false;
            }
            gap = true;
            at++;
        }
    }
    return gap ? groups < 8 : groups == 8;
}

/* "v" hex "." and more: an address of a kind that is yet to be invented. */
static bool is_ip_future(const char *at, const char *stop)
{
    if (at == stop || (*at++ | 0x20) != 'v') {
        return false;
    }
    const char *first = at;
    while (at < stop && rh_ascii_hex(*at) >= 0) {
        at++;
    }
    if (at == first || at == stop || *at++ != '.' || at == stop) {
        return false;
    }
    while (at < stop && (rh_char_is(*at, RH_CHAR_REG_NAME) || *at == ':')) {
        at++;
    }
    return at == stop;
}

static const char *skip_literal(const char *at, const char *stop)
{
    const char *first = ++at;
    while (at < stop && *at != ']') {
        at++;
    }
    if (at == stop || !(is_ipv6(first, at) || is_ip_future(first, at))) {
        return NULL;
    }
    return at + 1;
}

static const char *skip_reg_name(const char *low, const char *at, const char *stop)
{
    for (;;) {
        at = rh_scan_reg_name(low, at, stop);
        if (RH_LIKELY(at == stop || *at != '%')) {
            return at;
        }
        if (stop - at < 3 || rh_ascii_hex(at[1]) < 0 || rh_ascii_hex(at[2]) < 0) {
            return NULL;
        }
        at += 3;
    }
}

/* The digits of a port, up to 65535. "host:" without digits is valid (RFC 3986 §3.2.3). Zeros in
 * front do no harm, but nobody needs more than a few. */
static RH_ALWAYS_INLINE bool port_is_valid(const char *at, const char *stop)
{
    unsigned value = 0;
    if (RH_UNLIKELY(stop - at > 9)) {
        return false;
    }
    for (; at < stop; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';
        if (RH_UNLIKELY(digit > 9)) {
            return false;
        }
        value = value * 10 + digit;
    }
    return value <= 65535;
}

bool rh_authority_parse(const char *low, struct rh_slice text, struct rh_authority *ret_authority)
{
    const char *stop = text.base + text.len;
    if (text.len == 0) {
        return false;
    }
    const char *end =
        *text.base == '[' ? skip_literal(text.base, stop) : skip_reg_name(low, text.base, stop);
    if (end == NULL || end == text.base) {
        return false;
    }
    struct rh_slice port = {NULL, 0};
    if (end < stop) {
        if (*end != ':' || !port_is_valid(end + 1, stop)) {
            return false;
        }
        port = (struct rh_slice){end + 1, (size_t)(stop - end - 1)};
    }
    ret_authority->host = (struct rh_slice){text.base, (size_t)(end - text.base)};
    ret_authority->port = port;
    return true;
}
