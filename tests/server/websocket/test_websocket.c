/* A socket from its handshake to its end, through the driver. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>

#include "fixture.h"

TestSuite(websocket, .init = set_up_socket, .fini = tear_down);

/* --- Handshake (RFC 6455 §4) --- */

Test(websocket, answers_the_handshake)
{
    const char *head = open_socket_with("");
    expect_has(head, "HTTP/1.1 101 Switching Protocols\r\n");
    expect_has(head, "Upgrade: websocket\r\n");
    expect_has(head, "Connection: Upgrade\r\n");
    expect_has(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    expect_has_not(head, "Content-Length");
    expect_has_not(head, "Sec-WebSocket-Protocol");
    expect_has_not(head, "Sec-WebSocket-Extensions");
    expect_events("open ");
    cr_expect_eq(rh_driver_exchanges(driver), 0);
    cr_expect(rh_websocket_is_open(socket));
}

static void expect_refused(const char *request, const char *answer)
{
    struct rh_slice out = rh_driver_ask(driver, request);
    cr_expect(out.len > strlen(answer) && memcmp(out.base, answer, strlen(answer)) == 0,
              "%s answered with: %.*s", request, (int)out.len, out.base);
    cr_expect_null(socket);
}

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"

Test(websocket, refuses_handshakes_that_break_a_rule)
{
    begin(accepts, NULL);
    expect_refused(GET, "HTTP/1.1 426 ");
    expect_refused("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
                   "Sec-WebSocket-Version: 13\r\n" KEY "\r\n",
                   "HTTP/1.1 426 ");
    expect_refused("GET / HTTP/1.1\r\nHost: x\r\n" UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY
                   "\r\n",
                   "HTTP/1.1 426 ");
    expect_refused("GET / HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 426 ");
    expect_refused("GET / HTTP/1.1\r\nHost: x\r\n" UPGRADE "Sec-WebSocket-Version: 13\r\n\r\n",
                   "HTTP/1.1 400 ");
    expect_refused("GET / HTTP/1.1\r\nHost: x\r\n" UPGRADE "Sec-WebSocket-Version: 13\r\n" KEY KEY
                   "\r\n",
                   "HTTP/1.1 400 ");
    expect_refused("GET / HTTP/1.1\r\nHost: x\r\n" UPGRADE
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n",
                   "HTTP/1.1 400 ");
    expect_refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" UPGRADE
                   "Sec-WebSocket-Version: 13\r\n" KEY "\r\n",
                   "HTTP/1.1 400 ");
    expect_refused(HANDSHAKE "Sec-WebSocket-Extensions: a;;\r\n\r\n", "HTTP/1.1 400 ");
    expect_refused("GET / HTTP/1.0\r\nHost: x\r\n" UPGRADE "Sec-WebSocket-Version: 13\r\n" KEY
                   "\r\n",
                   "HTTP/1.1 426 ");
}

Test(websocket, names_its_version_with_426)
{
    begin(accepts, NULL);
    send("GET / HTTP/1.1\r\nHost: x\r\n" UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY "\r\n");
    const char *text = received();
    expect_has(text, "Sec-WebSocket-Version: 13\r\n");
    expect_has(text, "Upgrade: websocket\r\n");
}

Test(websocket, refuses_pages_of_other_origins)
{
    begin(accepts, NULL);
    expect_refused(HANDSHAKE "Origin: http://evil.example\r\n\r\n", "HTTP/1.1 403 ");
    expect_refused(HANDSHAKE "Origin: null\r\n\r\n", "HTTP/1.1 403 ");
    expect_refused(HANDSHAKE "Origin: https://x\r\n\r\n", "HTTP/1.1 403 ");
    expect_refused(HANDSHAKE "Origin: http://x\r\nOrigin: http://y\r\n\r\n", "HTTP/1.1 403 ");
    options.origins = "https://a.example https://b.example";
    expect_refused(HANDSHAKE "Origin: http://x\r\n\r\n", "HTTP/1.1 403 ");
    send(HANDSHAKE "Origin: https://b.example\r\n\r\n");
    expect_has(received(), "HTTP/1.1 101 ");
}

Test(websocket, takes_pages_of_its_own_origin)
{
    expect_has(open_socket_with("Origin: http://X:80\r\n"), "HTTP/1.1 101 ");
}

