/* A request head as values: offsets from its first byte instead of pointers, so that the bytes may
 * move (a buffer that grows, the arena that keeps them) without anything to mend. */
#ifndef RH_HTTP_HEAD_H
#define RH_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include <rawhttp/method.h>

#include "http/field.h"

/* One field line. The value is without the white space around it. */
struct rh_field {
    uint16_t name_at;
    uint16_t name_len;
    uint16_t value_at;
    uint16_t value_len;
    uint8_t id; /* enum rh_field_id */
};

/* RFC 9112 §3.2 */
enum rh_target_form {
    RH_ORIGIN_FORM,    /* "/path?query" */
    RH_ABSOLUTE_FORM,  /* "http://host/path?query" */
    RH_AUTHORITY_FORM, /* "host:port", only with CONNECT */
    RH_ASTERISK_FORM   /* "*", only with OPTIONS */
};

enum rh_body_kind {
    RH_BODY_NONE,   /* no content follows; also where Content-Length is 0 */
    RH_BODY_LENGTH, /* `content_length` bytes, at least one */
    RH_BODY_CHUNKED
};

struct rh_head {
    uint64_t content_length; /* with RH_BODY_LENGTH; at most INT64_MAX */
    uint16_t target_at;      /* the whole target as it was sent */
    uint16_t target_len;
    uint16_t path_at;  /* the path, still encoded; empty (it means "/") in the absolute form */
    uint16_t path_len; /* "http://host"; empty in the authority and asterisk forms too */
    uint16_t query_at; /* without '?'; with has_query */
    uint16_t query_len;
    uint16_t host_at; /* the authority: of an absolute target, else of Host; empty where HTTP/1.0 */
    uint16_t host_len;  /* sent none. "host" or "host:port" */
    uint16_t method_at; /* the method's name; only with RH_METHOD_OTHER */
    uint16_t method_len;
    uint16_t fields_n;
    uint16_t bytes;        /* the whole head, with a leading empty line and the final one */
    uint8_t method;        /* enum rh_method */
    uint8_t version_major; /* 1 or 2 */
    uint8_t version_minor; /* 0 or 1; a higher one is treated as 1 (RFC 9110 §2.5) */
    uint8_t form;          /* enum rh_target_form */
    uint8_t body_kind;     /* enum rh_body_kind */
    bool has_query;
    bool keep_alive;      /* the peer lets the connection live (RFC 9112 §9.3) */
    bool expect_continue; /* waits for 100 before it sends its content; never without content */
    bool upgrade;         /* Upgrade is there and Connection names it, in HTTP/1.1 */
    bool path_is_plain;   /* no '%' and no dot segment: canonical as it stands; never when empty */
};

/* A target with the scheme "https", in the absolute form: the authority stands behind "https://".
 */
static inline bool rh_head_is_https(const struct rh_head *head)
{
    return head->form == RH_ABSOLUTE_FORM && head->host_at - head->target_at == 8;
}

/* What a head may cost; see rh_config for the reasons of the defaults. */
struct rh_head_limits {
    uint32_t head_bytes_max;   /* the whole head; at most 65535 */
    uint32_t target_bytes_max; /* the target alone */
    uint16_t fields_max;       /* field lines; room for so many is the caller's */
};

#endif
