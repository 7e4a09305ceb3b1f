/* Error answers: the app's page for the status, else a few words in what the peer asked for by
 * Accept: a browser gets a page, a program that wants JSON a problem (RFC 9457), everything else
 * plain text, which is `detail` or the reason phrase. Whatever is made here fits the arena or falls
 * back to the reason phrase, which is static. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/utf8.h"
#include "http/media.h"
#include "rawhttp/status.h"

/* Of a detail that is escaped: six times this must fit one block of the arena. */
enum { DETAIL_BYTES_MAX = 512, PAGE_COPY_MAX = 2048 };

static const char page_head[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";

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

static const char *make_html(struct rh_exchange *x, unsigned status, const char *detail)
{
    const char *reason = rh_status_reason(status);
    const char *escaped = detail == NULL ? "" : escape(x, detail, false);
    if (escaped == NULL) {
        return NULL;
    }
    return rh_exchange_format(x, "%s<title>%u %s</title>\n<h1>%u %s</h1>\n<p>%s</p>\n", page_head,
                              status, reason, status, reason, escaped);
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

void rh_app_fail(struct rh_exchange *x, unsigned status, const char *detail, struct rh_door *door)
{
    const struct rh_app *app = RH_CONTAINER_OF(door, struct rh_app, door);
    static const char *const types[] = {"text/plain", "text/html", "application/problem+json",
                                        "application/json"};
    if (status >= RH_APP_STATUS_MIN && status <= RH_APP_STATUS_MAX) {
        struct rh_slice page = app->pages[status - RH_APP_STATUS_MIN];
        if (page.base != NULL && page.len <= PAGE_COPY_MAX) {
            rh_respond(x, status, "text/html; charset=utf-8", page.base, page.len);
            return;
        }
        if (page.base != NULL) { /* the server holds its app until its last exchange has ended */
            rh_respond_static(x, status, "text/html; charset=utf-8", page.base, page.len);
            return;
        }
    }
    ptrdiff_t choice =
        rh_media_choose(rh_request_field(x, "accept"), types, sizeof types / sizeof *types);
    size_t type =
        choice < 0 ? 0 : (size_t)choice; /* an error in a type that nobody asked for beats none */
    const char *body = NULL;
    RH_IGNORE(rh_response_add(x, "Vary", "Accept"));
    if (type == 1) {
        body = make_html(x, status, detail);
    } else if (type > 1) {
        body = make_problem(x, status, detail);
    }
    if (body == NULL) {
        type = 0;
        body = detail != NULL ? detail : rh_status_reason(status);
    }
    const char *const sent[] = {"text/plain; charset=utf-8", "text/html; charset=utf-8",
                                "application/problem+json", "application/problem+json"};
    rh_respond(x, status, sent[type], body, strlen(body));
}
