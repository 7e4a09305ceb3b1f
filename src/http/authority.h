/* Host and port, as they stand in Host and in a target (RFC 3986 §3.2, RFC 9110 §4.2). */
#ifndef RH_HTTP_AUTHORITY_H
#define RH_HTTP_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>

#include <rawhttp/slice.h>

struct rh_authority {
    struct rh_slice host; /* a name, an IPv4 address, or an IPv6 literal with its brackets */
    struct rh_slice port; /* digits, perhaps none; absent where there is no ':' */
};

/* Takes `text` apart. False for an empty host, user information, a port that is no number up to
 * 65535, or a byte that may not stand there. `low` is the first readable byte before the text. */
bool rh_authority_parse(const char *low, struct rh_slice text, struct rh_authority *ret_authority);

#endif
