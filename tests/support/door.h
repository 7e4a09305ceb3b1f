/* A door of the tests' own: what stands behind the server where no app is wanted. One handler
 * answers everything. */
#ifndef TESTS_SUPPORT_DOOR_H
#define TESTS_SUPPORT_DOOR_H

#include <stdatomic.h>

#include "rawhttp/app.h"
#include "server/door.h"

struct test_door {
    struct rh_door door; /* first: a server takes it for an app */
    rh_handler_fn handler;
    void *data;
    atomic_uint handled; /* requests so far */
    int references;
};

void test_door_init(struct test_door *door, rh_handler_fn handler, void *data);
static inline struct rh_app *test_door_app(struct test_door *door)
{
    return (struct rh_app *)(void *)&door->door;
}

#endif
