/* A loop that a test steps by hand, with limits, and a client beside it that speaks in raw bytes. One thread does both:
 * the client's socket does not block, and waiting means to step the loop. */
#ifndef TESTS_SUPPORT_LOOP_H
#define TESTS_SUPPORT_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* Steps until `done(data)` or `ms` have passed; true where it was done. */
bool loop_until(uv_loop_t *loop, bool (*done)(void *data), void *data, unsigned ms);
/* Until *flag is set. */
bool loop_until_flag(uv_loop_t *loop, const int *flag, unsigned ms);
void loop_run_ms(uv_loop_t *loop, unsigned ms);
/* Fails the test where handles are left on the loop. */
void loop_close(uv_loop_t *loop);

/* A client on 127.0.0.1; the descriptor. */
int peer_connect(unsigned port);
void peer_send(uv_loop_t *loop, int fd, const void *bytes, size_t len); /* all of it, stepping the loop */
void peer_say(uv_loop_t *loop, int fd, const char *text);
/* Receives until `ending` was the last that came, or the end (ending NULL), or `ms` have passed. Returns how much;
 * `out` is NUL-terminated. *ret_end: 1 after FIN, -1 after a reset, else 0; may be NULL. */
size_t peer_receive(uv_loop_t *loop, int fd, char *out, size_t cap, const char *ending, unsigned ms, int *ret_end);
void peer_reset(int fd); /* closes with RST */

#endif
