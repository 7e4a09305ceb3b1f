/* The session with handlers behind it, and a client in front. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "http2/peer.h"

static struct peer peer;

static void pong(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

Test(http2, answers_a_request)
{
    peer_begin(&peer, pong, NULL, NULL);
    int32_t id = peer_get(&peer, "/");
    peer_run(&peer);
    struct peer_answer *a = peer_answer(&peer, id);
    cr_expect_eq(a->status, 200);
    cr_expect_str_eq(a->body, "pong");
    cr_expect(a->ended);
    cr_expect_eq(a->reset, 0);
    cr_expect_str_eq(a->fields, ":status: 200\nserver: rawhttp-uv\n"
                                "date: Sun, 09 Sep 2001 01:46:40 GMT\n"
                                "content-type: text/plain; charset=utf-8\ncontent-length: 4\n");
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 0);
    peer_end(&peer);
}

Test(http2, answers_many_streams_of_a_connection)
{
    peer_begin(&peer, pong, NULL, NULL);
    for (unsigned round = 0; round < 3; round++) {
        int32_t first = peer_get(&peer, "/");
        for (unsigned i = 1; i < 60; i++) {
            peer_get(&peer, "/");
        }
        peer_run(&peer);
        for (int32_t id = first; id < first + 120; id += 2) {
            cr_expect_eq(peer_answer(&peer, id)->status, 200);
            cr_expect(peer_answer(&peer, id)->ended);
        }
    }
    cr_expect_eq(peer.door.handled, 180);
    peer_end(&peer);
}

static void on_whole(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)data;
    if (error == 0) {
        rh_respond(x, 200, "text/plain", body.base, body.len);
    }
}

static void echo_whole(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_whole(x, on_whole, NULL);
}

Test(http2, hands_over_a_whole_body)
{
    peer_begin(&peer, echo_whole, NULL, NULL);
    int32_t with = peer_send(&peer, "POST", "/", "content-length: 5\n", "hello");
    int32_t without = peer_send(&peer, "POST", "/", NULL, "hello again");
    int32_t empty = peer_send(&peer, "POST", "/", NULL, NULL);
    peer_run(&peer);
    cr_expect_str_eq(peer_answer(&peer, with)->body, "hello");
    cr_expect_str_eq(peer_answer(&peer, without)->body, "hello again");
    cr_expect_eq(peer_answer(&peer, empty)->status, 200);
    cr_expect_eq(peer_answer(&peer, empty)->body_len, 0);
    peer_end(&peer);
}

static char large[300000];

static void big(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_static(x, 200, "text/plain", large, sizeof large);
}

Test(http2, sends_more_than_any_window_holds)
{
    memset(large, 'x', sizeof large);
    peer_begin(&peer, big, NULL, NULL);
    int32_t a = peer_get(&peer, "/");
    int32_t b = peer_get(&peer, "/");
    peer_run(&peer);
    cr_expect_eq(peer_answer(&peer, a)->body_len, sizeof large);
    cr_expect_eq(peer_answer(&peer, b)->body_len, sizeof large);
    cr_expect_eq(memcmp(peer_answer(&peer, b)->body, large, sizeof large), 0);
    cr_expect(peer_answer(&peer, a)->ended && peer_answer(&peer, b)->ended);
    peer_end(&peer);
}

Test(http2, malformed_request_costs_its_stream_alone)
{
    peer_begin(&peer, echo_whole, NULL, NULL);
    int32_t bad = peer_send(&peer, "GET", "/", "connection: close\n", NULL);
    int32_t late = peer_send(&peer, "POST", "/", "content-length: 2\n", "abc");
    int32_t good = peer_get(&peer, "/");
    peer_run(&peer);
    cr_expect_eq(peer_answer(&peer, bad)->reset, NGHTTP2_PROTOCOL_ERROR + 1);
    cr_expect_eq(peer_answer(&peer, bad)->status, 0);
    cr_expect_eq(peer_answer(&peer, late)->reset, NGHTTP2_PROTOCOL_ERROR + 1);
    cr_expect_eq(peer_answer(&peer, good)->status, 200);
    cr_expect(peer.session->at_rest);
    cr_expect_not_null(strstr(peer.log, "connection-field"), "%s", peer.log);
    cr_expect_not_null(strstr(peer.log, "RFC 9113 §8.2.2"), "%s", peer.log);
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 0);
    peer_end(&peer);
}

Test(http2, end_of_input_ends_what_can_never_move)
{
    peer_begin(&peer, big, NULL, NULL);
    nghttp2_submit_settings(peer.client, NGHTTP2_FLAG_NONE,
                            &(nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10}, 1);
    int32_t id = peer_get(&peer, "/");
    peer_run_once(&peer);
    peer.quiet = true;
    peer_run(&peer);
    cr_expect_eq(peer_answer(&peer, id)->body_len, 10);
    peer.session->ops->eof(peer.session);
    peer_run(&peer);
    cr_expect(peer.session->finished);
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 0);
    peer_end(&peer);
}

/* --- Bodies --------------------------------------------------------------------------------- */

