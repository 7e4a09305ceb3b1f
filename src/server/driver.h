/* The inside of a driver, for tests. */
#ifndef RH_SERVER_DRIVER_H
#define RH_SERVER_DRIVER_H

#include "rawhttp/driver.h"
#include "server/engine/engine.h"

struct rh_engine *rh_driver_engine(struct rh_driver *driver);

#endif
