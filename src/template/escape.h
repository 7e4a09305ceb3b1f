/* The escapes: one for each kind of place in which a value may stand. */
#ifndef RH_TEMPLATE_ESCAPE_H
#define RH_TEMPLATE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "rawhttp/slice.h"
#include "rawhttp/value.h"

enum rh_escape {
    RH_ESCAPE_NONE,      /* plain text, and values the template calls raw */
    RH_ESCAPE_HTML,      /* text and quoted attributes */
    RH_ESCAPE_URL,       /* a whole URL, or how one begins: its scheme is checked */
    RH_ESCAPE_URL_PATH,  /* further inside a URL, before ? and # */
    RH_ESCAPE_URL_QUERY, /* after ? or # */
    RH_ESCAPE_SRCSET,    /* a whole URL in a list that commas and spaces part */
    RH_ESCAPE_JSON,      /* the value as JSON, in a script that holds JSON */
    RH_ESCAPE_JS,        /* the value as JSON, in JavaScript */
    RH_ESCAPE_HTML_JSON, /* the value as JSON, in text or a quoted attribute */
};

/* Writes `value` escaped; 0 or what the sink returned. */
int rh_escape_write(enum rh_escape escape, const struct rh_value *value, rh_sink_fn sink,
                    void *data);

/* True for a URL whose scheme is http, https or mailto, or that has none: it is relative. */
bool rh_escape_url_is_safe(struct rh_slice url);

#endif
