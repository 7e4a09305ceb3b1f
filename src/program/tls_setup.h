/* Everything the program does about TLS: which pairs are used, client certificates, the redirect of
 * plain HTTP, the files that must never be served. */
#ifndef RH_PROGRAM_TLS_SETUP_H
#define RH_PROGRAM_TLS_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawhttp.h>

#include "program/options.h"

enum { PAIR_FILES_MAX = 2 * TEXT_LIST_MAX };

struct tls_setup {
    struct rh_tls *tls; /* NULL: no HTTPS */
    unsigned port;      /* of HTTPS, set once it is known */
    bool no_default;    /* nothing was asked for and no default pair is there: a line, no warning */
    bool redirect;      /* plain HTTP is answered by a redirect and nothing else */
    bool hsts;          /* answers over TLS ask for TLS from then on (RFC 6797) */
    char *loaded[PAIR_FILES_MAX]; /* paths of the pairs in use, to be watched */
    size_t loaded_count;
};

/* Loads what the options name, and says on stderr what is missing or suspicious. A broken pair is a
 * warning, and HTTP goes on; but where protection was asked for and can not be given, returns -1
 * with a line in `ret_error`. */
int tls_setup_open(struct tls_setup *setup, const struct options *options, bool color,
                   char *ret_error, size_t error_size);
void tls_setup_close(struct tls_setup *setup);

/* Puts the redirect and HSTS in front of everything that is registered after this. */
void tls_setup_use(struct tls_setup *setup, struct rh_app *app);

/* Keeps the files of the pairs in use out of what is served, wherever they are by now; their paths
 * are hidden by program/hidden.h. */
void tls_setup_hide_files(struct tls_setup *setup, struct rh_files_options *options);

/* Reads all pairs again; a bad file keeps the old ones, and it says so on stderr. */
void tls_setup_reload(struct tls_setup *setup, bool color);

#endif
