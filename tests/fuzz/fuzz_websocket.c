/* Frames by grammar through the driver, to a handler that does what messages say: whatever a client
 * sends, the server's frames are well-formed, nothing follows its Close, and nothing is left over.
 */
#include "fuzz/fuzz.h"
#include "rawhttp/driver.h"
#include "rawhttp/websocket.h"
#include "support/door.h"

enum { INPUT_MAX = 4000, OUTPUT_MAX = 1 << 16 };

static struct rh_websocket_options options;
static struct rh_websocket_hub *hub;

/* The first byte of a message says what the handler does. */
static void act(struct rh_websocket *socket, enum rh_websocket_kind kind, struct rh_slice message)
{
    switch (message.len > 0 ? message.base[0] & 15 : 0) {
    case 1:
        rh_websocket_close(socket, 1000, "asked");
        break;
    case 2:
        rh_websocket_cut(socket);
        break;
    case 3:
        rh_websocket_send_fragment(socket, RH_WEBSOCKET_BINARY, message.base, message.len, 0);
        break;
    case 4:
        rh_websocket_send_fragment(socket, RH_WEBSOCKET_BINARY, message.base, message.len, 1);
        break;
    case 5:
        rh_websocket_ping(socket);
        break;
    case 6:
        rh_websocket_hub_subscribe(hub, socket, "topic");
        rh_websocket_hub_publish(hub, "topic", kind, message.base, message.len);
        break;
    default:
        rh_websocket_send(socket, kind, message.base, message.len);
    }
}

static void on_message(struct rh_websocket *socket, enum rh_websocket_kind kind,
                       struct rh_slice message, void *data)
{
    (void)data;
    act(socket, kind, message);
}

static void on_fragment(struct rh_websocket *socket, enum rh_websocket_kind kind,
                        struct rh_slice bytes, int is_last, void *data)
{
    (void)is_last;
    (void)data;
    act(socket, kind == RH_WEBSOCKET_TEXT ? RH_WEBSOCKET_BINARY : kind, bytes);
}

static unsigned closes;

static void on_close(struct rh_websocket *socket, unsigned code, struct rh_slice reason, void *data)
{
    (void)reason;
    (void)data;
    FUZZ_CHECK(code >= 1000 && code < 5000);
    FUZZ_CHECK(rh_websocket_send(socket, RH_WEBSOCKET_TEXT, "late", 4) == RH_ECUT);
    closes++;
}

static void accept_socket(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_websocket_accept(x, &options);
}

/* --- The client --- */

struct source {
    const uint8_t *at;
    const uint8_t *end;
};

static unsigned next(struct source *source)
{
    return source->at < source->end ? *source->at++ : 0;
}

/* Some bytes of the input as they are, or a frame with a payload of the input. */
static void feed_something(struct rh_driver_conn *conn, struct source *source)
{
    static const unsigned firsts[16] = {0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x88, 0x89,
                                        0x8a, 0xc1, 0xc2, 0x41, 0x81, 0x00, 0x80, 0x09};
    char frame[300];
    unsigned what = next(source);
    size_t len = next(source) & 127;
    size_t n = 0;
    len = len < (size_t)(source->end - source->at) ? len : (size_t)(source->end - source->at);
    if (what < 240) {
        frame[n++] = (char)firsts[what & 15];
        if (what & 16) {
            frame[n++] = (char)(0x80 | 126);
            frame[n++] = 0;
            frame[n++] = (char)len;
        } else {
            frame[n++] = (char)(0x80 | len);
        }
        memset(frame + n, what & 32 ? 0x55 : 0, 4);
        n += 4;
    }
    for (size_t i = 0; i < len; i++) {
        frame[n++] = (char)(*source->at++ ^ (what < 240 && (what & 32) ? 0x55 : 0));
    }
    if (what & 64) {
        for (size_t i = 0; i < n; i++) {
            rh_driver_feed(conn, frame + i, 1);
        }
    } else {
        rh_driver_feed(conn, frame, n);
    }
}

