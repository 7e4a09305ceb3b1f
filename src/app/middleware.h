/* What the ready-made middleware share: how one comes into a chain with its data. */
#ifndef RH_APP_MIDDLEWARE_H
#define RH_APP_MIDDLEWARE_H

#include "app/app.h"
#include "rawhttp/middleware.h"

/* Zeroed memory that lives as long as the app; NULL where the app takes no change (its error says
 * why). */
void *rh_middleware_alloc(struct rh_app *app, size_t bytes);
/* What Basic authentication has in common (middleware_auth.c). */
enum { RH_BASIC_BYTES_MAX = 512, RH_BASIC_CHALLENGE_BYTES = 160 };
/* Decodes the credentials into `buffer`: "user:password", with room for a NUL behind. False where
 * they are missing or malformed. */
bool rh_basic_read(struct rh_exchange *x, char buffer[RH_BASIC_BYTES_MAX + 1],
                   struct rh_slice *ret_user, struct rh_slice *ret_password);
/* Writes the value of WWW-Authenticate; false for a realm that does not fit. */
bool rh_basic_challenge(char out[RH_BASIC_CHALLENGE_BYTES], const char *realm);
/* 401 with it. */
void rh_basic_refuse(struct rh_exchange *x, const char *challenge);

/* Appends to the group's chain, or to the app's where `group` is NULL. */
void rh_middleware_add(struct rh_app *app, struct rh_group *group, rh_handler_fn fn, void *data);

#endif
