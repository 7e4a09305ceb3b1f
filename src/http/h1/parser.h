/* The request head parser: fed with the bytes of one head as they come, it answers "more", "done"
 * or "reject". It goes on where it stopped, at any byte, and keeps offsets only. */
#ifndef RH_HTTP_H1_PARSER_H
#define RH_HTTP_H1_PARSER_H

#include "http/h1/framing.h"
#include "http/head.h"
#include "http/rule.h"
#include "http/h1/section.h"

enum rh_parse {
    RH_PARSE_MORE,  /* everything was used and the head is not complete */
    RH_PARSE_DONE,  /* head.bytes of the input are the head; what follows is not ours */
    RH_PARSE_REJECT /* `rule` says why; the connection can not be used any further */
};

/* What was seen and is judged when the head is complete. */
struct rh_parser_notes {
    bool percent;     /* the path has a '%' */
    bool dots;        /* a segment of the path begins with '.' */
    bool has_host;    /* a Host field was read */
    bool seldom;      /* one of the following fields was read */
    bool has_expect;  /* Expect asks for 100-continue */
    bool has_upgrade; /* an Upgrade field was read */
    bool says_close;  /* Connection lists these options */
    bool says_keep_alive;
    bool says_upgrade;
};

struct rh_parser {
    struct rh_head head;     /* complete with RH_PARSE_DONE */
    struct rh_field *fields; /* the caller's; head.fields_n of them are set */
    const struct rh_head_limits *limits;
    struct rh_section section;
    struct rh_framing framing;
    enum rh_rule rule;    /* with RH_PARSE_REJECT */
    uint32_t at;          /* bytes used so far */
    uint16_t mark;        /* where the method or the version begins */
    uint8_t state;        /* enum in parser.c */
    uint8_t percent_left; /* hexadecimal digits that a '%' in the target still wants */
    struct rh_parser_notes notes;
};

/* Begins a head. `fields` has room for limits->fields_max; both must live as long as the parser. */
void rh_parser_init(struct rh_parser *parser, struct rh_field *fields,
                    const struct rh_head_limits *limits);

/* `base` is the first byte of this head: the same bytes as last time (they may have moved) and
 * more. `len` counts from base. After DONE or REJECT the answer stays. */
enum rh_parse rh_parser_feed(struct rh_parser *parser, const char *base, size_t len);

/* Says whether a server can serve this head, which is well-formed, on a connection that is secured
 * by TLS or not; else the rule for which it refuses. */
enum rh_rule rh_head_refusal(const struct rh_head *head, bool is_tls);

/* A byte of the request line was seen: from here on the head has a deadline of its own. An empty
 * line before it does not count. */
bool rh_parser_has_begun(const struct rh_parser *parser);

#endif
