/* A whole connection through the driver: bytes of the peer, and between them, behind a byte 0xff, orders to the peer, to
 * the clock and to the handler. No crash, no assertion, all memory given back, and what the peer gets is a row of
 * well-formed answers, whatever came. */
#include "fuzz/fuzz.h"
#include "rawhttp/body.h"
#include "rawhttp/driver.h"
#include "rawhttp/stream.h"
#include "server/door.h"

enum { HELD_MAX = 64, ORDER = 0xff };

struct held {
    struct rh_exchange *x;
    bool streams;
};

static struct held held[HELD_MAX];
static unsigned held_n;
static size_t take_max;
static unsigned long frees_due;

/* --- The handlers ----------------------------------------------------------------------------------- */

static void hold(struct rh_exchange *x, bool streams)
{
    held[held_n].x = x;
    held[held_n++].streams = streams;
}

static void on_free(void *data)
{
    (void)data;
    frees_due--;
}

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)x;
    (void)data;
    FUZZ_CHECK(reason >= RH_PEER_EOF && reason <= RH_CLOSED);
}

static void on_whole(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)data;
    if (error == 0) {
        FUZZ_CHECK(body.base != NULL);
        char *copy = rh_exchange_alloc(x, body.len + 1);
        size_t len = copy != NULL ? body.len : 0;
        if (copy != NULL) {
            memset(copy, 'x', body.len);
        }
        rh_respond(x, 200, "text/plain", copy != NULL ? copy : "", len);
    }
}

static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)data;
    FUZZ_CHECK(piece.len > 0);
    if (piece.base[0] == '!') {
        rh_respond_text(x, 200, "inside");
    }
    return piece.len < take_max ? piece.len : take_max;
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    if (error == 0) {
        rh_respond_text(x, 200, "read");
    }
}

static size_t echo_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    char letters[512];
    size_t len = piece.len < sizeof letters ? piece.len : sizeof letters;
    (void)data;
    memset(letters, 'e', sizeof letters);
    return rh_stream_write(x, letters, len);
}

static void echo_end(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    if (error == 0) {
        rh_stream_end(x);
    } else {
        rh_stream_fail(x);
    }
}

static void resume(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_resume(x);
}

struct source {
    unsigned left;
    int64_t length;
    unsigned closed;
};

static ptrdiff_t pull(void *data, char *out, size_t room)
{
    struct source *source = data;
    FUZZ_CHECK(source->closed == 0);
    if (source->left == 0) {
        return 0;
    }
    source->left--;
    size_t n = room < 3000 ? room : 3000;
    memset(out, 's', n);
    return (ptrdiff_t)n;
}

static void on_close(void *data)
{
    struct source *source = data;
    FUZZ_CHECK(source->closed++ == 0);
}

static void by_source(struct rh_exchange *x, int64_t length)
{
    struct source *source = rh_exchange_alloc(x, sizeof *source);
    if (source == NULL) {
        rh_respond_empty(x, 503);
        return;
    }
    *source = (struct source){.left = 12, .length = length};
    struct rh_source how = {pull, on_close, source, length};
    rh_respond_source(x, 200, NULL, &how);
}

static void handle(struct rh_exchange *x, struct rh_door *door)
{
    static char owned[20000];
    struct rh_slice path = rh_request_path(x);
    char what = path.len > 1 ? path.base[1] : '\0';
    (void)door;
    rh_exchange_on_abort(x, on_abort, NULL);
    if ((what == 'h' || what == 'p' || what == 'e') && held_n == HELD_MAX) {
        what = '\0';
    }
    switch (what) {
    case 'b':
        rh_body_whole(x, on_whole, NULL);
        break;
    case 'r':
        rh_body_stream(x, on_data, on_end, NULL);
        break;
    case 'e':
        rh_stream_open(x, 200, NULL, rh_body_length(x), resume, NULL);
        rh_body_stream(x, echo_data, echo_end, NULL);
        break;
    case 's':
        by_source(x, RH_LENGTH_UNKNOWN);
        break;
    case 'l':
        by_source(x, path.len > 2 ? 40000 : 5000);
        break;
    case 'o':
        frees_due++;
        memset(owned, 'o', sizeof owned);
        rh_respond_owned(x, 200, NULL, owned, sizeof owned, on_free, NULL);
        break;
    case 'h':
        rh_exchange_hold(x);
        hold(x, false);
        break;
    case 'p':
        rh_stream_open(x, 200, NULL, RH_LENGTH_UNKNOWN, NULL, NULL);
        hold(x, true);
        break;
    case 'n':
        break; /* neither answers nor defers */
    case 'c':
        rh_respond_empty(x, 204);
        break;
    default:
        rh_respond_text(x, 200, "text");
        rh_respond_text(x, 200, "twice");
    }
}

static void fail(struct rh_exchange *x, unsigned status, const char *detail, struct rh_door *door)
{
    (void)door;
    (void)detail;
    rh_respond_text(x, status, "failed");
}

static int freeze(struct rh_door *door)
{
    (void)door;
    return 0;
}

static const char *error(const struct rh_door *door)
{
    (void)door;
    return "";
}

static void count(struct rh_door *door)
{
    (void)door;
}

static struct rh_door door = {handle, fail, freeze, error, count, count, NULL, 0};

/* --- What the peer gets ----------------------------------------------------------------------------- */

static const char *find(const char *at, const char *end, const char *what)
{
    return memmem(at, (size_t)(end - at), what, strlen(what));
}

