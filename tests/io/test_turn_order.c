/* The order of a loop's turns: soon, look, alarm, signal. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/turn.h"
#include "support/loop.h"

static uv_loop_t loop;
static struct rh_turn turn;
static char order[64];
static unsigned again; /* how often `soon` asks for itself */
static int is_closed;

static void note(char what)
{
    size_t len = strlen(order);
    order[len] = what;
    order[len + 1] = '\0';
}

static void on_soon(struct rh_turn *t)
{
    note('s');
    if (again > 0) {
        again--;
        rh_turn_soon(t);
    }
}

static void on_look(struct rh_turn *t)
{
    (void)t;
    note('l');
}

static void on_signal(struct rh_turn *t)
{
    (void)t;
    note('S');
}

static void on_closed(struct rh_turn *t)
{
    (void)t;
    is_closed = 1;
}

static const struct rh_turn_callbacks callbacks = {on_soon, on_look, on_signal, on_closed};

static void set_up(void)
{
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(rh_turn_open(&turn, &loop, &callbacks), 0);
}

static void tear_down(void)
{
    rh_turn_close(&turn);
    cr_assert(loop_until_flag(&loop, &is_closed, 1000));
    loop_close(&loop);
}

TestSuite(turn_order, .init = set_up, .fini = tear_down, .timeout = 10);

Test(turn_order, keeps_no_loop_alive_while_nothing_is_asked)
{
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect_str_eq(order, "");
}

Test(turn_order, comes_soon_and_once)
{
    rh_turn_soon(&turn);
    rh_turn_soon(&turn);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect_str_eq(order, "s");
}

/* Ready bytes must be read before a look: the poll is between. */
static uv_pipe_t reader;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char bytes[16];
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(bytes, sizeof bytes);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    if (n > 0) {
        note('r');
    }
    uv_close((uv_handle_t *)stream, NULL);
}

Test(turn_order, looks_behind_what_has_arrived)
{
    int fds[2];
    cr_assert_eq(pipe(fds), 0);
    uv_pipe_init(&loop, &reader, 0);
    uv_pipe_open(&reader, fds[0]);
    uv_read_start((uv_stream_t *)&reader, on_alloc, on_read);
    uv_update_time(&loop);
    rh_turn_alarm(&turn, rh_turn_now_ms(&turn) + 5);
    usleep(10000); /* the alarm is due, and the bytes are there */
    cr_assert_eq(write(fds[1], "x", 1), 1);
    loop_run_ms(&loop, 20);
    cr_expect_str_eq(order, "rl");
    close(fds[1]);
}

static uv_timer_t far_away;

static void on_far_away(uv_timer_t *timer)
{
    (void)timer;
    note('t');
}

Test(turn_order, that_asks_for_itself_does_not_wait_for_an_event)
{
    uv_timer_init(&loop, &far_away);
    uv_timer_start(&far_away, on_far_away, 1500, 0);
    again = 6;
    rh_turn_soon(&turn);
    while (strchr(order, 't') == NULL) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    cr_expect_str_eq(order, "ssssssst", "all before the loop slept: %s", order);
    uv_close((uv_handle_t *)&far_away, NULL);
}

Test(turn_order, earlier_alarm_stands)
{
    uv_timer_init(&loop, &far_away); /* the alarm alone keeps no loop alive */
    uv_timer_start(&far_away, on_far_away, 60000, 0);
    uint64_t now = rh_turn_now_ms(&turn);
    rh_turn_alarm(&turn, now + 20);
    rh_turn_alarm(&turn, now + 5000);
    loop_run_ms(&loop, 60);
    cr_expect_str_eq(order, "l");
    uv_close((uv_handle_t *)&far_away, NULL);
}

static void *signals(void *data)
{
    rh_turn_signal(data);
    return NULL;
}

Test(turn_order, is_signalled_from_another_thread)
{
    pthread_t id;
    rh_turn_keep(&turn); /* the loop waits for it */
    pthread_create(&id, NULL, signals, &turn);
    uv_run(&loop, UV_RUN_ONCE);
    pthread_join(id, NULL);
    cr_expect_str_eq(order, "S");
}
