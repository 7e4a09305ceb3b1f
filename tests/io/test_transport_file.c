/* A file through a plain transport: behind its head and in order, whatever the socket takes, and
 * how it ends at each point. */
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "transport_fixture.h"

static int file = -1;
static char memory[SMALL * 8]; /* the head's, and then the spare */
static unsigned full_first;    /* so many calls of sendfile find the socket full */
static unsigned sendfiles;     /* calls so far */

/* Stands before libc's: a socket that is full now and has room a moment later, which no peer of one
 * thread can play. */
ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    sendfiles++;
    if (full_first > 0) {
        full_first--;
        errno = EAGAIN;
        return -1;
    }
    return syscall(SYS_sendfile, out, in, offset, count);
}

static void set_up_file(void)
{
    set_up();
    FILE *stream = tmpfile();
    cr_assert_not_null(stream);
    cr_assert_eq(fwrite(pattern(), 1, LARGE, stream), LARGE);
    cr_assert_eq(fflush(stream), 0);
    file = dup(fileno(stream));
    fclose(stream);
}

static void tear_down_file(void)
{
    rh_file_set_sendfile(true);
    tear_down();
    close(file);
}

TestSuite(transport_file, .init = set_up_file, .fini = tear_down_file, .timeout = 30);

/* A head of the pattern's first bytes, and the range behind it. */
static int put_file(size_t head, size_t range)
{
    memcpy(memory, pattern(), head);
    return rh_transport_write_file(transport(), &owner->write, (struct rh_slice){memory, head},
                                   (struct rh_file_range){head, range, file}, memory);
}

static uint64_t unsent(void)
{
    return rh_transport_unsent(transport(), &owner->write);
}

Test(transport_file, that_fits_is_sent_at_once)
{
    static const size_t heads[] = {0, 1, 200}, ranges[] = {0, 1, 4000};
    open_pair();
    for (unsigned h = 0; h < 3; h++) {
        for (unsigned r = 0; r < 3; r++) {
            cr_expect_eq(put_file(heads[h], ranges[r]), 0);
            peer_gets(pattern(), heads[h] + ranges[r]);
        }
    }
    cr_expect_eq(rh_counter_get(&wire.bytes_out), 3 * 201 + 3 * 4001);
    expect_order("");
}

static void arrives_in_order(size_t head, size_t range)
{
    uint64_t before = rh_counter_get(&wire.bytes_out);
    open_pair();
    cr_assert_eq(put_file(head, range), 1);
    loop_run_ms(&loop, 5);
    cr_expect_str_eq(order, "");
    cr_expect_eq(peer_gets(pattern(), head + range), 0);
    expect_order("w");
    cr_expect_eq(write_status, 0);
    cr_expect_eq(rh_counter_get(&wire.bytes_out) - before, head + range);
    end_pair();
}

Test(transport_file, arrives_in_order_through_a_full_socket)
{
    arrives_in_order(200, LARGE - 200);
    arrives_in_order(0, LARGE);
    arrives_in_order(sizeof memory,
                     LARGE - sizeof memory); /* the head alone is more than the socket takes */
    arrives_in_order(sizeof memory, 0);
    arrives_in_order(sizeof memory, 1);
    arrives_in_order(sizeof memory, RH_TRANSPORT_SPARE_BYTES);
    arrives_in_order(sizeof memory, RH_TRANSPORT_SPARE_BYTES + 1);
}

Test(transport_file, arrives_in_order_without_sendfile)
{
    rh_file_set_sendfile(false);
    arrives_in_order(200, LARGE - 200);
    arrives_in_order(sizeof memory, LARGE - sizeof memory);
    cr_expect_eq(sendfiles, 0);
}

Test(transport_file, arrives_in_order_where_the_socket_has_room_again_at_once)
{
    for (unsigned n = 1; n <= 3; n++) {
        full_first = n;
        open_pair();
        cr_assert_eq(put_file(100, 3 * RH_TRANSPORT_SPARE_BYTES), 1);
        peer_gets(pattern(), 100 + 3 * RH_TRANSPORT_SPARE_BYTES);
        expect_order("w");
        end_pair();
    }
}

