/* An exchange without a server: what a handler asks comes from this struct, what it answers stays
 * in it. Each allocation is a malloc of its own, so that AddressSanitizer sees its bounds. */
#ifndef TESTS_APP_FAKE_EXCHANGE_H
#define TESTS_APP_FAKE_EXCHANGE_H

#include <stdbool.h>

#include "rawhttp/exchange.h"
#include "rawhttp/method.h"
#include "server/door.h"

struct fake_block {
    struct fake_block *next;
    max_align_t bytes[];
};

struct rh_exchange {
    enum rh_method method;
    struct rh_slice method_name; /* with RH_METHOD_OTHER */
    struct rh_slice path;
    struct rh_slice fields[8][2]; /* name, value; absent name: the end */
    struct rh_door *door;         /* for rh_respond_error */
    int allocs_left;              /* allocations that still succeed; negative: no limit */

    struct fake_block *blocks;
    void *app_slot;
    struct rh_slice route;
    unsigned status;  /* 0: no answer yet */
    unsigned answers; /* how many were given */
    char type[80];
    char body[4096];
    size_t body_len;
    char response[1024]; /* "Name: value\n" for each field set or added */
    unsigned log_lines;
    bool held;
};

void fake_init(struct rh_exchange *x, struct rh_door *door, enum rh_method method,
               const char *path);
void fake_fini(struct rh_exchange *x);
/* Runs the app's handler as a server would. */
void fake_run(struct rh_exchange *x);

#endif