/* What the server sent: frames of RFC 6455 §5, in an order that is allowed. */
static void check_output(const unsigned char *at, size_t len)
{
    const unsigned char *end = at + len;
    bool is_open = false; /* a fragmented message */
    bool is_closed = false;
    while (end - at >= 2) {
        unsigned opcode = at[0] & 15;
        size_t payload = at[1];
        size_t head = payload < 126 ? 2 : payload == 126 ? 4 : 10;
        FUZZ_CHECK(!is_closed && (at[1] & 128) == 0 && (at[0] & 0x30) == 0);
        FUZZ_CHECK(opcode <= 2 || (opcode >= 8 && opcode <= 10));
        if ((size_t)(end - at) < head) {
            return;
        }
        if (payload >= 126) {
            payload = 0;
            for (size_t i = 2; i < head; i++) {
                payload = payload << 8 | at[i];
            }
        }
        if (opcode < 8) {
            FUZZ_CHECK(is_open == (opcode == 0));
            is_open = (at[0] & 128) == 0;
        } else {
            FUZZ_CHECK((at[0] & 0xf0) == 0x80 && payload <= 125);
        }
        is_closed = opcode == 8;
        if ((size_t)(end - at) < head + payload) {
            return;
        }
        at += head + payload;
    }
}

static void converse(struct rh_driver *driver, struct rh_driver_conn *conn, struct source *source)
{
    while (source->at < source->end) {
        unsigned what = next(source);
        if (what < 220) {
            feed_something(conn, source);
        } else if (what < 228) {
            rh_driver_set_reading(conn, 0);
        } else if (what < 236) {
            rh_driver_set_reading(conn, 1);
        } else if (what < 248) {
            rh_driver_advance(driver, next(source) * 400);
        } else if (what < 250) {
            rh_driver_eof(conn);
        } else if (what == 250) {
            rh_driver_reset(conn);
        } else if (what == 251) {
            rh_driver_drain(driver);
        }
        rh_driver_poll(driver);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char handshake[] =
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    struct source source = {data, data + len};
    struct test_door door;
    struct rh_driver *driver;
    struct rh_config config;
    if (len < 4 || len > INPUT_MAX) {
        return 0;
    }
    unsigned how = next(&source);
    rh_config_init(&config);
    config.connections_max = 2;
    config.websocket_windows_max = how >> 1 & 1;
    config.websocket_bytes_max = how & 4 ? 3000 : 1 << 20;
    rh_websocket_options_init(&options);
    options.on_message = how & 1 ? NULL : on_message;
    options.on_fragment = how & 1 ? on_fragment : NULL;
    options.on_close = on_close;
    options.message_bytes_max = how & 8 ? 100 : 20000;
    options.queue_bytes_max = how & 16 ? 1000 : 1 << 20;
    options.compression = how & 2 ? RH_WEBSOCKET_DEDICATED : RH_WEBSOCKET_SHARED;
    options.compress_bytes_min = how & 32 ? 1 : 512;
    closes = 0;
    hub = rh_websocket_hub_create(NULL);
    test_door_init(&door, accept_socket, NULL);
    FUZZ_CHECK(hub != NULL && rh_driver_create(&driver, test_door_app(&door), &config) == 0);
    struct rh_driver_conn *conn = rh_driver_open(driver);
    rh_driver_feed(conn, handshake, sizeof handshake - 1);
    struct rh_slice out = rh_driver_output(conn);
    const char *end = memmem(out.base, out.len, "\r\n\r\n", 4);
    FUZZ_CHECK(end != NULL && memcmp(out.base, "HTTP/1.1 101", 12) == 0);
    rh_driver_take(conn, (size_t)(end - out.base) + 4);
    converse(driver, conn, &source);
    out = rh_driver_output(conn);
    check_output((const unsigned char *)out.base, out.len);
    rh_driver_destroy(driver);
    rh_websocket_hub_destroy(hub);
    FUZZ_CHECK(closes == 1);
    return 0;
}
