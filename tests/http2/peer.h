/* An HTTP/2 session between a host in memory and a client that is nghttp2's: no sockets, no
 * waiting, a clock that the test moves. */
#ifndef TESTS_HTTP2_PEER_H
#define TESTS_HTTP2_PEER_H

#include <nghttp2/nghttp2.h>

#include "rawhttp/body.h"
#include "rawhttp/exchange.h"
#include "rawhttp/stream.h"
#include "server/engine/engine.h"
#include "server/http2/http2.h"
#include "server/output.h"
#include "support/door.h"

enum { PEER_STREAMS = 512 };

/* What the client got for one request. */
struct peer_answer {
    char fields[1024]; /* "name: value\n" for each, final and interim, then trailers */
    char *body;
    size_t body_len;
    unsigned status;
    unsigned interim; /* 1xx so far */
    uint32_t reset;   /* RST_STREAM's code plus 1; 0: none */
    bool ended;
};

struct peer {
    struct test_door door;
    struct rh_config config;
    struct rh_engine engine;
    struct rh_host host;
    struct rh_session *session; /* NULL: ended */
    struct rh_output *out;
    nghttp2_session *client;
    struct peer_answer answers[PEER_STREAMS]; /* by stream id / 2 */
    char log[4096];
    char access[4096];
    uint32_t goaway; /* the last one's code plus 1; 0: none */
    unsigned goaways;
    int32_t goaway_last;   /* its last stream id */
    uint32_t settings[16]; /* the server's, by id */
    bool stalled;          /* the host writes nothing */
    bool quiet;            /* the client's bytes are not delivered */
};

/* A session with the client's greeting exchanged. `config` may be NULL. */
void peer_begin(struct peer *peer, rh_handler_fn handler, void *data,
                const struct rh_config *config);
/* The same, but the client is the test itself: it feeds bytes. */
void peer_begin_raw(struct peer *peer, rh_handler_fn handler, void *data);
void peer_end(struct peer *peer);

/* A request without content; returns its stream's id. */
int32_t peer_get(struct peer *peer, const char *path);
/* `fields` are "name: value" lines; `body` NULL: none. It may announce more than it sends. */
int32_t peer_send(struct peer *peer, const char *method, const char *path, const char *fields,
                  const char *body);
/* A request whose content stays open: more by peer_data. */
int32_t peer_post(struct peer *peer, const char *path, const char *fields);
void peer_data(struct peer *peer, int32_t id, const char *bytes, size_t len, bool ends);
/* Moves bytes both ways until nothing moves. */
void peer_run(struct peer *peer);
/* The client sends all that it has; the session says nothing yet. */
void peer_run_once(struct peer *peer);
/* Moves the clock, alarm by alarm. */
void peer_advance(struct peer *peer, uint64_t ms);
/* Feeds the session; the client does not know. */
void peer_feed(struct peer *peer, const void *bytes, size_t len);

static inline struct peer_answer *peer_answer(struct peer *peer, int32_t id)
{
    return &peer->answers[id / 2];
}

#endif
