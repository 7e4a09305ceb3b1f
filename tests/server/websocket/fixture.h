/* A client of WebSocket over the driver, and a handler that notes what happens to its socket. What
 * either side received is one line of text: "T(hello)" is a text, "B" a binary message, "C" a
 * continuation, "P" a ping, "O" a pong, "X(1000 why)" a Close; "~" marks RSV1 and "…" a frame
 * without FIN. */
#ifndef TESTS_SERVER_WEBSOCKET_FIXTURE_H
#define TESTS_SERVER_WEBSOCKET_FIXTURE_H

#include "rh-build.h"
#include "server/fixture.h"
#include "rawhttp/websocket.h"

#define HANDSHAKE                                                                \
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static struct rh_websocket_options options;
static struct rh_websocket *socket;
static char events[4096]; /* what the handler was told */

__attribute__((unused, format(printf, 1, 2))) static void note(const char *format, ...)
{
    size_t len = strlen(events);
    va_list args;
    va_start(args, format);
    vsnprintf(events + len, sizeof events - len, format, args);
    va_end(args);
}

__attribute__((unused)) static void note_open(struct rh_websocket *s, void *data)
{
    (void)data;
    cr_expect_eq(s, socket);
    note("open ");
}

__attribute__((unused)) static void note_message(struct rh_websocket *s,
                                                 enum rh_websocket_kind kind,
                                                 struct rh_slice message, void *data)
{
    (void)s;
    (void)data;
    note("%c(%.*s) ", kind == RH_WEBSOCKET_TEXT ? 'T' : 'B', (int)message.len, message.base);
}

__attribute__((unused)) static void note_fragment(struct rh_websocket *s,
                                                  enum rh_websocket_kind kind,
                                                  struct rh_slice bytes, int is_last, void *data)
{
    (void)s;
    (void)data;
    note("%c(%.*s%s ", kind == RH_WEBSOCKET_TEXT ? 'T' : 'B', (int)bytes.len, bytes.base,
         is_last ? ")" : "");
}

__attribute__((unused)) static void note_drained(struct rh_websocket *s, void *data)
{
    (void)s;
    (void)data;
    note("drained ");
}

__attribute__((unused)) static void note_close(struct rh_websocket *s, unsigned code,
                                               struct rh_slice reason, void *data)
{
    (void)s;
    (void)data;
    note("X(%u%s%.*s) ", code, reason.len > 0 ? " " : "", (int)reason.len, reason.base);
    socket = NULL;
}

__attribute__((unused)) static void echo_message(struct rh_websocket *s,
                                                 enum rh_websocket_kind kind,
                                                 struct rh_slice message, void *data)
{
    (void)data;
    cr_expect_geq(rh_websocket_send(s, kind, message.base, message.len), 0);
}

__attribute__((unused)) static void accepts(struct rh_exchange *x, void *data)
{
    (void)data;
    socket = rh_websocket_accept(x, &options);
}

__attribute__((unused)) static void set_up_socket(void)
{
    set_up();
    config.log_level = RH_LOG_DEBUG;
    rh_websocket_options_init(&options);
    options.on_open = note_open;
    options.on_message = note_message;
    options.on_close = note_close;
}

#define expect_events(text)             \
    do {                                \
        cr_expect_str_eq(events, text); \
        events[0] = '\0';               \
    } while (0)

/* Opens a socket, with further lines of the handshake; the answer's head is taken away. */
__attribute__((unused)) static const char *open_socket_with(const char *lines)
{
    static char head[2048];
    char request[2048];
    begin(accepts, NULL);
    snprintf(request, sizeof request, HANDSHAKE "%s\r\n", lines);
    send(request);
    struct rh_slice out = rh_driver_output(conn);
    const char *end = memmem(out.base, out.len, "\r\n\r\n", 4);
    cr_assert_not_null(end);
    size_t len = (size_t)(end - out.base) + 4;
    cr_assert_lt(len, sizeof head);
    memcpy(head, out.base, len);
    head[len] = '\0';
    rh_driver_take(conn, len);
    return head;
}