Test(websocket, chooses_a_subprotocol)
{
    options.protocols = "chat.v2, chat";
    const char *head = open_socket_with(
        "Sec-WebSocket-Protocol: other, chat\r\nSec-WebSocket-Protocol: chat.v2\r\n");
    expect_has(head, "Sec-WebSocket-Protocol: chat.v2\r\n");
    cr_expect(rh_slice_is(rh_websocket_protocol(socket), "chat.v2"));
}

/* --- Messages (§5, §6) --- */

Test(websocket, gets_texts_and_binary_messages)
{
    open_socket();
    send_text("hello");
    send_frame(0x82, "\x01\x02", 2);
    send_text("");
    expect_events("T(hello) B(\x01\x02) T() ");
}

Test(websocket, gathers_fragments)
{
    open_socket();
    send_frame(0x01, "frag", 4);
    send_frame(0x89, "p", 1);
    send_frame(0x00, "", 0);
    expect_events("");
    send_frame(0x80, "ment", 4);
    expect_events("T(fragment) ");
    expect_frames("O(p)");
}

Test(websocket, gives_fragments_as_they_come)
{
    options.on_fragment = note_fragment;
    open_socket();
    send_frame(0x01, "frag", 4);
    expect_events("T(frag ");
    send_frame(0x80, "ment", 4);
    expect_events("T(ment) ");
}

Test(websocket, gets_messages_sent_byte_by_byte)
{
    char frame[64];
    open_socket();
    size_t len = make_frame(frame, 0x81, "byte by byte", 12);
    for (size_t i = 0; i < len; i++) {
        rh_driver_feed(conn, frame + i, 1);
    }
    expect_events("T(byte by byte) ");
}

Test(websocket, gets_what_comes_with_the_handshake)
{
    char bytes[512] = HANDSHAKE "\r\n";
    size_t len = strlen(bytes);
    begin(accepts, NULL);
    len += make_frame(bytes + len, 0x81, "early", 5);
    rh_driver_feed(conn, bytes, len);
    expect_events("open T(early) ");
}

Test(websocket, sends_messages)
{
    open_socket();
    cr_expect_gt(rh_websocket_send(socket, RH_WEBSOCKET_TEXT, "hello", 5), 0);
    cr_expect_gt(rh_websocket_send(socket, RH_WEBSOCKET_BINARY, "\x01", 1), 0);
    rh_driver_poll(driver);
    expect_frames("T(hello)B(\x01)");
    cr_expect_eq(rh_websocket_queued(socket), 0);
    cr_expect_eq(rh_websocket_send(socket, RH_WEBSOCKET_TEXT, "\xff", 1), RH_ETEXT);
}

Test(websocket, echoes_every_length_of_head)
{
    static char text[70000];
    static const size_t lengths[] = {0, 1, 125, 126, 127, 4096, 16384, 65535, 65536, 70000};
    options.on_message = echo_message;
    memset(text, 'x', sizeof text);
    open_socket();
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        send_frame(0x82, text, lengths[i]);
        struct rh_slice out = rh_driver_output(conn);
        cr_assert_geq(out.len, lengths[i] + 2);
        cr_expect_arr_eq(out.base + (out.len - lengths[i]), text, lengths[i]);
        expect_has(frames(), "B(");
    }
}

Test(websocket, sends_fragments_and_keeps_others_behind_them)
{
    open_socket();
    cr_expect_gt(rh_websocket_send_fragment(socket, RH_WEBSOCKET_TEXT, "one ", 4, 0), 0);
    cr_expect_gt(rh_websocket_send(socket, RH_WEBSOCKET_TEXT, "other", 5), 0);
    rh_driver_poll(driver);
    expect_frames("T(one …)");
    cr_expect_eq(rh_websocket_send_fragment(socket, RH_WEBSOCKET_BINARY, "x", 1, 1), RH_ESTATE);
    cr_expect_eq(rh_websocket_send_fragment(socket, RH_WEBSOCKET_TEXT, "\xc3", 1, 1), RH_ETEXT);
    cr_expect_gt(rh_websocket_send_fragment(socket, RH_WEBSOCKET_TEXT, "\xc3", 1, 0), 0);
    cr_expect_gt(rh_websocket_send_fragment(socket, RH_WEBSOCKET_TEXT, "\xa4", 1, 1), 0);
    rh_driver_poll(driver);
    expect_frames("C(\xc3…)C(\xa4)T(other)");
}

/* --- Limits --- */

