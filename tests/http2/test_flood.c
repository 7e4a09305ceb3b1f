/* Attacks on an HTTP/2 connection, and what each of them may cost at most (RFC 9113 §10.5). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "http2/peer.h"

#define GREETING "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0"
/* :method GET, :scheme http, :path /, :authority x */
#define HEAD "\x82\x86\x84\x41\x01x"

static struct peer peer;
static unsigned held_n;
static struct rh_exchange *held[256];

static void hold(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_exchange_hold(x);
    if (held_n < 256) {
        held[held_n++] = x;
    }
}

static void pong(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

static void begin(rh_handler_fn handler)
{
    memset(&peer, 0, sizeof peer);
    peer_begin_raw(&peer, handler, NULL);
    peer_feed(&peer, GREETING, sizeof GREETING - 1);
}

static void release_all(void)
{
    for (unsigned i = 0; i < held_n; i++) {
        rh_exchange_release(held[i]);
    }
    held_n = 0;
}

static size_t frame(char *at, unsigned type, unsigned flags, uint32_t stream, const char *payload,
                    size_t len)
{
    const unsigned char head[9] = {
        (unsigned char)(len >> 16),    (unsigned char)(len >> 8),    (unsigned char)len,
        (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream};
    memcpy(at, head, 9);
    memcpy(at + 9, payload, len);
    return 9 + len;
}

static void send_frame(unsigned type, unsigned flags, uint32_t stream, const char *payload,
                       size_t len)
{
    static char bytes[32768];
    peer_feed(&peer, bytes, frame(bytes, type, flags, stream, payload, len));
}

/* The same frame until the session reads no more; returns how many it took. */
static unsigned flood(unsigned type, unsigned flags, uint32_t stream, const char *payload,
                      size_t len, unsigned most)
{
    unsigned n = 0;
    while (n < most && peer.session->wants_input) {
        send_frame(type, flags, stream, payload, len);
        n++;
    }
    return n;
}

static void expect_stopped(void)
{
    cr_expect_not(peer.session->wants_input, "it reads on");
    cr_expect_leq(peer.engine.pools.heap.in_use, rh_http2_connection_bytes(&peer.engine.config));
    peer_run(&peer);
    cr_expect(peer.session->finished);
    cr_expect_not_null(strstr(peer.log, "RFC 9113 §10.5"), "%s", peer.log);
    peer_end(&peer);
}

Test(http2_flood, of_pings_that_nobody_reads)
{
    begin(pong);
    peer.stalled = true;
    cr_expect_leq(flood(6, 0, 0, "12345678", 8, 100000), 2 * 256U, "answers in memory are few");
    peer.stalled = false;
    expect_stopped();
}

Test(http2_flood, of_pings_that_are_read)
{
    unsigned n = 0;
    begin(pong);
    for (; n < 100000 && peer.session->wants_input; n++) {
        send_frame(6, 0, 0, "12345678", 8);
        peer_run(&peer);
    }
    cr_expect_leq(n, RH_GLITCH_BURST + 1U);
    expect_stopped();
}

Test(http2_flood, of_settings)
{
    begin(pong);
    peer.stalled = true;
    cr_expect_leq(flood(4, 0, 0, "\0\3\0\0\0\1", 6, 100000), 2 * 256U);
    peer.stalled = false;
    expect_stopped();
}

Test(http2_flood, of_priorities)
{
    begin(pong);
    cr_expect_leq(flood(2, 0, 5, "\0\0\0\0\x10", 5, 100000), RH_GLITCH_BURST + 1U);
    expect_stopped();
}

Test(http2_flood, of_empty_data)
{
    begin(hold);
    send_frame(1, 4, 1, HEAD, sizeof HEAD - 1);
    cr_expect_leq(flood(0, 0, 1, "", 0, 100000), RH_GLITCH_BURST + 1U);
    cr_expect_not(peer.session->wants_input);
    peer.session->ops->end(peer.session, RH_CLOSED);
    peer.session = NULL;
    release_all();
    peer_end(&peer);
}

Test(http2_flood, of_continuations_without_an_end)
{
    begin(pong);
    send_frame(1, 1, 1, HEAD, sizeof HEAD - 1); /* no END_HEADERS */
    cr_expect_leq(flood(9, 0, 1, "", 0, 100000), RH_GLITCH_BURST + 1U);
    cr_expect_eq(peer.door.handled, 0);
    cr_expect_not(peer.session->wants_input);
    peer_run(&peer);
    cr_expect(peer.session->finished);
    peer_end(&peer);
}

Test(http2_flood, of_unknown_frames)
{
    begin(pong);
    cr_expect_leq(flood(77, 0, 0, "", 0, 100000), RH_GLITCH_BURST + 1U);
    expect_stopped();
}

/* CVE-2023-44487: handlers go on working after the reset, so their exchanges keep their places. */
Test(http2_flood, of_resets_runs_no_more_handlers_than_streams)
{
    begin(hold);
    for (uint32_t id = 1; id < 20000 && peer.session->wants_input; id += 2) {
        send_frame(1, 5, id, HEAD, sizeof HEAD - 1);
        send_frame(3, 0, id, "\0\0\0\x8", 4);
        peer_run(&peer);
        cr_assert_leq(peer.engine.pools.exchanges.in_use, RH_HTTP2_STREAMS_MAX);
    }
    cr_expect_eq(peer.door.handled, RH_HTTP2_STREAMS_MAX);
    cr_expect_not(peer.session->wants_input);
    release_all();
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 0);
    peer_run(&peer);
    cr_expect(peer.session->finished);
    peer_end(&peer);
}

/* CVE-2025-8671: the peer makes us send the resets. */
Test(http2_flood, of_resets_of_ours_runs_no_more_handlers_either)
{
    begin(hold);
    for (uint32_t id = 1; id < 20000 && peer.session->wants_input; id += 2) {
        send_frame(1, 4, id, HEAD, sizeof HEAD - 1);
        send_frame(1, 5, id, HEAD, sizeof HEAD - 1); /* pseudo-header fields in trailers */
        peer_run(&peer);
        cr_assert_leq(peer.engine.pools.exchanges.in_use, RH_HTTP2_STREAMS_MAX);
    }
    cr_expect_eq(peer.door.handled, RH_HTTP2_STREAMS_MAX);
    cr_expect_not(peer.session->wants_input);
    release_all();
    peer_run(&peer);
    peer_end(&peer);
}

/* A large entry of the dynamic table, referred to by one byte, thousands of times. */
Test(http2_flood, of_references_costs_the_head_limit_and_no_more)
{
    static char block[16384];
    begin(pong);
    size_t len = sizeof HEAD - 1;
    memcpy(block, HEAD, len);
    memcpy(block + len, "\x40\x01w\x7f\xa1\x1e", 6); /* w: 4,000 bytes, with incremental indexing */
    len += 6;
    memset(block + len, 'x', 4000);
    len += 4000;
    memset(block + len, 0xbe, 12000); /* 48 MB when decoded */
    len += 12000;
    send_frame(1, 5, 1, block, len);
    cr_expect_eq(peer.door.handled, 0);
    cr_expect_leq(peer.engine.pools.heap.in_use_peak,
                  rh_http2_connection_bytes(&peer.engine.config));
    cr_expect_leq(peer.engine.pools.heads.in_use, 1);
    peer_run(&peer);
    cr_expect_eq(peer.engine.pools.heads.in_use, 0);
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 0);
    cr_expect_not_null(strstr(peer.log, "431"), "%s", peer.log);
    peer_end(&peer);
}

