/* The floor for WebSockets: libuv, frames, and nothing else. No rule is checked, no limit kept, and
 * a message that the socket does not take at once ends the process. /echo sends each message back,
 * /all to everybody. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { BYTES_MAX = 1 << 18, CONNS_MAX = 12000 };

struct conn {
    uv_tcp_t tcp;
    bool open;
    bool to_all;
    char *kept; /* an unfinished frame */
    size_t kept_len;
};

static struct conn *conns[CONNS_MAX];
static size_t conns_n;
static char input[BYTES_MAX];
static char output[BYTES_MAX + 10];

static void alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    const struct conn *conn = (const struct conn *)handle;
    (void)suggested;
    memcpy(input, conn->kept != NULL ? conn->kept : "", conn->kept_len);
    *ret_buf = uv_buf_init(input + conn->kept_len, (unsigned)(sizeof input - conn->kept_len));
}

static void on_rest(uv_write_t *write, int status)
{
    (void)status;
    free(write);
}

static void put(struct conn *conn, char *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init(bytes, (unsigned)len);
    int n = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    size_t done = n > 0 ? (size_t)n : 0;
    if (done == len)
        return;
    uv_write_t *rest = malloc(sizeof *rest + len);
    if (rest == NULL)
        exit(1);
    memcpy(rest + 1, bytes + done, len - done);
    buf = uv_buf_init((char *)(rest + 1), (unsigned)(len - done));
    uv_write(rest, (uv_stream_t *)&conn->tcp, &buf, 1, on_rest);
}

/* One frame of `len` payload bytes at `payload`, masked by the four bytes before it. */
static void answer(struct conn *conn, unsigned char first, char *payload, size_t len)
{
    uint32_t mask;
    size_t head = len < 126 ? 2 : len < 65536 ? 4 : 10;
    memcpy(&mask, payload - 4, 4);
    uint64_t wide = (uint64_t)mask << 32 | mask;
    char *to = output + head;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, payload + i, 8);
        word ^= wide;
        memcpy(to + i, &word, 8);
    }
    for (; i < len; i++)
        to[i] = (char)(payload[i] ^ (char)(mask >> 8 * (i & 3)));
    output[0] = (char)first;
    output[1] = (char)(len < 126 ? len : len < 65536 ? 126 : 127);
    for (size_t at = head, n = len; at > 2; at--, n >>= 8)
        output[at - 1] = (char)n;
    for (size_t c = 0; c < (conn->to_all ? conns_n : 1); c++)
        put(conn->to_all ? conns[c] : conn, output, head + len);
}

/* Returns how many bytes the frame at `at` has, 0 if it is not complete. */
static size_t take_frame(struct conn *conn, char *at, size_t len)
{
    if (len < 6)
        return 0;
    uint64_t payload = at[1] & 127;
    size_t head = 6;
    if (payload >= 126) {
        size_t bytes = payload == 126 ? 2 : 8;
        head += bytes;
        if (len < head)
            return 0;
        payload = 0;
        for (size_t i = 0; i < bytes; i++)
            payload = payload << 8 | (unsigned char)at[2 + i];
    }
    if (len < head + payload)
        return 0;
    answer(conn, (unsigned char)at[0], at + head, payload);
    return head + payload;
}

static size_t shake_hands(struct conn *conn, char *bytes, size_t len)
{
    static char head[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\n\r\n";
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    conn->open = true;
    conn->to_all = strncmp(bytes, "GET /all", 8) == 0;
    put(conn, head, sizeof head - 1);
    return (size_t)(end - bytes) + 4;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *conn = (struct conn *)stream;
    size_t at = 0;
    size_t len = conn->kept_len + (n > 0 ? (size_t)n : 0);
    (void)buf;
    if (n < 0) {
        for (size_t i = 0; i < conns_n; i++)
            if (conns[i] == conn)
                conns[i--] = conns[--conns_n];
        free(conn->kept);
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    for (size_t step = 1; step > 0; at += step)
        step = conn->open ? take_frame(conn, input + at, len - at)
                          : shake_hands(conn, input + at, len - at);
    if (len > at) {
        conn->kept = realloc(conn->kept, len - at);
        memcpy(conn->kept, input + at, len - at);
    }
    conn->kept_len = len - at;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (status < 0 || conn == NULL || conns_n == CONNS_MAX)
        exit(1);
    uv_tcp_init(listener->loop, &conn->tcp);
    uv_accept(listener, (uv_stream_t *)&conn->tcp);
    uv_tcp_nodelay(&conn->tcp, 1);
    uv_read_start((uv_stream_t *)&conn->tcp, alloc, on_read);
    conns[conns_n++] = conn;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    uv_tcp_t listener;
    uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 8080, &address);
    uv_tcp_init(uv_default_loop(), &listener);
    uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0);
    if (uv_listen((uv_stream_t *)&listener, 4096, on_connection) != 0)
        return 1;
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