Test(websocket, refuses_large_messages_before_they_are_stored)
{
    options.message_bytes_max = 10;
    open_socket();
    rh_driver_feed(conn, "\x81\x8b", 2);
    rh_driver_feed(conn, "\0\0\0\0", 4); /* eleven are announced, none has come */
    expect_frames("X(1009 a message is larger than its limit)");
    expect_events("X(1009 a message is larger than its limit) ");
    cr_expect(rh_driver_is_shut(conn));
}

Test(websocket, refuses_messages_that_grow_too_large_in_fragments)
{
    options.message_bytes_max = 10;
    open_socket();
    send_frame(0x01, "123456", 6);
    send_frame(0x00, "7890", 4);
    send_frame(0x80, "1", 1);
    expect_frames("X(1009 a message is larger than its limit)");
}

Test(websocket, sends_no_more_than_its_queue_holds)
{
    static char text[1000];
    unsigned sent = 0;
    options.queue_bytes_max = 10000;
    options.on_drained = note_drained;
    open_socket();
    rh_driver_set_reading(conn, 0);
    memset(text, 'x', sizeof text);
    ptrdiff_t result;
    while ((result = rh_websocket_send(socket, RH_WEBSOCKET_TEXT, text, sizeof text)) >= 0) {
        cr_assert_leq(result, 10000);
        sent++;
    }
    cr_expect_eq(result, RH_EAGAIN);
    cr_expect_eq(rh_websocket_send(socket, RH_WEBSOCKET_TEXT, text, 0) > 0, 1);
    static char large[20000];
    cr_expect_eq(rh_websocket_send(socket, RH_WEBSOCKET_BINARY, large, sizeof large), RH_ENOROOM);
    expect_events("");
    rh_driver_set_reading(conn, 1);
    while (rh_driver_poll(driver)) {
    }
    expect_events("drained ");
    cr_expect_eq(count(frames(), "T("), sent + 1);
}

Test(websocket, sends_no_more_than_the_loop_holds)
{
    static char text[4000];
    config.websocket_bytes_max = 10000;
    open_socket();
    rh_driver_set_reading(conn, 0);
    rh_websocket_send(socket, RH_WEBSOCKET_BINARY, text, sizeof text);
    rh_driver_poll(driver); /* the output takes it */
    cr_expect_gt(rh_websocket_send(socket, RH_WEBSOCKET_BINARY, text, sizeof text), 0);
    cr_expect_gt(rh_websocket_send(socket, RH_WEBSOCKET_BINARY, text, sizeof text), 0);
    cr_expect_eq(rh_websocket_send(socket, RH_WEBSOCKET_BINARY, text, sizeof text), RH_ENOROOM);
    send_frame(0x89, "still there", 11); /* control frames have a place of their own */
    rh_driver_set_reading(conn, 1);
    while (rh_driver_poll(driver)) {
    }
    expect_has(frames(), "O(still there)");
}

Test(websocket, closes_with_1013_where_the_loop_has_no_memory_for_a_message)
{
    char text[600] = "";
    config.websocket_bytes_max = 1000;
    open_socket();
    send_frame(0x02, text, sizeof text);
    send_frame(0x00, text, sizeof text);
    expect_has(frames(), "X(1013 ");
}

/* --- Close (§7) --- */

Test(websocket, answers_a_close)
{
    open_socket();
    send_close(1000, "bye");
    expect_frames("X(1000)");
    expect_events("X(1000 bye) ");
    cr_expect(rh_driver_is_shut(conn));
    cr_expect_not(rh_driver_is_closed(conn));
    rh_driver_eof(conn);
    cr_expect(rh_driver_is_closed(conn));
}

Test(websocket, answers_a_close_without_a_code)
{
    open_socket();
    send_frame(0x88, "", 0);
    expect_frames("X()");
    expect_events("X(1005) ");
}

Test(websocket, closes_and_waits_for_the_answer)
{
    open_socket();
    rh_websocket_send(socket, RH_WEBSOCKET_TEXT, "last", 4);
    cr_expect_eq(rh_websocket_close(socket, 1000, "done"), 0);
    cr_expect_eq(rh_websocket_close(socket, 1000, "done"), RH_ECUT);
    cr_expect_eq(rh_websocket_send(socket, RH_WEBSOCKET_TEXT, "late", 4), RH_ECUT);
    rh_driver_poll(driver);
    expect_frames("T(last)X(1000 done)");
    send_text("not heard any more");
    expect_events("");
    cr_expect_not(rh_driver_is_shut(conn));
    send_close(1000, "");
    expect_frames("");
    expect_events("X(1000) ");
    cr_expect(rh_driver_is_shut(conn));
}

