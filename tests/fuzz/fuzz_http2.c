/* A connection that speaks HTTP/2, through the driver: the input is a row of orders, most of which become frames, well
 * formed or nearly so. No crash, no assertion, all memory given back, and what the peer gets is a row of frames. */
#include "fuzz/fuzz.h"
#include "rawhttp/body.h"
#include "rawhttp/driver.h"
#include "rawhttp/stream.h"
#include "server/door.h"

enum { HELD_MAX = 512, STREAMS = 16 };

static struct {
    struct rh_exchange *x;
    bool streams;
} held[HELD_MAX];
static unsigned held_n;
static size_t take_max;
static unsigned sources_open;
static uint32_t newest; /* stream */

/* --- The handlers ----------------------------------------------------------------------------------- */

static void hold(struct rh_exchange *x, bool streams)
{
    if (held_n == HELD_MAX) {
        rh_respond_empty(x, 503);
        return;
    }
    held[held_n].x = x;
    held[held_n++].streams = streams;
    if (streams) {
        rh_stream_open(x, 200, "text/plain", RH_LENGTH_UNKNOWN, NULL, NULL);
    } else {
        rh_exchange_hold(x);
    }
}

static void on_whole(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)data;
    if (error == 0) {
        rh_respond(x, 200, "text/plain", body.base, body.len);
    }
}

static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)x;
    (void)data;
    FUZZ_CHECK(piece.len > 0);
    return piece.len < take_max ? piece.len : take_max;
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    if (error == 0) {
        rh_respond_text(x, 200, rh_request_trailer(x, "a").base != NULL ? "trailers" : "read");
    }
}

static ptrdiff_t pull(void *data, char *out, size_t room)
{
    unsigned *left = data;
    FUZZ_CHECK(room > 0);
    if (*left == 0) {
        return 0;
    }
    (*left)--;
    size_t n = room < 5000 ? room : 5000;
    memset(out, 's', n);
    return (ptrdiff_t)n;
}

static void on_close(void *data)
{
    (void)data;
    sources_open--;
}

static void by_source(struct rh_exchange *x, int64_t length)
{
    unsigned *left = rh_exchange_alloc(x, sizeof *left);
    if (left == NULL) {
        rh_respond_empty(x, 503);
        return;
    }
    *left = 30;
    sources_open++;
    struct rh_source source = {.pull = pull, .close = on_close, .data = left, .length = length};
    rh_respond_source(x, 200, "text/plain", &source);
}

/* The last byte of the path chooses what answers. */
static void handle(struct rh_exchange *x, struct rh_door *door)
{
    static char large[100000];
    struct rh_slice path = rh_request_path(x);
    (void)door;
    FUZZ_CHECK(path.len > 0 && rh_request_version_major(x) == 2);
    switch (path.base[path.len - 1] & 7) {
    case 0:
        hold(x, false);
        break;
    case 1:
        hold(x, true);
        break;
    case 2:
        rh_body_whole(x, on_whole, NULL);
        break;
    case 3:
        rh_body_stream(x, on_data, on_end, NULL);
        break;
    case 4:
        by_source(x, RH_LENGTH_UNKNOWN);
        break;
    case 5:
        by_source(x, 200000); /* more than it gives */
        break;
    case 6:
        rh_respond_static(x, 200, "text/plain", large, sizeof large);
        break;
    default:
        rh_respond_text(x, 200, "pong");
    }
}

static void fail(struct rh_exchange *x, unsigned status, const char *detail, struct rh_door *door)
{
    (void)detail;
    (void)door;
    rh_respond_empty(x, status);
}

static int freeze(struct rh_door *door)
{
    (void)door;
    return 0;
}

static void ref(struct rh_door *door)
{
    (void)door;
}

static struct rh_door door = {.handle = handle, .fail = fail, .freeze = freeze, .ref = ref, .unref = ref};

/* --- What the peer gets ------------------------------------------------------------------------------ */

/* Takes whole frames; the rest of one that is cut off stays. */
static void check_output(struct rh_driver_conn *conn)
{
    struct rh_slice out = rh_driver_output(conn);
    const unsigned char *bytes = (const unsigned char *)out.base;
    size_t at = 0;
    while (out.len - at >= 9) {
        size_t len = (size_t)bytes[at] << 16 | (size_t)bytes[at + 1] << 8 | bytes[at + 2];
        FUZZ_CHECK(len <= 16384 && bytes[at + 3] <= 9);
        if (out.len - at < 9 + len) {
            break;
        }
        at += 9 + len;
    }
    rh_driver_take(conn, at);
}

/* --- Orders ------------------------------------------------------------------------------------------ */

struct input {
    const uint8_t *at;
    const uint8_t *stop;
};

static unsigned next(struct input *in)
{
    return in->at < in->stop ? *in->at++ : 0;
}

