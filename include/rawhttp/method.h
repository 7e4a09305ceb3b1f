/* Request methods (RFC 9110 §9, RFC 5789, RFC 10008). */
#ifndef RAWHTTP_METHOD_H
#define RAWHTTP_METHOD_H

#include <rawhttp/export.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rh_method {
    RH_GET,
    RH_HEAD,
    RH_POST,
    RH_PUT,
    RH_DELETE,
    RH_CONNECT,
    RH_OPTIONS,
    RH_TRACE,
    RH_PATCH,
    RH_QUERY,                    /* safe and idempotent as GET, with content (RFC 10008) */
    RH_METHODS,                  /* how many there are */
    RH_METHOD_OTHER = RH_METHODS /* any other token: rh_request_method_name returns it */
};

/* "GET" and so on; static storage, any thread. */
RH_API const char *rh_method_name(enum rh_method method);

#ifdef __cplusplus
}
#endif
#endif
