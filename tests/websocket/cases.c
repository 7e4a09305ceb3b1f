/* Runs the WebSocket cases of tests/websocket/cases: what a client sends to a server that echoes,
 * and what it must get.
 *
 *   == number and name (RFC section)
 *   deflate                     the client offers permessage-deflate
 *   > T(hello)- C(*10) X(1000)  frames that are sent, one by one
 *   | C(more)                   frames that follow when the answer must be there already
 *   = T(hello*10)X(1000)        what comes back; "=" alone: nothing
 *
 * T is a text, B a binary message, C a continuation, P a ping, O a pong, X a Close with its code
 * and reason, x one with raw bytes, #11 another opcode; "-" after a frame takes its FIN away.
 * Before a frame: ~4 reserved bits, u no mask, z a mask of zeros, w16 or w64 a length that is
 * written longer, h20 a length that announces more than follows, f64 the message in frames of so
 * many bytes. *10 is ten stars; \x41 is a byte. Where no Close is expected, the runner closes and
 * wants the answer: so it sees that nothing else was broken.
 *
 * Each case is run whole, byte by byte and split at every place; long ones at fewer places. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rawhttp/driver.h"
#include "rawhttp/websocket.h"
#include "rh-build.h"
#include "support/door.h"

enum { BYTES_MAX = 20 << 20, MESSAGE_MAX = 16 << 20, LONG = 1200, LINE_MAX = 1 << 16 };

struct bytes {
    char *base;
    size_t len;
};

struct test_case {
    char name[200];
    const char *file;
    int line;
    bool deflate;
    struct bytes input;
    size_t decides; /* bytes of the input after which the answer must be there; 0: all of them */
    struct bytes expected;
};

static unsigned cases_n, cases_failed, cases_skipped;

static void put(struct bytes *to, const void *bytes, size_t len)
{
    if (to->len + len > BYTES_MAX) {
        fprintf(stderr, "cases: a case is too long\n");
        exit(2);
    }
    memcpy(to->base + to->len, bytes, len);
    to->len += len;
}

/* --- The language --- */

struct spec {
    unsigned reserved;
    unsigned opcode;
    unsigned length_bytes; /* 0: the shortest */
    size_t frame_bytes;    /* 0: one frame */
    uint64_t announced;
    bool is_announced, is_unmasked, has_zero_mask, is_close;
};

static uint64_t read_number(const char **at)
{
    uint64_t value = 0;
    while (**at >= '0' && **at <= '9') {
        value = value * 10 + (uint64_t)(*(*at)++ - '0');
    }
    return value;
}

/* What stands before the parenthesis. */
static struct spec read_spec(const char **at)
{
    static const char names[] = "CTB?????XPO";
    struct spec spec = {.opcode = 99};
    while (**at != '(' && **at != '\0') {
        char c = *(*at)++;
        if (c == '~') {
            spec.reserved = (unsigned)read_number(at);
        } else if (c == '#') {
            spec.opcode = (unsigned)read_number(at);
        } else if (c == 'u') {
            spec.is_unmasked = true;
        } else if (c == 'z') {
            spec.has_zero_mask = true;
        } else if (c == 'w') {
            spec.length_bytes = (unsigned)read_number(at) / 8;
        } else if (c == 'f') {
            spec.frame_bytes = (size_t)read_number(at);
        } else if (c == 'h') {
            spec.announced = read_number(at);
            spec.is_announced = true;
        } else if (c == 'x') {
            spec.opcode = 8;
        } else {
            const char *name = strchr(names, c);
            spec.opcode = name != NULL ? (unsigned)(name - names) : 99;
            spec.is_close = c == 'X';
        }
    }
    return spec;
}

/* The bytes in the parentheses. */
static void read_payload(const char **at, struct bytes *ret_payload)
{
    (*at)++;
    while (**at != ')' && **at != '\0') {
        char c = *(*at)++;
        if (c == '\\') {
            unsigned value = 0;
            sscanf(*at, "x%2x", &value);
            *at += 3;
            c = (char)value;
            put(ret_payload, &c, 1);
        } else if (c == '*') {
            for (size_t n = (size_t)read_number(at); n > 0; n--) {
                put(ret_payload, "*", 1);
            }
        } else {
            put(ret_payload, &c, 1);
        }
    }
    *at += **at == ')';
}

