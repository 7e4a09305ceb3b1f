/* Escapes are written byte by byte through a table-free switch into the sink, in runs: most values
 * need none, and then the sink sees them whole.
 *
 * A URL is escaped twice: first what may not stand in a URL is percent-encoded (RFC 3986 §2.1),
 * then nothing is left that HTML would need escaped but `&`. */
#include "app/template_escape.h"

#include "app/value.h"
#include "util/ascii.h"

/* What a URL that could run a script is replaced with: it leads nowhere. */
static const char blocked_url[] = "about:invalid";

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
        return "\xef\xbf\xbd";
    default:
        return NULL;
    }
}

struct html_sink {
    rh_sink_fn sink;
    void *data;
};

/* A sink that escapes what passes through it, for JSON inside attributes. */
static int write_html(void *data, const char *bytes, size_t len)
{
    const struct html_sink *html = data;
    size_t plain = 0;
    for (size_t i = 0; i < len; i++) {
        const char *escaped = html_escape_of(bytes[i]);
        if (escaped == NULL) {
            continue;
        }
        int err = i > plain ? html->sink(html->data, bytes + plain, i - plain) : 0;
        if (err == 0) {
            err = html->sink(html->data, escaped, strlen(escaped));
        }
        if (err != 0) {
            return err;
        }
        plain = i + 1;
    }
    return len > plain ? html->sink(html->data, bytes + plain, len - plain) : 0;
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
    struct html_sink html = {sink, data};
    struct rh_slice text = text_of(value, number);
    switch (escape) {
    case RH_ESCAPE_NONE:
        return text.len > 0 ? sink(data, text.base, text.len) : 0;
    case RH_ESCAPE_HTML:
        return write_html(&html, text.base, text.len);
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
        return rh_json_write(value, 0, write_html, &html);
    }
    return 0;
}