static unsigned closed_n;

static ptrdiff_t give(void *data, char *out, size_t room)
{
    (void)data;
    memset(out, 'x', room);
    return (ptrdiff_t)room;
}

static void count_close(void *data)
{
    (void)data;
    closed_n++;
}

static void endless(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_source source = {.pull = give, .close = count_close, .length = RH_LENGTH_UNKNOWN};
    rh_respond_source(x, 200, "text/plain", &source);
}

/* CVE-2019-9511, -9517: answers wait in their source, and not forever. */
Test(http2_flood, of_requests_that_never_open_their_windows)
{
    begin(endless);
    send_frame(4, 0, 0, "\0\4\0\0\0\0", 6); /* SETTINGS_INITIAL_WINDOW_SIZE 0 */
    for (uint32_t id = 1; id < 200; id += 2) {
        send_frame(1, 5, id, HEAD, sizeof HEAD - 1);
    }
    peer_run(&peer);
    cr_expect_eq(peer.door.handled, 100);
    cr_expect_leq(peer.engine.pools.heap.in_use, rh_http2_connection_bytes(&peer.engine.config));
    cr_expect_eq(peer.engine.pools.pipes.in_use, 0);
    peer_advance(&peer, peer.engine.config.write_ms + 1);
    cr_expect_eq(closed_n, 100);
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 0);
    peer_end(&peer);
}

Test(http2_flood, of_windows_of_one_byte)
{
    unsigned n = 0;
    begin(endless);
    send_frame(4, 0, 0, "\0\4\0\0\0\0", 6);
    send_frame(1, 5, 1, HEAD, sizeof HEAD - 1);
    peer_run(&peer);
    for (; n < 100000 && peer.session->wants_input; n++) {
        send_frame(8, 0, 1, "\0\0\0\1", 4);
        peer_run(&peer);
    }
    cr_expect_leq(n, RH_GLITCH_BURST + 1U);
    cr_expect_not(peer.session->wants_input);
    peer_end(&peer);
    cr_expect_eq(closed_n, 1);
}

Test(http2_flood, of_content_fills_one_window_for_each_stream)
{
    static char content[16384];
    begin(hold);
    for (uint32_t id = 1; id < 20; id += 2) {
        send_frame(1, 4, id, HEAD, sizeof HEAD - 1);
        for (unsigned i = 0; i < 4; i++) {
            send_frame(0, 0, id, content, sizeof content);
        }
    }
    peer_run(&peer);
    cr_expect(peer.session->wants_input, "what fits the windows is accepted: %s", peer.log);
    cr_expect_geq(peer.engine.pools.heap.in_use, 10 * (size_t)RH_HTTP2_STREAM_WINDOW);
    cr_expect_leq(peer.engine.pools.heap.in_use,
                  10 * (size_t)RH_HTTP2_STREAM_WINDOW * 11 / 10 +
                      rh_http2_connection_bytes(&peer.engine.config));
    send_frame(0, 0, 1, content, 1); /* beyond its window */
    peer_run(&peer);
    peer.session->ops->end(peer.session, RH_CLOSED);
    peer.session = NULL;
    release_all();
    cr_expect_eq(peer.engine.pools.heap.in_use, 0);
    peer_end(&peer);
}

Test(http2_flood, honest_neighbours_are_answered_meanwhile)
{
    begin(pong);
    for (unsigned n = 0; n < 5000; n++) {
        send_frame(6, 0, 0, "12345678", 8);
        if (n % 500 == 0) {
            send_frame(1, 5, n / 250 + 1, HEAD, sizeof HEAD - 1);
        }
        peer_run(&peer);
    }
    cr_expect_eq(peer.door.handled, 10);
    cr_expect(peer.session->wants_input);
    peer_end(&peer);
}
