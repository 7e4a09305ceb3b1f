/* Lives of exchanges: held, aborted, concluded, posted to, overdue, drained; and callbacks in odd places. */
#include <pthread.h>

#include "fixture.h"

TestSuite(life, .init = set_up, .fini = tear_down);

static struct rh_exchange *held;
static enum rh_abort aborts[4];
static unsigned aborts_n;
static char order[64];

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)x;
    (void)data;
    aborts[aborts_n++ % 4] = reason;
}

static void holds(struct rh_exchange *x, void *data)
{
    (void)data;
    held = x;
    rh_exchange_on_abort(x, on_abort, NULL);
    rh_exchange_hold(x);
}

static void pong_once(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

static char name_a[] = "a";
static char name_b[] = "b";

static void on_outcome(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    char text[32];
    (void)x;
    snprintf(text, sizeof text, "%s%u%s ", (const char *)data, outcome->status, outcome->aborted ? "!" : "");
    strncat(order, text, sizeof order - strlen(order) - 1);
}

static void observed(struct rh_exchange *x, void *data)
{
    rh_exchange_on_outcome(x, on_outcome, name_a);
    rh_exchange_on_outcome(x, on_outcome, name_b);
    if (data != NULL) {
        holds(x, NULL);
    } else {
        rh_respond_text(x, 200, "pong");
    }
}

Test(life, of_a_connection_is_over_for_a_peer_that_reads_too_late)
{
    begin(pong_once, NULL);
    rh_driver_set_reading(conn, 0);
    send(GET);
    rh_driver_advance(driver, 31000);
    cr_expect(rh_driver_is_closed(conn));
    rh_driver_set_reading(conn, 1);
    expect_received("");
}

Test(life, of_a_held_exchange_ends_with_its_answer)
{
    begin(holds, NULL);
    send(GET GET);
    expect_received("");
    struct rh_exchange *first = held;
    rh_respond_text(first, 200, "pong");
    rh_driver_poll(driver);
    expect_received(PONG);
    rh_respond_text(held, 200, "pong");
    rh_driver_poll(driver);
    expect_received(PONG);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

static struct rh_exchange *open_stream;

static void streams(struct rh_exchange *x, void *data)
{
    (void)data;
    open_stream = x;
    rh_stream_open(x, 200, NULL, RH_LENGTH_UNKNOWN, NULL, NULL);
}

static void drain_is_not_told(struct rh_exchange *x, void *data)
{
    (void)x;
    *(bool *)data = true;
}

/* The answer to HEAD is over at once, its stream is not: a hook that came later was kept and never called, and one that
 * waits for a drain stayed in the engine's list behind the exchange's end. */
Test(life, refuses_hooks_when_the_outcome_is_known)
{
    bool told = false;
    begin(streams, NULL);
    send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_has(received(), "HTTP/1.1 200 OK");
    cr_expect_eq(rh_exchange_on_outcome(open_stream, on_outcome, NULL), RH_ESTATE);
    cr_expect_leq(rh_exchange_on_drain(open_stream, drain_is_not_told, &told), 0);
    rh_stream_end(open_stream);
    cr_expect_not(told);
}

Test(life, of_a_held_exchange_that_is_given_back_is_a_500)
{
    begin(holds, NULL);
    send(GET);
    rh_exchange_release(held);
    rh_driver_poll(driver);
    expect_has(received(), "HTTP/1.1 500 ");
}

Test(life, of_a_held_exchange_outlives_its_connection)
{
    begin(holds, NULL);
    send(GET);
    rh_driver_forget(conn);
    cr_expect_eq(rh_driver_exchanges(driver), 1);
    cr_expect(rh_exchange_is_cut(held));
    cr_expect(rh_slice_is(rh_request_target(held), "/"));
    rh_respond_text(held, 200, "nobody reads this");
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(life, of_a_cut_exchange_ends_by_release_too)
{
    begin(holds, NULL);
    send(GET);
    rh_driver_reset(conn);
    rh_exchange_release(held);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
    cr_expect_eq(aborts_n, 1);
    cr_expect_eq(aborts[0], RH_PEER_RESET);
}

Test(life, end_of_input_is_a_hint_and_the_answer_still_comes)
{
    begin(holds, NULL);
    send(GET);
    rh_driver_eof(conn);
    rh_driver_poll(driver);
    cr_expect_eq(aborts_n, 1);
    cr_expect_eq(aborts[0], RH_PEER_EOF);
    cr_expect_not(rh_exchange_is_cut(held));
    rh_respond_text(held, 200, "pong");
    rh_driver_poll(driver);
    expect_received(PONG);
    cr_expect(rh_driver_is_closed(conn));
}

Test(life, abort_comes_at_most_twice)
{
    begin(holds, NULL);
    send(GET);
    rh_driver_eof(conn);
    rh_driver_reset(conn);
    cr_expect_eq(aborts_n, 2);
    cr_expect_eq(aborts[1], RH_PEER_RESET);
    rh_exchange_release(held);
}

Test(life, hint_reaches_pipelined_requests_behind_the_end)
{
    begin(holds, NULL);
    send(GET GET);
    rh_driver_eof(conn);
    cr_expect_eq(aborts_n, 1);
    rh_respond_text(held, 200, "pong");
    rh_driver_poll(driver);
    cr_expect_eq(aborts_n, 2, "registering after the fact calls at once");
    rh_respond_text(held, 200, "pong");
    rh_driver_poll(driver);
    expect_received(PONG PONG);
    cr_expect(rh_driver_is_closed(conn));
}

Test(life, hint_comes_though_a_body_waits_unread)
{
    begin(holds, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    rh_driver_eof(conn);
    cr_expect_eq(aborts_n, 1);
    rh_respond_text(held, 200, "pong");
    rh_driver_poll(driver);
    expect_received(PONG);
    cr_expect(rh_driver_is_closed(conn));
}

Test(life, abort_that_is_registered_late_and_releases_ends_it)
{
    begin(holds, NULL);
    send(GET);
    rh_driver_reset(conn);
    rh_exchange_on_abort(held, on_abort, NULL);
    cr_expect_eq(aborts_n, 2);
    rh_exchange_release(held);
}

static void abort_releases(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    on_abort(x, reason, data);
    rh_exchange_release(x);
}

Test(life, may_end_inside_abort)
{
    begin(holds, NULL);
    send(GET);
    rh_exchange_forget_abort(held, on_abort, NULL);
    rh_exchange_on_abort(held, abort_releases, NULL);
    rh_driver_reset(conn);
    cr_expect_eq(aborts_n, 1);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(life, may_end_inside_an_abort_that_is_registered_late)
{
    begin(holds, NULL);
    send(GET);
    rh_driver_reset(conn);
    rh_exchange_on_abort(held, abort_releases, NULL);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(life, may_end_inside_the_hint)
{
    begin(holds, NULL);
    send(GET);
    rh_exchange_on_abort(held, abort_releases, NULL);
    rh_driver_eof(conn);
    rh_driver_poll(driver);
    expect_has(received(), "HTTP/1.1 500 ");
    cr_expect(rh_driver_is_closed(conn));
}

/* --- Several who want to hear of an abort --- */

static void note_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    char text[16];
    (void)x;
    snprintf(text, sizeof text, "%s%d ", (const char *)data, (int)reason);
    strncat(order, text, sizeof order - strlen(order) - 1);
}

static void holds_quietly(struct rh_exchange *x, void *data)
{
    (void)data;
    held = x;
    rh_exchange_hold(x);
}

static void begin_with_two(void)
{
    begin(holds_quietly, NULL);
    send(GET);
    rh_exchange_on_abort(held, note_abort, name_a);
    rh_exchange_on_abort(held, note_abort, name_b);
}

Test(life, abort_is_told_to_all_and_to_the_last_first)
{
    begin_with_two();
    rh_driver_eof(conn);
    cr_expect_str_eq(order, "b1 a1 ");
    rh_driver_reset(conn);
    cr_expect_str_eq(order, "b1 a1 b2 a2 ");
    rh_exchange_release(held);
}

Test(life, abort_is_not_told_to_the_one_that_was_taken_away)
{
    begin_with_two();
    rh_exchange_forget_abort(held, note_abort, name_a);
    rh_exchange_forget_abort(held, note_abort, NULL); /* not there */
    rh_driver_eof(conn);
    cr_expect_str_eq(order, "b1 ");
    rh_exchange_on_abort(held, NULL, NULL); /* the last one, whoever that is */
    rh_driver_reset(conn);
    cr_expect_str_eq(order, "b1 ");
    rh_exchange_release(held);
}

/* Itself and the next one go, and one comes. */
static void abort_changes(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    note_abort(x, reason, data);
    rh_exchange_forget_abort(x, abort_changes, data);
    rh_exchange_forget_abort(x, note_abort, name_b);
    rh_exchange_on_abort(x, note_abort, data);
}

Test(life, abort_may_change_who_is_told)
{
    static char name_c[] = "c";
    begin_with_two();
    rh_exchange_on_abort(held, abort_changes, name_c);
    rh_driver_eof(conn);
    cr_expect_str_eq(order, "c1 c1 a1 ");
    rh_driver_reset(conn);
    cr_expect_str_eq(order, "c1 c1 a1 c2 a2 ");
    rh_exchange_release(held);
}

/* The hint makes one end the connection: the cut comes when all have heard of the hint, and not inside
 * of it. */
static void abort_cuts(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    note_abort(x, reason, data);
    if (reason == RH_PEER_EOF) {
        rh_driver_reset(conn);
    }
}

Test(life, abort_that_comes_inside_a_hint_follows_it)
{
    begin(holds_quietly, NULL);
    send(GET);
    rh_exchange_on_abort(held, note_abort, name_a);
    rh_exchange_on_abort(held, abort_cuts, name_b);
    rh_driver_eof(conn);
    cr_expect_str_eq(order, "b1 a1 b2 a2 ");
    rh_exchange_release(held);
}

Test(life, abort_gives_places_back_and_says_when_there_is_none)
{
    begin(holds_quietly, NULL);
    send(GET);
    for (unsigned i = 0; i < 100000; i++) {
        cr_assert_eq(rh_exchange_on_abort(held, note_abort, name_b), 0);
        cr_assert_eq(rh_exchange_on_abort(held, on_abort, NULL), 0);
        rh_exchange_forget_abort(held, note_abort, name_b);
        rh_exchange_forget_abort(held, on_abort, NULL);
    }
    rh_driver_reset(conn);
    rh_exchange_release(held);
    cr_expect_eq(aborts_n, 0);
    conn = rh_driver_open(driver);
    send(GET);
    while (rh_exchange_alloc(held, 8) != NULL) {
    }
    cr_expect_eq(rh_exchange_on_abort(held, note_abort, name_b), RH_ENOROOM);
    rh_driver_reset(conn);
    cr_expect_str_eq(order, "");
    rh_exchange_release(held);
}

static void on_whole_cut(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)body;
    *(int *)data = error;
    rh_respond_text(x, 200, "too late");
}

Test(life, body_that_is_asked_for_after_the_cut_fails_at_once)
{
    int error = 0;
    begin(holds, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n");
    rh_driver_reset(conn);
    rh_body_whole(held, on_whole_cut, &error);
    cr_expect_eq(error, RH_ECUT);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(life, body_may_be_asked_for_later)
{
    int error = 1;
    begin(holds, NULL);
    send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    rh_body_whole(held, on_whole_cut, &error);
    rh_driver_poll(driver);
    cr_expect_eq(error, 0);
    expect_has(received(), "too late");
}

Test(life, outcomes_run_in_reverse_order)
{
    begin(observed, NULL);
    send(GET);
    cr_expect_str_eq(order, "b200 a200 ");
}

Test(life, outcome_waits_until_the_answer_is_taken)
{
    begin(observed, NULL);
    rh_driver_set_reading(conn, 0);
    send(GET);
    cr_expect_str_eq(order, "");
    rh_driver_set_reading(conn, 1);
    cr_expect_str_eq(order, "b200 a200 ");
}

Test(life, outcome_of_a_lost_answer_is_aborted)
{
    begin(observed, NULL);
    rh_driver_set_reading(conn, 0);
    send(GET);
    rh_driver_reset(conn);
    cr_expect_str_eq(order, "b200! a200! ");
}

Test(life, outcome_of_a_cut_hold_has_no_status)
{
    begin(observed, &held);
    send(GET);
    rh_driver_reset(conn);
    cr_expect_str_eq(order, "b0! a0! ");
    rh_exchange_release(held);
}

/* Whoever is told an outcome answers what follows on the same connection. */
static struct rh_exchange *second;

static void outcome_answers(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    (void)x;
    (void)outcome;
    (void)data;
    if (second != NULL) {
        rh_respond_text(second, 200, "pong");
        second = NULL;
    }
}

static void first_and_second(struct rh_exchange *x, void *data)
{
    (void)data;
    if (door.handled == 1) {
        rh_exchange_on_outcome(x, outcome_answers, NULL);
        rh_respond_text(x, 200, "pong");
    } else {
        second = x;
        rh_exchange_hold(x);
    }
}

Test(life, outcome_may_answer_the_next_on_its_connection)
{
    begin(first_and_second, NULL);
    send(GET GET);
    while (rh_driver_poll(driver)) {
    }
    expect_received(PONG PONG);
}

/* --- Threads ---------------------------------------------------------------------------------------- */

static void posted(struct rh_exchange *x, void *data)
{
    cr_expect_eq(rh_exchange_is_cut(x), *(int *)data);
    rh_respond_text(x, 200, "pong");
}

static int is_cut;

static void *thread(void *data)
{
    cr_expect_eq(rh_exchange_post(data, posted, &is_cut), 0);
    return NULL;
}

Test(life, post_from_a_thread_runs_in_poll)
{
    begin(holds, NULL);
    send(GET);
    pthread_t id;
    pthread_create(&id, NULL, thread, held);
    pthread_join(id, NULL);
    expect_received("");
    rh_driver_poll(driver);
    rh_driver_poll(driver);
    expect_received(PONG);
}

Test(life, post_runs_though_the_exchange_was_cut)
{
    begin(holds, NULL);
    send(GET);
    rh_driver_reset(conn);
    is_cut = 1;
    thread(held);
    cr_expect_eq(rh_driver_exchanges(driver), 1);
    rh_driver_poll(driver);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(life, posts_behind_the_one_that_answers_still_run)
{
    begin(holds, NULL);
    send(GET);
    rh_driver_reset(conn); /* so that the first answer gives the exchange back at once */
    is_cut = 1;
    thread(held);
    thread(held);
    rh_driver_poll(driver);
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

/* --- Deadlines -------------------------------------------------------------------------------------- */

Test(life, answer_that_is_overdue_is_a_503_and_the_hold_stays)
{
    begin(observed, &held);
    send(GET);
    rh_driver_advance(driver, 59999);
    expect_received("");
    rh_driver_advance(driver, 1);
    expect_has(received(), "HTTP/1.1 503 ");
    cr_expect_eq(aborts[0], RH_DEADLINE);
    cr_expect(rh_driver_is_shut(conn));
    cr_expect_eq(rh_driver_exchanges(driver), 1);
    rh_respond_text(held, 200, "too late");
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

static void pong(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

Test(life, silent_connection_ends_without_an_answer)
{
    begin(pong, NULL);
    rh_driver_advance(driver, 9999);
    cr_expect_not(rh_driver_is_shut(conn));
    rh_driver_advance(driver, 1);
    cr_expect(rh_driver_is_closed(conn));
    expect_received("");
}

Test(life, head_that_trickles_is_a_408)
{
    begin(pong, NULL);
    for (unsigned i = 0; i < 9; i++) {
        rh_driver_feed(conn, &"GET / HTT"[i], 1);
        rh_driver_advance(driver, 1000);
    }
    expect_received("");
    rh_driver_advance(driver, 1000);
    expect_has(received(), "HTTP/1.1 408 ");
    cr_expect(rh_driver_is_shut(conn));
    rh_driver_advance(driver, 2000);
    cr_expect(rh_driver_is_closed(conn), "lingers no longer than linger_ms");
}

Test(life, second_head_has_its_own_deadline)
{
    begin(pong, NULL);
    send(GET);
    rh_driver_advance(driver, 60000);
    received();
    send("GET /");
    rh_driver_advance(driver, 9999);
    expect_received("");
    rh_driver_advance(driver, 1);
    expect_has(received(), "HTTP/1.1 408 ");
}

Test(life, idle_connection_ends)
{
    begin(pong, NULL);
    send(GET);
    rh_driver_advance(driver, 119999);
    cr_expect_not(rh_driver_is_shut(conn));
    rh_driver_advance(driver, 2);
    cr_expect(rh_driver_is_shut(conn));
}

Test(life, idle_connection_that_sends_only_empty_lines_ends)
{
    begin(pong, NULL);
    send(GET "\r\n");
    rh_driver_advance(driver, 121000);
    cr_expect(rh_driver_is_shut(conn));
    expect_received(PONG);
}

Test(life, deadline_of_zero_never_comes)
{
    config.idle_ms = 0;
    begin(pong, NULL);
    send(GET);
    rh_driver_advance(driver, 1000 * 3600 * 1000ULL);
    cr_expect_not(rh_driver_is_shut(conn));
}

/* --- Drain ------------------------------------------------------------------------------------------ */

Test(life, drain_ends_idle_connections_and_lets_open_exchanges_finish)
{
    begin(holds, NULL);
    struct rh_driver_conn *idle = rh_driver_open(driver);
    struct rh_driver_conn *blank = rh_driver_open(driver);
    rh_driver_feed(blank, "\r\n", 2);
    send(GET);
    rh_driver_drain(driver);
    cr_expect(rh_driver_is_shut(idle));
    cr_expect(rh_driver_is_shut(blank));
    cr_expect_not(rh_driver_is_shut(conn));
    rh_respond_text(held, 200, "pong");
    rh_driver_poll(driver);
    expect_has(received(), "Connection: close\r\n");
    cr_expect(rh_driver_is_shut(conn));
}

static void opens(struct rh_exchange *x, void *data)
{
    (void)data;
    held = x;
    rh_stream_open(x, 200, NULL, RH_LENGTH_UNKNOWN, NULL, NULL);
}

static int drains;

static void on_drain(struct rh_exchange *x, void *data)
{
    (void)data;
    drains++;
    rh_respond_text(x, 200, "pong");
}

static void streams_then_holds(struct rh_exchange *x, void *data)
{
    (void)data;
    if (held == NULL) {
        held = x;
        rh_stream_open(x, 200, "text/plain", -1, NULL, NULL);
        cr_expect_eq(rh_stream_write(x, "a", 1), 1);
        rh_stream_end(x);
    } else {
        cr_expect_eq(rh_exchange_on_drain(x, on_drain, NULL), 0);
        rh_exchange_hold(x);
    }
}

/* What a stream left in the memory of an exchange is not the next one's. */
Test(life, drain_is_told_behind_a_stream_that_ended)
{
    begin(streams_then_holds, NULL);
    send(GET);
    send(GET);
    rh_driver_drain(driver);
    cr_expect_eq(drains, 1);
    rh_driver_poll(driver);
    expect_has(received(), "pong");
}

Test(life, drain_ends_a_connection_whose_answer_had_begun)
{
    begin(opens, NULL);
    send(GET);
    expect_has_not(received(), "Connection: close");
    rh_driver_drain(driver);
    cr_expect_not(rh_driver_is_shut(conn));
    rh_stream_end(held);
    rh_driver_poll(driver);
    expect_received("0\r\n\r\n");
    cr_expect(rh_driver_is_shut(conn));
}

Test(life, drain_still_answers_a_head_that_is_arriving)
{
    begin(pong, NULL);
    send("GET / HTT");
    rh_driver_drain(driver);
    cr_expect_not(rh_driver_is_shut(conn));
    send("P/1.1\r\nHost: x\r\n\r\n");
    expect_has(received(), "Connection: close\r\n");
    cr_expect(rh_driver_is_shut(conn));
}

/* --- The driver itself ------------------------------------------------------------------------------ */

Test(life, driver_asks_in_one_call)
{
    begin(pong, NULL);
    for (unsigned i = 0; i < 3; i++) {
        struct rh_slice answer = rh_driver_ask(driver, GET);
        cr_expect(rh_slice_is(answer, PONG));
    }
}

Test(life, driver_has_a_ceiling_of_connections)
{
    config.connections_max = 2;
    begin(pong, NULL);
    struct rh_driver_conn *other = rh_driver_open(driver);
    cr_expect_not_null(other);
    cr_expect_null(rh_driver_open(driver));
    rh_driver_forget(other);
    cr_expect_not_null(rh_driver_open(driver));
}

Test(life, held_exchanges_of_cut_connections_keep_the_ceiling)
{
    enum { MAX = 1 + 64 };
    struct rh_exchange *all[MAX];
    config.connections_max = 1;
    begin(holds, NULL);
    for (unsigned i = 0; i < MAX; i++) {
        send(GET);
        all[i] = held;
        rh_driver_forget(conn);
        conn = rh_driver_open(driver);
    }
    send(GET);
    expect_has(received(), "HTTP/1.1 503 ");
    for (unsigned i = 0; i < MAX; i++) {
        rh_exchange_release(all[i]);
    }
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(life, bodies_by_chunks_need_no_arena_block_to_be_refused)
{
    config.arena_blocks_max = 0;
    begin(pong, NULL);
    char head[4096];
    for (unsigned fields = 0; fields < 99; fields++) {
        int n = snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n");
        for (unsigned i = 0; i < fields; i++) {
            n += snprintf(head + n, sizeof head - (size_t)n, "X-%u: %u\r\n", i, i);
        }
        snprintf(head + n, sizeof head - (size_t)n, "\r\n0\r\n\r\n");
        struct rh_slice answer = rh_driver_ask(driver, head);
        cr_expect_gt(answer.len, 0);
    }
}

static size_t takes_none_at_first(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)x;
    return (*(unsigned *)data)++ == 0 ? 0 : piece.len;
}

static void body_ended(struct rh_exchange *x, int error, void *data)
{
    (void)x;
    (void)data;
    cr_expect_eq(error, 0);
}

static void holds_and_reads(struct rh_exchange *x, void *data)
{
    holds(x, NULL);
    rh_body_stream(x, takes_none_at_first, body_ended, data);
}

Test(life, hint_comes_behind_a_body_that_was_paused)
{
    unsigned calls = 0;
    begin(holds_and_reads, &calls);
    send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    rh_driver_eof(conn);
    cr_expect_eq(aborts_n, 0, "an end inside a body is no hint");
    rh_body_resume(held);
    rh_driver_poll(driver);
    cr_expect_eq(calls, 2);
    cr_expect_eq(aborts_n, 1);
    rh_respond_text(held, 200, "pong");
    rh_driver_poll(driver);
    expect_received(PONG);
}
