/* A failed assertion tells the hook (the server's log), then aborts: a core dump at the place
 * where the invariant broke is worth more than a process that goes on with it broken. */
#include "util/assert.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic(rh_assert_fn) hook;

void rh_assert_hook_set(rh_assert_fn fn)
{
    atomic_store_explicit(&hook, fn, memory_order_release);
}

void rh_assert_fail(const char *condition, const char *file, int line)
{
    rh_assert_fn fn = atomic_exchange_explicit(&hook, NULL, memory_order_acq_rel);
    if (fn != NULL) {
        fn(condition, file, line);
    } else {
        fprintf(stderr, "rawhttp-uv: assertion failed: %s (%s:%d)\n", condition, file, line);
    }
    abort();
}
