/* What the ready-made middleware share: how one comes into a chain with its data. */
#ifndef RH_APP_MIDDLEWARE_MIDDLEWARE_H
#define RH_APP_MIDDLEWARE_MIDDLEWARE_H

#include "app/app.h"
#include "rawhttp/middleware.h"

/* Zeroed memory that lives as long as the app; NULL where the app takes no change (its error says
 * why). */
void *rh_middleware_alloc(struct rh_app *app, size_t bytes);

/* What one server keeps for one middleware, whose data is `prepared`: first member of it. */
struct rh_home {
    struct rh_home *next;
    const void *prepared;
    size_t bytes;
    void (*fini)(struct rh_home *home);
};
/* That of this exchange's server, `bytes` long. At first use it is zeroed memory that `init` makes
 * ready; where that says no, or memory ran out, NULL. When the server is destroyed `fini` (or NULL)
 * is called, and it is wiped. */
void *rh_middleware_home(struct rh_exchange *x, const void *prepared, size_t bytes,
                         bool (*init)(struct rh_home *home), void (*fini)(struct rh_home *home));

/* What Basic authentication has in common (middleware_auth.c). */
enum { RH_BASIC_BYTES_MAX = 512, RH_BASIC_CHALLENGE_BYTES = 160 };
/* Decodes the credentials into `buffer`: "user:password", with room for a NUL behind. False where
 * they are missing or malformed. */
bool rh_basic_read(struct rh_exchange *x, char buffer[RH_BASIC_BYTES_MAX + 1],
                   struct rh_slice *ret_user, struct rh_slice *ret_password);
/* Writes the value of WWW-Authenticate; false for a realm that does not fit. */
bool rh_basic_challenge(char out[RH_BASIC_CHALLENGE_BYTES], const char *realm);

/* Appends to the group's chain, or to the app's where `group` is NULL. */
void rh_middleware_add(struct rh_app *app, struct rh_group *group, rh_handler_fn fn, void *data);

#endif
