/* Field names and values: which of the known ones a name is, and what may be sent. */
#ifndef RH_HTTP_FIELD_H
#define RH_HTTP_FIELD_H

#include <stdbool.h>

#include <rawhttp/slice.h>

/* X(ID, "lower-case name", length): the fields that somebody in this library asks for. */
#define RH_FIELDS(X)                                            \
    X(HOST, "host", 4)                                          \
    X(CONTENT_LENGTH, "content-length", 14)                     \
    X(TRANSFER_ENCODING, "transfer-encoding", 17)               \
    X(CONNECTION, "connection", 10)                             \
    X(EXPECT, "expect", 6)                                      \
    X(UPGRADE, "upgrade", 7)                                    \
    X(CONTENT_TYPE, "content-type", 12)                         \
    X(COOKIE, "cookie", 6)                                      \
    X(ACCEPT, "accept", 6)                                      \
    X(USER_AGENT, "user-agent", 10)                             \
    X(IF_MODIFIED_SINCE, "if-modified-since", 17)               \
    X(IF_UNMODIFIED_SINCE, "if-unmodified-since", 19)           \
    X(IF_NONE_MATCH, "if-none-match", 13)                       \
    X(IF_MATCH, "if-match", 8)                                  \
    X(IF_RANGE, "if-range", 8)                                  \
    X(RANGE, "range", 5)                                        \
    X(ACCEPT_ENCODING, "accept-encoding", 15)                   \
    X(ACCEPT_LANGUAGE, "accept-language", 15)                   \
    X(REFERER, "referer", 7)                                    \
    X(ORIGIN, "origin", 6)                                      \
    X(AUTHORIZATION, "authorization", 13)                       \
    X(CACHE_CONTROL, "cache-control", 13)                       \
    X(CONTENT_ENCODING, "content-encoding", 16)                 \
    X(CONTENT_DISPOSITION, "content-disposition", 19)           \
    X(DATE, "date", 4)                                          \
    X(TE, "te", 2)                                              \
    X(TRAILER, "trailer", 7)                                    \
    X(FORWARDED, "forwarded", 9)                                \
    X(X_FORWARDED_FOR, "x-forwarded-for", 15)                   \
    X(X_FORWARDED_PROTO, "x-forwarded-proto", 17)               \
    X(X_REQUEST_ID, "x-request-id", 12)                         \
    X(SEC_WEBSOCKET_KEY, "sec-websocket-key", 17)               \
    X(SEC_WEBSOCKET_VERSION, "sec-websocket-version", 21)       \
    X(SEC_WEBSOCKET_PROTOCOL, "sec-websocket-protocol", 22)     \
    X(SEC_WEBSOCKET_EXTENSIONS, "sec-websocket-extensions", 24) \
    X(LAST_EVENT_ID, "last-event-id", 13)

/* The first six, HOST to UPGRADE, are those that the parser itself must look into. */
#define RH_FIELD_ENUM(name, lower, len) RH_FIELD_##name,
enum rh_field_id { RH_FIELD_OTHER = 0, RH_FIELDS(RH_FIELD_ENUM) RH_FIELD_IDS };
#undef RH_FIELD_ENUM

/* Which field a name is, whatever its case; RH_FIELD_OTHER for all that are not in the list. */
enum rh_field_id rh_field_classify(struct rh_slice name);

/* The lower-case name of a known field; absent for RH_FIELD_OTHER. */
struct rh_slice rh_field_name(enum rh_field_id id);

/* For what a handler wants to send: a token (RFC 9110 §5.1). */
bool rh_field_name_is_valid(struct rh_slice name);

/* Likewise a value: no control bytes but HTAB, no white space at its ends (RFC 9110 §5.5). */
bool rh_field_value_is_valid(struct rh_slice value);

#endif
