/* Status lines, built before they are needed. */
#ifndef RH_HTTP_STATUS_H
#define RH_HTTP_STATUS_H

#include <rawhttp/slice.h>
#include <rawhttp/status.h>

/* "HTTP/1.1 200 OK\r\n" for a registered code, else the absent slice: whoever sends an odd code
 * writes its line himself, with an empty reason (RFC 9112 §4 allows that). */
struct rh_slice rh_status_line(unsigned status);

#endif
