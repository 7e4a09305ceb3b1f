/* The field section of a request as it comes out of HPACK, field by field, made into the head that
 * HTTP/1 requests have too: offsets into one block of text. Pure: the caller owns the memory. */
#ifndef RH_SERVER_HTTP2_REQUEST_H
#define RH_SERVER_HTTP2_REQUEST_H

#include "http/head.h"
#include "http/rule.h"
#include "rawhttp/slice.h"
#include "server/http2/rule.h"

/* What RFC 9113 §6.5.2 counts for each field beside its octets. */
enum { RH_HTTP2_FIELD_OVERHEAD = 32 };

enum rh_http2_verdict {
    RH_HTTP2_GOOD,
    RH_HTTP2_ROOM,   /* `text` is too small: move it to a larger block and repeat the call */
    RH_HTTP2_REFUSED /* `rule` or `fault` says why; only the first is kept */
};

struct rh_http2_request {
    struct rh_head head;
    struct rh_field *fields; /* room for limits->fields_max */
    char *text;              /* what the offsets count from; at most 65,535 bytes */
    const struct rh_head_limits *limits;
    uint32_t text_len;
    uint32_t text_cap;
    uint32_t cost;        /* of the fields so far, as SETTINGS_MAX_HEADER_LIST_SIZE counts it */
    uint16_t cookie;      /* place of the Cookie field plus 1; 0: none so far */
    uint16_t protocol_at; /* RFC 8441; with protocol_len */
    uint16_t protocol_len;
    uint8_t seen;     /* pseudo-header fields, a bit for each */
    uint8_t urgency;  /* RFC 9218 §4.1: 0 to 7 */
    uint8_t rule;     /* enum rh_rule: answered with its status */
    uint8_t fault;    /* enum rh_http2_rule: costs the stream */
    bool incremental; /* RFC 9218 §4.2 */
    bool has_priority;
    bool has_length;
    bool has_expect;
    bool offers_protocol; /* extended CONNECT is allowed (RFC 8441 §3) */
    bool in_fields;       /* a regular field was read */
};

/* Begins a field section. */
void rh_http2_request_init(struct rh_http2_request *r, struct rh_field *fields, char *text,
                           size_t text_cap, const struct rh_head_limits *limits);
/* Moves the text to a larger block, whose first `text_len` bytes the caller has copied. */
void rh_http2_request_move(struct rh_http2_request *r, char *text, size_t text_cap);
/* Reads one field. A name or a value that HPACK gives is not terminated. */
enum rh_http2_verdict rh_http2_request_field(struct rh_http2_request *r, struct rh_slice name,
                                             struct rh_slice value);
/* Ends the field section: `ends` means that no content follows (END_STREAM). */
enum rh_http2_verdict rh_http2_request_end(struct rh_http2_request *r, bool ends);

/* Reads one field of a trailer section (RFC 9113 §8.1). */
enum rh_http2_rule rh_http2_trailer_check(struct rh_slice name, struct rh_slice value);

/* Reads a Priority field or the value of a PRIORITY_UPDATE frame (RFC 9218 §4): what it does not
 * name keeps its value, what is malformed is ignored. */
void rh_http2_priority_parse(struct rh_slice value, uint8_t *inout_urgency,
                             bool *inout_incremental);

#endif
