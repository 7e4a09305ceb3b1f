/* Elements and attributes with rules of their own. The lists name what can run a script, load one,
 * or change what another attribute means; a name nobody listed is text, unless it looks like a URL
 * or like script. */
#include "template/place_kinds.h"

#include "util/ascii.h"

struct kind {
    const char *name;
    uint8_t kind;
};

static int find(const struct kind *kinds, size_t count, struct rh_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (rh_slice_is(name, kinds[i].name)) {
            return kinds[i].kind;
        }
    }
    return -1;
}

enum rh_place_element rh_place_element_of(struct rh_slice name)
{
    static const struct kind kinds[] = {
        {"script", RH_ELEMENT_SCRIPT},
        {"style", RH_ELEMENT_RAW},
        {"iframe", RH_ELEMENT_RAW},
        {"xmp", RH_ELEMENT_RAW},
        {"noembed", RH_ELEMENT_RAW},
        {"noframes", RH_ELEMENT_RAW},
        {"title", RH_ELEMENT_RCDATA},
        {"textarea", RH_ELEMENT_RCDATA},
        {"plaintext", RH_ELEMENT_PLAIN},
        {"link", RH_ELEMENT_LOADER},
        {"object", RH_ELEMENT_LOADER},
        {"embed", RH_ELEMENT_LOADER},
        {"base", RH_ELEMENT_LOADER},
        {"meta", RH_ELEMENT_META},
        {"animate", RH_ELEMENT_ANIMATE},
        {"set", RH_ELEMENT_ANIMATE},
        {"animatemotion", RH_ELEMENT_ANIMATE},
        {"animatetransform", RH_ELEMENT_ANIMATE},
        {"param", RH_ELEMENT_ANIMATE},
    };
    int kind = find(kinds, sizeof(kinds) / sizeof(kinds[0]), name);
    return kind < 0 ? RH_ELEMENT_OTHER : (enum rh_place_element)kind;
}

static bool starts_with(struct rh_slice name, const char *start)
{
    size_t len = strlen(start);
    return name.len >= len && memcmp(name.base, start, len) == 0;
}

static bool contains(struct rh_slice name, const char *part)
{
    return memmem(name.base, name.len, part, strlen(part)) != NULL;
}

/* on… is script in every browser; the others are script to a framework that a page may load, and
 * the template can not know. */
static bool is_handler(struct rh_slice name)
{
    static const char *const starts[] = {"on", "@", ":", "x-", "v-", "ng-", "hx-on", "data-hx-on"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (starts_with(name, starts[i])) {
            return true;
        }
    }
    return contains(name, ":on");
}

static enum rh_place_attr attr_by_name(struct rh_slice name)
{
    static const struct kind kinds[] = {
        {"style", RH_ATTR_STYLE},
        {"srcdoc", RH_ATTR_SRCDOC},
        {"action", RH_ATTR_URL},
        {"formaction", RH_ATTR_URL},
        {"poster", RH_ATTR_URL},
        {"cite", RH_ATTR_URL},
        {"background", RH_ATTR_URL},
        {"data", RH_ATTR_URL},
        {"codebase", RH_ATTR_URL},
        {"classid", RH_ATTR_URL},
        {"archive", RH_ATTR_URL},
        {"manifest", RH_ATTR_URL},
        {"profile", RH_ATTR_URL},
        {"usemap", RH_ATTR_URL},
        {"icon", RH_ATTR_URL},
        {"longdesc", RH_ATTR_URL},
        {"ping", RH_ATTR_URL_LIST},
        {"srcset", RH_ATTR_URL_LIST},
        {"imagesrcset", RH_ATTR_URL_LIST},
        {"http-equiv", RH_ATTR_FIXED},
        {"sandbox", RH_ATTR_FIXED},
        {"allow", RH_ATTR_FIXED},
        {"is", RH_ATTR_FIXED},
        {"rel", RH_ATTR_FIXED},
    };
    int kind = find(kinds, sizeof(kinds) / sizeof(kinds[0]), name);
    if (kind >= 0) {
        return (enum rh_place_attr)kind;
    }
    if (contains(name, "src") || contains(name, "href") || contains(name, "url") ||
        contains(name, "uri")) {
        return RH_ATTR_URL;
    }
    return RH_ATTR_TEXT;
}

enum rh_place_attr rh_place_attr_of(const struct rh_place *place, struct rh_slice name)
{
    if (is_handler(name)) {
        return RH_ATTR_HANDLER;
    }
    if (place->element == RH_ELEMENT_ANIMATE) {
        return RH_ATTR_FIXED;
    }
    if (place->element == RH_ELEMENT_META && rh_slice_is(name, "content")) {
        return RH_ATTR_CONTENT;
    }
    if (place->element == RH_ELEMENT_SCRIPT && rh_slice_is(name, "type")) {
        return RH_ATTR_FIXED;
    }
    if (name.len >= sizeof(place->name)) {
        return RH_ATTR_FIXED; /* cut: what it contains is not known */
    }
    enum rh_place_attr attr = attr_by_name(name);
    bool loads = place->element == RH_ELEMENT_SCRIPT || place->element == RH_ELEMENT_LOADER;
    return attr == RH_ATTR_URL && loads ? RH_ATTR_URL_CODE : attr;
}