static size_t take_max;
static size_t taken;
static int body_error;
static unsigned ends;
static struct rh_exchange *reader;

static size_t take(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)x;
    (void)data;
    size_t n = take_max - taken < piece.len ? take_max - taken : piece.len;
    taken += n;
    return n;
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    ends++;
    body_error = error;
    if (error == 0) {
        rh_respond_text(x, 200, rh_request_trailer(x, "digest").base != NULL ? "trailer" : "done");
    }
}

static void read_some(struct rh_exchange *x, void *data)
{
    (void)data;
    if (rh_request_method(x) != RH_POST) {
        rh_respond_text(x, 200, "pong");
        return;
    }
    reader = x;
    rh_body_stream(x, take, on_end, NULL);
}

Test(http2, paused_body_costs_its_window_and_stops_no_other_stream)
{
    static char content[200000];
    take_max = 1000;
    peer_begin(&peer, read_some, NULL, NULL);
    int32_t id = peer_post(&peer, "/", NULL);
    peer_data(&peer, id, content, sizeof content, true);
    peer_run(&peer);
    cr_expect_eq(taken, 1000);
    cr_expect_leq(peer.engine.pools.heap.in_use,
                  RH_HTTP2_STREAM_WINDOW + rh_http2_connection_bytes(&peer.engine.config));
    for (unsigned i = 0; i < 50; i++) {
        int32_t other = peer_get(&peer, "/");
        peer_run(&peer);
        cr_expect_eq(peer_answer(&peer, other)->status, 200);
    }
    take_max = 100000;
    rh_body_resume(reader);
    peer_run(&peer);
    cr_expect_eq(taken, 100000);
    cr_expect_eq(ends, 0);
    take_max = SIZE_MAX;
    rh_body_resume(reader);
    peer_run(&peer);
    cr_expect_eq(taken, sizeof content);
    cr_expect_eq(ends, 1);
    cr_expect_str_eq(peer_answer(&peer, id)->body, "done");
    peer_end(&peer);
}

Test(http2, silence_in_a_body_ends_it)
{
    take_max = SIZE_MAX;
    peer_begin(&peer, read_some, NULL, NULL);
    int32_t id = peer_post(&peer, "/", NULL);
    peer_data(&peer, id, "abc", 3, false);
    peer_advance(&peer, peer.engine.config.body_ms - 1);
    cr_expect_eq(ends, 0);
    peer_advance(&peer, peer.engine.config.body_ms + 2);
    cr_expect_eq(ends, 1);
    cr_expect_eq(body_error, RH_EBODY_TIMEOUT);
    cr_expect_eq(peer_answer(&peer, id)->status, 408);
    peer_end(&peer);
}

Test(http2, reset_in_a_body_is_told_to_its_reader)
{
    take_max = SIZE_MAX;
    peer_begin(&peer, read_some, NULL, NULL);
    int32_t id = peer_post(&peer, "/", NULL);
    peer_data(&peer, id, "abc", 3, false);
    peer_run(&peer);
    nghttp2_submit_rst_stream(peer.client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    peer_run(&peer);
    cr_expect_eq(ends, 1);
    cr_expect_eq(body_error, RH_ECUT);
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 0);
    peer_end(&peer);
}

