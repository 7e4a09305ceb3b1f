/* Every rule of HTTP/2 whose breach costs a stream: its short name, a sentence for people and the
 * section that states it. A malformed request is a stream error of type PROTOCOL_ERROR (RFC 9113
 * §8.1.1): the peer gets RST_STREAM, and the log names the rule. Rules about the content of a
 * well-formed request (its target, its limits) are those of "http/rule.h" and get an answer. */
#ifndef RH_SERVER_HTTP2_RULE_H
#define RH_SERVER_HTTP2_RULE_H

/* X(name, id, text, section) */
/* clang-format off */
#define RH_HTTP2_RULES(X)                                                                          \
    X(NAME_CASE, "name-case", "a field name contains an upper-case letter", "RFC 9113 §8.2")       \
    X(NAME_CHAR, "name-char", "a field name is empty or contains a byte that is not allowed in a " \
      "token", "RFC 9113 §8.2.1")                                                                  \
    X(VALUE_CHAR, "value-char", "a field value contains NUL, CR, LF or another control byte",      \
      "RFC 9113 §8.2.1")                                                                           \
    X(VALUE_SPACE, "value-space", "a field value begins or ends with white space",                 \
      "RFC 9113 §8.2.1")                                                                           \
    X(CONNECTION_FIELD, "connection-field", "a field is specific to HTTP/1 connections",           \
      "RFC 9113 §8.2.2")                                                                           \
    X(TE, "te", "TE contains anything but \"trailers\"", "RFC 9113 §8.2.2")                        \
    X(PSEUDO_LATE, "pseudo-late", "a pseudo-header field follows a regular field",                 \
      "RFC 9113 §8.3")                                                                             \
    X(PSEUDO_UNKNOWN, "pseudo-unknown", "a pseudo-header field is not defined for requests",       \
      "RFC 9113 §8.3")                                                                             \
    X(PSEUDO_REPEATED, "pseudo-repeated", "a pseudo-header field appears twice",                   \
      "RFC 9113 §8.3")                                                                             \
    X(PSEUDO_TRAILER, "pseudo-trailer", "a trailer section contains a pseudo-header field",        \
      "RFC 9113 §8.1")                                                                             \
    X(METHOD, "method", ":method is missing or is not a token", "RFC 9113 §8.3.1")                 \
    X(SCHEME, "scheme", ":scheme is missing or is not http or https", "RFC 9113 §8.3.1")           \
    X(PATH, "path", ":path is missing or does not begin with \"/\"", "RFC 9113 §8.3.1")            \
    X(AUTHORITY, "authority", ":authority is not a host with an optional port",                    \
      "RFC 9113 §8.3.1")                                                                           \
    X(HOST_DIFFERS, "host-differs", "Host and :authority name different hosts",                    \
      "RFC 9113 §8.3.1")                                                                           \
    X(CONNECT, "connect", "CONNECT with :scheme or :path, or without a host and a port",           \
      "RFC 9113 §8.5")                                                                             \
    X(PROTOCOL, "protocol", ":protocol on a method other than CONNECT, or not offered",            \
      "RFC 8441 §4")                                                                               \
    X(LENGTH_MALFORMED, "length-malformed", "Content-Length is not one plain decimal number",      \
      "RFC 9113 §8.1.1")                                                                           \
    X(LENGTH_DIFFERS, "length-differs", "Content-Length and the DATA frames disagree",             \
      "RFC 9113 §8.1.1")                                                                           \
    X(TRAILER_OPEN, "trailer-open", "a trailer section does not end the stream",                   \
      "RFC 9113 §8.1")                                                                             \
    X(TRAILER_FORBIDDEN, "trailer-forbidden", "a trailer field frames or routes the message",      \
      "RFC 9110 §6.5.1")                                                                           \
    X(TRAILER_LONG, "trailer-long", "the trailer section is longer than the limit",                \
      "RFC 9113 §10.5.1")
/* clang-format on */

#define RH_HTTP2_RULE_ENUM(name, id, text, section) RH_HTTP2_##name,
enum rh_http2_rule { RH_HTTP2_OK = 0, RH_HTTP2_RULES(RH_HTTP2_RULE_ENUM) RH_HTTP2_RULE_COUNT };
#undef RH_HTTP2_RULE_ENUM

struct rh_http2_rule_info {
    const char *id;      /* "name-case": for logs and tests */
    const char *text;    /* what is wrong, without a full stop */
    const char *section; /* "RFC 9113 §8.2" */
};

/* Returns static storage, never NULL. */
const struct rh_http2_rule_info *rh_http2_rule_info(enum rh_http2_rule rule);

#endif
