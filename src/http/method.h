/* Method names as they stand in a request line. */
#ifndef RH_HTTP_METHOD_H
#define RH_HTTP_METHOD_H

#include <rawhttp/method.h>
#include <rawhttp/slice.h>

/* The method of exactly this name, or RH_METHODS: names are case-sensitive (RFC 9110 §9.1), so
 * "get" is a method that nobody knows. */
enum rh_method rh_method_find(struct rh_slice name);

#endif
