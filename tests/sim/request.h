/* The bytes of one request. */
#ifndef TESTS_SIM_REQUEST_H
#define TESTS_SIM_REQUEST_H

#include "sim/deal.h"

struct request {
    char *bytes;
    size_t len;
    size_t head_len; /* with `waits`: a peer that asks for 100 (Continue) waits behind it */
    bool waits;
    bool last; /* nothing may follow it */
};

/* Makes one for a new deal; `last`: it is the last of its connection. */
struct deal *request_make(struct request *ret_request, bool last);
/* The same as frames of HTTP/2, the first with the preface; `stream` is 1, 3, 5… */
struct deal *request_make_frames(struct request *ret_request, unsigned stream);
/* The number of the deal that a path names, UINT32_MAX: none. */
unsigned request_id_of(const char *text, size_t len);

#endif
