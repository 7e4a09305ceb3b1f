/* Error answers in what the peer asks for by Accept: a browser gets a page, the app's own for that
 * status where it has one; a program that wants JSON a problem (RFC 9457); everything else plain
 * text, which is `detail` or the reason phrase. Whatever is made here fits the arena or falls
 * back to the reason phrase, which is static. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/page.h"
#include "util/utf8.h"
#include "http/media.h"
#include "rawhttp/status.h"

/* Of a detail that is escaped: six times this must fit one block of the arena. */
enum { DETAIL_BYTES_MAX = 512, PAGE_COPY_MAX = 2048 };

/* `text` with the bytes that HTML, or a JSON string, takes for its own replaced, and what is no
 * UTF-8 by U+FFFD: it may come from the peer, and RFC 8259 §8.1 knows nothing else. NULL at the
 * arena's cap. */
static const char *escape(struct rh_exchange *x, const char *text, bool is_json)
{
    const char *end = text + strnlen(text, DETAIL_BYTES_MAX);
    char *out = rh_exchange_alloc(x, (size_t)(end - text) * 6 + 1);
    size_t at = 0;
    for (size_t len; out != NULL && text < end; text += len) {
        uint32_t point;
        len = rh_utf8_next(text, end, &point);
        /* One shape serves both: in HTML as a reference, in JSON as an escape; each is six bytes at
         * most. */
        if (len == 0) {
            len = 1;
            memcpy(out + at, "\xef\xbf\xbd", 3);
            at += 3;
        } else if (is_json ? (point < 0x20 || point == '"' || point == '\\')
                           : point < 0x80 && strchr("<>&\"'", (int)point) != NULL) {
            at += (size_t)sprintf(out + at, is_json ? "\\u%04x" : "&#%u;", (unsigned)point);
        } else {
            memcpy(out + at, text, len);
            at += len;
        }
    }
    if (out != NULL) {
        out[at] = '\0';
    }
    return out;
}

/* What a visitor reads if nobody has said more. */
static const char *in_words(unsigned status)
{
    switch (status) {
    case 403:
        return "This may not be read.";
    case 404:
        return "There is nothing at this address.";
    case 500:
        return "Something went wrong here, and the server has made a note of it.";
    case 503:
        return "The server has too much to do: try again in a moment.";
    default:
        return "";
    }
}

static const char *make_html(struct rh_exchange *x, unsigned status, const char *detail)
{
    const char *reason = rh_status_reason(status);
    const char *escaped = detail == NULL ? in_words(status) : escape(x, detail, false);
    if (escaped == NULL) {
        return NULL;
    }
    if (rh_response_field(x, "content-security-policy", 0).base != NULL) {
        RH_IGNORE(rh_response_set(x, "Content-Security-Policy", rh_page_policy));
    }
    return rh_exchange_format(
        x,
        "%s%u %s</title>\n<style>\n%smain{padding-top:3rem}h1{margin-top:0}"
        "p{font-size:1.2rem;color:var(--quiet);margin:.75rem 0;max-width:40rem}</style>\n"
        "</head>\n<body>\n<main>\n<h1>%u %s</h1>\n<p>%s</p>\n<p><a href=\"/\">Go to the "
        "start</a></p>\n"
        "</main>\n</body>\n</html>\n",
        rh_page_head, status, reason, rh_page_style, status, reason, escaped);
}

static const char *make_problem(struct rh_exchange *x, unsigned status, const char *detail)
{
    const char *escaped = detail == NULL ? "" : escape(x, detail, true);
    if (escaped == NULL) {
        return NULL;
    }
    return rh_exchange_format(x, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u%s%s%s}",
                              rh_status_reason(status), status,
                              detail == NULL ? "" : ",\"detail\":\"", escaped,
                              detail == NULL ? "" : "\"");
}

/* What the peer would rather have (RFC 9110 §12.5.1); among equals a page that the app has, else
 * text. An error in a type that nobody asked for beats none. */
enum shape { SHAPE_TEXT, SHAPE_HTML, SHAPE_PROBLEM };

static enum shape choose_shape(struct rh_exchange *x, bool has_page)
{
    static const char *const types[] = {"text/html", "text/plain", "text/html",
                                        "application/problem+json", "application/json"};
    static const enum shape shapes[] = {SHAPE_HTML, SHAPE_TEXT, SHAPE_HTML, SHAPE_PROBLEM,
                                        SHAPE_PROBLEM};
    size_t first = has_page ? 0 : 1;
    ptrdiff_t choice = rh_media_choose(rh_request_list(x, "accept"), types + first,
                                       sizeof types / sizeof *types - first);
    return shapes[first + (choice < 0 ? 0 : (size_t)choice)];
}

static void respond_page(struct rh_exchange *x, unsigned status, struct rh_slice page)
{
    static const char type[] = "text/html; charset=utf-8";
    if (page.len <= PAGE_COPY_MAX) {
        rh_respond(x, status, type, page.base, page.len);
    } else { /* the server holds its app until its last exchange has ended */
        rh_respond_static(x, status, type, page.base, page.len);
    }
}

void rh_app_fail(struct rh_exchange *x, unsigned status, const char *detail, struct rh_door *door)
{
    const struct rh_app *app = RH_CONTAINER_OF(door, struct rh_app, door);
    struct rh_slice page = {NULL, 0};
    if (status >= RH_APP_STATUS_MIN && status <= RH_APP_STATUS_MAX) {
        page = app->pages[status - RH_APP_STATUS_MIN];
    }
    enum shape shape = choose_shape(x, page.base != NULL);
    const char *type = "text/plain; charset=utf-8";
    const char *body = NULL;
    RH_IGNORE(rh_response_add(x, "Vary", "Accept"));
    if (shape == SHAPE_HTML && page.base != NULL) {
        respond_page(x, status, page);
        return;
    }
    if (shape == SHAPE_HTML) {
        type = "text/html; charset=utf-8";
        body = make_html(x, status, detail);
    } else if (shape == SHAPE_PROBLEM) {
        type = "application/problem+json";
        body = make_problem(x, status, detail);
    }
    if (body == NULL) {
        type = "text/plain; charset=utf-8";
        body = detail != NULL ? detail : rh_status_reason(status);
    }
    rh_respond(x, status, type, body, strlen(body));
}
