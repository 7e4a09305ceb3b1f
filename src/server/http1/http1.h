/* HTTP/1.1 and 1.0 as a session (RFC 9112): one exchange at a time; the next head is not parsed
 * before the answer is complete. */
#ifndef RH_SERVER_HTTP1_HTTP1_H
#define RH_SERVER_HTTP1_HTTP1_H

#include "http/rule.h"
#include "server/exchange/exchange.h"
#include "server/session.h"

struct rh_http1 {
    struct rh_session session;
    struct rh_exchange *x;  /* from a head's first byte to the end of its exchange; else NULL */
    uint32_t requests;      /* heads that were complete on this connection */
    uint16_t reply_status;  /* an error reply of our own is due; 0: none */
    uint8_t reply_rule;     /* enum rh_rule of it */
    bool reply_to_head : 1; /* without its content (RFC 9110 §9.3.2) */
    bool eof : 1;           /* the peer sends no more */
};

extern const struct rh_session_kind rh_http1_kind;
/* Begins in the speaker. Never NULL. */
struct rh_session *rh_http1_open(struct rh_host *host, union rh_speaker *speaker, void *argument);

/* Nothing more to say on this connection; `lingers`: the peer may still be sending. */
void rh_http1_finish(struct rh_http1 *h, bool lingers);
/* Behind an answer: ends its exchange, or reads its body away first. */
void rh_http1_settle(struct rh_http1 *h);

/* answer.c: adds what the exchange has to say. */
enum rh_pull rh_http1_answer(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out);
/* All bytes of the answer are in the output (NULL: written). */
void rh_http1_complete(struct rh_http1 *h, struct rh_exchange *x, struct rh_output *out);

/* head.c: writes status line and fields of x's answer behind the output. `length` is the
 * content's (RH_LENGTH_UNKNOWN: by chunks or until close). False when there is no room. */
bool rh_http1_encode_head(struct rh_exchange *x, struct rh_output *out, int64_t length);
/* Writes the whole reply that is due; needs RH_REPLY_BYTES_MAX of room. */
enum { RH_REPLY_BYTES_MAX = 1024 };
void rh_http1_encode_reply(const struct rh_http1 *h, struct rh_output *out);

#endif
