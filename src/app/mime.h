/* Content types of files by the extension of their name. */
#ifndef RH_APP_MIME_H
#define RH_APP_MIME_H

#include <stdbool.h>

struct rh_mime {
    const char *extension; /* lower case, without the dot */
    const char *type;      /* as sent, with the charset where it is text */
    bool is_compressible;  /* worth a .br or .gz beside it */
};

/* Never NULL: application/octet-stream for what is not known. `name` may hold folders. */
const struct rh_mime *rh_mime_of(const char *name);

#endif
