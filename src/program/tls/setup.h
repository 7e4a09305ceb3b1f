/* Everything the program does about TLS: which pairs are used, client certificates, the redirect of
 * plain HTTP, the files that must never be served. */
#ifndef RH_PROGRAM_TLS_SETUP_H
#define RH_PROGRAM_TLS_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawhttp.h>

#include "program/log/notes.h"
#include "program/options/options.h"

enum { PAIR_FILES_MAX = 2 * TEXT_LIST_MAX };

/* A pair that is configured, usable or not. */
struct tls_pair {
    char *cert, *key; /* owned */
    bool is_loaded;
};

struct tls_setup {
    const struct notes *notes;
    struct rh_tls *tls; /* NULL: no HTTPS */
    struct tls_pair pairs[TEXT_LIST_MAX];
    size_t pairs_n;
    size_t loaded_n; /* of them: without one HTTPS waits */
    unsigned port;   /* of HTTPS, set once it is known */
    bool no_default; /* nothing was asked for and no default pair is there: a line, no warning */
    bool redirect;   /* plain HTTP is answered by a redirect and nothing else */
    bool has_challenges;          /* of ACME: they are answered over plain HTTP too */
    bool hsts;                    /* answers over TLS ask for TLS from then on (RFC 6797) */
    void (*on_ready)(void *data); /* a pair is there and HTTPS may start; may be NULL */
    void *data;
};

/* Loads what the options name, and says what is suspicious. A pair that cannot be used is a
 * warning, and HTTP goes on. Returns -1 with a line in `ret_error` if a named file is not there, or
 * if protection was asked for and cannot be given. `notes` must stay. */
int tls_setup_open(struct tls_setup *setup, const struct options *options,
                   const struct notes *notes, char *ret_error, size_t error_size);
void tls_setup_close(struct tls_setup *setup);

/* Puts the redirect and HSTS in front of everything that is registered after this. */
void tls_setup_use(struct tls_setup *setup, struct rh_app *app);

/* Keeps the files of the pairs in use out of what is served, wherever they are by now; their paths
 * are hidden by program/kit/hidden.h. */
void tls_setup_hide_files(struct tls_setup *setup, struct rh_files_options *options);

/* Reads all pairs again, those that failed before too, and says how many are loaded. A bad file
 * keeps the ones in use. Calls `on_ready` if there is a pair and no port yet. */
void tls_setup_reload(struct tls_setup *setup);

#endif
