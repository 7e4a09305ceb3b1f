/* The chunked coding, taken off (RFC 9112 §7.1): fed with what is there, it answers one step at a
 * time and never copies. */
#ifndef RH_HTTP_H1_CHUNKED_H
#define RH_HTTP_H1_CHUNKED_H

#include <rawhttp/slice.h>

#include "http/head.h"
#include "http/rule.h"
#include "http/h1/section.h"

enum rh_chunk {
    RH_CHUNK_MORE,  /* what could be used was; more input is needed */
    RH_CHUNK_DATA,  /* *ret_data is content */
    RH_CHUNK_DONE,  /* the body and its trailer section are complete */
    RH_CHUNK_REJECT /* `rule` says why; the connection can not be used any further */
};

struct rh_chunk_limits {
    /* Bytes of a body that are not content (size lines, extensions, line ends; the trailer section
     * apart) may be this many, plus eight for each byte of content so far: chunks of a single byte
     * pass, a stream of extensions does not. */
    uint32_t overhead_bytes_max;
    uint32_t trailer_bytes_max; /* the trailer section with its empty line; at most 65535 */
    uint16_t trailers_max;      /* field lines in it; room for so many is the caller's */
};

struct rh_chunked {
    uint64_t left;     /* bytes of the current chunk that are still to come, or its size so far */
    uint64_t overhead; /* bytes that were not content */
    uint64_t content;  /* bytes that were */
    const struct rh_chunk_limits *limits;
    struct rh_section section; /* section.fields: the caller's room for trailers */
    enum rh_rule rule;         /* with RH_CHUNK_REJECT */
    uint32_t trailer_at;       /* bytes of the trailer section that were looked at */
    uint16_t trailers_n;       /* with RH_CHUNK_DONE */
    uint8_t state;             /* enum in chunked.c */
    uint8_t digits;            /* of the size line; stops counting at 255 */
};

/* Begins a body. `trailers` has room for limits->trailers_max; NULL: a trailer field is refused. */
void rh_chunked_init(struct rh_chunked *chunked, struct rh_field *trailers,
                     const struct rh_chunk_limits *limits);

/* Bytes of the chunk whose size line was read last that are still to come. */
uint64_t rh_chunked_announced(const struct rh_chunked *chunked);

/* One step over the `len` bytes at `base`. *ret_used says how many of them it consumed; the next
 * call begins behind them. DATA: *ret_data is a slice of the input, at least one byte, and part of
 * what was used. MORE: all is used but an incomplete trailer section, whose bytes stay where they
 * are: the next call brings them again, with more behind them. DONE: the trailer section is used,
 * and its fields count from base + *ret_trailers_at. After DONE or REJECT the answer stays. */
enum rh_chunk rh_chunked_feed(struct rh_chunked *chunked, const char *base, size_t len,
                              size_t *ret_used, struct rh_slice *ret_data, size_t *ret_trailers_at);

#endif
