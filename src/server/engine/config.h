/* The server's side of rh_config. */
#ifndef RH_SERVER_ENGINE_CONFIG_H
#define RH_SERVER_ENGINE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "rawhttp/config.h"
#include "util/assert.h"

/* A full copy of what the caller gave (NULL: defaults), whatever size of the struct the caller
 * knows. 0 or RH_ECONFIG. */
int RH_MUST_CHECK rh_config_adopt(struct rh_config *ret_config, const struct rh_config *config);

#endif
