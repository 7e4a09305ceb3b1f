/* Work that would hold the loop up: it runs in libuv's thread pool, and the answer is given on the
 * loop. A client that leaves cancels it: the work looks at a flag now and then. The pool is
 * everybody's, files and uploads included, so only a few computations may be in it; more are
 * refused at once. */
#include "program/demo/demo.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

enum { COMPUTE_MAX = 20000000, COMPUTATIONS_MAX = 2 };

struct computation {
    uv_work_t work;
    struct rh_exchange *x;
    unsigned limit;
    unsigned primes; /* the pool's until the work is done */
    atomic_bool cancelled;
};

static atomic_uint computations; /* of all loops */

static bool take_place(void)
{
    bool has_place = atomic_fetch_add(&computations, 1) < COMPUTATIONS_MAX;
    if (!has_place) {
        atomic_fetch_sub(&computations, 1);
    }
    return has_place;
}

static void give_place(void)
{
    atomic_fetch_sub(&computations, 1);
}

static bool is_prime(unsigned number)
{
    if (number < 4)
        return number >= 2;
    if (number % 2 == 0)
        return false;
    for (unsigned i = 3; i <= number / i; i += 2)
        if (number % i == 0)
            return false;
    return true;
}

/* In the pool: touches nothing but the computation. */
static void count_primes(uv_work_t *work)
{
    struct computation *computation = work->data;
    for (unsigned i = 2; i <= computation->limit; i++) {
        if (i % 1024 == 0 && atomic_load_explicit(&computation->cancelled, memory_order_relaxed))
            return;
        computation->primes += is_prime(i);
    }
}

/* On the loop again, also after uv_cancel. */
static void on_done(uv_work_t *work, int status)
{
    struct computation *computation = work->data;
    give_place();
    if (status != 0 || atomic_load(&computation->cancelled)) {
        rh_exchange_release(computation->x);
    } else {
        struct rh_value *answer = rh_value_create();
        rh_value_set_int(answer, "n", computation->limit);
        rh_value_set_int(answer, "primes", computation->primes);
        rh_respond_json(computation->x, 200, answer);
        rh_value_destroy(answer);
    }
    free(computation);
}

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    struct computation *computation = data;
    (void)x;
    if (reason == RH_PEER_EOF)
        return;
    atomic_store(&computation->cancelled, true);
    /* Takes it out of the queue where it has not begun; on_done comes in either case. */
    uv_cancel((uv_req_t *)&computation->work);
}

static void compute(struct rh_exchange *x, void *data)
{
    (void)data;
    int64_t limit = demo_query_number(x, "n", 100000, COMPUTE_MAX);
    if (limit < 0)
        return;
    if (!take_place()) {
        rh_response_set(x, "Retry-After", "1");
        rh_respond_error(x, 503, "two computations are running already");
        return;
    }
    struct computation *computation = calloc(1, sizeof *computation);
    if (computation == NULL) {
        give_place();
        rh_respond_error(x, 503, "no memory for this work");
        return;
    }
    computation->x = x;
    computation->limit = (unsigned)limit;
    computation->work.data = computation;
    if (uv_queue_work(rh_exchange_loop(x), &computation->work, count_primes, on_done) != 0) {
        give_place();
        free(computation);
        rh_respond_error(x, 503, "the thread pool does not take work");
        return;
    }
    rh_exchange_hold(x);
    rh_exchange_on_abort(x, on_abort, computation);
}

void demo_compute_add(struct rh_app *app)
{
    rh_app_get(app, "/compute", compute, NULL);
}