Test(http2, sends_100_when_the_body_is_wanted)
{
    take_max = SIZE_MAX;
    peer_begin(&peer, read_some, NULL, NULL);
    int32_t id = peer_post(&peer, "/", "expect: 100-continue\n");
    peer_run(&peer);
    cr_expect_eq(peer_answer(&peer, id)->interim, 1);
    cr_expect_eq(peer_answer(&peer, id)->status, 0);
    peer_data(&peer, id, "abc", 3, true);
    peer_run(&peer);
    cr_expect_eq(peer_answer(&peer, id)->status, 200);
    peer_end(&peer);
}

Test(http2, early_answer_is_whole_and_stops_the_request_without_an_error)
{
    peer_begin(&peer, pong, NULL, NULL);
    int32_t id = peer_post(&peer, "/", NULL);
    peer_data(&peer, id, "abc", 3, false);
    peer_run(&peer);
    cr_expect_str_eq(peer_answer(&peer, id)->body, "pong");
    cr_expect(peer_answer(&peer, id)->ended);
    cr_expect_eq(peer_answer(&peer, id)->reset, NGHTTP2_NO_ERROR + 1);
    peer_end(&peer);
}

/* --- Answers -------------------------------------------------------------------------------- */

static struct rh_exchange *held;
static unsigned aborts;

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)x;
    (void)reason;
    (void)data;
    aborts++;
}

static void hold(struct rh_exchange *x, void *data)
{
    (void)data;
    held = x;
    rh_exchange_hold(x);
    rh_exchange_on_abort(x, on_abort, NULL);
}

Test(http2, deferred_answer_wakes_its_stream)
{
    peer_begin(&peer, hold, NULL, NULL);
    int32_t id = peer_get(&peer, "/");
    peer_run(&peer);
    cr_expect_eq(peer_answer(&peer, id)->status, 0);
    rh_response_set(held, "X-Late", "yes");
    rh_respond_text(held, 201, "late");
    peer_run(&peer);
    cr_expect_eq(peer_answer(&peer, id)->status, 201);
    cr_expect_not_null(strstr(peer_answer(&peer, id)->fields, "x-late: yes\n"));
    peer_end(&peer);
}

Test(http2, handler_that_takes_too_long_becomes_503)
{
    peer_begin(&peer, hold, NULL, NULL);
    int32_t id = peer_get(&peer, "/");
    peer_advance(&peer, peer.engine.config.answer_ms + 1);
    cr_expect_eq(peer_answer(&peer, id)->status, 503);
    cr_expect(peer_answer(&peer, id)->ended);
    cr_expect_eq(aborts, 1);
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 1);
    rh_exchange_release(held);
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 0);
    peer_end(&peer);
}

Test(http2, exchange_held_longer_than_its_connection_is_released_later)
{
    peer_begin(&peer, hold, NULL, NULL);
    peer_get(&peer, "/");
    peer_run(&peer);
    peer.session->ops->end(peer.session, RH_PEER_RESET);
    peer.session = NULL;
    cr_expect_eq(aborts, 1);
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 1);
    rh_respond_text(held, 200, "nobody hears");
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 0);
    cr_expect_eq(peer.engine.pools.heap.in_use, 0);
    peer_end(&peer);
}

static void push(struct rh_exchange *x, void *data)
{
    (void)data;
    held = x;
    rh_stream_open(x, 200, "text/plain", RH_LENGTH_UNKNOWN, NULL, NULL);
    rh_stream_write(x, "one", 3);
}

Test(http2, stream_is_pushed_as_it_is_written)
{
    peer_begin(&peer, push, NULL, NULL);
    int32_t id = peer_get(&peer, "/");
    peer_run(&peer);
    cr_expect_str_eq(peer_answer(&peer, id)->body, "one");
    cr_expect_eq(peer_answer(&peer, id)->ended, false);
    peer_advance(&peer, 10 * peer.engine.config.write_ms);
    rh_stream_write(held, " two", 4);
    peer_run(&peer);
    cr_expect_str_eq(peer_answer(&peer, id)->body, "one two");
    rh_stream_end(held);
    peer_run(&peer);
    cr_expect(peer_answer(&peer, id)->ended);
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 0);
    peer_end(&peer);
}

static void fail_stream(struct rh_exchange *x, void *data)
{
    push(x, data);
    rh_stream_fail(x);
}