Test(websocket, waits_for_the_answer_no_longer_than_close_ms)
{
    open_socket();
    rh_websocket_close(socket, 3000, NULL);
    rh_driver_advance(driver, 4900);
    expect_frames("X(3000)");
    expect_events("");
    rh_driver_advance(driver, 200);
    expect_events("X(1006) ");
    cr_expect(rh_driver_is_shut(conn));
}

Test(websocket, refuses_codes_and_reasons_that_must_not_be_sent)
{
    char reason[126];
    open_socket();
    memset(reason, 'r', sizeof reason - 1);
    reason[124] = '\0';
    cr_expect_eq(rh_websocket_close(socket, 1005, NULL), RH_EFIELD);
    cr_expect_eq(rh_websocket_close(socket, 999, NULL), RH_EFIELD);
    cr_expect_eq(rh_websocket_close(socket, 1000, reason), RH_EFIELD);
    cr_expect_eq(rh_websocket_close(socket, 1000, "\xff"), RH_EFIELD);
    reason[123] = '\0';
    cr_expect_eq(rh_websocket_close(socket, 1000, reason), 0);
}

Test(websocket, hears_of_an_end_without_a_close)
{
    open_socket();
    rh_driver_eof(conn);
    expect_events("X(1006) ");
}

Test(websocket, hears_of_a_reset)
{
    open_socket();
    rh_driver_reset(conn);
    expect_events("X(1006) ");
}

Test(websocket, may_be_cut)
{
    open_socket();
    rh_websocket_cut(socket);
    expect_events("");
    rh_driver_poll(driver);
    expect_events("X(1006) ");
    cr_expect(rh_driver_is_closed(conn));
}

Test(websocket, sends_what_waits_before_it_answers_a_close)
{
    static char text[9000];
    open_socket();
    rh_driver_set_reading(conn, 0);
    for (int i = 0; i < 4; i++) {
        rh_websocket_send(socket, RH_WEBSOCKET_BINARY, text, sizeof text);
        rh_driver_poll(driver);
    }
    send_close(1000, "");
    rh_driver_set_reading(conn, 1);
    while (rh_driver_poll(driver)) {
    }
    expect_frames("B(9000 bytes)B(9000 bytes)B(9000 bytes)B(9000 bytes)X(1000)");
    expect_events("X(1000) ");
}

Test(websocket, drops_what_waits_for_an_unfinished_message_when_it_closes)
{
    open_socket();
    rh_websocket_send_fragment(socket, RH_WEBSOCKET_TEXT, "never", 5, 0);
    rh_websocket_send(socket, RH_WEBSOCKET_TEXT, "ended", 5);
    rh_websocket_close(socket, 1000, NULL);
    rh_driver_poll(driver);
    expect_frames("T(never…)X(1000)");
}

/* --- Time --- */

Test(websocket, pings_a_silent_peer_and_cuts_it_when_it_does_not_answer)
{
    options.ping_ms = 1000;
    open_socket();
    rh_driver_advance(driver, 1100);
    expect_frames("P()");
    send_frame(0x8a, "", 0);
    rh_driver_advance(driver, 2100);
    expect_frames("P()");
    expect_events("");
    rh_driver_advance(driver, 1100);
    expect_events("X(1006) ");
}

Test(websocket, waits_for_silence_inside_a_frame_no_longer_than_a_body)
{
    open_socket();
    rh_driver_feed(conn, "\x81\x85\0\0\0\0he", 8);
    rh_driver_advance(driver, 29000);
    expect_frames("");
    rh_driver_advance(driver, 2000);
    expect_has(frames(), "X(1008 ");
}

Test(websocket, waits_for_a_head_that_does_not_end)
{
    open_socket();
    rh_driver_feed(conn, "\x81", 1);
    rh_driver_advance(driver, 31000);
    expect_has(frames(), "X(1008 ");
}

Test(websocket, has_no_deadline_between_messages)
{
    options.ping_ms = 0;
    open_socket();
    send_frame(0x01, "a", 1);
    rh_driver_advance(driver, 3600 * 1000);
    send_frame(0x80, "b", 1);
    expect_events("T(ab) ");
}