static void send_frame(struct rh_driver_conn *conn, unsigned type, unsigned flags, uint32_t stream, const void *payload,
                       size_t len)
{
    char *frame = malloc(9 + len);
    FUZZ_CHECK(frame != NULL);
    const unsigned char head[9] = {(unsigned char)(len >> 16), (unsigned char)(len >> 8), (unsigned char)len,
                                   (unsigned char)type, (unsigned char)flags, (unsigned char)(stream >> 24),
                                   (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream};
    memcpy(frame, head, 9);
    if (len > 0) {
        memcpy(frame + 9, payload, len);
    }
    rh_driver_feed(conn, frame, 9 + len);
    free(frame);
}

/* :method POST or GET, :scheme http, :authority x, :path "/" and a digit, then bytes of the input. */
static void request(struct input *in, struct rh_driver_conn *conn)
{
    unsigned how = next(in);
    size_t more = how & 64 ? next(in) & 31 : 0;
    unsigned char block[64] = {how & 32 ? 0x83 : 0x82, 0x86, 0x41, 1, 'x', 0x04, 2, '/', (unsigned char)('0' + (how & 7))};
    more = more < (size_t)(in->stop - in->at) ? more : (size_t)(in->stop - in->at);
    memcpy(block + 9, in->at, more);
    in->at += more;
    newest += 2;
    send_frame(conn, 1, how & 8 ? 4 : 5, newest, block, 9 + more);
}

static uint32_t some_stream(unsigned byte)
{
    uint32_t back = 2 * (byte % STREAMS);
    return newest > back ? newest - back : byte;
}

static void any_frame(struct input *in, struct rh_driver_conn *conn, unsigned type)
{
    unsigned flags = next(in);
    unsigned where = next(in);
    size_t len = next(in) & 63;
    len = len < (size_t)(in->stop - in->at) ? len : (size_t)(in->stop - in->at);
    send_frame(conn, type, flags, where == 255 ? 0 : some_stream(where), in->at, len);
    in->at += len;
}

static void content(struct input *in, struct rh_driver_conn *conn)
{
    static const char letters[16384];
    unsigned how = next(in);
    send_frame(conn, 0, how & 1, some_stream(how >> 4), letters, how & 2 ? sizeof letters : how);
}

static void end_held(unsigned index, unsigned how)
{
    struct rh_exchange *x = held[index].x;
    bool streams = held[index].streams;
    held[index] = held[--held_n];
    if (how % 3 == 0) {
        rh_exchange_release(x);
    } else if (streams && how % 3 == 1) {
        rh_stream_end(x);
    } else if (streams) {
        rh_stream_fail(x);
    } else {
        rh_respond_text(x, 200, "late");
    }
}

static void obey(struct input *in, struct rh_driver *driver, struct rh_driver_conn *conn)
{
    static const char letters[20000];
    unsigned order = next(in);
    unsigned index = held_n > 0 ? (order >> 4) % held_n : 0;
    switch (order & 15) {
    case 0:
    case 1:
    case 2:
        request(in, conn);
        break;
    case 3:
    case 4:
        content(in, conn);
        break;
    case 5:
    case 6:
        any_frame(in, conn, order >> 4);
        break;
    case 7:
        send_frame(conn, 8, 0, order & 16 ? 0 : some_stream(order >> 5), "\0\0\x40", 4);
        break;
    case 8:
        rh_driver_set_reading(conn, order >> 4 & 1);
        break;
    case 9:
        rh_driver_advance(driver, (order >> 4) * 5000);
        break;
    case 10:
        take_max = order >> 4 < 8 ? order >> 4 : SIZE_MAX;
        break;
    case 11:
        if (held_n > 0) {
            end_held(index, order >> 4);
        }
        break;
    case 12:
        if (held_n > 0 && held[index].streams) {
            rh_stream_write(held[index].x, letters, order & 16 ? 10 : sizeof letters);
        }
        break;
    case 13:
        order >> 4 == 0 ? rh_driver_drain(driver) : (void)rh_driver_poll(driver);
        break;
    case 14:
        order >> 4 == 0 ? rh_driver_eof(conn) : (void)rh_driver_poll(driver);
        break;
    default:
        order >> 4 == 0 ? rh_driver_reset(conn) : (void)rh_driver_poll(driver);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char greeting[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0";
    struct rh_driver *driver;
    struct rh_config config;
    if (len < 1 || len > 8192) {
        return 0;
    }
    rh_config_init(&config);
    config.connections_max = 4;
    config.exchanges_max = data[0] & 1 ? 3 : 200;
    config.body_whole_bytes_max = data[0] & 2 ? 4096 : 256 * 1024;
    config.body_whole_budget = data[0] & 2 ? 4096 : 1 << 20; /* at least one body */
    config.body_bytes_max = data[0] & 4 ? 100 : 1 << 20;
    config.head_bytes_max = data[0] & 8 ? 256 : 16384;
    config.target_bytes_max = 128;
    held_n = 0;
    take_max = SIZE_MAX;
    sources_open = 0;
    newest = UINT32_MAX; /* the first stream is 1 */
    FUZZ_CHECK(rh_driver_create(&driver, (struct rh_app *)(void *)&door, &config) == 0);
    struct rh_driver_conn *conn = rh_driver_open(driver);
    rh_driver_feed(conn, greeting, sizeof greeting - 1);
    struct input in = {data + 1, data + len};
    while (in.at < in.stop) {
        obey(&in, driver, conn);
        check_output(conn);
    }
    rh_driver_set_reading(conn, 1);
    rh_driver_poll(driver);
    check_output(conn);
    rh_driver_reset(conn);
    while (held_n > 0) {
        end_held(held_n - 1, held_n);
    }
    FUZZ_CHECK(rh_driver_exchanges(driver) == 0);
    FUZZ_CHECK(sources_open == 0);
    rh_driver_destroy(driver);
    return 0;
}
