#include "sim/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A field of the head, NULL: absent. The head ends in CR LF CR LF and a NUL. */
static const char *field(const char *head, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            return line + len + 1 + strspn(line + len + 1, " ");
        }
    }
    return NULL;
}

static bool has_no_content(const struct reader *r)
{
    return r->deal->method == RH_HEAD || r->status == 204 || r->status == 304;
}

static void finish(struct reader *r)
{
    struct deal *d = r->deal;
    d->served = r->ours;
    if (r->ours && d->patterned && !has_no_content(r) && r->status == 200) {
        SIM_CHECK(r->got == d->length, "deal %u: its answer is called whole at %llu of %zu bytes",
                  d->id, (unsigned long long)r->got, d->length);
        SIM_CHECK(!d->source_fails || d->given >= d->length,
                  "deal %u: a failed answer is called whole", d->id);
    }
    r->state = r->ends ? READER_OVER : READER_HEAD;
    r->deal = NULL;
    r->answers++;
}

static void read_head(struct reader *r)
{
    struct deal *d = r->deal;
    char *end;
    SIM_CHECK(strncmp(r->head, "HTTP/1.1 ", 9) == 0, "deal %u: not a status line: %.20s", d->id,
              r->head);
    r->status = (unsigned)strtoul(r->head + 9, &end, 10);
    SIM_CHECK(end == r->head + 12 && *end == ' ', "deal %u: not a status: %.20s", d->id, r->head);
    const char *id = field(r->head, "X-Deal");
    const char *length = field(r->head, "Content-Length");
    const char *coding = field(r->head, "Transfer-Encoding");
    const char *connection = field(r->head, "Connection");
    sim_trace("peer reads %u for deal %u", r->status, d->id);
    r->ours = id != NULL;
    r->got = 0;
    r->ends = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    SIM_CHECK(id == NULL || strtoul(id, NULL, 10) == d->id, "deal %u is answered by deal %.6s",
              d->id, id);
    SIM_CHECK(id == NULL || d->answered || d->stream_open,
              "deal %u: an answer that was never given", d->id);
    /* An answer whose copy finds no memory becomes a 503, one that fits no head a 500. */
    SIM_CHECK(id == NULL || d->status == 0 || r->status == d->status || r->status == 500 || r->status == 503,
              "deal %u: answered with %u and not with %u", d->id, r->status, d->status);
    SIM_CHECK(length == NULL || coding == NULL, "deal %u: two framings", d->id);
    if (r->status == 100) {
        SIM_CHECK(!r->continued, "deal %u: a second 100", d->id);
        r->continued = true;
        r->state = READER_HEAD;
        return;
    }
    if (has_no_content(r)) {
        r->unasked = d->method == RH_HEAD && !r->ours && r->ends && r->status == 503;
        finish(r);
    } else if (coding != NULL) {
        r->state = READER_CHUNK;
    } else if (length != NULL) {
        r->left = strtoull(length, NULL, 10);
        r->state = READER_LENGTH;
        if (r->left == 0) {
            finish(r);
        }
    } else {
        r->state = READER_UNTIL_END;
    }
}

/* One byte of a line; true: the line is complete, with a NUL behind it. */
static bool add_to_line(struct reader *r, char c, const char *end)
{
    size_t end_len = strlen(end);
    SIM_CHECK(r->head_len + 1 < READER_HEAD_MAX, "an answer's head has no end");
    r->head[r->head_len++] = c;
    r->head[r->head_len] = '\0';
    if (r->head_len >= end_len && memcmp(r->head + r->head_len - end_len, end, end_len) == 0) {
        r->head_len = 0;
        return true;
    }
    return false;
}

static size_t read_content(struct reader *r, const char *bytes, size_t len)
{
    const struct deal *d = r->deal;
    size_t n = r->state == READER_UNTIL_END || len < r->left ? len : (size_t)r->left;
    for (size_t i = 0; i < n && r->ours && d->patterned && r->status == 200; i++) {
        SIM_CHECK(bytes[i] == deal_byte(d->id, r->got + i), "deal %u: its answer is wrong at %llu",
                  d->id, (unsigned long long)r->got + i);
    }
    r->got += n;
    r->left -= r->state == READER_UNTIL_END ? 0 : n;
    return n;
}

static void read_chunk_head(struct reader *r)
{
    char *end;
    r->left = strtoull(r->head, &end, 16);
    SIM_CHECK(end > r->head && *end == '\r', "deal %u: not the head of a chunk: %.20s", r->deal->id,
              r->head);
    r->state = r->left > 0 ? READER_CHUNK_DATA : READER_TRAILER;
}

static size_t step(struct reader *r, const char *bytes, size_t len)
{
    size_t n;
    switch (r->state) {
    case READER_HEAD:
        if (add_to_line(r, *bytes, "\r\n\r\n")) {
            read_head(r);
        }
        return 1;
    case READER_LENGTH:
        n = read_content(r, bytes, len);
        if (r->left == 0) {
            finish(r);
        }
        return n;
    case READER_CHUNK:
        if (add_to_line(r, *bytes, "\r\n")) {
            read_chunk_head(r);
        }
        return 1;
    case READER_CHUNK_DATA:
        n = read_content(r, bytes, len);
        r->state = r->left == 0 ? READER_CHUNK_END : r->state;
        return n;
    case READER_CHUNK_END:
        if (add_to_line(r, *bytes, "\r\n")) {
            SIM_CHECK(r->head[0] == '\r', "deal %u: no line break behind a chunk", r->deal->id);
            r->state = READER_CHUNK;
        }
        return 1;
    case READER_TRAILER:
        if (add_to_line(r, *bytes, "\r\n")) {
            SIM_CHECK(r->head[0] == '\r', "deal %u: a trailer that nobody set", r->deal->id);
            finish(r);
        }
        return 1;
    case READER_UNTIL_END:
        return read_content(r, bytes, len);
    case READER_OVER:
        if (r->unasked) {
            break;
        }
        sim_fail("bytes behind an answer that ended its connection");
    }
    return len;
}

size_t reader_feed(struct reader *r, const char *bytes, size_t len)
{
    size_t used = 0;
    while (used < len && r->deal != NULL) {
        used += step(r, bytes + used, len - used);
    }
    return used;
}

void reader_end(struct reader *r)
{
    if (r->deal != NULL && r->state == READER_UNTIL_END) {
        r->deal->served = r->ours && (!r->deal->patterned || r->got == r->deal->length);
    }
}
