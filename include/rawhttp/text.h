/* A request body that is text, as UTF-8 that was checked. Loop's thread only. */
#ifndef RAWHTTP_TEXT_H
#define RAWHTTP_TEXT_H

#include <rawhttp/exchange.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The text, or what went wrong: RH_ETYPE (not text/plain, or in a charset that is not known here),
 * RH_ETEXT (bytes that its charset does not have), or an error of rh_body_whole. Called exactly
 * once, perhaps before rh_text_read returns. On an error it may answer; where it does not, the
 * library answers 415, 400, 413 or 408. The text is not NUL-terminated (it may hold NUL) and stays
 * as long as the exchange. */
typedef void (*rh_text_fn)(struct rh_exchange *x, struct rh_slice text, int error, void *data);

/* Reads the whole body (up to body_whole_bytes_max) of a text/plain request. Charsets: utf-8, and
 * none, which is taken for utf-8; us-ascii; iso-8859-1 (latin1), which is converted. A byte order
 * mark in front is left out. A request without a body is an empty text. Defers the answer. */
RH_API void rh_text_read(struct rh_exchange *x, rh_text_fn fn, void *data);

#ifdef __cplusplus
}
#endif
#endif
