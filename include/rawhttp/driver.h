/* The driver: a server in memory, to test handlers without a socket, a thread or a wait. It carries connections as
 * a server does, with the same limits and deadlines, but the peer is the test and the clock stands until it is
 * moved: it begins at 2001-09-09 01:46:40 UTC, so an answer is the same to the byte, Date included.
 *
 *     struct rh_driver *driver;
 *     rh_driver_create(&driver, app, NULL);
 *     struct rh_slice answer = rh_driver_ask(driver, "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n");
 *     ...
 *     rh_driver_destroy(driver);
 *
 * Everything belongs to the thread that created the driver, but rh_exchange_post, whose functions run in
 * rh_driver_poll. rh_exchange_loop and rh_exchange_server are NULL in here. */
#ifndef RAWHTTP_DRIVER_H
#define RAWHTTP_DRIVER_H

#include <rawhttp/app.h>
#include <rawhttp/config.h>
#include <rawhttp/error.h>
#include <rawhttp/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_driver;
struct rh_driver_conn; /* one connection; lives until rh_driver_forget or the driver's end */

/* Takes a reference on the app and freezes it; copies the configuration (NULL: defaults). 0 or a negative code,
 * and then *ret_driver is NULL. */
RH_API int rh_driver_create(struct rh_driver **ret_driver, struct rh_app *app, const struct rh_config *config);
/* Closes every connection. A handler that still holds an exchange is a bug of the test: asserted, as is all memory
 * that was not given back. NULL accepted. */
RH_API void rh_driver_destroy(struct rh_driver *driver);

/* A new connection, or NULL at connections_max. */
RH_API struct rh_driver_conn *rh_driver_open(struct rh_driver *driver);
/* Bytes from the peer; copied. What the server does not want yet waits, as in a socket. */
RH_API void rh_driver_feed(struct rh_driver_conn *conn, const void *bytes, size_t len);
RH_API void rh_driver_eof(struct rh_driver_conn *conn);   /* the peer sends no more, but may still read */
RH_API void rh_driver_reset(struct rh_driver_conn *conn); /* the peer is gone: what is open is cut */
/* Ends the connection as rh_driver_reset does where it is still open, and gives it back. */
RH_API void rh_driver_forget(struct rh_driver_conn *conn);

/* What the peer has received so far and rh_driver_take did not take; valid until the next call for this
 * connection. */
RH_API struct rh_slice rh_driver_output(const struct rh_driver_conn *conn);
RH_API void rh_driver_take(struct rh_driver_conn *conn, size_t len);
/* A peer that does not read (0): one buffer of output is then in flight, and the server waits. 1: reads again. */
RH_API void rh_driver_set_reading(struct rh_driver_conn *conn, int reads);
RH_API int rh_driver_is_shut(const struct rh_driver_conn *conn);   /* the server ended its side: no more output */
RH_API int rh_driver_is_closed(const struct rh_driver_conn *conn); /* both sides: what is fed now is lost */

/* Runs what was posted from other threads, and all connections that have something to do. 1 where it did anything. */
RH_API int rh_driver_poll(struct rh_driver *driver);
/* Moves the clock, deadline by deadline. */
RH_API void rh_driver_advance(struct rh_driver *driver, uint64_t ms);
RH_API uint64_t rh_driver_now_ms(const struct rh_driver *driver);
/* Each connection ends with its next answer, an idle one at once. */
RH_API void rh_driver_drain(struct rh_driver *driver);
/* Exchanges that are alive, held ones included. */
RH_API size_t rh_driver_exchanges(const struct rh_driver *driver);

/* Sends a request on a connection of its own and returns all that was answered, until nothing moves any more. Valid
 * until the next call. A handler that defers must be answered by a post; else the answer is empty. */
RH_API struct rh_slice rh_driver_ask(struct rh_driver *driver, const char *request);

#ifdef __cplusplus
}
#endif
#endif
