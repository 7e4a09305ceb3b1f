/* An app behind a real server on a loop of its own, asked over loopback. The client is a thread that blocks; the
 * test's thread runs the loop until the client has its answer. */
#ifndef TESTS_APP_LIVE_H
#define TESTS_APP_LIVE_H

#include <stddef.h>
#include <uv.h>

#include "rawhttp/server.h"

struct live {
    uv_loop_t loop;
    struct rh_server *server;
    char raw[1 << 20]; /* the last answer, head and body, NUL-terminated */
    size_t raw_len;
    unsigned status;
    const char *body;  /* in raw */
    size_t body_len;
};

/* Takes over the caller's reference on the app. */
struct live *live_open(struct rh_app *app);
void live_close(struct live *live);
/* Sends the bytes, reads until the server closes. The status and the body as they came (not unchunked). */
void live_send(struct live *live, const void *bytes, size_t len);
/* "GET /path" with further fields ("Range: bytes=0-1\r\n") and Connection: close. */
void live_ask(struct live *live, const char *method, const char *target, const char *fields);
/* 1 where the answer's head holds this line. */
int live_has(const struct live *live, const char *line);

#endif
