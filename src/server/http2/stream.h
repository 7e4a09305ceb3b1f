/* One stream: its exchange, the content that arrived and was not taken, and its deadline. It lives
 * as long as its exchange, which a handler may hold longer than the stream or the connection last.
 */
#ifndef RH_SERVER_HTTP2_STREAM_H
#define RH_SERVER_HTTP2_STREAM_H

#include "server/http2/http2.h"

/* What its alarm watches. */
enum rh_http2_watch {
    RH_HTTP2_WATCH_NOTHING,
    RH_HTTP2_WATCH_BODY,   /* silence in the request's content */
    RH_HTTP2_WATCH_ANSWER, /* the handler deferred */
    RH_HTTP2_WATCH_WRITE   /* the peer takes too little of the answer */
};

/* Content that waits for its handler. */
struct rh_http2_piece {
    struct rh_http2_piece *next;
    uint32_t at;
    uint32_t end;
    uint32_t cap;
    char bytes[];
};

struct rh_http2_stream {
    struct rh_exchange_part part; /* first */
    struct rh_link link;  /* in h->streams or h->lost; alone if the connection is gone */
    struct rh_link ready; /* in h->ready, or alone */
    struct rh_http2 *h;   /* NULL: the connection is gone */
    struct rh_exchange *x;
    struct rh_alarm alarm;
    struct rh_http2_piece *first; /* content not taken yet, oldest first */
    struct rh_http2_piece *last;
    char *trailer_text; /* in the arena; what the trailers' offsets count from */
    uint64_t received;  /* octets of content */
    uint64_t watched;   /* of the answer, sent before its alarm was set */
    int32_t id;
    uint16_t trailer_len;
    uint8_t watch;   /* enum rh_http2_watch */
    bool ended;      /* the peer has sent END_STREAM */
    bool has_length; /* its content was announced by Content-Length */
    bool submitted;  /* nghttp2 has the answer's head */
    bool deferred;   /* nghttp2 waits for nghttp2_session_resume_data */
    bool gone;       /* nghttp2 has closed it */
    bool in_trailers;
    char status[3]; /* what the head's fields point to */
    char length[20];
};

/* A stream whose field section begins, or NULL if a pool is empty. */
struct rh_http2_stream *rh_http2_stream_create(struct rh_http2 *h, int32_t id);
/* Moves the field section that is arriving to a larger block. */
void rh_http2_stream_grow(struct rh_http2_stream *stream);
/* The field section is complete: hands the exchange to the app, or answers what is refused. */
void rh_http2_stream_open(struct rh_http2_stream *stream, bool ends);
/* Ends a malformed request without an answer. */
void rh_http2_stream_fault(struct rh_http2_stream *stream, enum rh_http2_rule rule);
/* The answer is complete or lost: the exchange is no longer the session's. */
void rh_http2_stream_detach(struct rh_http2_stream *stream);
/* The stream is gone before its answer was complete. */
void rh_http2_stream_cut(struct rh_http2_stream *stream, enum rh_abort reason);

/* body.c: content arrives, is delivered or kept, and ends. */
void rh_http2_body_arrived(struct rh_http2_stream *stream, const char *bytes, size_t len);
void rh_http2_body_ended(struct rh_http2_stream *stream);
/* The handler reads again, perhaps: what was kept is delivered. */
void rh_http2_body_flow(struct rh_http2_stream *stream);
/* The connection carries no more of it. */
void rh_http2_body_cut(struct rh_http2_stream *stream);
void rh_http2_body_drop(struct rh_http2_stream *stream);
/* One field of a trailer section. */
enum rh_http2_rule rh_http2_body_trailer(struct rh_http2_stream *stream, struct rh_slice name,
                                         struct rh_slice value);

/* answer.c: gives nghttp2 what the exchange has to say. */
void rh_http2_answer(struct rh_http2_stream *stream);
/* The last frame of the answer is in the output. */
void rh_http2_answer_complete(struct rh_http2_stream *stream);
int rh_http2_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *frame_head,
                       size_t len, nghttp2_data_source *source, void *data);

/* watch.c: sets its alarm for what it waits for now. */
void rh_http2_watch(struct rh_http2_stream *stream);

static inline struct rh_http2_stream *rh_http2_stream_of(const struct rh_exchange *x)
{
    return (struct rh_http2_stream *)(void *)x->part;
}

#endif