Test(http2, answer_that_breaks_off_resets_its_stream)
{
    peer_begin(&peer, fail_stream, NULL, NULL);
    int32_t id = peer_get(&peer, "/");
    peer_run(&peer);
    cr_expect_eq(peer_answer(&peer, id)->ended, false);
    cr_expect_eq(peer_answer(&peer, id)->reset, NGHTTP2_INTERNAL_ERROR + 1);
    peer_end(&peer);
}

static void statuses(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice path = rh_request_path(x);
    if (path.len == 4) {
        rh_respond_empty(x, (unsigned)atoi(path.base + 1));
    } else {
        rh_respond_text(x, 200, "pong");
    }
}

Test(http2, answers_without_content_have_none)
{
    peer_begin(&peer, statuses, NULL, NULL);
    int32_t head = peer_send(&peer, "HEAD", "/", NULL, NULL);
    int32_t none = peer_get(&peer, "/204");
    int32_t same = peer_get(&peer, "/304");
    int32_t gone = peer_get(&peer, "/410");
    peer_run(&peer);
    cr_expect_not_null(strstr(peer_answer(&peer, head)->fields, "content-length: 4\n"));
    cr_expect_null(strstr(peer_answer(&peer, none)->fields, "content-length"));
    cr_expect_null(strstr(peer_answer(&peer, same)->fields, "content-length"));
    cr_expect_not_null(strstr(peer_answer(&peer, gone)->fields, "content-length: 0\n"));
    for (int32_t id = head; id <= gone; id += 2) {
        cr_expect_eq(peer_answer(&peer, id)->body_len, 0);
        cr_expect(peer_answer(&peer, id)->ended);
    }
    peer_end(&peer);
}

/* --- Ends ----------------------------------------------------------------------------------- */

Test(http2, drain_says_goodbye_twice_and_loses_no_request)
{
    peer_begin(&peer, pong, NULL, NULL);
    int32_t before = peer_get(&peer, "/");
    peer_run(&peer);
    rh_engine_drain(&peer.engine);
    peer.session->ops->drain(peer.session);
    int32_t under_way = peer_get(&peer, "/"); /* sent before the client has seen anything */
    peer_run(&peer);
    cr_expect_eq(peer.goaways, 2);
    cr_expect_eq(peer.goaway, NGHTTP2_NO_ERROR + 1);
    cr_expect_eq(peer.goaway_last, under_way);
    cr_expect_eq(peer_answer(&peer, before)->status, 200);
    cr_expect_eq(peer_answer(&peer, under_way)->status, 200);
    cr_expect(peer.session->finished);
    peer_end(&peer);
}

Test(http2, drain_waits_a_second_for_a_peer_that_does_not_answer)
{
    peer_begin(&peer, pong, NULL, NULL);
    peer.quiet = true;
    rh_engine_drain(&peer.engine);
    peer.session->ops->drain(peer.session);
    peer_run(&peer);
    cr_expect_eq(peer.goaways, 1);
    peer_advance(&peer, 1001);
    cr_expect_eq(peer.goaways, 2);
    cr_expect(peer.session->finished);
    peer_end(&peer);
}

Test(http2, idle_connection_ends_with_a_goaway)
{
    peer_begin(&peer, pong, NULL, NULL);
    peer_get(&peer, "/");
    peer_run(&peer);
    cr_expect(peer.session->at_rest);
    cr_expect_eq(peer.session->deadline, RH_DEADLINE_IDLE);
    peer.session->ops->expire(peer.session, RH_DEADLINE_IDLE);
    peer_run(&peer);
    cr_expect_eq(peer.goaway, NGHTTP2_NO_ERROR + 1);
    cr_expect(peer.session->finished);
    peer_end(&peer);
}

Test(http2, more_requests_than_streams_are_refused_and_may_come_again)
{
    peer_begin(&peer, hold, NULL, NULL);
    for (unsigned i = 0; i < RH_HTTP2_STREAMS_MAX; i++) {
        int32_t id = peer_get(&peer, "/");
        peer_run(&peer);
        nghttp2_submit_rst_stream(peer.client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        peer_run(&peer);
        if (i + 1 < RH_HTTP2_STREAMS_MAX) {
            rh_exchange_release(held);
        }
    }
    cr_expect_eq(peer.engine.pools.exchanges.in_use, 1);
    rh_exchange_release(held);
    peer_end(&peer);
}
