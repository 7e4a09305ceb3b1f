/* Where in an HTML document the next byte stands: the part of the HTML tokenizer (WHATWG HTML
 * §13.2.5) that decides how a value must be escaped. The compiler feeds it a template's own text
 * and asks it at every value. It is stricter than a browser: what browsers repair in silence, and
 * what would make two readings possible, is refused. */
#ifndef RH_TEMPLATE_PLACE_H
#define RH_TEMPLATE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "template/escape.h"
#include "rawhttp/slice.h"

enum rh_place_state {
    RH_PLACE_PLAIN,        /* not HTML at all */
    RH_PLACE_TEXT,         /* between tags */
    RH_PLACE_RCDATA,       /* in title or textarea: text without tags */
    RH_PLACE_RAW,          /* in style, iframe, xmp, noembed, noframes: neither tags nor escapes */
    RH_PLACE_SCRIPT,       /* in a script element */
    RH_PLACE_COMMENT,      /* after <!-- */
    RH_PLACE_MARKUP,       /* after <! : a comment or a doctype */
    RH_PLACE_BOGUS,        /* a doctype or a broken comment: up to the next > */
    RH_PLACE_TAG_OPEN,     /* after < */
    RH_PLACE_END_TAG_OPEN, /* after </ */
    RH_PLACE_TAG_NAME,
    RH_PLACE_IN_TAG,   /* where an attribute may begin */
    RH_PLACE_TAG_JOIN, /* in a tag after a section: nothing may be glued to what it wrote */
    RH_PLACE_ATTR_NAME,
    RH_PLACE_AFTER_NAME,   /* white space after an attribute's name */
    RH_PLACE_BEFORE_VALUE, /* after = */
    RH_PLACE_QUOTED,       /* in an attribute value within `quote` */
    RH_PLACE_UNQUOTED,
    RH_PLACE_AFTER_VALUE, /* after the closing quote */
};

/* What the compiler found in a tag: how a value there is escaped. */
enum rh_place_tag {
    RH_PLACE_VALUE,      /* {{name}} */
    RH_PLACE_VALUE_RAW,  /* {{{name}}} and {{&name}} */
    RH_PLACE_VALUE_JSON, /* {{json name}} */
};

/* Compared as bytes: everything that is not in use is zero. */
struct rh_place {
    uint8_t state;    /* enum rh_place_state */
    uint8_t element;  /* which of the elements with rules of their own; 0: any other */
    uint8_t closing;  /* in an end tag */
    uint8_t attr;     /* which kind of attribute, in a value */
    uint8_t quote;    /* the quote around the value */
    uint8_t url;      /* how far into a URL, in a value of a URL attribute */
    uint8_t script;   /* what kind of script the element holds */
    uint8_t js;       /* where in JavaScript or JSON */
    uint8_t unclear;  /* JavaScript held something (a regular expression?) that hides its strings */
    uint8_t refresh;  /* a meta element: what is known of http-equiv */
    uint8_t match;    /* how much of an end tag, or of the end of a comment, was seen */
    uint8_t bang;     /* how much of <!-- was seen inside a script */
    uint8_t name_len; /* of `name`; as long as the room: longer than any name that matters */
    char name[23];    /* the name of a tag or attribute while it is read, in lower case */
    char raw_name[12]; /* the element that only its own end tag ends */
    uint8_t type_len;  /* of `type` */
    char type[27];     /* value of a script's type attribute, in lower case */
};

void rh_place_init(struct rh_place *place, bool is_html);

/* Follows a piece of the template's own text. NULL, or why it is refused, with the offset of the
 * byte in *ret_at. */
const char *rh_place_feed(struct rh_place *place, struct rh_slice text, size_t *ret_at);

/* Asks for a value here: its escape in *ret_escape, or why it is refused. */
const char *rh_place_value(struct rh_place *place, enum rh_place_tag tag,
                           enum rh_escape *ret_escape);

/* A section begins: what its content begins with. */
void rh_place_enter(struct rh_place *place);

/* A section that began in *place (after enter) and whose content ended in `end` is over: *place
 * becomes what is true whether it was written or not. NULL, or why the two do not agree. */
const char *rh_place_join(struct rh_place *place, const struct rh_place *end);

/* NULL where a document may end, or what is still open. */
const char *rh_place_finish(const struct rh_place *place);

bool rh_place_equal(const struct rh_place *a, const struct rh_place *b);

#endif
