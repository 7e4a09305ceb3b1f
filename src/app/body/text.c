/* Text bodies. The happy path: the type is looked at before the body is asked for, the body is
 * gathered by the server, checked byte by byte and handed on as it lies there; only Latin-1 with
 * something beyond ASCII in it is copied, to a malloc of twice its length that goes with the
 * exchange. A wrong type is told after the body was read, as in form.c, so that everything that may
 * answer happens inside one callback of the server. */
#include "rawhttp/text.h"

#include <stdlib.h>
#include <string.h>

#include "util/utf8.h"
#include "http/media.h"
#include "rawhttp/body.h"
#include "rawhttp/log.h"
#include "server/door.h"
#include "util/ascii.h"
#include "util/assert.h"

enum charset { CHARSET_UNKNOWN, CHARSET_UTF8, CHARSET_ASCII, CHARSET_LATIN1 };

struct text_read {
    rh_text_fn fn;
    void *data;
    enum charset charset; /* CHARSET_UNKNOWN: refused with RH_ETYPE */
};

/* True also where the word only stands inside another parameter's value: such a type is refused,
 * not guessed at. */
static bool names_charset(struct rh_slice parameters)
{
    static const char word[] = "charset";
    enum { LEN = sizeof word - 1 };
    for (size_t i = 0; i + LEN <= parameters.len; i++) {
        if (rh_ascii_is((struct rh_slice){parameters.base + i, LEN}, word)) {
            return true;
        }
    }
    return false;
}

/* The charset of a Content-Type (RFC 9110 §8.3.2); the names compare without case. */
static enum charset charset_of(struct rh_slice type)
{
    static const struct {
        const char *name;
        enum charset charset;
    } known[] = {{"utf-8", CHARSET_UTF8},        {"utf8", CHARSET_UTF8},
                 {"us-ascii", CHARSET_ASCII},    {"ascii", CHARSET_ASCII},
                 {"iso-8859-1", CHARSET_LATIN1}, {"iso_8859-1", CHARSET_LATIN1},
                 {"latin1", CHARSET_LATIN1}};
    struct rh_media media;
    char name[32];
    if (type.base == NULL || !rh_media_parse(type, &media) || !rh_media_is(&media, "text/plain")) {
        return CHARSET_UNKNOWN;
    }
    ptrdiff_t len = rh_media_parameter(&media, "charset", name, sizeof name);
    if (len < 0) { /* absent; or given twice, or longer than any name that is known */
        return names_charset(media.parameters) ? CHARSET_UNKNOWN : CHARSET_UTF8;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (rh_ascii_is((struct rh_slice){name, (size_t)len}, known[i].name)) {
            return known[i].charset;
        }
    }
    return CHARSET_UNKNOWN;
}

static bool is_utf8(struct rh_slice text)
{
    const char *end = text.base + text.len;
    uint32_t point;
    for (const char *at = text.base; at < end;) {
        size_t len = rh_utf8_next(at, end, &point);
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}

static size_t beyond_ascii(struct rh_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += (unsigned char)text.base[i] >= 0x80;
    }
    return count;
}

static void copy_done(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    (void)x;
    (void)outcome;
    free(data);
}

/* Each byte of Latin-1 is the code point of its value: one byte of UTF-8 or two. */
static int convert_latin1(struct rh_exchange *x, struct rh_slice *text, size_t beyond)
{
    char *copy = malloc(text->len + beyond);
    size_t at = 0;
    if (copy == NULL || rh_exchange_on_outcome(x, copy_done, copy) != 0) {
        free(copy);
        return RH_ENOROOM;
    }
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->base[i];
        if (c < 0x80) {
            copy[at++] = (char)c;
        } else {
            copy[at++] = (char)(0xc0 | c >> 6);
            copy[at++] = (char)(0x80 | (c & 0x3f));
        }
    }
    *text = (struct rh_slice){copy, at};
    return 0;
}

static int read_text(struct rh_exchange *x, enum charset charset, struct rh_slice *text)
{
    size_t beyond;
    switch (charset) {
    case CHARSET_UTF8:
        if (text->len >= 3 && memcmp(text->base, "\xef\xbb\xbf", 3) == 0) {
            text->base += 3;
            text->len -= 3;
        }
        return is_utf8(*text) ? 0 : RH_ETEXT;
    case CHARSET_ASCII:
        return beyond_ascii(*text) == 0 ? 0 : RH_ETEXT;
    case CHARSET_LATIN1:
        beyond = beyond_ascii(*text);
        return beyond == 0 ? 0 : convert_latin1(x, text, beyond);
    default:
        return RH_ETYPE;
    }
}

static void on_body(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    const struct text_read *read = data;
    bool is_ours = false;
    if (error == 0 && body.len > 0) { /* without a body there is no type to be wrong */
        error = read_text(x, read->charset, &body);
        is_ours = error != 0;
    }
    if (error != 0) {
        rh_exchange_log(x, RH_LOG_DEBUG, "text body refused: %s", rh_strerror(error));
        body = (struct rh_slice){NULL, 0};
    }
    read->fn(x, body, error, read->data);
    if (is_ours && rh_exchange_needs_answer(x)) {
        unsigned status = error == RH_ETYPE ? 415 : error == RH_ENOROOM ? 503 : 400;
        rh_respond_error(x, status, rh_strerror(error));
    }
}

void rh_text_read(struct rh_exchange *x, rh_text_fn fn, void *data)
{
    struct text_read *read = rh_exchange_alloc(x, sizeof *read);
    if (read == NULL) {
        rh_exchange_log(x, RH_LOG_WARNING, "no room in the arena for a text");
        rh_respond_error(x, 503, NULL);
        return;
    }
    *read = (struct text_read){fn, data, charset_of(rh_request_field(x, "content-type"))};
    rh_body_whole(x, on_body, read);
}
