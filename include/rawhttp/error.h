/* Error codes of the library: negative, in a range of their own beside libuv's UV_E codes, which
 * pass through unchanged. */
#ifndef RAWHTTP_ERROR_H
#define RAWHTTP_ERROR_H

#include <rawhttp/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One list gives the enumerator, its number and its text. */
#define RH_ERROR_MAP(XX)                                                                           \
    XX(EAGAIN, -20001, "nothing now, resume later")                                                \
    XX(ECUT, -20002, "the connection of this exchange is gone")                                    \
    XX(EBODY_CUT, -20003, "the request body ended early")                                          \
    XX(EBODY_TOO_LARGE, -20004, "the request body is larger than its limit")                       \
    XX(EBODY_FRAMING, -20005, "the request body is framed wrongly")                                \
    XX(EBODY_TIMEOUT, -20006, "the request body did not arrive in time")                           \
    XX(EFIELD, -20007, "field name or value outside RFC 9110 section 5")                           \
    XX(ESTATE, -20008, "call not allowed in this state")                                           \
    XX(ENOROOM, -20009, "a memory limit of the server is reached")                                 \
    XX(EPATTERN, -20010, "malformed route pattern")                                                \
    XX(ECONFLICT, -20011, "two routes that mean the same")                                         \
    XX(EFROZEN, -20012, "the app is in use by a server and can not change")                        \
    XX(EADDRESS, -20013, "malformed listen address")                                               \
    XX(ETLS, -20014, "TLS failure")                                                                \
    XX(ECONFIG, -20015, "configuration value out of range")                                        \
    XX(EFORM, -20016, "malformed form data")                                                       \
    XX(EJSON, -20017, "malformed JSON")                                                            \
    XX(ETEMPLATE, -20018, "template does not compile or render")                                   \
    XX(ENOTFOUND, -20019, "no such file or entry")                                                 \
    XX(ETYPE, -20020, "unsupported content type")                                                  \
    XX(ETEXT, -20021, "text with bytes that its charset does not have")

enum rh_error {
#define XX(name, number, text) RH_##name = number,
    RH_ERROR_MAP(XX)
#undef XX
};

/* The text of a code of ours or of libuv; never NULL, static storage, any thread. */
RH_API const char *rh_strerror(int code);

#ifdef __cplusplus
}
#endif
#endif
