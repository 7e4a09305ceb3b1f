/* libuv runs timers before it polls. A deadline that fires in the timer would beat the bytes that
 * are already in the socket's buffer, so the timer only asks for a look: an idle handle keeps the
 * next poll from blocking, and the check handle behind that poll calls `look`. "Soon" is a prepare
 * and a check handle that run only while something is asked for: whatever phase of the turn asks,
 * one of them comes before the loop blocks. */
#include "io/turn.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "util/assert.h"

static void on_closed(uv_handle_t *handle)
{
    struct rh_turn *turn = handle->data;
    RH_ASSERT(turn->open > 0);
    if (--turn->open == 0) {
        turn->callbacks->closed(turn);
    }
}

static void run_soon(struct rh_turn *turn)
{
    if (turn->soon) {
        turn->soon = false;
        turn->callbacks->soon(turn);
    }
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* its being active is all that is wanted: the poll gets a timeout of zero */
}

/* Both handles together: one that stayed active would keep the loop alive, blocked in a poll that
 * nothing ends. Writes that wait keep it alive anyway. */
static void rest(struct rh_turn *turn)
{
    if (!turn->soon && !turn->look && turn->guards == 0) {
        RH_IGNORE(uv_prepare_stop(&turn->prepare));
        RH_IGNORE(uv_check_stop(&turn->check));
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct rh_turn *turn = prepare->data;
    run_soon(turn);
    if (turn->soon) { /* asked again by what just ran: the poll that follows must not block */
        RH_IGNORE(uv_idle_start(&turn->idle, on_idle));
    }
    turn->ready_to_look = turn->look;
    rest(turn);
    if (turn->guards > 0) {
        turn->guarded = rh_turn_block(turn).blocked;
    }
}

static void on_check(uv_check_t *check)
{
    struct rh_turn *turn = check->data;
    rh_turn_unblock((struct rh_turn_block){turn->guarded});
    turn->guarded = false;
    if (turn->look && turn->ready_to_look) {
        turn->look = false;
        turn->ready_to_look = false;
        turn->callbacks->look(turn);
    }
    run_soon(turn);
    if (!turn->look) {
        RH_IGNORE(uv_idle_stop(&turn->idle));
    }
    rest(turn);
}

static void on_timer(uv_timer_t *timer)
{
    struct rh_turn *turn = timer->data;
    turn->alarm_ms = UINT64_MAX;
    rh_turn_look(turn);
}

static void on_async(uv_async_t *async)
{
    struct rh_turn *turn = async->data;
    turn->callbacks->signal(turn);
}

static void start(struct rh_turn *turn)
{
    RH_IGNORE(uv_prepare_start(&turn->prepare, on_prepare));
    RH_IGNORE(uv_check_start(&turn->check, on_check));
}

/* --- SIGPIPE -------------------------------------------------------------------------------- */

static bool is_sigpipe_ignored(void)
{
    struct sigaction action;
    return sigaction(SIGPIPE, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
           action.sa_handler == SIG_IGN;
}

static sigset_t only_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

/* Blocks it unless somebody has: then it is not ours to unblock. */
struct rh_turn_block rh_turn_block(struct rh_turn *turn)
{
    struct rh_turn_block block = {false};
    sigset_t set = only_sigpipe();
    sigset_t before;
    if (turn != NULL && !turn->sigpipe_ignored && pthread_sigmask(SIG_BLOCK, &set, &before) == 0) {
        block.blocked = sigismember(&before, SIGPIPE) == 0;
    }
    return block;
}

/* One that a write raised meanwhile is taken away: it was raised for this thread. */
void rh_turn_unblock(struct rh_turn_block block)
{
    static const struct timespec no_time = {0, 0};
    if (block.blocked) {
        sigset_t set = only_sigpipe();
        RH_IGNORE(sigtimedwait(&set, NULL, &no_time) < 0);
        RH_IGNORE(pthread_sigmask(SIG_UNBLOCK, &set, NULL) != 0);
    }
}

void rh_turn_guard(struct rh_turn *turn)
{
    if (turn != NULL && turn->guards++ == 0) {
        turn->sigpipe_ignored = is_sigpipe_ignored();
        start(turn);
    }
}

void rh_turn_unguard(struct rh_turn *turn)
{
    if (turn != NULL) {
        RH_ASSERT(turn->guards > 0);
        turn->guards--; /* `check` stops the handles */
    }
}

/* --- Life ----------------------------------------------------------------------------------- */

int rh_turn_open(struct rh_turn *turn, uv_loop_t *loop, const struct rh_turn_callbacks *callbacks)
{
    turn->callbacks = callbacks;
    turn->alarm_ms = UINT64_MAX;
    turn->soon = turn->look = turn->ready_to_look = turn->guarded = false;
    turn->guards = 0;
    turn->sigpipe_ignored = is_sigpipe_ignored();
    turn->open = 5;
    turn->timer.data = turn->idle.data = turn->prepare.data = turn->check.data = turn;
    turn->async.data = turn;
    RH_IGNORE(uv_timer_init(loop, &turn->timer)); /* these four can not fail */
    RH_IGNORE(uv_idle_init(loop, &turn->idle));
    RH_IGNORE(uv_prepare_init(loop, &turn->prepare));
    RH_IGNORE(uv_check_init(loop, &turn->check));
    int err = uv_async_init(loop, &turn->async, on_async);
    if (err < 0) {
        turn->open = 4;
        uv_close((uv_handle_t *)&turn->timer, on_closed);
        uv_close((uv_handle_t *)&turn->idle, on_closed);
        uv_close((uv_handle_t *)&turn->prepare, on_closed);
        uv_close((uv_handle_t *)&turn->check, on_closed);
        return err;
    }
    uv_unref((uv_handle_t *)&turn->timer);
    uv_unref((uv_handle_t *)&turn->async);
    return 0;
}

void rh_turn_close(struct rh_turn *turn)
{
    uv_close((uv_handle_t *)&turn->timer, on_closed);
    uv_close((uv_handle_t *)&turn->idle, on_closed);
    uv_close((uv_handle_t *)&turn->prepare, on_closed);
    uv_close((uv_handle_t *)&turn->check, on_closed);
    uv_close((uv_handle_t *)&turn->async, on_closed);
}

void rh_turn_soon(struct rh_turn *turn)
{
    if (!turn->soon) {
        turn->soon = true;
        start(turn);
    }
}

void rh_turn_look(struct rh_turn *turn)
{
    if (!turn->look) {
        turn->look = true;
        turn->ready_to_look = false;
        RH_IGNORE(uv_idle_start(&turn->idle, on_idle));
        start(turn);
    }
}

void rh_turn_alarm(struct rh_turn *turn, uint64_t at_ms)
{
    if (at_ms >= turn->alarm_ms) {
        return;
    }
    uint64_t now = rh_turn_now_ms(turn);
    turn->alarm_ms = at_ms;
    RH_IGNORE(uv_timer_start(&turn->timer, on_timer, at_ms > now ? at_ms - now : 0, 0));
}

void rh_turn_keep(struct rh_turn *turn)
{
    uv_ref((uv_handle_t *)&turn->async);
}

void rh_turn_signal(struct rh_turn *turn)
{
    RH_IGNORE(uv_async_send(&turn->async));
}
