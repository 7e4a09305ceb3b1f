/* The plain path of a transport: what is read, what is written at once and what waits, and how it
 * ends at each point. */
#include "transport_fixture.h"

TestSuite(transport, .init = set_up, .fini = tear_down, .timeout = 30);

static int put(struct rh_slice first, struct rh_slice second)
{
    return rh_transport_write(transport(), &owner->write, first, second);
}

static uint64_t unsent(void)
{
    return rh_transport_unsent(transport(), &owner->write);
}

/* --- Reading -------------------------------------------------------------------------------- */

Test(transport, reads_into_the_room_that_is_named)
{
    open_pair();
    peer_say(&loop, peer, "hello");
    loop_run_ms(&loop, 5);
    cr_assert_eq(input_len, 5);
    cr_expect_eq(memcmp(input, "hello", 5), 0);
    cr_expect_eq(rh_counter_get(&wire.bytes_in), 5);
}

Test(transport, reads_no_more_than_there_is_room_for)
{
    open_pair();
    room_now = 3;
    peer_say(&loop, peer, "hello");
    loop_run_ms(&loop, 5);
    cr_assert_eq(input_len, 5);
    cr_expect_eq(memcmp(input, "hello", 5), 0);
}

Test(transport, stops_reading_where_there_is_no_room_until_it_is_started)
{
    open_pair();
    room_now = 0;
    peer_say(&loop, peer, "hello");
    loop_run_ms(&loop, 20);
    cr_expect_eq(rooms_asked, 1, "asked %u times", rooms_asked);
    cr_expect_not(transport()->reading);
    cr_expect_not(room_is_out);
    cr_expect_eq(input_len, 0);
    room_now = ROOM;
    rh_transport_read_start(transport());
    rh_transport_read_start(transport()); /* once is enough, twice no harm */
    loop_run_ms(&loop, 5);
    cr_expect_eq(input_len, 5);
}

Test(transport, that_is_stopped_reads_nothing)
{
    open_pair();
    rh_transport_read_stop(transport());
    rh_transport_read_stop(transport());
    peer_say(&loop, peer, "hello");
    loop_run_ms(&loop, 5);
    cr_expect_eq(rooms_asked, 0);
    rh_transport_read_start(transport());
    loop_run_ms(&loop, 5);
    cr_expect_eq(input_len, 5);
}

/* --- Writing -------------------------------------------------------------------------------- */

Test(transport, writes_at_once_what_the_socket_takes)
{
    open_pair();
    cr_expect_eq(put(part(0, 10), part(10, 20)), 0);
    cr_expect_eq(put(NOTHING, part(30, 5)), 0);
    cr_expect_eq(put(part(35, 5), NOTHING), 0);
    cr_expect_eq(put(NOTHING, NOTHING), 0);
    peer_gets(pattern(), 40);
    cr_expect_eq(rh_counter_get(&wire.bytes_out), 40);
    expect_order("");
}

Test(transport, leaves_in_flight_what_the_peer_does_not_read)
{
    open_pair();
    cr_assert_eq(put(part(0, LARGE / 2), part(LARGE / 2, LARGE / 2)), 1);
    loop_run_ms(&loop, 30);
    cr_expect_str_eq(order, "", "nothing is done while nobody reads");
    cr_expect_lt(peer_holds(), 8 * SMALL);
    peer_gets(pattern(), LARGE);
    expect_order("w");
    cr_expect_eq(write_status, 0);
    cr_expect_eq(rh_counter_get(&wire.bytes_out), LARGE);
}

Test(transport, reads_while_a_write_waits)
{
    open_pair();
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    peer_say(&loop, peer, "hello");
    loop_run_ms(&loop, 5);
    cr_expect_eq(input_len, 5);
    cr_expect_str_eq(order, "");
}

/* How much of two pieces a fresh socket takes is the same each time: so the cut can be laid on
 * every place around the border between them. */
