/* A password file in the pool's threads: read, read again when it has changed, asked. The one file
 * that speaks to libcrypt is behind this. Shared by all loops; everything here may block but
 * rh_htpasswd_generation. */
#ifndef RH_APP_MIDDLEWARE_PASSWORD_FILE_H
#define RH_APP_MIDDLEWARE_PASSWORD_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "rawhttp/slice.h"
#include "util/assert.h"

enum { RH_HTPASSWD_NOTE_BYTES = 384 };

struct rh_htpasswd_file;

/* Reads the file. 0; RH_ECONFIG for a line that can not be used, or without libcrypt; -errno. What
 * is wrong stands in `note`. */
int RH_MUST_CHECK rh_htpasswd_open(struct rh_htpasswd_file **ret_file, const char *path,
                                   char note[RH_HTPASSWD_NOTE_BYTES]);
void rh_htpasswd_close(struct rh_htpasswd_file *file);

/* Grows with each change of the file that was read. Any thread. */
unsigned rh_htpasswd_generation(const struct rh_htpasswd_file *file);
/* Looks whether the file has changed, and reads it then. Where it can not be used any more, what
 * was read before stays, and `note` says why, once for each such change; else `note` is "". */
void rh_htpasswd_look(struct rh_htpasswd_file *file, char note[RH_HTPASSWD_NOTE_BYTES]);
/* True where the user has this password. Takes as long for a user that is not there. */
bool rh_htpasswd_verify(struct rh_htpasswd_file *file, struct rh_slice user, const char *password);

#endif
