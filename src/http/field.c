/* Field names by length and word compares: a name that nobody asks for costs one switch and at most
 * five compares of 8 bytes. */
#include "http/field.h"

#include "http/scan.h"

/* clang-format off */
#define NAME_IS(id, lower)                                                                         \
    if (rh_word_is_caseless(at, lower, sizeof lower - 1)) {                                        \
        return RH_FIELD_##id;                                                                      \
    }

enum rh_field_id rh_field_classify(struct rh_slice name)
{
    const char *at = name.base;
    switch (name.len) {
    case 2:
        return (at[0] | 0x20) == 't' && (at[1] | 0x20) == 'e' ? RH_FIELD_TE : RH_FIELD_OTHER;
    case 4:
        NAME_IS(HOST, "host")
        NAME_IS(DATE, "date")
        return RH_FIELD_OTHER;
    case 5:
        NAME_IS(RANGE, "range")
        return RH_FIELD_OTHER;
    case 6:
        NAME_IS(EXPECT, "expect")
        NAME_IS(COOKIE, "cookie")
        NAME_IS(ACCEPT, "accept")
        NAME_IS(ORIGIN, "origin")
        return RH_FIELD_OTHER;
    case 7:
        NAME_IS(UPGRADE, "upgrade")
        NAME_IS(REFERER, "referer")
        NAME_IS(TRAILER, "trailer")
        return RH_FIELD_OTHER;
    case 8:
        NAME_IS(IF_MATCH, "if-match")
        NAME_IS(IF_RANGE, "if-range")
        return RH_FIELD_OTHER;
    case 9:
        NAME_IS(FORWARDED, "forwarded")
        return RH_FIELD_OTHER;
    case 10:
        NAME_IS(CONNECTION, "connection")
        NAME_IS(USER_AGENT, "user-agent")
        return RH_FIELD_OTHER;
    case 12:
        NAME_IS(CONTENT_TYPE, "content-type")
        NAME_IS(X_REQUEST_ID, "x-request-id")
        return RH_FIELD_OTHER;
    case 13:
        NAME_IS(IF_NONE_MATCH, "if-none-match")
        NAME_IS(AUTHORIZATION, "authorization")
        NAME_IS(CACHE_CONTROL, "cache-control")
        NAME_IS(LAST_EVENT_ID, "last-event-id")
        return RH_FIELD_OTHER;
    case 14:
        NAME_IS(CONTENT_LENGTH, "content-length")
        return RH_FIELD_OTHER;
    case 15:
        NAME_IS(ACCEPT_ENCODING, "accept-encoding")
        NAME_IS(ACCEPT_LANGUAGE, "accept-language")
        NAME_IS(X_FORWARDED_FOR, "x-forwarded-for")
        return RH_FIELD_OTHER;
    case 16:
        NAME_IS(CONTENT_ENCODING, "content-encoding")
        return RH_FIELD_OTHER;
    case 17:
        NAME_IS(TRANSFER_ENCODING, "transfer-encoding")
        NAME_IS(IF_MODIFIED_SINCE, "if-modified-since")
        NAME_IS(X_FORWARDED_PROTO, "x-forwarded-proto")
        NAME_IS(SEC_WEBSOCKET_KEY, "sec-websocket-key")
        return RH_FIELD_OTHER;
    case 19:
        NAME_IS(IF_UNMODIFIED_SINCE, "if-unmodified-since")
        NAME_IS(CONTENT_DISPOSITION, "content-disposition")
        return RH_FIELD_OTHER;
    case 21:
        NAME_IS(SEC_WEBSOCKET_VERSION, "sec-websocket-version")
        return RH_FIELD_OTHER;
    case 22:
        NAME_IS(SEC_WEBSOCKET_PROTOCOL, "sec-websocket-protocol")
        return RH_FIELD_OTHER;
    case 24:
        NAME_IS(SEC_WEBSOCKET_EXTENSIONS, "sec-websocket-extensions")
        return RH_FIELD_OTHER;
    default:
        return RH_FIELD_OTHER;
    }
}
#define FIELD_NAME(id, lower, len) {lower, len},
static const struct rh_slice field_names[RH_FIELD_IDS] = {
    {NULL, 0},
    RH_FIELDS(FIELD_NAME)
};
/* clang-format on */

struct rh_slice rh_field_name(enum rh_field_id id)
{
    RH_ASSERT((unsigned)id < RH_FIELD_IDS);
    return field_names[id];
}

bool rh_field_name_is_valid(struct rh_slice name)
{
    const char *stop = name.base + name.len;
    return name.len > 0 && rh_scan_token(name.base, name.base, stop) == stop;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

bool rh_field_value_is_valid(struct rh_slice value)
{
    if (value.len == 0) {
        return true;
    }
    const char *stop = value.base + value.len;
    return !is_space(value.base[0]) && !is_space(stop[-1]) &&
           rh_scan_value(value.base, value.base, stop) == stop;
}