/* "1000 why" as two bytes and the reason. */
static void encode_close(struct bytes *payload)
{
    char *end;
    if (payload->len == 0) {
        return;
    }
    payload->base[payload->len] = '\0';
    unsigned long code = strtoul(payload->base, &end, 10);
    size_t skip = (size_t)(end - payload->base) + (*end == ' ');
    memmove(payload->base + 2, payload->base + skip, payload->len - skip);
    payload->base[0] = (char)(code >> 8);
    payload->base[1] = (char)code;
    payload->len = payload->len - skip + 2;
}

static void put_frame(struct bytes *to, const struct spec *spec, bool is_final, unsigned opcode,
                      const char *payload, size_t len)
{
    unsigned char head[14] = {(unsigned char)((is_final ? 128 : 0) | spec->reserved << 4 | opcode)};
    static const unsigned char some[4] = {0x9b, 0x01, 0xf0, 0x55};
    unsigned char mask[4] = {0};
    uint64_t said = spec->is_announced ? spec->announced : len;
    unsigned length_bytes = spec->length_bytes > 0 ? spec->length_bytes
                            : said < 126           ? 0
                            : said < 65536         ? 2
                                                   : 8;
    size_t n = 2;
    head[1] = (unsigned char)(length_bytes == 0 ? said : length_bytes == 2 ? 126 : 127);
    for (unsigned i = length_bytes; i > 0; i--) {
        head[n++] = (unsigned char)(said >> 8 * (i - 1));
    }
    if (!spec->is_unmasked) {
        head[1] |= 128;
        memcpy(mask, spec->has_zero_mask ? mask : some, 4);
        memcpy(head + n, mask, 4);
        n += 4;
    }
    put(to, head, n);
    size_t at = to->len;
    put(to, payload, len);
    for (size_t i = 0; i < len; i++) {
        to->base[at + i] = (char)(to->base[at + i] ^ (char)mask[i & 3]);
    }
}

static void put_message(struct bytes *to, const struct spec *spec, bool is_final,
                        const struct bytes *payload)
{
    size_t step = spec->frame_bytes > 0 ? spec->frame_bytes : payload->len;
    size_t at = 0;
    do {
        size_t len = payload->len - at < step ? payload->len - at : step;
        bool is_last = at + len == payload->len;
        put_frame(to, spec, is_last && is_final, at == 0 ? spec->opcode : 0, payload->base + at,
                  len);
        at += len;
    } while (at < payload->len);
}

static void read_frames(struct bytes *to, const char *at, const char *where)
{
    static struct bytes payload;
    if (payload.base == NULL) {
        payload.base = malloc(BYTES_MAX + 1);
    }
    while (*at != '\0') {
        struct spec spec = read_spec(&at);
        if (spec.opcode > 15 || *at != '(') {
            fprintf(stderr, "%s: not understood: %s\n", where, at);
            exit(2);
        }
        payload.len = 0;
        read_payload(&at, &payload);
        if (spec.is_close) {
            encode_close(&payload);
        }
        bool is_final = *at != '-';
        at += !is_final;
        put_message(to, &spec, is_final, &payload);
        while (*at == ' ') {
            at++;
        }
    }
}

/* The same for frames of the server: neither masked nor split. */
static void read_expected(struct bytes *to, const char *at, const char *where)
{
    char unmasked[LINE_MAX];
    size_t n = 0;
    for (bool inside = false; *at != '\0' && n < sizeof unmasked - 3; at++) {
        if (!inside && *at != ' ') {
            if (n == 0 || unmasked[n - 1] == ')') {
                unmasked[n++] = ' ';
                unmasked[n++] = 'u';
            }
        }
        inside = *at == '(' || (inside && *at != ')');
        unmasked[n++] = *at;
    }
    unmasked[n] = '\0';
    read_frames(to, unmasked + (n > 0), where);
}

