/* Every reason for which a message is refused: its status, a short name, a sentence for people and
 * the section that asks for it. The X-list is the one place where a rule is written down; the
 * protocol cases under tests/http/cases must hit every line of it. */
#ifndef RH_HTTP_RULE_H
#define RH_HTTP_RULE_H

/* X(name, status, id, text, section) */
/* clang-format off */
#define RH_RULES(X)                                                                                \
    X(TLS_ON_PLAIN, 400, "tls-on-plain", "a TLS handshake was sent to a port that speaks plain "   \
      "HTTP", "RFC 8446 §5.1")                                                                     \
    X(EMPTY_LINES, 400, "empty-lines", "more than one empty line before the request line",         \
      "RFC 9112 §2.2")                                                                             \
    X(BARE_LF, 400, "bare-lf", "a line ends in LF without CR", "RFC 9112 §2.2")                    \
    X(BARE_CR, 400, "bare-cr", "a CR that no LF follows", "RFC 9112 §2.2")                         \
    X(METHOD_CHAR, 400, "method-char", "the method is not a token followed by one space",          \
      "RFC 9112 §3.1")                                                                             \
    X(METHOD_LONG, 501, "method-long", "the method is longer than any that is known",              \
      "RFC 9112 §3")                                                                               \
    X(CONNECT, 501, "connect", "CONNECT to a server that opens no tunnels", "RFC 9110 §9.3.6")     \
    X(REQUEST_SPACE, 400, "request-space", "more than one space, or another kind of white space, " \
      "between the parts of the request line", "RFC 9112 §3")                                      \
    X(TARGET_FORM, 400, "target-form", "the target is neither a path nor an http or https URI",    \
      "RFC 9112 §3.2")                                                                             \
    X(TARGET_CHAR, 400, "target-char", "a byte in the target that a URI can not hold",             \
      "RFC 3986 §3.3")                                                                             \
    X(TARGET_PERCENT, 400, "target-percent", "'%' without two hexadecimal digits in the target",   \
      "RFC 3986 §2.1")                                                                             \
    X(TARGET_FRAGMENT, 400, "target-fragment", "a fragment ('#') in the target",                   \
      "RFC 9112 §3.2")                                                                             \
    X(TARGET_LONG, 414, "target-long", "the target is longer than the limit",                      \
      "RFC 9110 §15.5.15")                                                                         \
    X(TARGET_ASTERISK, 400, "target-asterisk", "the target '*' with a method other than OPTIONS",  \
      "RFC 9112 §3.2.4")                                                                           \
    X(TARGET_CONNECT, 400, "target-connect", "CONNECT without a host and port as its target",      \
      "RFC 9112 §3.2.3")                                                                           \
    X(TARGET_AUTHORITY, 400, "target-authority", "no valid host and port in an absolute target, "  \
      "or user information", "RFC 9110 §4.2")                                                      \
    X(VERSION_MISSING, 400, "version-missing", "a request line without a version",                 \
      "RFC 9112 §3")                                                                               \
    X(VERSION_MALFORMED, 400, "version-malformed", "the version is not 'HTTP/' digit '.' digit",   \
      "RFC 9112 §2.3")                                                                             \
    X(VERSION_UNSUPPORTED, 505, "version-unsupported", "a major version other than 1",             \
      "RFC 9110 §15.6.6")                                                                          \
    X(REQUEST_END, 400, "request-end", "bytes between the version and the end of the line",        \
      "RFC 9112 §3")                                                                               \
    X(HEAD_LONG, 431, "head-long", "the head is longer than the limit", "RFC 6585 §5")             \
    X(FIELDS_MANY, 431, "fields-many", "more field lines than the limit", "RFC 6585 §5")           \
    X(FIELD_FIRST_SPACE, 400, "field-first-space", "white space before the first field line",      \
      "RFC 9112 §2.2")                                                                             \
    X(FIELD_FOLD, 400, "field-fold", "a field value that goes on in the next line (obs-fold)",     \
      "RFC 9112 §5.2")                                                                             \
    X(FIELD_NAME_EMPTY, 400, "field-name-empty", "a field line that begins with a colon",          \
      "RFC 9110 §5.1")                                                                             \
    X(FIELD_NAME_SPACE, 400, "field-name-space", "white space between field name and colon",       \
      "RFC 9112 §5.1")                                                                             \
    X(FIELD_NAME_CHAR, 400, "field-name-char", "a byte in a field name that a token can not hold", \
      "RFC 9110 §5.1")                                                                             \
    X(FIELD_NO_COLON, 400, "field-no-colon", "a field line without a colon", "RFC 9112 §5")        \
    X(FIELD_VALUE_CHAR, 400, "field-value-char", "NUL or another control byte in a field value",   \
      "RFC 9110 §5.5")                                                                             \
    X(HOST_MISSING, 400, "host-missing", "HTTP/1.1 without a Host field", "RFC 9112 §3.2")         \
    X(HOST_REPEATED, 400, "host-repeated", "more than one Host field", "RFC 9112 §3.2")            \
    X(HOST_INVALID, 400, "host-invalid", "the Host field is not a host with an optional port",     \
      "RFC 9112 §3.2")                                                                             \
    X(SCHEME_NOT_SECURED, 421, "scheme-not-secured", "an https target on a connection without "    \
      "TLS", "RFC 9110 §7.4")                                                                      \
    X(EXPECT_UNKNOWN, 417, "expect-unknown", "an expectation other than 100-continue",             \
      "RFC 9110 §10.1.1")                                                                          \
    X(CL_MALFORMED, 400, "cl-malformed", "Content-Length is not one plain decimal number",         \
      "RFC 9112 §6.3")                                                                             \
    X(CL_REPEATED, 400, "cl-repeated", "more than one Content-Length", "RFC 9112 §6.3")            \
    X(CL_OVERFLOW, 413, "cl-overflow", "Content-Length is more than any machine counts",           \
      "RFC 9110 §8.6")                                                                             \
    X(CL_WITH_TE, 400, "cl-with-te", "Content-Length beside Transfer-Encoding",                    \
      "RFC 9112 §6.1")                                                                             \
    X(TE_IN_1_0, 400, "te-in-1.0", "Transfer-Encoding in HTTP/1.0", "RFC 9112 §6.1")               \
    X(TE_MALFORMED, 400, "te-malformed", "Transfer-Encoding is not a list of coding names",        \
      "RFC 9112 §6.1")                                                                             \
    X(TE_UNKNOWN, 501, "te-unknown", "a transfer coding other than chunked", "RFC 9112 §6.1")      \
    X(TE_NOT_LAST, 400, "te-not-last", "chunked is not the last transfer coding",                  \
      "RFC 9112 §6.3")                                                                             \
    X(TE_REPEATED, 400, "te-repeated", "chunked is named more than once", "RFC 9112 §6.1")         \
    X(TRACE_CONTENT, 400, "trace-content", "TRACE with content", "RFC 9110 §9.3.8")                \
    X(CHUNK_SIZE, 400, "chunk-size", "a chunk size that is not hexadecimal digits",                \
      "RFC 9112 §7.1")                                                                             \
    X(CHUNK_OVERFLOW, 413, "chunk-overflow", "a chunk size of more than any machine counts",       \
      "RFC 9112 §7.1")                                                                             \
    X(CHUNK_EXTENSION, 400, "chunk-extension", "a malformed chunk extension",                      \
      "RFC 9112 §7.1.1")                                                                           \
    X(CHUNK_OVERHEAD, 413, "chunk-overhead", "size lines and extensions out of proportion to the " \
      "content", "RFC 9112 §7.1.1")                                                                \
    X(CHUNK_END, 400, "chunk-end", "no CRLF after the data of a chunk", "RFC 9112 §7.1")           \
    X(TRAILER_LONG, 431, "trailer-long", "the trailer section is longer than the limit",           \
      "RFC 6585 §5")                                                                               \
    X(TRAILERS_MANY, 431, "trailers-many", "more trailer fields than the limit", "RFC 6585 §5")    \
    X(TRAILER_FORBIDDEN, 400, "trailer-forbidden", "a trailer field that frames or routes the "    \
      "message", "RFC 9110 §6.5.1")                                                                \
    X(PATH_ABOVE_ROOT, 400, "path-above-root", "a path that leaves the root by '..'",              \
      "RFC 3986 §5.2.4")                                                                           \
    X(PATH_PERCENT, 400, "path-percent", "'%' without two hexadecimal digits in the path",         \
      "RFC 3986 §2.1")                                                                             \
    X(PATH_NUL, 400, "path-nul", "a NUL byte in the path", "RFC 3986 §7.3")
/* clang-format on */

#define RH_RULE_ENUM(name, status, id, text, section) RH_RULE_##name,
enum rh_rule { RH_RULE_NONE = 0, RH_RULES(RH_RULE_ENUM) RH_RULE_COUNT };
#undef RH_RULE_ENUM

struct rh_rule_info {
    unsigned short status; /* what the peer is answered; 0 for RH_RULE_NONE */
    const char *id;        /* "cl-overflow": for logs and tests */
    const char *text;      /* what is wrong, without a full stop */
    const char *section;   /* "RFC 9112 §6.3" */
};

/* Static storage; never NULL. */
const struct rh_rule_info *rh_rule_info(enum rh_rule rule);

#endif
