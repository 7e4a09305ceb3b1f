/* Inside template_place: the elements and attributes with rules of their own, URLs and scripts. */
#ifndef RH_TEMPLATE_PLACE_KINDS_H
#define RH_TEMPLATE_PLACE_KINDS_H

#include "template/place.h"

enum rh_place_element {
    RH_ELEMENT_OTHER,
    RH_ELEMENT_SCRIPT,
    RH_ELEMENT_RAW,    /* style, iframe, xmp, noembed, noframes */
    RH_ELEMENT_RCDATA, /* title, textarea */
    RH_ELEMENT_PLAIN,  /* plaintext: everything after it is text, for ever */
    RH_ELEMENT_LOADER, /* link, object, embed, base: their URL brings code or style */
    RH_ELEMENT_META,
    RH_ELEMENT_ANIMATE, /* animate, set and their kin: they write other attributes */
};

enum rh_place_attr {
    RH_ATTR_TEXT,
    RH_ATTR_URL,
    RH_ATTR_URL_LIST, /* srcset and its kin */
    RH_ATTR_URL_CODE, /* what it names is run or styles the page: a value may stand after ? or # */
    RH_ATTR_HANDLER,  /* script: on…, and what script frameworks evaluate */
    RH_ATTR_STYLE,
    RH_ATTR_SRCDOC,
    RH_ATTR_FIXED,   /* changes what other attributes mean */
    RH_ATTR_CONTENT, /* of meta: a URL with http-equiv=refresh */
};

/* How far into a URL: what the bytes so far have decided about its scheme. */
enum rh_place_url {
    RH_URL_START,     /* nothing yet */
    RH_URL_NAME,      /* text of the template that may still become a scheme */
    RH_URL_DYNAMIC,   /* a value came, and no delimiter yet */
    RH_URL_PATH,      /* the scheme is decided */
    RH_URL_QUERY,     /* after ? or # */
    RH_URL_FORBIDDEN, /* a scheme that runs code, or is not known */
};

enum rh_place_script {
    RH_SCRIPT_NONE,
    RH_SCRIPT_JS,
    RH_SCRIPT_JSON,
    RH_SCRIPT_OTHER, /* a type that is neither: nobody knows what reads it */
};

enum rh_place_refresh {
    RH_REFRESH_UNKNOWN,
    RH_REFRESH_HAS_EQUIV, /* http-equiv was seen: no value in content any more */
    RH_REFRESH_HAS_VALUE, /* a value stood in content: no http-equiv any more */
};

enum rh_place_element rh_place_element_of(struct rh_slice name);
enum rh_place_attr rh_place_attr_of(const struct rh_place *place, struct rh_slice name);

/* Follows one byte of the template's own text in a URL attribute. NULL, or why it is refused. */
const char *rh_place_url_feed(struct rh_place *place, char c);

/* Asks for a value in the attribute that *place is in. */
const char *rh_place_attr_value(struct rh_place *place, enum rh_place_tag tag,
                                enum rh_escape *ret_escape);

/* What kind of script the type attribute that was read makes of the element. */
enum rh_place_script rh_place_script_of(struct rh_slice type);

/* Follows one byte of a script, and asks for a value in one. */
const char *rh_place_script_feed(struct rh_place *place, char c);
const char *rh_place_script_value(struct rh_place *place, enum rh_place_tag tag,
                                  enum rh_escape *ret_escape);

#endif
