/* Server-sent events inside: an event as bytes. */
#ifndef RH_APP_EVENTS_SSE_H
#define RH_APP_EVENTS_SSE_H

#include "rawhttp/sse.h"

/* The length of an event; written to `out` where that is not NULL. 0: a line break or the like
 * where none may be. */
size_t rh_sse_format(const char *event, const char *id, struct rh_slice data, char *out);

#endif
