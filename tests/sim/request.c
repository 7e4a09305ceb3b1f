/* Requests as honest clients make them, and some that break rules: bytes that were changed, doubled
 * or left out, two framings at once, and plain noise. A number in the path with a check behind it
 * names the deal: bytes that were changed do not name another one. */
#include "sim/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { REQUEST_MAX = 256 * 1024, BODY_MAX = 60000 };

static void add(struct request *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct request *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    r->len += (size_t)vsnprintf(r->bytes + r->len, REQUEST_MAX - r->len, format, args);
    va_end(args);
}

static unsigned check_of(unsigned id)
{
    return (id * 2654435761u) >> 8;
}

unsigned request_id_of(const char *text, size_t len)
{
    char copy[32];
    unsigned id, check;
    int used = 0;
    if (len >= sizeof copy) {
        return UINT32_MAX;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (sscanf(copy, "%u-%x%n", &id, &check, &used) != 2 || (size_t)used != len ||
        check != check_of(id)) {
        return UINT32_MAX;
    }
    return id;
}

static void add_fields(struct request *r)
{
    static const char *const fields[] = {"Accept: */*\r\n",
                                         "Accept: application/json\r\n",
                                         "Accept-Encoding: gzip, br\r\n",
                                         "User-Agent: sim\r\n",
                                         "Cookie: a=b; c=d\r\n",
                                         "If-None-Match: \"x\"\r\n",
                                         "Range: bytes=0-99\r\n",
                                         "X-Empty:\r\n"};
    for (size_t n = sim_pick(4); n > 0; n--) {
        add(r, "%s", fields[sim_pick(sizeof fields / sizeof fields[0])]);
    }
    if (sim_percent(3)) {
        add(r, "X-Long: %0*d\r\n", (int)sim_pick(12000), 0);
    }
}

static void add_chunks(struct request *r, const struct deal *d)
{
    size_t at = 0;
    while (at < d->body_len) {
        size_t n = 1 + sim_pick(d->body_len - at < 9000 ? d->body_len - at : 9000);
        add(r, "%zx%s\r\n", n, sim_percent(5) ? ";name=value" : "");
        deal_fill(d->id, at, r->bytes + r->len, n);
        r->len += n;
        add(r, "\r\n");
        at += n;
    }
    add(r, "0\r\n%s\r\n", sim_percent(10) ? "X-Trailer: here\r\n" : "");
}

static enum rh_method some_method(bool has_body)
{
    static const enum rh_method with[] = {RH_POST, RH_PUT, RH_POST, RH_PATCH, RH_GET};
    static const enum rh_method without[] = {RH_GET, RH_GET, RH_GET, RH_HEAD, RH_DELETE, RH_POST};
    return has_body ? with[sim_pick(5)] : without[sim_pick(6)];
}

/* One change somewhere: a byte, a piece doubled, a piece left out, or a field that fits nothing. */
static void spoil(struct request *r)
{
    size_t at = sim_pick(r->len);
    size_t n = 1 + sim_pick(r->len - at < 40 ? r->len - at : 40);
    switch (sim_pick(5)) {
    case 0:
        r->bytes[at] = (char)sim_random();
        break;
    case 1:
        if (r->len + n < REQUEST_MAX) {
            memmove(r->bytes + at + n, r->bytes + at, r->len - at);
            r->len += n;
        }
        break;
    case 2:
        memmove(r->bytes + at, r->bytes + at + n, r->len - at - n);
        r->len -= n;
        break;
    case 3:
        for (size_t i = 0; i < n; i++) {
            r->bytes[at + i] = (char)sim_random();
        }
        break;
    default:
        r->len = at; /* the rest never comes */
    }
}

static void add_head(struct request *r, struct deal *d, bool last)
{
    bool is_old = sim_percent(5) && d->body != DEAL_CHUNKED;
    add(r, "%s /%s/%u-%x%s HTTP/1.%d\r\n", rh_method_name(d->method),
        sim_percent(15) && !sim_plan_is_pure(&sim.plan) ? "t" : "d", d->id, check_of(d->id),
        sim_percent(30) ? "?q=a%20b" : "", is_old ? 0 : 1);
    add(r, "Host: sim\r\n");
    add_fields(r);
    if (d->body == DEAL_LENGTH) {
        add(r, "Content-Length: %zu\r\n", d->body_len);
    } else if (d->body == DEAL_CHUNKED) {
        add(r, "Transfer-Encoding: chunked\r\n");
    }
    if (d->hostile && sim_percent(20)) {
        add(r, "%s", sim_percent(50) ? "Transfer-Encoding: chunked\r\n" : "Content-Length: 3\r\n");
    }
    r->waits = d->body != DEAL_NO_BODY && !is_old && sim_percent(10);
    if (r->waits) {
        add(r, "Expect: 100-continue\r\n");
    }
    r->last = last || is_old || d->hostile || sim_percent(3);
    if (r->last && sim_percent(50)) {
        add(r, "Connection: close\r\n");
    }
    add(r, "\r\n");
    r->head_len = r->len;
}

struct deal *request_make(struct request *ret_request, bool last)
{
    struct request *r = ret_request;
    struct deal *d = deal_create();
    *r = (struct request){.bytes = sim_alloc(REQUEST_MAX)};
    d->hostile = sim_percent(sim.plan.hostile);
    if (sim_percent(sim.plan.bodies)) {
        d->body = sim_percent(60) ? DEAL_LENGTH : DEAL_CHUNKED;
        d->body_len = sim_percent(70) ? sim_pick(2000) : sim_pick(BODY_MAX);
    }
    d->method = some_method(d->body != DEAL_NO_BODY);
    add_head(r, d, last);
    if (d->body == DEAL_LENGTH) {
        deal_fill(d->id, 0, r->bytes + r->len, d->body_len);
        r->len += d->body_len;
    } else if (d->body == DEAL_CHUNKED) {
        add_chunks(r, d);
    }
    if (d->hostile) {
        for (size_t n = sim_pick(3); n > 0 && r->len > 1; n--) {
            spoil(r);
        }
        r->waits = false;
    }
    return d;
}

/* --- HTTP/2 (RFC 9113) ---------------------------------------------------------------------- */

enum { FRAME_DATA = 0, FRAME_HEADERS = 1, FRAME_RST = 3, END_STREAM = 1, END_HEADERS = 4 };

static void add_frame(struct request *r, unsigned type, unsigned flags, unsigned stream,
                      const char *bytes, size_t len)
{
    const unsigned char head[9] = {(unsigned char)(len >> 16),
                                   (unsigned char)(len >> 8),
                                   (unsigned char)len,
                                   (unsigned char)type,
                                   (unsigned char)flags,
                                   0,
                                   0,
                                   (unsigned char)(stream >> 8),
                                   (unsigned char)stream};
    memcpy(r->bytes + r->len, head, sizeof head);
    memcpy(r->bytes + r->len + sizeof head, bytes, len);
    r->len += sizeof head + len;
}

/* Fields by the static table (RFC 7541 appendix A), path and authority as literals. */
static void add_headers(struct request *r, const struct deal *d, unsigned stream)
{
    char block[128];
    char path[64];
    int path_len = snprintf(path, sizeof path, "/d/%u-%x", d->id, check_of(d->id));
    size_t n = 0;
    block[n++] = (char)(d->method == RH_GET ? 0x82 : 0x83);
    block[n++] = (char)0x86; /* http */
    block[n++] = 0x04;       /* :path */
    block[n++] = (char)path_len;
    memcpy(block + n, path, (size_t)path_len);
    n += (size_t)path_len;
    memcpy(block + n, "\x01\x03sim", 5); /* :authority */
    n += 5;
    add_frame(r, FRAME_HEADERS, END_HEADERS | (d->body == DEAL_NO_BODY ? END_STREAM : 0u), stream,
              block, n);
}

struct deal *request_make_frames(struct request *ret_request, unsigned stream)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    struct request *r = ret_request;
    struct deal *d = deal_create();
    *r = (struct request){.bytes = sim_alloc(REQUEST_MAX)};
    d->hostile = true; /* its answer is not read */
    d->method = sim_percent(sim.plan.bodies) ? RH_POST : RH_GET;
    d->body = d->method == RH_POST ? DEAL_LENGTH : DEAL_NO_BODY;
    d->body_len = d->method == RH_POST ? sim_pick(9000) : 0;
    if (stream == 1) {
        memcpy(r->bytes, preface,
               sizeof preface); /* with an empty SETTINGS, whose last byte is the literal's NUL */
        r->len = sizeof preface;
    }
    add_headers(r, d, stream);
    if (d->body != DEAL_NO_BODY) {
        char *body = sim_alloc(d->body_len + 1);
        deal_fill(d->id, 0, body, d->body_len);
        add_frame(r, FRAME_DATA, END_STREAM, stream, body, d->body_len);
        sim_free(body);
    }
    if (sim_percent(sim.plan.cuts / 2)) {
        add_frame(r, FRAME_RST, 0, stream, "\0\0\0\10", 4); /* CANCEL */
    }
    if (sim_percent(sim.plan.hostile / 2)) {
        spoil(r);
    }
    return d;
}
