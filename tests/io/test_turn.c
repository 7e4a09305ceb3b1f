/* The turns of a loop: what is asked for comes before the loop blocks, whoever asks. */
#include <criterion/criterion.h>

#include "io/turn.h"

enum { TIMES = 50 };

static uv_loop_t loop;
static struct rh_turn turn;
static uv_timer_t limit; /* the loop would block until this fires */
static unsigned soon_runs;
static bool limit_fired;

static void on_limit(uv_timer_t *timer)
{
    limit_fired = true;
    uv_stop(timer->loop);
}

static void on_soon(struct rh_turn *t)
{
    if (++soon_runs < TIMES) {
        rh_turn_soon(t);
    } else {
        uv_stop(&loop);
    }
}

static void on_other(struct rh_turn *t)
{
    (void)t;
}

static void ask(uv_timer_t *timer)
{
    (void)timer;
    rh_turn_soon(&turn);
}

Test(turn, runs_what_asks_again_while_it_runs)
{
    static const struct rh_turn_callbacks callbacks = {on_soon, on_other, on_other, on_other};
    uv_timer_t first;
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(rh_turn_open(&turn, &loop, &callbacks), 0);
    cr_assert_eq(uv_timer_init(&loop, &limit), 0);
    cr_assert_eq(uv_timer_start(&limit, on_limit, 5000, 0), 0);
    cr_assert_eq(uv_timer_init(&loop, &first), 0);
    cr_assert_eq(uv_timer_start(&first, ask, 0, 0), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert(!limit_fired, "the loop blocked after %u runs", soon_runs);
    cr_assert_eq(soon_runs, TIMES);
    cr_assert(!uv_is_active((uv_handle_t *)&turn.idle) || turn.soon,
              "nothing is asked for: the loop may block");
    uv_close((uv_handle_t *)&limit, NULL);
    uv_close((uv_handle_t *)&first, NULL);
    rh_turn_close(&turn);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0);
}