/* --- URLs --- */

static bool is_allowed_scheme(const struct rh_place *place)
{
    char scheme[sizeof(place->name) + 1];
    memcpy(scheme, place->name, place->name_len);
    scheme[place->name_len] = ':';
    return rh_escape_url_is_safe((struct rh_slice){scheme, place->name_len + 1u});
}

/* While the scheme is read, `name` holds it: an attribute's own name is no longer needed. */
const char *rh_place_url_feed(struct rh_place *place, char c)
{
    bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
    if (place->attr == RH_ATTR_URL_LIST && (c == ',' || is_space)) {
        /* The next URL; what follows a space may be a width, for which the same rules do. */
        place->url = RH_URL_START;
        place->name_len = 0;
        memset(place->name, 0, sizeof(place->name));
        return NULL;
    }
    if (place->url == RH_URL_QUERY || place->url == RH_URL_FORBIDDEN) {
        return NULL;
    }
    if (c == '?' || c == '#') {
        place->url = RH_URL_QUERY;
    } else if (place->url == RH_URL_PATH) {
        return NULL;
    } else if (c == '/') {
        place->url = RH_URL_PATH;
    } else if (c == ':' && place->url == RH_URL_DYNAMIC) {
        return "a `:` after a value makes it a URL's scheme";
    } else if (c == ':') {
        place->url = is_allowed_scheme(place) ? RH_URL_PATH : RH_URL_FORBIDDEN;
    } else if (c == '&' || (unsigned char)c < 0x20 || place->name_len == sizeof(place->name) - 1) {
        place->url = place->url == RH_URL_DYNAMIC ? RH_URL_DYNAMIC : RH_URL_FORBIDDEN;
    } else if (place->url != RH_URL_DYNAMIC && !(place->url == RH_URL_START && c == ' ')) {
        place->url = RH_URL_NAME;
        place->name[place->name_len++] = rh_ascii_lower(c);
    }
    if (place->url >= RH_URL_PATH) {
        place->name_len = 0;
        memset(place->name, 0, sizeof(place->name));
    }
    return NULL;
}

static const char *url_value(struct rh_place *place, enum rh_escape *ret_escape)
{
    if (place->url == RH_URL_FORBIDDEN) {
        return "a value in a URL whose scheme is not http, https or mailto";
    }
    if (place->attr == RH_ATTR_URL_CODE && place->url != RH_URL_QUERY) {
        return "a value in a URL from which code or style is loaded: it may stand only after ? "
               "or #";
    }
    switch ((enum rh_place_url)place->url) {
    case RH_URL_START:
        *ret_escape = place->attr == RH_ATTR_URL_LIST ? RH_ESCAPE_SRCSET : RH_ESCAPE_URL;
        place->url = RH_URL_DYNAMIC;
        break;
    case RH_URL_QUERY:
        *ret_escape = RH_ESCAPE_URL_QUERY;
        break;
    case RH_URL_NAME:
        place->url = RH_URL_DYNAMIC;
        *ret_escape = RH_ESCAPE_URL_PATH;
        break;
    default:
        *ret_escape = RH_ESCAPE_URL_PATH;
        break;
    }
    place->name_len = 0;
    memset(place->name, 0, sizeof(place->name));
    return NULL;
}

const char *rh_place_attr_value(struct rh_place *place, enum rh_place_tag tag,
                                enum rh_escape *ret_escape)
{
    if (tag == RH_PLACE_VALUE_RAW) {
        return "a raw value in an attribute: write {{name}}";
    }
    switch ((enum rh_place_attr)place->attr) {
    case RH_ATTR_HANDLER:
        return "a value in an event handler: put it into a data- attribute and read it there";
    case RH_ATTR_STYLE:
        return "a value in a style attribute: choose a class instead";
    case RH_ATTR_SRCDOC:
        return "a value in srcdoc: it would be escaped once and read twice";
    case RH_ATTR_FIXED:
        return "a value in an attribute that changes what others mean: write it out";
    case RH_ATTR_CONTENT:
        if (place->refresh == RH_REFRESH_HAS_EQUIV) {
            return "a value in the content of a meta element with http-equiv";
        }
        place->refresh = RH_REFRESH_HAS_VALUE;
        break;
    case RH_ATTR_URL:
    case RH_ATTR_URL_LIST:
    case RH_ATTR_URL_CODE:
        if (tag == RH_PLACE_VALUE_JSON) {
            return "JSON in a URL";
        }
        return url_value(place, ret_escape);
    case RH_ATTR_TEXT:
        break;
    }
    *ret_escape = tag == RH_PLACE_VALUE_JSON ? RH_ESCAPE_HTML_JSON : RH_ESCAPE_HTML;
    return NULL;
}
