/* What the body of a request is: the one place that decides it, and so the home of every rule
 * against request smuggling. A message that breaks one ends its connection: after it, nobody can
 * say where the next message begins. */
#ifndef RH_HTTP_H1_FRAMING_H
#define RH_HTTP_H1_FRAMING_H

#include <stdbool.h>
#include <stdint.h>

#include <rawhttp/slice.h>

#include "http/head.h"
#include "http/rule.h"

struct rh_framing {
    uint64_t content_length;
    bool has_length; /* a Content-Length was read */
    bool has_coding; /* a Transfer-Encoding was read */
    bool is_chunked; /* and its last coding is chunked */
};

static inline void rh_framing_init(struct rh_framing *framing)
{
    *framing = (struct rh_framing){0, false, false, false};
}

/* Reads the value of a Content-Length field. */
enum rh_rule rh_framing_content_length(struct rh_framing *framing, struct rh_slice value);

/* Reads the value of a Transfer-Encoding field; several fields are one list. */
enum rh_rule rh_framing_transfer_encoding(struct rh_framing *framing, struct rh_slice value);

/* After the last field: sets body_kind and content_length of the head, whose method and version
 * are known, or says why not. */
enum rh_rule rh_framing_decide(const struct rh_framing *framing, struct rh_head *head);

#endif
