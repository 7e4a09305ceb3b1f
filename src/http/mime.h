/* Content types of files by the extension of their name, and by their first bytes. */
#ifndef RH_HTTP_MIME_H
#define RH_HTTP_MIME_H

#include <stdbool.h>

#include "rawhttp/slice.h"

struct rh_mime {
    const char *extension; /* lower case, without the dot */
    const char *type;      /* as sent, with the charset where it is text */
    bool is_compressible;  /* worth a .br or .gz beside it */
    bool is_doubtful;      /* the first bytes have a say */
    const char *coding;    /* that such files have (Content-Encoding), or NULL */
};

enum { RH_MIME_LOOK_BYTES = 512 };

/* Never NULL: application/octet-stream, doubtful, for what is not known. `name` may hold folders.
 */
const struct rh_mime *rh_mime_of(const char *name);

/* Returns the type of a file that begins like this: that of its name, or plain text if that one is
 * doubtful and these bytes are text. `is_whole`: there are no others. */
const struct rh_mime *rh_mime_judge(const struct rh_mime *mime, struct rh_slice beginning,
                                    bool is_whole);

/* Copies the extension of a name in lower case. False if there is none, or a longer one than any
 * that is known. */
bool rh_mime_extension(const char *name, char ret_extension[16]);

/* Returns true for types whose bytes repeat themselves. Events do too, but are streams; an answer
 * of that type in one piece is none. */
bool rh_mime_is_compressible(struct rh_slice type);

/* Returns true for UTF-8 without control bytes but those of lines, tabs and terminals. */
bool rh_mime_is_text(struct rh_slice beginning, bool is_whole);

#endif