/* --- The server --- */

static struct rh_websocket_options options;

static void on_message(struct rh_websocket *socket, enum rh_websocket_kind kind,
                       struct rh_slice message, void *data)
{
    (void)data;
    if (rh_websocket_send(socket, kind, message.base, message.len) < 0) {
        fprintf(stderr, "cases: an echo could not be sent\n");
        exit(2);
    }
}

static void accept_socket(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_websocket_accept(x, &options);
}

static struct test_door door;
static struct rh_driver *driver;

static struct rh_driver_conn *open_socket(bool deflate)
{
    static const char plain[] =
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    static const char offer[] = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    struct rh_driver_conn *conn = rh_driver_open(driver);
    rh_driver_feed(conn, plain, sizeof plain - 1);
    if (deflate) {
        rh_driver_feed(conn, offer, sizeof offer - 1);
    }
    rh_driver_feed(conn, "\r\n", 2);
    struct rh_slice out = rh_driver_output(conn);
    const char *end = memmem(out.base, out.len, "\r\n\r\n", 4);
    if (end == NULL || strncmp(out.base, "HTTP/1.1 101 ", 13) != 0) {
        fprintf(stderr, "cases: no handshake: %.*s\n", (int)out.len, out.base);
        exit(2);
    }
    rh_driver_take(conn, (size_t)(end - out.base) + 4);
    return conn;
}

/* --- Running --- */

static bool is_answered(struct rh_driver_conn *conn, const struct test_case *test)
{
    struct rh_slice out = rh_driver_output(conn);
    return out.len == test->expected.len && memcmp(out.base, test->expected.base, out.len) == 0;
}

static void show(const char *what, struct rh_slice bytes)
{
    fprintf(stderr, "  %s (%zu bytes):", what, bytes.len);
    for (size_t i = 0; i < bytes.len && i < 60; i++) {
        unsigned char c = (unsigned char)bytes.base[i];
        fprintf(stderr, c >= 32 && c < 127 ? "%c" : "\\x%02x", c);
    }
    fprintf(stderr, "\n");
}

static bool fail(struct rh_driver_conn *conn, const struct test_case *test, size_t step,
                 const char *why)
{
    fprintf(stderr, "%s:%d: %s, in steps of %zu: %s\n", test->file, test->line, test->name, step,
            why);
    show("expected", (struct rh_slice){test->expected.base, test->expected.len});
    show("got", rh_driver_output(conn));
    return false;
}

/* The last frame that is expected is a Close. */
static bool expects_close(const struct test_case *test)
{
    const char *at = test->expected.base;
    const char *end = at + test->expected.len;
    bool is_close = false;
    while (at < end) {
        size_t len = (unsigned char)at[1];
        size_t head = len < 126 ? 2 : len == 126 ? 4 : 10;
        if (len >= 126) {
            len = 0;
            for (size_t i = 2; i < head; i++) {
                len = len << 8 | (unsigned char)at[i];
            }
        }
        is_close = at[0] == (char)0x88;
        at += head + len;
    }
    return is_close;
}

static void feed(struct rh_driver_conn *conn, const char *bytes, size_t len, size_t step)
{
    for (size_t at = 0; at < len; at += step) {
        rh_driver_feed(conn, bytes + at, len - at < step ? len - at : step);
    }
}

static bool check(struct rh_driver_conn *conn, const struct test_case *test, size_t step)
{
    static const char close_frame[] = "\x88\x80\0\0\0\0";
    if (!is_answered(conn, test)) {
        return fail(conn, test, step, "not what is expected");
    }
    feed(conn, test->input.base + test->decides, test->input.len - test->decides, step);
    if (!is_answered(conn, test)) {
        return fail(conn, test, step, "went on after its end");
    }
    if (!expects_close(test)) {
        rh_driver_take(conn, test->expected.len);
        rh_driver_feed(conn, close_frame, sizeof close_frame - 1);
        struct rh_slice out = rh_driver_output(conn);
        if (out.len != 2 || memcmp(out.base, "\x88\0", 2) != 0) {
            return fail(conn, test, step, "does not close cleanly");
        }
    }
    if (!rh_driver_is_shut(conn)) {
        return fail(conn, test, step, "is still open");
    }
    return true;
}

