/* N loops with a server each; loop 0 runs on the caller's thread. All are created and bound before the first runs, so
 * that every error is one of start-up. A drain goes to each loop by its server's post box: lame, then drain, then close;
 * a loop ends when its server is closed, or, where holds outlive the grace, without that: their routes are logged and
 * their memory is the process's. */
#include "rawhttp/runner.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "tls/tls.h"
#include "io/work.h"
#include "server/server.h"
#include "util/options.h"

struct rh_runner_loop {
    struct rh_runner *runner;
    uv_loop_t loop;
    struct rh_server *server;
    uv_timer_t timer;     /* the end of the lame-duck time, then of the wait for holds */
    uv_thread_t thread;
    bool loop_ready;
    bool started;         /* has a thread of its own that runs */
    bool closed;          /* its server is */
};

struct rh_runner {
    struct rh_runner_loop *loops;
    unsigned count;
    bool runs;
    bool drains;
    uint64_t delay_ms;
    uint64_t grace_ms;
    char error[320];
};

static int fail(struct rh_runner *runner, int code, const char *text)
{
    snprintf(runner->error, sizeof runner->error, "%s", text);
    return code;
}

unsigned rh_loops_usable(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

/* --- Ending one loop, on its own thread -------------------------------------------------------------- */

static void on_server_closed(struct rh_server *server, void *data)
{
    struct rh_runner_loop *l = data;
    (void)server;
    l->closed = true;
    uv_stop(&l->loop);
}

static void on_holds_too_long(uv_timer_t *timer)
{
    struct rh_runner_loop *l = timer->data;
    rh_server_log_holds(l->server);
    uv_stop(&l->loop);
}

static void on_drained(struct rh_server *server, void *data)
{
    struct rh_runner_loop *l = data;
    rh_server_close(server, on_server_closed, l);
    if (!l->closed) {
        uint64_t grace_ms = l->runner->grace_ms;
        RH_IGNORE(uv_timer_start(&l->timer, on_holds_too_long, grace_ms > 100 ? grace_ms : 100, 0));
    }
}

static void on_delay_over(uv_timer_t *timer)
{
    struct rh_runner_loop *l = timer->data;
    rh_server_drain(l->server, l->runner->grace_ms, on_drained, l);
}

static void begin_drain(struct rh_server *server, void *data)
{
    struct rh_runner_loop *l = data;
    rh_server_lame(server);
    RH_IGNORE(uv_timer_start(&l->timer, on_delay_over, l->runner->delay_ms, 0));
}

static void cut_now(struct rh_server *server, void *data)
{
    struct rh_runner_loop *l = data;
    if (l->server->state == RH_SERVER_CLOSING) { /* only holds are left, and now nobody waits for them */
        on_holds_too_long(&l->timer);
    } else if (!l->closed) {
        uv_timer_stop(&l->timer);
        rh_server_drain(server, 0, on_drained, l);
    }
}

/* --- The runner -------------------------------------------------------------------------------------- */

int rh_runner_create(struct rh_runner **ret_runner, struct rh_app *app, const struct rh_config *config, unsigned loops)
{
    struct rh_runner *runner = calloc(1, sizeof *runner);
    *ret_runner = runner;
    if (runner == NULL) {
        return UV_ENOMEM;
    }
    unsigned count = loops > 0 ? loops : rh_loops_usable();
    int err = rh_work_prepare();
    if (err < 0) {
        return fail(runner, err,
                    "cannot create the threads of the pool: raise the limit of threads (ulimit -u) or of memory");
    }
    runner->loops = calloc(count, sizeof *runner->loops);
    if (runner->loops == NULL) {
        return fail(runner, UV_ENOMEM, "out of memory");
    }
    for (unsigned i = 0; i < count; i++) {
        struct rh_runner_loop *l = &runner->loops[i];
        l->runner = runner;
        err = uv_loop_init(&l->loop);
        if (err < 0) {
            return fail(runner, err, "can not create a loop");
        }
        l->loop_ready = true;
        runner->count = i + 1;
        RH_IGNORE(uv_timer_init(&l->loop, &l->timer));
        l->timer.data = l;
        err = rh_server_create(&l->server, &l->loop, app, config);
        if (err < 0) {
            return fail(runner, err, rh_server_error(l->server));
        }
    }
    return 0;
}

const char *rh_runner_error(const struct rh_runner *runner)
{
    return runner != NULL ? runner->error : "out of memory";
}

/* What another loop is told to listen on while it runs. */
struct join_order {
    struct rh_listen listen;
    char address[128];
};

static void join_listener(struct rh_server *server, void *data)
{
    struct join_order *order = data;
    struct rh_listen_sharing joining = {.share = false, .join = true};
    int err = server->state == RH_SERVER_OPEN
                  ? rh_server_listen_shared(server, order->address, &order->listen, joining)
                  : 0;
    if (err < 0) {
        rh_engine_log(&server->engine, RH_LOG_ERROR, "%s", rh_server_error(server));
    }
    rh_tls_unref(order->listen.tls);
    free(order);
}

/* Lets loop `index` share a listener of loop 0: at once before the run, by its post box in it. */
static int join_loop(struct rh_runner *runner, unsigned index, const char *address, const struct rh_listen *listen)
{
    struct rh_server *server = runner->loops[index].server;
    if (!runner->runs) {
        struct rh_listen_sharing joining = {.share = false, .join = true};
        int err = rh_server_listen_shared(server, address, listen, joining);
        return err < 0 ? fail(runner, err, rh_server_error(server)) : 0;
    }
    struct join_order *order = calloc(1, sizeof *order);
    if (order == NULL) {
        return fail(runner, UV_ENOMEM, "out of memory");
    }
    rh_listen_init(&order->listen);
    if (listen != NULL) {
        rh_options_take(&order->listen, sizeof order->listen, listen);
    }
    if (order->listen.tls != NULL) {
        rh_tls_ref(order->listen.tls);
    }
    snprintf(order->address, sizeof order->address, "%s", address);
    int err = rh_server_post(server, join_listener, order);
    if (err < 0) {
        rh_tls_unref(order->listen.tls);
        free(order);
        return fail(runner, err, "a loop has ended");
    }
    return 0;
}

int rh_runner_listen(struct rh_runner *runner, const char *address, const struct rh_listen *listen)
{
    char join[128];
    struct rh_server *first = runner->loops[0].server;
    if (runner->drains) {
        return fail(runner, UV_EINVAL, "the runner drains: listen before that");
    }
    size_t index = 0;
    while (rh_server_url(first, index) != NULL) {
        index++;
    }
    struct rh_listen_sharing share = {.share = runner->count > 1, .join = false};
    int err = listen != NULL && listen->tls != NULL ? rh_tls_rehearse(listen->tls) : 0;
    if (err < 0) {
        return fail(runner, err, err == UV_ENOMEM ? "a TLS handshake fails: out of memory" : "TLS without a pair");
    }
    err = rh_server_listen_shared(first, address, listen, share);
    if (err < 0) {
        return fail(runner, err, rh_server_error(first));
    }
    for (; rh_listeners_join_text(&first->listeners, index, join, sizeof join); index++) {
        for (unsigned i = 1; i < runner->count; i++) {
            err = join_loop(runner, i, join, listen);
            if (err < 0) {
                return err;
            }
        }
    }
    return 0;
}

const char *rh_runner_url(const struct rh_runner *runner, size_t index)
{
    return rh_server_url(runner->loops[0].server, index);
}

unsigned rh_runner_port(const struct rh_runner *runner, size_t index)
{
    return rh_server_port(runner->loops[0].server, index);
}

unsigned rh_runner_loops(const struct rh_runner *runner)
{
    return runner->count;
}

struct rh_server *rh_runner_server(struct rh_runner *runner, unsigned index)
{
    RH_ASSERT(index < runner->count);
    return runner->loops[index].server;
}

uv_loop_t *rh_runner_loop(struct rh_runner *runner)
{
    return &runner->loops[0].loop;
}

static void run_loop(void *data)
{
    struct rh_runner_loop *l = data;
    rh_server_adopt_thread(l->server);
    uv_run(&l->loop, UV_RUN_DEFAULT);
}

/* SIGPIPE is blocked in threads of ours: libuv writes without MSG_NOSIGNAL. */
static int start_thread(struct rh_runner_loop *l)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = uv_thread_create(&l->thread, run_loop, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    l->started = err == 0;
    return err;
}

int rh_runner_run(struct rh_runner *runner)
{
    int result = 0;
    runner->runs = true;
    for (unsigned i = 1; i < runner->count; i++) {
        if (start_thread(&runner->loops[i]) < 0) {
            fail(runner, UV_EAGAIN, "can not start a thread");
            rh_runner_drain(runner, 0, 0);
            result = 1;
            break;
        }
    }
    run_loop(&runner->loops[0]);
    for (unsigned i = 0; i < runner->count; i++) {
        struct rh_runner_loop *l = &runner->loops[i];
        if (l->started) {
            uv_thread_join(&l->thread);
        }
        if (!l->closed) {
            result = 1;
        }
    }
    return result;
}

void rh_runner_drain(struct rh_runner *runner, uint64_t delay_ms, uint64_t grace_ms)
{
    bool again = runner->drains;
    if (!again) {
        runner->drains = true;
        runner->delay_ms = delay_ms;
        runner->grace_ms = grace_ms;
    }
    for (unsigned i = 0; i < runner->count; i++) {
        struct rh_runner_loop *l = &runner->loops[i];
        RH_IGNORE(rh_server_post(l->server, again ? cut_now : begin_drain, l)); /* fails only where it is closed */
    }
}

struct drain_order {
    struct rh_runner *runner;
    uint64_t delay_ms;
    uint64_t grace_ms;
};

static void run_order(struct rh_server *server, void *data)
{
    struct drain_order order = *(struct drain_order *)data;
    (void)server;
    free(data);
    rh_runner_drain(order.runner, order.delay_ms, order.grace_ms);
}

int rh_runner_post_drain(struct rh_runner *runner, uint64_t delay_ms, uint64_t grace_ms)
{
    struct drain_order *order = malloc(sizeof *order);
    if (order == NULL) {
        return UV_ENOMEM;
    }
    *order = (struct drain_order){runner, delay_ms, grace_ms};
    int err = rh_server_post(runner->loops[0].server, run_order, order);
    if (err < 0) {
        free(order);
    }
    return err;
}

/* Closes what is left on a loop whose server is closed, or was never run. */
static void end_loop(struct rh_runner_loop *l)
{
    if (l->server != NULL && !l->closed) {
        rh_server_adopt_thread(l->server);
        rh_server_close(l->server, on_server_closed, l); /* a failed or never run one */
    }
    if (!uv_is_closing((uv_handle_t *)&l->timer)) {
        uv_close((uv_handle_t *)&l->timer, NULL);
    }
    for (unsigned turns = 0; turns < 64 && uv_loop_alive(&l->loop); turns++) {
        uv_run(&l->loop, UV_RUN_NOWAIT);
    }
}

void rh_runner_destroy(struct rh_runner *runner)
{
    if (runner == NULL) {
        return;
    }
    bool whole = true;
    for (unsigned i = 0; i < runner->count; i++) {
        struct rh_runner_loop *l = &runner->loops[i];
        bool failed = l->server == NULL || l->server->state == RH_SERVER_FAILED;
        end_loop(l);
        if (failed || l->closed) {
            rh_server_destroy(l->server);
            for (unsigned turns = 0; turns < 8 && uv_loop_alive(&l->loop); turns++) {
                uv_run(&l->loop, UV_RUN_NOWAIT);
            }
        }
        if (uv_loop_close(&l->loop) != 0) {
            whole = false; /* holds, or handles of the caller: the memory must stay */
        }
    }
    if (whole) {
        free(runner->loops);
        free(runner);
    }
}