Test(transport, goes_on_at_the_byte_where_the_socket_was_full)
{
    open_pair();
    cr_assert_eq(put(part(0, LARGE / 2), part(LARGE / 2, LARGE / 2)), 1);
    size_t taken = peer_holds();
    end_pair();
    cr_assert_gt(taken, 2);
    for (size_t first = taken - 2; first <= taken + 2; first++) {
        open_pair();
        cr_assert_eq(put(part(0, first), part(first, LARGE - first)), 1);
        cr_expect_eq(peer_holds(), taken, "the cut was at %zu", peer_holds());
        peer_gets(pattern(), LARGE);
        expect_order("w");
        end_pair();
    }
}

Test(transport, writes_the_next_piece_when_the_one_before_is_done)
{
    open_pair();
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
        peer_gets(pattern(), LARGE);
    }
    expect_order("www");
}

Test(transport, tells_what_is_unsent_while_the_peer_reads)
{
    open_pair();
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    uint64_t before = unsent();
    cr_expect_geq(before, LARGE - peer_holds(), "what libuv holds is unsent");
    cr_expect_lt(before, 2 * LARGE, "and nothing that no write has: %llu",
                 (unsigned long long)before);
    peer_gets(pattern(), LARGE / 2);
    uint64_t between = unsent();
    cr_expect_lt(between, before);
    peer_gets(pattern() + LARGE / 2, LARGE / 2);
    expect_order("w");
    cr_expect_eq(unsent(), 0);
}

Test(transport, counts_what_the_kernel_still_holds_as_unsent)
{
    open_pair();
    cr_assert_eq(put(part(0, 1000), NOTHING), 0);
    owner->write.left.file.range.len = 0; /* as its owner has it before the first write */
    cr_expect_geq(unsent(), 1000);
    peer_gets(pattern(), 1000);
    cr_expect_eq(unsent(), 0);
}

/* --- Its end -------------------------------------------------------------------------------- */

Test(transport, hears_the_end_once_and_can_still_write)
{
    open_pair();
    peer_say(&loop, peer, "hello");
    shutdown(peer, SHUT_WR);
    expect_order("e");
    cr_expect_eq(end_status, UV_EOF);
    cr_expect_eq(input_len, 5);
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    peer_gets(pattern(), LARGE);
    expect_order("ew");
    cr_expect_eq(write_status, 0);
}

Test(transport, hears_a_reset_that_came_right_behind_bytes)
{
    open_tcp();
    cr_assert_eq(send(peer, "half", 4, 0), 4);
    reset_peer();
    expect_order("e");
    cr_expect_eq(input_len, 4);
    cr_expect_eq(end_status, UV_ECONNRESET, "%s", uv_err_name(end_status));
}

Test(transport, hears_a_reset_once)
{
    open_tcp();
    reset_peer();
    expect_order("e");
    cr_expect_eq(end_status, UV_ECONNRESET);
    cr_expect_lt(put(part(0, 10), NOTHING), 0, "a write fails at once");
    expect_order("e");
}

Test(transport, write_in_flight_fails_once_at_a_reset)
{
    open_tcp();
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    loop_run_ms(&loop, 5);
    reset_peer();
    expect_order("ew");
    cr_expect_lt(write_status, 0);
    cr_expect_eq(transport()->writes_open, 0);
}

Test(transport, write_in_flight_tells_of_a_reset_where_nobody_reads)
{
    open_tcp();
    rh_transport_read_stop(transport());
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    loop_run_ms(&loop, 5);
    reset_peer();
    expect_order("w");
    cr_expect_lt(write_status, 0);
}

Test(transport, write_fails_at_once_after_a_reset_that_nobody_heard)
{
    open_tcp();
    rh_transport_read_stop(transport());
    reset_peer();
    loop_run_ms(&loop, 5);
    cr_expect_lt(put(part(0, 10), NOTHING), 0);
    expect_order("");
    cr_expect_eq(transport()->writes_open, 0);
}

Test(transport, write_in_flight_survives_the_end_of_the_peers_input)
{
    open_tcp();
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    shutdown(peer, SHUT_WR);
    expect_order("e");
    peer_gets(pattern(), LARGE);
    expect_order("ew");
    cr_expect_eq(write_status, 0);
}

