/* Version of the headers, and of the library that runs. */
#ifndef RAWHTTP_VERSION_H
#define RAWHTTP_VERSION_H

#include <rawhttp/export.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RH_VERSION_MAJOR 0
#define RH_VERSION_MINOR 1
#define RH_VERSION_PATCH 0
#define RH_VERSION_STRING "0.1.0"

/* "0.1.0": the library that is linked at run time. */
RH_API const char *rh_version(void);
/* "libuv 1.44.2, OpenSSL 3.0.17, json": what it was built and runs with. Static storage. */
RH_API const char *rh_version_features(void);

#ifdef __cplusplus
}
#endif
#endif
