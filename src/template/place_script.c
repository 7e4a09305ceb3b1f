/* Inside script elements: just enough of a lexer to know that a value does not stand in a string,
 * a comment or a regular expression, where its own quotes would end what they should begin.
 *
 * Telling a regular expression from a division takes a parser, and a template literal holds code
 * within text within code. Neither is attempted: once one of them may have begun, the rest of that
 * script takes no more values ("unclear"), which costs an author the move of a line and nothing
 * else. */
#include "template/place_kinds.h"

#include "util/ascii.h"

enum js {
    JS_CODE,
    JS_DOUBLE,        /* in "…" */
    JS_DOUBLE_ESCAPE, /* after a backslash in it */
    JS_SINGLE,
    JS_SINGLE_ESCAPE,
    JS_SLASH, /* after a / : a comment, or unclear */
    JS_LINE_COMMENT,
    JS_BLOCK_COMMENT,
    JS_BLOCK_STAR, /* after a * in it */
};

enum rh_place_script rh_place_script_of(struct rh_slice type)
{
    static const char *const scripts[] = {"",
                                          "module",
                                          "text/javascript",
                                          "application/javascript",
                                          "text/ecmascript",
                                          "application/ecmascript"};
    type = rh_ascii_trim(type);
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        if (rh_ascii_is(type, scripts[i])) {
            return RH_SCRIPT_JS;
        }
    }
    if (rh_ascii_is(type, "application/json") || rh_ascii_is(type, "application/ld+json")) {
        return RH_SCRIPT_JSON;
    }
    return RH_SCRIPT_OTHER; /* an import map or speculation rules are JSON that steers scripts */
}

/* The state after `c` in code; a slash in JSON is no comment, and single quotes are no string. */
static enum js after_code(struct rh_place *place, char c)
{
    bool is_json = place->script == RH_SCRIPT_JSON;
    if (c == '"') {
        return JS_DOUBLE;
    }
    if (c == '\'' && !is_json) {
        return JS_SINGLE;
    }
    if (c == '/' && !is_json) {
        return JS_SLASH;
    }
    if (c == '`') {
        place->unclear = 1;
    }
    return JS_CODE;
}

/* A string that a line end cuts is an error that stops the whole script; no value belongs behind
 * it. The same after an escaped line end: rare enough to call unclear. */
static enum js in_string(struct rh_place *place, char c, char quote, enum js same, enum js escape)
{
    if (c == '\\') {
        return escape;
    }
    if (c == '\n' || c == '\r') {
        place->unclear = 1;
    }
    return c == quote ? JS_CODE : same;
}

const char *rh_place_script_feed(struct rh_place *place, char c)
{
    /* <!-- begins a state in which </script> no longer ends a script (WHATWG HTML §13.2.5.20). */
    static const char bang[] = "<!--";
    place->bang = c == bang[place->bang] ? (uint8_t)(place->bang + 1) : c == '<';
    if (place->bang == 4) {
        return "`<!--` inside a script: browsers read what follows in another way";
    }
    switch ((enum js)place->js) {
    case JS_CODE:
        place->js = (uint8_t)after_code(place, c);
        break;
    case JS_DOUBLE:
        place->js = (uint8_t)in_string(place, c, '"', JS_DOUBLE, JS_DOUBLE_ESCAPE);
        break;
    case JS_SINGLE:
        place->js = (uint8_t)in_string(place, c, '\'', JS_SINGLE, JS_SINGLE_ESCAPE);
        break;
    case JS_DOUBLE_ESCAPE:
        place->js = JS_DOUBLE;
        break;
    case JS_SINGLE_ESCAPE:
        place->js = JS_SINGLE;
        break;
    case JS_SLASH:
        if (c == '/') {
            place->js = JS_LINE_COMMENT;
        } else if (c == '*') {
            place->js = JS_BLOCK_COMMENT;
        } else {
            place->unclear = 1;
            place->js = JS_CODE;
        }
        break;
    case JS_LINE_COMMENT:
        place->js = c == '\n' || c == '\r' ? JS_CODE : JS_LINE_COMMENT;
        break;
    case JS_BLOCK_COMMENT:
        place->js = c == '*' ? JS_BLOCK_STAR : JS_BLOCK_COMMENT;
        break;
    case JS_BLOCK_STAR:
        place->js = c == '/' ? JS_CODE : c == '*' ? JS_BLOCK_STAR : JS_BLOCK_COMMENT;
        break;
    }
    return NULL;
}

const char *rh_place_script_value(struct rh_place *place, enum rh_place_tag tag,
                                  enum rh_escape *ret_escape)
{
    if (place->script == RH_SCRIPT_OTHER) {
        return "a value in a script of this type: only JavaScript and application/json take any";
    }
    if (tag == RH_PLACE_VALUE_RAW) {
        return "a raw value in a script: write {{json name}}";
    }
    if (place->script == RH_SCRIPT_JS && tag != RH_PLACE_VALUE_JSON) {
        return "a bare value in a script: write {{json name}}, without quotes around it";
    }
    if (place->unclear) {
        return "a value after what may be a regular expression, a template literal or a broken "
               "string: put it before, or into <script type=\"application/json\">";
    }
    if (place->js != JS_CODE || place->match != 0) {
        return "a value inside a string or comment of a script: it writes its own quotes";
    }
    place->bang = 0;
    *ret_escape = place->script == RH_SCRIPT_JSON ? RH_ESCAPE_JSON : RH_ESCAPE_JS;
    return NULL;
}