/* Behind the content of one answer, or NULL where it is not whole yet. */
static const char *skip_content(const char *head, const char *at, const char *end)
{
    const char *chunked = find(head, at, "Transfer-Encoding: chunked\r\n");
    const char *length = find(head, at, "Content-Length: ");
    FUZZ_CHECK(chunked == NULL || length == NULL);
    if (length != NULL) {
        unsigned long n = strtoul(length + 16, NULL, 10);
        return (size_t)(end - at) < n ? NULL : at + n;
    }
    if (chunked == NULL) {
        return find(head, at, "Connection: close\r\n") != NULL && memcmp(head + 9, "204", 3) != 0 ? end : at;
    }
    for (;;) {
        const char *line = find(at, end, "\r\n");
        if (line == NULL) {
            return NULL;
        }
        char *digits;
        unsigned long n = strtoul(at, &digits, 16);
        FUZZ_CHECK(digits == line);
        at = line + 2;
        if ((size_t)(end - at) < n + 2) {
            return NULL;
        }
        FUZZ_CHECK(memcmp(at + n, "\r\n", 2) == 0);
        at += n + 2;
        if (n == 0) {
            return at;
        }
    }
}

static void check_output(struct rh_slice out)
{
    const char *at = out.base;
    const char *end = out.base + out.len;
    while (end - at >= 12) {
        FUZZ_CHECK(memcmp(at, "HTTP/1.1 ", 9) == 0);
        const char *head = at;
        const char *content = find(at, end, "\r\n\r\n");
        if (content == NULL) {
            return;
        }
        content += 4;
        if (memcmp(head + 9, "100", 3) == 0) {
            at = content;
            continue;
        }
        FUZZ_CHECK(find(head, content, "\r\nDate: ") != NULL);
        /* The answer to HEAD has a length and no content: the next answer, or nothing, follows at once. */
        bool bare = content == end || (end - content >= 9 && memcmp(content, "HTTP/1.1 ", 9) == 0);
        at = bare ? content : skip_content(head, content, end);
        if (at == NULL) {
            return;
        }
    }
}

/* --- Orders ----------------------------------------------------------------------------------------- */

static void end_held(unsigned index, unsigned how)
{
    struct held one = held[index];
    held[index] = held[--held_n];
    if (how % 3 == 0) {
        rh_exchange_release(one.x);
    } else if (one.streams && how % 3 == 1) {
        rh_stream_end(one.x);
    } else if (one.streams) {
        rh_stream_fail(one.x);
    } else {
        rh_respond_text(one.x, 200, "late");
    }
}

static void write_held(unsigned index, unsigned how)
{
    static char letters[20000];
    if (held[index].streams) {
        memset(letters, 'w', sizeof letters);
        rh_stream_write(held[index].x, letters, how % 2 == 0 ? 10 : sizeof letters);
    }
}

static void obey(struct rh_driver *driver, struct rh_driver_conn *conn, unsigned order)
{
    unsigned index = held_n > 0 ? (order >> 4) % held_n : 0;
    switch (order & 15) {
    case 0:
        rh_driver_eof(conn);
        break;
    case 1:
        rh_driver_reset(conn);
        break;
    case 2:
        rh_driver_set_reading(conn, 0);
        break;
    case 3:
        rh_driver_set_reading(conn, 1);
        break;
    case 4:
        rh_driver_advance(driver, (order >> 4) * 1000);
        break;
    case 5:
        rh_driver_advance(driver, (order >> 4) * 20000);
        break;
    case 6:
        take_max = order >> 4;
        break;
    case 7:
        rh_driver_drain(driver);
        break;
    case 8:
    case 9:
    case 10:
        if (held_n > 0) {
            end_held(index, order & 3);
        }
        break;
    case 11:
    case 12:
        if (held_n > 0) {
            write_held(index, order);
        }
        break;
    default:
        rh_driver_poll(driver);
    }
}

static void play(struct rh_driver *driver, struct rh_driver_conn *conn, const uint8_t *data, size_t len)
{
    size_t at = 0;
    while (at < len) {
        const uint8_t *order = memchr(data + at, ORDER, len - at);
        size_t n = order != NULL ? (size_t)(order - data) - at : len - at;
        char *bytes = fuzz_copy(data + at, n);
        rh_driver_feed(conn, bytes, n);
        free(bytes);
        at += n;
        if (order != NULL) {
            obey(driver, conn, at + 1 < len ? data[at + 1] : 13);
            at += 2;
        }
        check_output(rh_driver_output(conn));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rh_driver *driver;
    struct rh_config config;
    if (len < 1 || len > 65536) {
        return 0;
    }
    rh_config_init(&config);
    config.connections_max = 4;
    config.arena_blocks_max = data[0] & 1 ? 0 : 4;
    config.body_whole_bytes_max = data[0] & 2 ? 4096 : 256 * 1024;
    config.body_whole_budget = data[0] & 2 ? 4096 : 1 << 20; /* at least one body */
    config.body_bytes_max = data[0] & 4 ? 100 : 1 << 20;
    config.requests_max = data[0] & 8 ? 3 : 0;
    config.head_bytes_max = data[0] & 16 ? 256 : 16384;
    config.target_bytes_max = 128;
    held_n = 0;
    take_max = SIZE_MAX;
    frees_due = 0;
    FUZZ_CHECK(rh_driver_create(&driver, (struct rh_app *)(void *)&door, &config) == 0);
    struct rh_driver_conn *conn = rh_driver_open(driver);
    play(driver, conn, data + 1, len - 1);
    rh_driver_set_reading(conn, 1);
    rh_driver_poll(driver);
    check_output(rh_driver_output(conn));
    rh_driver_reset(conn);
    while (held_n > 0) {
        end_held(held_n - 1, held_n);
    }
    FUZZ_CHECK(rh_driver_exchanges(driver) == 0);
    FUZZ_CHECK(frees_due == 0);
    rh_driver_destroy(driver);
    return 0;
}