/* `split` bytes first, then the rest in steps. */
static bool run_once(const struct test_case *test, size_t split, size_t step)
{
    struct rh_driver_conn *conn = open_socket(test->deflate);
    size_t first = split < test->decides ? split : test->decides;
    rh_driver_feed(conn, test->input.base, first);
    feed(conn, test->input.base + first, test->decides - first, step);
    bool ok = check(conn, test, step);
    rh_driver_forget(conn);
    return ok;
}

static void run_case(struct test_case *test)
{
    test->decides = test->decides > 0 ? test->decides : test->input.len;
    if (test->deflate && !RH_HAVE_GZIP) {
        cases_skipped++;
        return;
    }
    cases_n++;
    bool is_long = test->input.len > LONG;
    bool ok = run_once(test, 0, test->input.len) && run_once(test, 20, is_long ? 997 : 1);
    for (size_t split = 1; ok && split < (is_long ? 20 : test->decides); split++) {
        ok = run_once(test, split, test->input.len);
    }
    cases_failed += !ok;
}

static void begin_case(struct test_case *test, const char *name, const char *file, int line)
{
    snprintf(test->name, sizeof test->name, "%.190s", name);
    test->file = file;
    test->line = line;
    test->deflate = false;
    test->input.len = test->expected.len = test->decides = 0;
}

static void read_line(struct test_case *test, const char *text, const char *where)
{
    if (strcmp(text, "deflate") == 0) {
        test->deflate = true;
    } else if (strncmp(text, "> ", 2) == 0) {
        read_frames(&test->input, text + 2, where);
    } else if (strncmp(text, "| ", 2) == 0) {
        test->decides = test->input.len;
        read_frames(&test->input, text + 2, where);
    } else if (strncmp(text, "= ", 2) == 0) {
        read_expected(&test->expected, text + 2, where);
    } else if (text[0] != '\0' && strcmp(text, "=") != 0) {
        fprintf(stderr, "%s: not understood: %s\n", where, text);
        exit(2);
    }
}

static void run_file(const char *file)
{
    static struct test_case test;
    static char text[LINE_MAX];
    char where[300];
    int line = 0;
    bool in_case = false;
    FILE *stream = fopen(file, "r");
    if (stream == NULL) {
        perror(file);
        exit(2);
    }
    if (test.input.base == NULL) {
        test.input.base = malloc(BYTES_MAX);
        test.expected.base = malloc(BYTES_MAX);
    }
    while (fgets(text, sizeof text, stream) != NULL) {
        text[strcspn(text, "\n")] = '\0';
        snprintf(where, sizeof where, "%s:%d", file, ++line);
        if (strncmp(text, "== ", 3) == 0) {
            if (in_case) {
                run_case(&test);
            }
            begin_case(&test, text + 3, file, line);
            in_case = true;
        } else if (in_case) {
            read_line(&test, text, where);
        }
    }
    if (in_case) {
        run_case(&test);
    }
    fclose(stream);
}

int main(int argc, char **argv)
{
    struct rh_config config;
    rh_config_init(&config);
    config.connections_max = 4;
    config.websocket_bytes_max = 3 * MESSAGE_MAX;
    rh_websocket_options_init(&options);
    options.on_message = on_message;
    options.message_bytes_max = MESSAGE_MAX;
    options.queue_bytes_max = 2 * MESSAGE_MAX;
    test_door_init(&door, accept_socket, NULL);
    if (rh_driver_create(&driver, test_door_app(&door), &config) != 0) {
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        run_file(argv[i]);
    }
    rh_driver_destroy(driver);
    fprintf(stderr, "Tested: %u | Passing: %u | Failing: %u | Skipped: %u\n", cases_n,
            cases_n - cases_failed, cases_failed, cases_skipped);
    return cases_n > 0 && cases_failed == 0 ? 0 : 1;
}
