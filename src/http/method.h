/* Method names as they stand in a request line. */
#ifndef RH_HTTP_METHOD_H
#define RH_HTTP_METHOD_H

#include <rawhttp/method.h>
#include <rawhttp/slice.h>

/* No method in the registry of IANA is longer than 17. */
enum { RH_METHOD_BYTES_MAX = 32 };

/* Returns the method with exactly this name, or RH_METHOD_OTHER: names are case-sensitive (RFC 9110
 * §9.1), so "get" is another method than GET. */
enum rh_method rh_method_find(struct rh_slice name);

#endif