Test(websocket, closes_floods_of_pings)
{
    open_socket();
    for (int i = 0; i < 10100 && !rh_driver_is_shut(conn); i++) {
        send_frame(0x89, "", 0);
        struct rh_slice out = rh_driver_output(conn);
        if (out.len > 2 && out.base[0] == (char)0x88) {
            break;
        }
        rh_driver_take(conn, out.len);
    }
    expect_has(frames(), "X(1008 ");
}

Test(websocket, drains_with_1001)
{
    open_socket();
    rh_driver_drain(driver);
    expect_frames("X(1001)");
    send_close(1001, "");
    expect_events("X(1001) ");
    cr_expect(rh_driver_is_shut(conn));
}

/* --- Lives --- */

static void closes_in_message(struct rh_websocket *s, enum rh_websocket_kind kind,
                              struct rh_slice message, void *data)
{
    note_message(s, kind, message, data);
    rh_websocket_close(s, 1000, NULL);
}

Test(websocket, may_be_closed_inside_a_callback)
{
    options.on_message = closes_in_message;
    open_socket();
    send_text("one");
    send_text("two");
    expect_events("T(one) ");
    expect_frames("X(1000)");
}

static void cuts_in_message(struct rh_websocket *s, enum rh_websocket_kind kind,
                            struct rh_slice message, void *data)
{
    note_message(s, kind, message, data);
    rh_websocket_cut(s);
}

Test(websocket, may_be_cut_inside_a_callback)
{
    options.on_message = cuts_in_message;
    open_socket();
    send_text("one");
    expect_events("T(one) X(1006) ");
}

static void resets_in_message(struct rh_websocket *s, enum rh_websocket_kind kind,
                              struct rh_slice message, void *data)
{
    note_message(s, kind, message, data);
    rh_driver_reset(conn);
}

Test(websocket, may_lose_its_connection_inside_a_callback)
{
    char bytes[64];
    options.on_message = resets_in_message;
    open_socket();
    size_t len = make_frame(bytes, 0x81, "one", 3);
    len += make_frame(bytes + len, 0x81, "two", 3);
    rh_driver_feed(conn, bytes, len);
    cr_expect(strncmp(events, "T(one) ", 7) == 0);
    cr_expect(strstr(events, "X(1006) ") != NULL);
}

static struct rh_websocket *kept;

static void keeps(struct rh_websocket *s, void *data)
{
    (void)data;
    kept = s;
    rh_websocket_ref(s);
}

Test(websocket, stays_while_it_is_referenced)
{
    options.on_open = keeps;
    open_socket_with("");
    rh_driver_reset(conn);
    expect_events("X(1006) ");
    cr_expect_not(rh_websocket_is_open(kept));
    cr_expect_eq(rh_websocket_send(kept, RH_WEBSOCKET_TEXT, "late", 4), RH_ECUT);
    cr_expect_eq(rh_websocket_close(kept, 1000, NULL), RH_ECUT);
    cr_expect_eq(rh_websocket_ping(kept), RH_ECUT);
    rh_websocket_cut(kept);
    rh_websocket_unref(kept);
}

static void posted(struct rh_websocket *s, void *data)
{
    note("posted ");
    cr_expect_eq(rh_websocket_send(s, RH_WEBSOCKET_TEXT, data, 6), RH_ECUT);
    rh_websocket_unref(s);
}

static char late[] = "posted";

Test(websocket, runs_posts_also_after_its_end)
{
    options.on_open = keeps;
    open_socket_with("");
    cr_expect_eq(rh_websocket_post(kept, posted, late), 0);
    rh_driver_reset(conn);
    rh_driver_poll(driver);
    expect_events("X(1006) posted ");
}

static void sends_at_once(struct rh_exchange *x, void *data)
{
    accepts(x, data);
    rh_websocket_send(socket, RH_WEBSOCKET_TEXT, "first", 5);
}

Test(websocket, may_send_before_its_handshake_is_answered)
{
    begin(sends_at_once, NULL);
    send(HANDSHAKE "\r\n");
    const char *end = strstr(received(), "\r\n\r\n");
    cr_assert_not_null(end);
    cr_expect_str_eq(end + 4, "\x81\x05"
                              "first");
}

Test(websocket, counts_as_an_exchange_of_101)
{
    open_socket();
    cr_expect_eq(door.handled, 1);
    send_text("GET / HTTP/1.1\r\n\r\n");
    cr_expect_eq(door.handled, 1);
}
