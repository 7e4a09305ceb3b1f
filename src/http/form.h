/* application/x-www-form-urlencoded, in bodies and in query strings (WHATWG URL §5.1). */
#ifndef RH_HTTP_FORM_H
#define RH_HTTP_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include <rawhttp/slice.h>

/* Takes the next "name=value" off the front of *rest, both still encoded. A piece without '=' is a
 * name with an empty value; empty pieces ("&&") are skipped. False at the end. */
bool rh_form_next(struct rh_slice *rest, struct rh_slice *ret_name, struct rh_slice *ret_value);

/* Decodes '+' and %XX to `out`, which has room for raw.len and may be the very bytes of `raw`.
 * Returns the length, or -1 for '%' without two hexadecimal digits. For bodies: who builds one
 * encodes it. */
ptrdiff_t rh_form_decode(struct rh_slice raw, char *out);

/* The same for a query, which people type and paste: a '%' without two digits means itself (WHATWG
 * URL §1.3). Returns the length. */
size_t rh_form_decode_query(struct rh_slice raw, char *out);

#endif
