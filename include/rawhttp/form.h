/* Fields of a request body, whatever its type: application/x-www-form-urlencoded, multipart/form-data (its files are
 * left out: see multipart.h), and a flat JSON object where the library was built with JSON. Loop's thread only. */
#ifndef RAWHTTP_FORM_H
#define RAWHTTP_FORM_H

#include <rawhttp/exchange.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The fields were read, or what went wrong: RH_ETYPE (not a type that holds fields), RH_EFORM (malformed, nested or
 * too many fields), RH_EJSON (malformed JSON), or an error of rh_body_whole. Called exactly once, perhaps before
 * rh_form_read returns. On an error it may answer; where it does not, the library answers 415, 400, 413 or 408, with
 * the text of rh_form_error. */
typedef void (*rh_form_fn)(struct rh_exchange *x, int error, void *data);

/* Reads the whole body (up to body_whole_bytes_max) and takes its fields apart. At most 1,000 fields. A request
 * without a body has none, which is no error. Defers the answer. */
RH_API void rh_form_read(struct rh_exchange *x, rh_form_fn fn, void *data);

/* The decoded value of the first field of that name; absent if there is none. Numbers, true and false of JSON are
 * their text; null is absent. Stays as long as the exchange; not NUL-terminated. */
RH_API struct rh_slice rh_form_field(const struct rh_exchange *x, const char *name);
/* The same for the field of that name that comes at place `index` (0 is the first): keys may repeat, and a JSON list
 * of values is one key repeated. */
RH_API struct rh_slice rh_form_field_nth(const struct rh_exchange *x, const char *name, size_t index);

/* All fields in their order: how many, and each of them. Both results are absent behind the last. */
RH_API size_t rh_form_count(const struct rh_exchange *x);
RH_API void rh_form_at(const struct rh_exchange *x, size_t index, struct rh_slice *ret_name,
                       struct rh_slice *ret_value);

/* What was wrong with the body, for people: "line 2, column 7: …". "" where nothing was. */
RH_API const char *rh_form_error(const struct rh_exchange *x);

#ifdef __cplusplus
}
#endif
#endif
