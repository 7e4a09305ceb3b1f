/* Status codes and their reason phrases (RFC 9110 §15 and the registry it founds). */
#ifndef RAWHTTP_STATUS_H
#define RAWHTTP_STATUS_H

#include <rawhttp/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "OK" for 200 and so on, "Unknown" for a code that is not registered; static storage, any thread. */
RH_API const char *rh_status_reason(unsigned status);

#ifdef __cplusplus
}
#endif
#endif