Test(transport, close_cancels_the_write_in_flight_before_it_is_closed)
{
    open_pair();
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    rh_transport_close(transport());
    rh_transport_close(transport());
    cr_expect_str_eq(order, "", "nothing is called inside the close");
    expect_order("wc");
    cr_expect_eq(write_status, UV_ECANCELED);
}

Test(transport, that_is_closing_hears_and_does_nothing)
{
    open_pair();
    cr_assert_eq(write(peer, "hello", 5), 5); /* not read yet */
    rh_transport_close(transport());
    rh_transport_read_start(transport());
    rh_transport_read_stop(transport());
    rh_transport_shutdown(transport());
    rh_transport_rest(transport());
    expect_order("c");
    cr_expect_eq(rooms_asked, 0);
    cr_expect_eq(input_len, 0);
}

Test(transport, closes_inside_ready)
{
    open_pair();
    at_ready = close_now;
    room_now = 2;
    peer_say(&loop, peer, "hello");
    expect_order("c");
    cr_expect_eq(input_len, 2, "the rest is never read");
}

Test(transport, closes_inside_ready_with_a_write_in_flight)
{
    open_pair();
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    at_ready = close_now;
    peer_say(&loop, peer, "hello");
    expect_order("wc");
    cr_expect_eq(write_status, UV_ECANCELED);
}

Test(transport, closes_inside_ended_at_an_end_and_at_a_reset)
{
    at_ended = close_now;
    open_tcp();
    shutdown(peer, SHUT_WR);
    expect_order("ec");
    end_pair();
    open_tcp();
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    reset_peer();
    expect_order("ewc");
    cr_expect_lt(write_status, 0);
}

Test(transport, closes_inside_written)
{
    at_written = close_now;
    open_pair();
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    peer_gets(pattern(), LARGE);
    expect_order("wc");
    cr_expect_eq(write_status, 0);
    end_pair();
    open_tcp();
    rh_transport_read_stop(transport());
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    reset_peer();
    expect_order("wc");
    cr_expect_lt(write_status, 0);
}

static void write_again(void)
{
    at_written = NULL;
    cr_expect_eq(put(part(0, LARGE), NOTHING), 1);
}

Test(transport, writes_again_inside_written)
{
    at_written = write_again;
    open_pair();
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    peer_gets(pattern(), LARGE);
    peer_gets(pattern(), LARGE);
    expect_order("ww");
}

Test(transport, ends_its_side_at_once_where_nothing_is_in_flight)
{
    open_pair();
    cr_assert_eq(put(part(0, 10), NOTHING), 0);
    rh_transport_shutdown(transport());
    peer_gets(pattern(), 10);
    cr_expect_eq(peer_gets_end(), 1);
    peer_say(&loop, peer, "hello");
    loop_run_ms(&loop, 5);
    cr_expect_eq(input_len, 5, "and still reads");
    expect_order("");
}

Test(transport, ends_its_side_behind_what_is_in_flight)
{
    open_pair();
    cr_assert_eq(put(part(0, LARGE), NOTHING), 1);
    rh_transport_shutdown(transport());
    cr_expect_eq(peer_gets(pattern(), LARGE), 0);
    expect_order("w");
    cr_expect_eq(peer_gets_end(), 1);
}

/* --- A descriptor that can not be opened ---------------------------------------------------- */

Test(transport, that_can_not_be_opened_closes_the_descriptor_and_says_so)
{
    static uv_poll_t other; /* closed by the teardown */
    int fds[2];
    bool closing = false;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    cr_assert_eq(uv_poll_init(&loop, &other, fds[0]), 0);
    cr_assert_eq(uv_poll_start(&other, UV_READABLE, NULL), 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    owner = malloc(sizeof *owner);
    cr_expect_eq(rh_transport_open(transport(), &wire, fds[0], NULL, &closing), UV_EEXIST);
    cr_expect(closing, "the handle is still libuv's");
    cr_expect_eq(fcntl(fds[0], F_GETFD), -1, "the descriptor is closed");
    expect_order("c");
    uv_close((uv_handle_t *)&other, NULL);
    close(fds[1]);
}
