/* The tokenizer: one state per byte, in the order in which a document goes through them (WHATWG
 * HTML §13.2.5.1 to §13.2.5.53). */
#include "template/place_kinds.h"

#include "util/ascii.h"

void rh_place_init(struct rh_place *place, bool is_html)
{
    memset(place, 0, sizeof(*place));
    place->state = is_html ? RH_PLACE_TEXT : RH_PLACE_PLAIN;
}

bool rh_place_equal(const struct rh_place *a, const struct rh_place *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void name_begin(struct rh_place *place)
{
    place->name_len = 0;
    memset(place->name, 0, sizeof(place->name));
}

static void name_add(struct rh_place *place, char c)
{
    if (place->name_len < sizeof(place->name)) {
        place->name[place->name_len++] = rh_ascii_lower(c);
    }
}

static struct rh_slice name_of(const struct rh_place *place)
{
    return (struct rh_slice){place->name, place->name_len};
}

/* --- tags --- */

/* After the name of a tag: what rules its attributes and content have. */
static void element_begin(struct rh_place *place)
{
    struct rh_slice name = name_of(place);
    place->element = place->closing ? RH_ELEMENT_OTHER : (uint8_t)rh_place_element_of(name);
    memset(place->raw_name, 0, sizeof(place->raw_name));
    if (place->element == RH_ELEMENT_RAW || place->element == RH_ELEMENT_RCDATA ||
        place->element == RH_ELEMENT_SCRIPT) {
        memcpy(place->raw_name, name.base, name.len);
    }
    if (place->element == RH_ELEMENT_SCRIPT) {
        place->script = RH_SCRIPT_JS;
    }
    name_begin(place);
}

/* Back between the tags: everything but the kind of document is forgotten. */
static void text_begin(struct rh_place *place)
{
    rh_place_init(place, true);
}

/* After the > of a tag. */
static const char *tag_end(struct rh_place *place)
{
    struct rh_place next;
    rh_place_init(&next, true);
    next.element = place->closing ? RH_ELEMENT_OTHER : place->element;
    switch ((enum rh_place_element)next.element) {
    case RH_ELEMENT_PLAIN:
        return "a plaintext element has no end";
    case RH_ELEMENT_SCRIPT:
        next.state = RH_PLACE_SCRIPT;
        next.script = place->script;
        break;
    case RH_ELEMENT_RAW:
        next.state = RH_PLACE_RAW;
        break;
    case RH_ELEMENT_RCDATA:
        next.state = RH_PLACE_RCDATA;
        break;
    default:
        next.element = RH_ELEMENT_OTHER;
        break;
    }
    if (next.state != RH_PLACE_TEXT) {
        memcpy(next.raw_name, place->raw_name, sizeof(next.raw_name));
    }
    *place = next;
    return NULL;
}

/* After the = of an attribute: what a value in it may be. */
static const char *value_begin(struct rh_place *place)
{
    struct rh_slice name = name_of(place);
    place->attr = (uint8_t)rh_place_attr_of(place, name);
    if (place->element == RH_ELEMENT_META && rh_slice_is(name, "http-equiv")) {
        if (place->refresh == RH_REFRESH_HAS_VALUE) {
            return "http-equiv on a meta element whose content holds a value";
        }
        place->refresh = RH_REFRESH_HAS_EQUIV;
    }
    if (place->element == RH_ELEMENT_SCRIPT && rh_slice_is(name, "type")) {
        place->type_len = 0;
        memset(place->type, 0, sizeof(place->type));
        place->script = RH_SCRIPT_NONE; /* being read */
    }
    place->url = RH_URL_START;
    name_begin(place);
    return NULL;
}

/* One byte of the template's own text in a value. */
static const char *value_add(struct rh_place *place, char c)
{
    if (place->script == RH_SCRIPT_NONE && place->element == RH_ELEMENT_SCRIPT) {
        if (place->type_len < sizeof(place->type)) {
            place->type[place->type_len++] = rh_ascii_lower(c);
        }
        return NULL;
    }
    if (place->attr == RH_ATTR_URL || place->attr == RH_ATTR_URL_LIST ||
        place->attr == RH_ATTR_URL_CODE) {
        return rh_place_url_feed(place, c);
    }
    return NULL;
}

static void value_end(struct rh_place *place)
{
    if (place->script == RH_SCRIPT_NONE && place->element == RH_ELEMENT_SCRIPT) {
        place->script =
            (uint8_t)rh_place_script_of((struct rh_slice){place->type, place->type_len});
        place->type_len = 0;
        memset(place->type, 0, sizeof(place->type));
    }
    place->attr = RH_ATTR_TEXT;
    place->url = RH_URL_START;
    place->quote = 0;
    name_begin(place);
}

/* Where an attribute may begin, or just after something in the tag. */
static const char *feed_in_tag(struct rh_place *place, char c)
{
    if (is_space(c) || c == '/') {
        place->state = RH_PLACE_IN_TAG;
        return NULL;
    }
    if (c == '>') {
        return tag_end(place);
    }
    if (place->state == RH_PLACE_TAG_JOIN) {
        return "white space is missing between what a section wrote in a tag and this";
    }
    if (c == '"' || c == '\'' || c == '<' || c == '=' || c == '`') {
        return "a quote, `<` or `=` where an attribute should begin";
    }
    name_begin(place);
    name_add(place, c);
    place->state = RH_PLACE_ATTR_NAME;
    return NULL;
}

static const char *feed_attr_name(struct rh_place *place, char c)
{
    if (c == '=') {
        place->state = RH_PLACE_BEFORE_VALUE;
        return value_begin(place);
    }
    if (is_space(c)) {
        place->state = RH_PLACE_AFTER_NAME;
        return NULL;
    }
    if (place->state == RH_PLACE_AFTER_NAME || c == '/' || c == '>') {
        name_begin(place);
        return feed_in_tag(place, c);
    }
    if (c == '"' || c == '\'' || c == '<' || c == '`') {
        return "a quote or `<` in the name of an attribute";
    }
    name_add(place, c);
    return NULL;
}

static const char *feed_before_value(struct rh_place *place, char c)
{
    if (is_space(c)) {
        return NULL;
    }
    if (c == '>') {
        return "the value of an attribute is missing";
    }
    if (c == '"' || c == '\'') {
        place->state = RH_PLACE_QUOTED;
        place->quote = (uint8_t)c;
        return NULL;
    }
    place->state = RH_PLACE_UNQUOTED;
    return value_add(place, c);
}

static const char *feed_value(struct rh_place *place, char c)
{
    if (place->state == RH_PLACE_QUOTED) {
        if (c != (char)place->quote) {
            return value_add(place, c);
        }
        value_end(place);
        place->state = RH_PLACE_AFTER_VALUE;
        return NULL;
    }
    if (is_space(c) || c == '>') {
        value_end(place);
        return feed_in_tag(place, c);
    }
    return value_add(place, c);
}

/* --- what is not a tag --- */

/* Comments end in --> and --!>, and right after <!-- also in > and -> (WHATWG HTML §13.2.5.43). */
enum {
    COMMENT_INSIDE,
    COMMENT_DASH,
    COMMENT_DASHES,
    COMMENT_BANG,
    COMMENT_START,
    COMMENT_START_DASH
};

static const char *feed_comment(struct rh_place *place, char c)
{
    bool ends = c == '>' && place->match != COMMENT_INSIDE && place->match != COMMENT_DASH;
    if (ends) {
        text_begin(place);
        return NULL;
    }
    switch (place->match) {
    case COMMENT_START:
        place->match = c == '-' ? COMMENT_START_DASH : COMMENT_INSIDE;
        break;
    case COMMENT_DASHES:
        place->match = c == '-' ? COMMENT_DASHES : c == '!' ? COMMENT_BANG : COMMENT_INSIDE;
        break;
    case COMMENT_DASH:
    case COMMENT_START_DASH:
        place->match = c == '-' ? COMMENT_DASHES : COMMENT_INSIDE;
        break;
    default:
        place->match = c == '-' ? COMMENT_DASH : COMMENT_INSIDE;
        break;
    }
    return NULL;
}

/* After <! : two dashes make a comment. */
static const char *feed_markup(struct rh_place *place, char c)
{
    if (c == '-' && place->match == 1) {
        place->state = RH_PLACE_COMMENT;
        place->match = COMMENT_START;
    } else if (c == '-' && place->match == 0) {
        place->match = 1;
    } else if (c == '[') {
        return "`<![`: browsers read it in two ways";
    } else if (c == '>') {
        text_begin(place);
    } else {
        place->state = RH_PLACE_BOGUS;
        place->match = 0;
    }
    return NULL;
}

static const char *feed_tag_open(struct rh_place *place, char c)
{
    bool closing = place->state == RH_PLACE_END_TAG_OPEN;
    if (rh_ascii_is_alpha(c)) {
        text_begin(place);
        place->state = RH_PLACE_TAG_NAME;
        place->closing = closing;
        name_add(place, c);
    } else if (closing) {
        place->state = c == '>' ? RH_PLACE_TEXT : RH_PLACE_BOGUS;
    } else if (c == '/') {
        place->state = RH_PLACE_END_TAG_OPEN;
    } else if (c == '!') {
        place->state = RH_PLACE_MARKUP;
    } else if (c == '?') {
        place->state = RH_PLACE_BOGUS;
    } else if (c != '<') {
        place->state = RH_PLACE_TEXT;
    }
    return NULL;
}

/* In an element that only its own end tag ends: looks for `</name` and what ends a tag's name.
 * `match` counts the bytes that fit so far. */
static const char *feed_raw(struct rh_place *place, char c)
{
    size_t name_len = strnlen(place->raw_name, sizeof(place->raw_name));
    if (place->match == name_len + 2) {
        if (c == '>') {
            text_begin(place);
            return NULL;
        }
        if (is_space(c) || c == '/') {
            text_begin(place);
            place->closing = 1;
            place->state = RH_PLACE_IN_TAG;
            return NULL;
        }
    }
    char want = place->match == 0             ? '<'
                : place->match == 1           ? '/'
                : place->match < name_len + 2 ? place->raw_name[place->match - 2]
                                              : '\0';
    place->match =
        rh_ascii_lower(c) == want && want != '\0' ? (uint8_t)(place->match + 1) : c == '<';
    return place->state == RH_PLACE_SCRIPT ? rh_place_script_feed(place, c) : NULL;
}

static const char *feed_tag_name(struct rh_place *place, char c)
{
    if (is_space(c) || c == '/' || c == '>') {
        element_begin(place);
        return feed_in_tag(place, c);
    }
    if (c == '<' || c == '"' || c == '\'' || c == '=') {
        return "a quote, `<` or `=` in the name of a tag";
    }
    name_add(place, c);
    return NULL;
}

/* --- the doors --- */

static const char *feed(struct rh_place *place, char c)
{
    switch ((enum rh_place_state)place->state) {
    case RH_PLACE_PLAIN:
        return NULL;
    case RH_PLACE_TEXT:
        place->state = c == '<' ? RH_PLACE_TAG_OPEN : RH_PLACE_TEXT;
        return NULL;
    case RH_PLACE_RCDATA:
    case RH_PLACE_RAW:
    case RH_PLACE_SCRIPT:
        return feed_raw(place, c);
    case RH_PLACE_COMMENT:
        return feed_comment(place, c);
    case RH_PLACE_MARKUP:
        return feed_markup(place, c);
    case RH_PLACE_BOGUS:
        if (c == '>') {
            text_begin(place);
        }
        return NULL;
    case RH_PLACE_TAG_OPEN:
    case RH_PLACE_END_TAG_OPEN:
        return feed_tag_open(place, c);
    case RH_PLACE_TAG_NAME:
        return feed_tag_name(place, c);
    case RH_PLACE_IN_TAG:
    case RH_PLACE_TAG_JOIN:
    case RH_PLACE_AFTER_VALUE:
        return feed_in_tag(place, c);
    case RH_PLACE_ATTR_NAME:
    case RH_PLACE_AFTER_NAME:
        return feed_attr_name(place, c);
    case RH_PLACE_BEFORE_VALUE:
        return feed_before_value(place, c);
    case RH_PLACE_QUOTED:
    case RH_PLACE_UNQUOTED:
        return feed_value(place, c);
    }
    return NULL;
}

const char *rh_place_feed(struct rh_place *place, struct rh_slice text, size_t *ret_at)
{
    for (size_t i = 0; i < text.len; i++) {
        const char *refused = feed(place, text.base[i]);
        if (refused != NULL) {
            *ret_at = i;
            return refused;
        }
    }
    return NULL;
}

const char *rh_place_value(struct rh_place *place, enum rh_place_tag tag,
                           enum rh_escape *ret_escape)
{
    bool is_json = tag == RH_PLACE_VALUE_JSON;
    switch ((enum rh_place_state)place->state) {
    case RH_PLACE_PLAIN:
        *ret_escape = is_json ? RH_ESCAPE_JSON : RH_ESCAPE_NONE;
        return NULL;
    case RH_PLACE_TEXT:
        *ret_escape = is_json                     ? RH_ESCAPE_HTML_JSON
                      : tag == RH_PLACE_VALUE_RAW ? RH_ESCAPE_NONE
                                                  : RH_ESCAPE_HTML;
        return NULL;
    case RH_PLACE_RCDATA:
        if (tag == RH_PLACE_VALUE_RAW) {
            return "a raw value in a title or textarea: write {{name}}";
        }
        if (place->match != 0) {
            return "a value in what may become an end tag";
        }
        *ret_escape = is_json ? RH_ESCAPE_HTML_JSON : RH_ESCAPE_HTML;
        return NULL;
    case RH_PLACE_SCRIPT:
        return rh_place_script_value(place, tag, ret_escape);
    case RH_PLACE_QUOTED:
        return rh_place_attr_value(place, tag, ret_escape);
    case RH_PLACE_RAW:
        return "a value in a style, iframe or xmp element: nothing can be escaped there";
    case RH_PLACE_COMMENT:
    case RH_PLACE_MARKUP:
    case RH_PLACE_BOGUS:
        return "a value in a comment or doctype";
    case RH_PLACE_TAG_OPEN:
    case RH_PLACE_END_TAG_OPEN:
    case RH_PLACE_TAG_NAME:
        return "a value as the name of a tag";
    case RH_PLACE_BEFORE_VALUE:
    case RH_PLACE_UNQUOTED:
        return "a value in an attribute without quotes: write name=\"{{…}}\"";
    case RH_PLACE_IN_TAG:
    case RH_PLACE_TAG_JOIN:
    case RH_PLACE_ATTR_NAME:
    case RH_PLACE_AFTER_NAME:
    case RH_PLACE_AFTER_VALUE:
        return "a value as the name of an attribute";
    }
    return "a value here";
}

/* --- sections --- */

/* True between the name of a tag and its >, outside of values. */
static bool is_between_attributes(const struct rh_place *place)
{
    switch (place->state) {
    case RH_PLACE_TAG_NAME:
    case RH_PLACE_IN_TAG:
    case RH_PLACE_TAG_JOIN:
    case RH_PLACE_ATTR_NAME:
    case RH_PLACE_AFTER_NAME:
    case RH_PLACE_AFTER_VALUE:
        return true;
    default:
        return false;
    }
}

/* Makes TAG_JOIN of a place between attributes: names that a section may or may not write must
 * end where the section does. */
static void join_in_tag(struct rh_place *place)
{
    if (place->state == RH_PLACE_TAG_NAME) {
        element_begin(place);
    }
    name_begin(place);
    place->state = RH_PLACE_TAG_JOIN;
}

void rh_place_enter(struct rh_place *place)
{
    if (is_between_attributes(place) && place->state != RH_PLACE_IN_TAG) {
        join_in_tag(place);
    }
}

const char *rh_place_join(struct rh_place *place, const struct rh_place *end)
{
    struct rh_place other = *end;
    if (rh_place_equal(place, &other)) {
        return NULL;
    }
    if (is_between_attributes(place) && is_between_attributes(&other)) {
        join_in_tag(place);
        join_in_tag(&other);
    } else if (place->state == RH_PLACE_QUOTED && other.state == RH_PLACE_QUOTED) {
        bool is_decided = place->url >= RH_URL_PATH && other.url >= RH_URL_PATH;
        bool is_forbidden = place->url == RH_URL_FORBIDDEN || other.url == RH_URL_FORBIDDEN;
        place->url = is_forbidden ? RH_URL_FORBIDDEN : is_decided ? RH_URL_PATH : RH_URL_DYNAMIC;
        other.url = place->url;
        name_begin(place);
        name_begin(&other);
    } else if (place->state == RH_PLACE_SCRIPT && other.state == RH_PLACE_SCRIPT) {
        place->unclear |= other.unclear;
        other.unclear = place->unclear;
    }
    if (place->element == RH_ELEMENT_META && place->refresh != other.refresh) {
        return "a section around http-equiv or the content of a meta element";
    }
    return rh_place_equal(place, &other)
               ? NULL
               : "a section must end in the same place of the document in which it began";
}

const char *rh_place_finish(const struct rh_place *place)
{
    switch ((enum rh_place_state)place->state) {
    case RH_PLACE_PLAIN:
    case RH_PLACE_TEXT:
    case RH_PLACE_TAG_OPEN: /* a `<` at the very end is text */
        return NULL;
    case RH_PLACE_COMMENT:
    case RH_PLACE_MARKUP:
    case RH_PLACE_BOGUS:
        return "the template ends inside a comment";
    case RH_PLACE_RCDATA:
    case RH_PLACE_RAW:
    case RH_PLACE_SCRIPT:
        return "the template ends inside an element that has no end tag";
    default:
        return "the template ends inside a tag";
    }
}