Test(transport_file, counts_what_is_still_in_the_file_as_unsent)
{
    open_pair();
    cr_assert_eq(put_file(200, LARGE - 200), 1);
    uint64_t before = unsent();
    cr_expect_geq(before, LARGE - peer_holds(), "%llu", (unsigned long long)before);
    peer_gets(pattern(), LARGE / 2);
    uint64_t between = unsent();
    cr_expect_geq(between, LARGE / 2 - peer_holds());
    cr_expect_lt(between, before);
    peer_gets(pattern() + LARGE / 2, LARGE / 2);
    expect_order("w");
    cr_expect_eq(unsent(), 0);
}

Test(transport_file, is_forgotten_by_the_next_plain_write)
{
    open_pair();
    owner->write.left.file.range.len = (uint64_t)1 << 40;
    cr_assert_eq(rh_transport_write(transport(), &owner->write, part(0, LARGE), NOTHING), 1);
    cr_expect_lt(unsent(), 2 * LARGE);
}

Test(transport_file, that_ends_before_its_range_is_an_error)
{
    open_pair();
    cr_assert_eq(ftruncate(file, 1000), 0);
    cr_expect_eq(put_file(100, 901), UV_EOF);
    peer_gets(pattern(), 1000);
    cr_expect_eq(put_file(1000, 1), UV_EOF);
    expect_order("");
}

Test(transport_file, that_shrinks_in_flight_is_an_error_told_once)
{
    open_pair();
    cr_assert_eq(put_file(200, LARGE - 200), 1);
    cr_assert_eq(ftruncate(file, LARGE / 2), 0);
    peer_gets(pattern(), LARGE / 2);
    expect_order("w");
    cr_expect_eq(write_status, UV_EOF);
    cr_expect_eq(peer_gets_end(), 0);
}

Test(transport_file, in_flight_is_cancelled_by_a_close_and_not_touched_again)
{
    open_pair();
    cr_assert_eq(put_file(200, LARGE - 200), 1);
    unsigned before = sendfiles;
    rh_transport_close(transport());
    close(file); /* the file is the owner's to close then */
    file = -1;
    expect_order("wc");
    cr_expect_eq(write_status, UV_ECANCELED);
    cr_expect_eq(sendfiles, before);
}

/* Its part has left and says so in the next turn: until then somebody closes. */
Test(transport_file, whose_part_was_written_before_the_close_is_cancelled_too)
{
    open_pair();
    full_first = 1;
    cr_assert_eq(put_file(200, LARGE - 200), 1);
    cr_assert_eq(peer_holds(), 200 + RH_TRANSPORT_SPARE_BYTES,
                 "the part is written, its callback is to come");
    rh_transport_close(transport());
    expect_order("wc");
    cr_expect_eq(write_status, UV_ECANCELED, "%s", uv_strerror(write_status));
    cr_expect_eq(sendfiles, 1);
}

Test(transport_file, fails_once_at_a_reset)
{
    open_tcp();
    cr_assert_eq(put_file(200, LARGE - 200), 1);
    loop_run_ms(&loop, 5);
    reset_peer();
    expect_order("ew");
    cr_expect_lt(write_status, 0);
    cr_expect_lt(put_file(200, 1000), 0);
    cr_expect_lt(put_file(0, 1000), 0);
    expect_order("ew");
}

Test(transport_file, head_fails_at_once_after_a_reset_and_raises_no_signal)
{
    open_tcp();
    rh_transport_read_stop(transport());
    reset_peer();
    loop_run_ms(&loop, 5);
    signal(SIGPIPE, SIG_DFL);
    cr_expect_eq(put_file(200, 1000), UV_ECONNRESET);
    cr_expect_eq(put_file(200, 1000), UV_EPIPE);
    expect_order("");
    cr_expect_eq(transport()->writes_open, 0);
}

Test(transport_file, closes_inside_its_callbacks)
{
    at_written = close_now;
    open_pair();
    cr_assert_eq(put_file(200, LARGE - 200), 1);
    peer_gets(pattern(), LARGE);
    expect_order("wc");
    end_pair();
    at_written = NULL;
    at_ended = close_now;
    open_tcp();
    cr_assert_eq(put_file(200, LARGE - 200), 1);
    loop_run_ms(&loop, 5);
    reset_peer();
    expect_order("ewc");
    cr_expect_lt(write_status, 0);
}

Test(transport_file, is_followed_by_the_end_of_our_side)
{
    open_pair();
    cr_assert_eq(put_file(200, LARGE - 200), 1);
    rh_transport_shutdown(transport());
    cr_expect_eq(peer_gets(pattern(), LARGE), 0);
    expect_order("w");
    cr_expect_eq(peer_gets_end(), 1);
}
