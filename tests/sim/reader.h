/* A strict reader of answers (RFC 9112): what the server sends must be answers, in order, each of
 * them whole. An answer that is cut is never called whole, but for one to HTTP/1.0 that ends with
 * its connection. */
#ifndef TESTS_SIM_READER_H
#define TESTS_SIM_READER_H

#include "sim/deal.h"

enum { READER_HEAD_MAX = 80 * 1024 };

enum reader_state {
    READER_HEAD,
    READER_LENGTH,
    READER_CHUNK,
    READER_CHUNK_DATA,
    READER_CHUNK_END,
    READER_TRAILER,
    READER_UNTIL_END,
    READER_OVER
};

struct reader {
    enum reader_state state;
    struct deal *deal; /* whose answer is read: set by the peer before its first byte, and after
                          each answer */
    char *head;        /* READER_HEAD_MAX */
    size_t head_len;
    uint64_t left; /* of the content or of the chunk */
    uint64_t got;  /* of the content */
    unsigned status;
    bool chunked;
    bool ours;        /* the head names the deal: its handler answered */
    bool ends;        /* the head says that the connection ends */
    bool unasked;     /* a refusal before the method was known: content to HEAD may follow */
    bool continued;   /* a 100 was read */
    unsigned answers; /* that were read to their end */
};

/* Reads; returns how many bytes were used. Stops behind each answer, so that the peer can name the
 * next deal. */
size_t reader_feed(struct reader *r, const char *bytes, size_t len);
/* The connection ended in order, which ends an answer to HTTP/1.0 that has no length. */
void reader_end(struct reader *r);

#endif
