/* What the ready-made middleware share: how one comes into a chain with its data. */
#ifndef RH_APP_MIDDLEWARE_H
#define RH_APP_MIDDLEWARE_H

#include "app/app.h"
#include "rawhttp/middleware.h"

/* Zeroed memory that lives as long as the app; NULL where the app takes no change (its error says why). */
void *rh_middleware_alloc(struct rh_app *app, size_t bytes);
/* Appends to the group's chain, or to the app's where `group` is NULL. */
void rh_middleware_add(struct rh_app *app, struct rh_group *group, rh_handler_fn fn, void *data);

#endif