__attribute__((unused)) static void open_socket(void)
{
    expect_has(open_socket_with(""), "HTTP/1.1 101 ");
    cr_assert_not_null(socket);
    expect_events("open ");
}

/* Writes a masked frame to `out`; returns its length. */
__attribute__((unused)) static size_t make_frame(char *out, unsigned first, const void *payload,
                                                 size_t len)
{
    static const unsigned char mask[4] = {0x11, 0x22, 0x33, 0x44};
    char *at = out;
    *at++ = (char)first;
    if (len < 126) {
        *at++ = (char)(0x80 | len);
    } else if (len < 65536) {
        *at++ = (char)(0x80 | 126);
        *at++ = (char)(len >> 8);
        *at++ = (char)len;
    } else {
        *at++ = (char)(0x80 | 127);
        for (int i = 7; i >= 0; i--) {
            *at++ = (char)(len >> 8 * i);
        }
    }
    memcpy(at, mask, 4);
    at += 4;
    for (size_t i = 0; i < len; i++) {
        *at++ = (char)(((const char *)payload)[i] ^ (char)mask[i & 3]);
    }
    return (size_t)(at - out);
}

__attribute__((unused)) static void send_frame(unsigned first, const void *payload, size_t len)
{
    char *frame = malloc(len + 14);
    cr_assert_not_null(frame);
    rh_driver_feed(conn, frame, make_frame(frame, first, payload, len));
    free(frame);
}

__attribute__((unused)) static void send_text(const char *text)
{
    send_frame(0x81, text, strlen(text));
}

__attribute__((unused)) static void send_close(unsigned code, const char *reason)
{
    char payload[128] = {(char)(code >> 8), (char)code};
    snprintf(payload + 2, sizeof payload - 2, "%s", reason);
    send_frame(0x88, payload, 2 + strlen(reason));
}

/* One frame at `at` as text; returns where it ends, NULL if it is not whole. */
__attribute__((unused)) static const unsigned char *
write_frame(char *text, size_t room, const unsigned char *at, const unsigned char *end)
{
    static const char names[] = "CTB?????XPO?????";
    size_t have = strlen(text);
    if (end - at < 2) {
        return NULL;
    }
    unsigned first = at[0];
    uint64_t len = at[1] & 127;
    unsigned more = len < 126 ? 0 : len == 126 ? 2 : 8;
    cr_assert_eq(at[1] & 128, 0, "a server masks nothing");
    at += 2;
    if (end - at < (ptrdiff_t)more) {
        return NULL;
    }
    for (unsigned i = 0, n = more; i < n; i++) {
        len = (i == 0 ? 0 : len << 8) | *at++;
    }
    if ((uint64_t)(end - at) < len) {
        return NULL;
    }
    const char *final = (first & 128) != 0 ? "" : "…";
    const char *rsv = (first & 64) != 0 ? "~" : "";
    if ((first & 15) == 8 && len >= 2) {
        snprintf(text + have, room - have, "X(%u%s%.*s)", (unsigned)at[0] << 8 | at[1],
                 len > 2 ? " " : "", (int)len - 2, (const char *)at + 2);
    } else if (len > 512) {
        snprintf(text + have, room - have, "%c(%s%llu bytes%s)", names[first & 15], rsv,
                 (unsigned long long)len, final);
    } else {
        snprintf(text + have, room - have, "%c(%s%.*s%s)", names[first & 15], rsv, (int)len,
                 (const char *)at, final);
    }
    return at + len;
}

/* All frames that the client received since the last look. */
__attribute__((unused)) static const char *frames(void)
{
    static char text[8192];
    struct rh_slice out = rh_driver_output(conn);
    const unsigned char *at = (const unsigned char *)out.base;
    const unsigned char *end = at + out.len;
    text[0] = '\0';
    while (at < end) {
        const unsigned char *next = write_frame(text, sizeof text, at, end);
        if (next == NULL) {
            strncat(text, "(more)", sizeof text - strlen(text) - 1);
            break;
        }
        at = next;
    }
    rh_driver_take(conn, (size_t)(at - (const unsigned char *)out.base));
    return text;
}

#define expect_frames(text) cr_expect_str_eq(frames(), text)

#endif
