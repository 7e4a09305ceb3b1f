/* rawhttp-uv: an HTTP/1.1 and HTTPS server on your own uv_loop_t.
 *
 * The guided tour. An app (app.h) holds routes and middleware; build it once. A server (server.h) binds the app to
 * one loop and listens; a runner (runner.h) does that on several loops, and rh_run is the whole program in one
 * call. A handler gets an exchange (exchange.h): it reads the request and answers, now or later. body.h gives the
 * request's body, whole or streamed; stream.h makes answers piece by piece. config.h holds every limit, log.h what
 * the server tells you, files.h serves folders, tls.h certificates, error.h the codes. form.h, multipart.h and text.h
 * take bodies apart, template.h and value.h make pages and JSON, respond.h has the answers of everyday, compress.h
 * makes them shorter, sse.h keeps a browser informed,
 * websocket.h lets it answer, middleware.h, auth.h and login.h stand before handlers, driver.h is a server in memory, to test handlers.
 *
 *     static void ping(struct rh_exchange *x, void *data)
 *     {
 *         (void)data;
 *         rh_respond_text(x, 200, "pong");
 *     }
 *
 *     int main(void)
 *     {
 *         struct rh_app *app = rh_app_create();
 *         rh_app_get(app, "/ping", ping, NULL);
 *         return rh_run(app, "localhost:8080", NULL);
 *     }
 *
 * Threads: everything belongs to the loop's thread, but rh_exchange_post, rh_server_post,
 * rh_websocket_post and the hubs.
 * Memory: who copies is in the name: rh_respond… copies, …_static keeps the pointer, …_owned takes it.
 */
#ifndef RAWHTTP_H
#define RAWHTTP_H

#include <rawhttp/app.h>
#include <rawhttp/auth.h>
#include <rawhttp/body.h>
#include <rawhttp/browser.h>
#include <rawhttp/compress.h>
#include <rawhttp/config.h>
#include <rawhttp/cookie.h>
#include <rawhttp/driver.h>
#include <rawhttp/error.h>
#include <rawhttp/exchange.h>
#include <rawhttp/files.h>
#include <rawhttp/form.h>
#include <rawhttp/log.h>
#include <rawhttp/login.h>
#include <rawhttp/method.h>
#include <rawhttp/middleware.h>
#include <rawhttp/multipart.h>
#include <rawhttp/respond.h>
#include <rawhttp/runner.h>
#include <rawhttp/server.h>
#include <rawhttp/sha256.h>
#include <rawhttp/slice.h>
#include <rawhttp/sse.h>
#include <rawhttp/status.h>
#include <rawhttp/stream.h>
#include <rawhttp/template.h>
#include <rawhttp/text.h>
#include <rawhttp/tls.h>
#include <rawhttp/value.h>
#include <rawhttp/version.h>
#include <rawhttp/websocket.h>

#endif
