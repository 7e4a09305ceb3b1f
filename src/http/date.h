/* HTTP dates (RFC 9110 §5.6.7) and Unix seconds. */
#ifndef RH_HTTP_DATE_H
#define RH_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include <rawhttp/slice.h>

enum { RH_DATE_BYTES = 29 };

/* "Sun, 06 Nov 1994 08:49:37 GMT", without a NUL. Years outside 0000 to 9999 are held at the edge.
 */
void rh_date_format(char out[29], int64_t unix_seconds);

/* Reads IMF-fixdate and the two obsolete formats, which a recipient must accept. A year of two
 * digits means the one that is at most 50 years after `now` (RFC 9110 §5.6.7); the day of the week
 * is read by its name only. */
bool rh_date_parse_at(struct rh_slice text, int64_t now, int64_t *ret_unix_seconds);

/* The same without a clock: two digits mean 1977 to 2076. */
bool rh_date_parse(struct rh_slice text, int64_t *ret_unix_seconds);

#endif
