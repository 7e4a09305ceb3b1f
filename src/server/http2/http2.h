/* HTTP/2 as a session (RFC 9113), on nghttp2. Bytes go to nghttp2_session_mem_recv in `feed` and
 * come from nghttp2_session_mem_send in `pull`; neither is ever called inside a callback. Each
 * stream has an exchange, as each request of HTTP/1 has. */
#ifndef RH_SERVER_HTTP2_HTTP2_H
#define RH_SERVER_HTTP2_HTTP2_H

#include <nghttp2/nghttp2.h>

#include "server/exchange/exchange.h"
#include "server/http2/closed.h"
#include "server/http2/glitch.h"
#include "server/http2/limits.h"
#include "server/http2/memory.h"
#include "server/http2/request.h"
#include "server/http2/walk.h"
#include "server/session.h"

enum {
    RH_HTTP2_FRAME_HEAD = 9,
    RH_HTTP2_HEAD_SPARE = 1024 /* room that any frame but HEADERS and DATA needs in an output */
};

/* How far the end has come.
 *
 *   OPEN -> NOTICED -> LEAVING -> OVER
 *      `-----------------^  ^
 *       (any error: STOPPED +-> OVER)
 */
enum rh_http2_life {
    RH_HTTP2_OPEN,
    RH_HTTP2_NOTICED, /* a first GOAWAY says that an end will come; streams are still accepted */
    RH_HTTP2_LEAVING, /* the second GOAWAY names the last stream */
    RH_HTTP2_STOPPED, /* an error ended it: a GOAWAY goes out and nothing is read any more */
    RH_HTTP2_OVER     /* nothing more to say */
};

struct rh_http2 {
    struct rh_session session;
    struct rh_http2_memory memory;
    struct rh_http2_request request;  /* the field section that is arriving */
    struct rh_http2_stream *arriving; /* whose it is; NULL: nobody's, or nobody's any more */
    nghttp2_session *ng;
    struct rh_output *out;  /* while `pull` runs */
    struct rh_link streams; /* with an exchange that may still answer */
    struct rh_link ready;   /* of these, whose exchange has something new to say */
    struct rh_link changed; /* of these, whose deadline is to be looked at */
    struct rh_link lost;    /* reset or answered ones whose exchange is still held */
    struct rh_alarm alarm;  /* of the drain */
    struct rh_glitch glitch;
    uint32_t running;   /* in `streams` and in `lost`: what a peer makes us work on */
    uint32_t head_room; /* what the largest head that nghttp2 holds needs in an output */
    uint32_t requests;
    struct rh_closed closed;
    struct rh_walk walk; /* over what arrives */
    int32_t walked;      /* the newest stream that it has seen */
    uint8_t life;        /* enum rh_http2_life */
    bool full;           /* the output is: a DATA frame waits */
    bool eof;            /* the peer sends no more */
};

/* The second GOAWAY, and nothing new from here on. */
void rh_http2_leave(struct rh_http2 *h);
/* Ends the connection with a GOAWAY: `code` is nghttp2's error code, `why` is for the log. */
void rh_http2_stop(struct rh_http2 *h, uint32_t code, const char *why);
/* Takes a glitch from the peer's bucket; false if that was one too many. */
bool rh_http2_glitch(struct rh_http2 *h, uint32_t cost);

/* frames.c: what nghttp2 calls while it reads and while it writes. */
const nghttp2_session_callbacks *rh_http2_callbacks(void);

static inline struct rh_engine *rh_http2_engine(const struct rh_http2 *h)
{
    return h->session.host->engine;
}

#endif
