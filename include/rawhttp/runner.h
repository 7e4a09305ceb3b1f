/* A runner: N threads with a loop, a server and a SO_REUSEPORT listener each, over one app. rh_run is the one
 * door that behaves like a program: signals, URL and errors on stderr, 0 or 1. */
#ifndef RAWHTTP_RUNNER_H
#define RAWHTTP_RUNNER_H

#include <rawhttp/server.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_runner;

/* How many loops are worth having: the cores that this process may use now (its affinity), at least 1. Any thread. */
RH_API unsigned rh_loops_usable(void);
/* Creates `loops` loops (0: rh_loops_usable) with a server each; as rh_server_create in errors. Loop 0 runs
 * on the thread that calls rh_runner_run; it is also where signals belong. */
RH_API int rh_runner_create(struct rh_runner **ret_runner, struct rh_app *app, const struct rh_config *config,
                            unsigned loops);
RH_API const char *rh_runner_error(const struct rh_runner *runner);
/* Binds the address on every loop: before the run, or in it from loop 0's thread; the other loops then follow, and
 * one that cannot logs an error. The first bind fails with UV_EADDRINUSE if anybody listens, and with UV_EINVAL once a
 * drain has begun. */
RH_API int rh_runner_listen(struct rh_runner *runner, const char *address, const struct rh_listen *listen);
RH_API const char *rh_runner_url(const struct rh_runner *runner, size_t index);
RH_API unsigned rh_runner_port(const struct rh_runner *runner, size_t index);
RH_API unsigned rh_runner_loops(const struct rh_runner *runner);
/* Server `index`, for stats and posts; valid until destroy. */
RH_API struct rh_server *rh_runner_server(struct rh_runner *runner, unsigned index);

/* Runs until a drain has ended. Returns 0, or 1 where holds outlived the grace (their routes are logged) . */
RH_API int rh_runner_run(struct rh_runner *runner);
/* Lame duck for `delay_ms`, then drain with `grace_ms`; from loop 0's thread (a signal handler of libuv). A
 * second call cuts at once. From another thread: rh_runner_post_drain. */
RH_API void rh_runner_drain(struct rh_runner *runner, uint64_t delay_ms, uint64_t grace_ms);
RH_API int rh_runner_post_drain(struct rh_runner *runner, uint64_t delay_ms, uint64_t grace_ms);
RH_API uv_loop_t *rh_runner_loop(struct rh_runner *runner); /* loop 0, for the caller's own handles; close them before run ends or unref them */
RH_API void rh_runner_destroy(struct rh_runner *runner); /* after run returned, or never run; NULL accepted */

/* Own loop, SIGINT and SIGTERM, SIGPIPE ignored; takes over the caller's reference on `app`. 0 or 1. */
RH_API int rh_run(struct rh_app *app, const char *address, const struct rh_config *config);

#ifdef __cplusplus
}
#endif
#endif
