/* Escapes are written byte by byte through a table-free switch into the sink, in runs: most values
 * need none, and then the sink sees them whole. A value is bytes, perhaps a peer's, and a page says
 * that it is UTF-8: a byte that belongs to no character becomes U+FFFD, so that it is.
 *
 * A URL is escaped twice: first what may not stand in a URL is percent-encoded (RFC 3986 §2.1),
 * then nothing is left that HTML would need escaped but `&`. */
#include "template/escape.h"

#include "util/utf8.h"
#include "value/value.h"
#include "util/ascii.h"

/* What a URL that could run a script is replaced with: it leads nowhere. */
static const char blocked_url[] = "about:invalid";

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* The escape of one byte in HTML text and quoted attributes, or NULL. U+0000 has none: browsers
 * read the replacement character there, so that is what is written (WHATWG HTML §13.2.5). */
static const char *html_escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '`':
        return "&#96;"; /* old browsers took it for a quote */
    case '\0':
        return replacement;
    default:
        return NULL;
    }
}

struct text_sink {
    rh_sink_fn sink;
    void *data;
};

/* Writes text whose every character stands as itself unless `escape_of` has another text for its
 * first byte. */
static int write_text(const struct text_sink *text, const char *at, const char *end,
                      const char *(*escape_of)(char c))
{
    const char *plain = at; /* where the run began that stands as itself */
    while (at < end) {
        uint32_t point;
        size_t len = rh_utf8_next(at, end, &point);
        const char *escaped = len == 0 ? replacement : escape_of(*at);
        if (escaped == NULL) {
            at += len;
            continue;
        }
        int err = at > plain ? text->sink(text->data, plain, (size_t)(at - plain)) : 0;
        if (err == 0) {
            err = text->sink(text->data, escaped, strlen(escaped));
        }
        if (err != 0) {
            return err;
        }
        at += len > 0 ? len : 1;
        plain = at;
    }
    return end > plain ? text->sink(text->data, plain, (size_t)(end - plain)) : 0;
}

/* A sink that escapes what passes through it, for JSON inside attributes, which comes in pieces of
 * whole characters. */
static int write_html(void *data, const char *bytes, size_t len)
{
    return write_text(data, bytes, bytes + len, html_escape_of);
}

static const char *no_escape_of(char c)
{
    (void)c;
    return NULL;
}

/* --- URLs --- */

/* Browsers drop tabs, line ends and leading controls before they look for a scheme (WHATWG URL
 * §4.4), so a URL that holds such a byte where a scheme could be has no scheme we would trust. */
bool rh_escape_url_is_safe(struct rh_slice url)
{
    static const char *const allowed[] = {"http", "https", "mailto"};
    for (size_t i = 0; i < url.len; i++) {
        char c = url.base[i];
        if (c == '/' || c == '?' || c == '#') {
            return true;
        }
        if ((unsigned char)c <= 0x20 || c == 0x7f) {
            return false;
        }
        if (c == ':') {
            struct rh_slice scheme = {url.base, i};
            for (size_t k = 0; k < sizeof(allowed) / sizeof(allowed[0]); k++) {
                if (rh_ascii_is(scheme, allowed[k])) {
                    return true;
                }
            }
            return false;
        }
    }
    return true;
}

/* True for a byte that stands as itself in this part of a URL. A whole URL keeps its delimiters
 * and its escapes (RFC 3986 §2.2), but no quote, space or bracket. */
static bool is_url_byte(enum rh_escape escape, char c)
{
    if (rh_ascii_is_alnum_or(c, "-._~")) { /* unreserved (RFC 3986 §2.3) */
        return true;
    }
    switch (escape) {
    case RH_ESCAPE_URL:
        return c != '\0' && strchr("/?#:@!$&()*+,;=%[]", c) != NULL;
    case RH_ESCAPE_SRCSET:
        return c != '\0' && strchr("/?#:@!$&*+;=%", c) != NULL;
    case RH_ESCAPE_URL_PATH:
        return c == '/';
    default:
        return false;
    }
}

static int write_url(enum rh_escape escape, struct rh_slice url, rh_sink_fn sink, void *data)
{
    static const char digits[] = "0123456789ABCDEF";
    bool is_whole = escape == RH_ESCAPE_URL || escape == RH_ESCAPE_SRCSET;
    if (is_whole && !rh_escape_url_is_safe(url)) {
        return sink(data, blocked_url, sizeof(blocked_url) - 1);
    }
    size_t plain = 0;
    for (size_t i = 0; i < url.len; i++) {
        char c = url.base[i];
        if (is_url_byte(escape, c) && c != '&') {
            continue;
        }
        char encoded[3] = {'%', digits[(unsigned char)c >> 4], digits[c & 15]};
        int err = i > plain ? sink(data, url.base + plain, i - plain) : 0;
        if (err == 0) {
            err = c == '&' && is_whole ? sink(data, "&amp;", 5) : sink(data, encoded, 3);
        }
        if (err != 0) {
            return err;
        }
        plain = i + 1;
    }
    return url.len > plain ? sink(data, url.base + plain, url.len - plain) : 0;
}

/* --- all of them --- */

/* JSON in JavaScript: a number or a word gets a space on both sides, so that it can not grow
 * together with what stands beside it. */
static int write_js(const struct rh_value *value, rh_sink_fn sink, void *data)
{
    enum rh_value_kind kind = rh_value_kind(value);
    bool is_word = kind != RH_VALUE_STRING && kind != RH_VALUE_LIST && kind != RH_VALUE_MAP;
    int err = is_word ? sink(data, " ", 1) : 0;
    if (err == 0) {
        err = rh_json_write(value, RH_JSON_HTML, sink, data);
    }
    return err == 0 && is_word ? sink(data, " ", 1) : err;
}

/* The text of a value that is no string; lists and maps have none. */
static struct rh_slice text_of(const struct rh_value *value, char *buffer)
{
    switch (rh_value_kind(value)) {
    case RH_VALUE_STRING:
        return value->as.string;
    case RH_VALUE_BOOL:
        return rh_slice_from(value->as.boolean ? "true" : "false");
    case RH_VALUE_INT:
    case RH_VALUE_DOUBLE:
        return (struct rh_slice){buffer, rh_value_number_format(value, buffer)};
    default:
        return (struct rh_slice){"", 0};
    }
}

int rh_escape_write(enum rh_escape escape, const struct rh_value *value, rh_sink_fn sink,
                    void *data)
{
    char number[RH_VALUE_NUMBER_BYTES];
    struct text_sink plain = {sink, data};
    struct rh_slice text = text_of(value, number);
    switch (escape) {
    case RH_ESCAPE_NONE:
        return write_text(&plain, text.base, text.base + text.len, no_escape_of);
    case RH_ESCAPE_HTML:
        return write_html(&plain, text.base, text.len);
    case RH_ESCAPE_URL:
    case RH_ESCAPE_URL_PATH:
    case RH_ESCAPE_URL_QUERY:
    case RH_ESCAPE_SRCSET:
        return write_url(escape, text, sink, data);
    case RH_ESCAPE_JSON:
        return rh_json_write(value, RH_JSON_HTML, sink, data);
    case RH_ESCAPE_JS:
        return write_js(value, sink, data);
    case RH_ESCAPE_HTML_JSON:
        return rh_json_write(value, 0, write_html, &plain);
    }
    return 0;
}
