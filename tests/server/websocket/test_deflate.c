/* permessage-deflate (RFC 7692 §7.2): the examples of the RFC, round trips, and what is broken. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "rh-build.h"
#include "server/websocket/deflate.h"

#if RH_HAVE_GZIP

static struct rh_ws_codec *codec;
static void *memory;

static void set_up(void)
{
    memory = malloc(RH_WS_CODEC_BYTES);
    codec = rh_ws_codec_init(memory, 15);
    cr_assert_not_null(codec);
}

static void tear_down(void)
{
    free(memory);
}

TestSuite(deflate, .init = set_up, .fini = tear_down);

/* Inflates a message that is given in steps of `step`, through `room` bytes at a time. Returns its
 * length, -1 if it is broken. */
static ptrdiff_t inflate_all(const char *bytes, size_t len, bool keeps, size_t step, size_t room,
                             char *out, size_t out_max)
{
    size_t n = 0;
    rh_ws_inflate_begin(codec, keeps);
    for (size_t at = 0; at < len || at == 0; at += step) {
        size_t given = len - at < step ? len - at : step;
        rh_ws_inflate_give(codec, (struct rh_slice){bytes + at, given}, at + given == len);
        for (;;) {
            cr_assert_lt(n, out_max);
            size_t left = out_max - n < room ? out_max - n : room;
            ptrdiff_t took = rh_ws_inflate_take(codec, out + n, left);
            if (took < 0) {
                return -1;
            }
            if (took == 0) {
                break;
            }
            n += (size_t)took;
        }
        if (len == 0) {
            break;
        }
    }
    return (ptrdiff_t)n;
}

static void expect_inflated(const char *bytes, size_t len, const char *text)
{
    for (size_t step = 1; step <= len; step++) {
        for (size_t room = 1; room <= 8; room++) {
            char out[256];
            ptrdiff_t n = inflate_all(bytes, len, false, step, room, out, sizeof out);
            cr_assert_eq(n, (ptrdiff_t)strlen(text), "steps of %zu, room %zu: %td", step, room, n);
            cr_expect_arr_eq(out, text, (size_t)n);
        }
    }
}

Test(deflate, inflates_the_examples_of_the_rfc)
{
    expect_inflated("\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello");                  /* §7.2.3.1 */
    expect_inflated("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, "Hello"); /* §7.2.3.3 */
    expect_inflated("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, "Hello"); /* §7.2.3.4: final block */
    expect_inflated("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13, "Hello"); /* .5 */
}

Test(deflate, keeps_its_window_where_that_was_agreed)
{
    char out[64];
    const char *first = "\xf2\x48\xcd\xc9\xc9\x07\x00"; /* §7.2.3.2 */
    cr_assert_eq(inflate_all(first, 7, true, 7, 64, out, sizeof out), 5);
    cr_assert_eq(inflate_all("\xf2\x00\x11\x00\x00", 5, true, 5, 64, out, sizeof out), 5);
    cr_expect_arr_eq(out, "Hello", 5);
    cr_expect_eq(inflate_all("\xf2\x00\x11\x00\x00", 5, false, 5, 64, out, sizeof out), -1);
}

Test(deflate, goes_on_with_its_window_after_a_final_block)
{
    char out[64];
    cr_assert_eq(inflate_all("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, true, 8, 64, out, sizeof out),
                 5);
    cr_assert_eq(inflate_all("\xf2\x00\x11\x00\x00", 5, true, 5, 64, out, sizeof out), 5);
    cr_expect_arr_eq(out, "Hello", 5);
}

Test(deflate, refuses_what_is_broken_cut_short_or_has_final_blocks_without_end)
{
    char out[256];
    cr_expect_eq(inflate_all("\xff\xff\xff\xff", 4, false, 4, 64, out, sizeof out), -1);
    cr_expect_eq(inflate_all("\xf2\x48\xcd", 3, false, 3, 64, out, sizeof out), -1);
    cr_expect_eq(inflate_all("\x00\x05\x00\xfa\xff\x48", 6, false, 6, 64, out, sizeof out), -1);
    const char *finals = "\x03\x00\x03\x00\x03\x00\x03\x00";
    cr_expect_eq(inflate_all(finals, 8, true, 8, 64, out, sizeof out), -1);
    cr_expect_eq(inflate_all("\xf2\x48\xcd\xc9\xc9\x07\x00", 7, false, 7, 64, out, sizeof out), 5,
                 "a broken message leaves nothing behind");
}

static void fill(char *text, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245 + 12345;
        text[i] = (char)("abcdefgh"[seed >> 16 & 7]);
    }
}

Test(deflate, brings_messages_back_for_every_window)
{
    static char text[100000];
    static char packed[110000];
    static char out[100100];
    fill(text, sizeof text, 7);
    static const size_t lengths[] = {1, 2, 20, 511, 4096, 33000, sizeof text};
    for (unsigned bits = 9; bits <= 15; bits++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct rh_slice message = {text, lengths[i]};
            size_t len = rh_ws_deflate(codec, false, bits, message, packed,
                                       rh_ws_deflate_bound(message.len));
            cr_assert_gt(len, 0);
            ptrdiff_t n = inflate_all(packed, len, false, 1000, 4096, out, sizeof out);
            cr_assert_eq(n, (ptrdiff_t)message.len, "%u bits, %zu bytes", bits, message.len);
            cr_assert_arr_eq(out, text, message.len);
        }
    }
}

Test(deflate, is_shorter_the_second_time_with_a_window)
{
    char text[600];
    char packed[800];
    char out[700];
    size_t first = 0;
    fill(text, sizeof text, 3);
    for (int i = 0; i < 3; i++) {
        size_t len = rh_ws_deflate(codec, true, 15, (struct rh_slice){text, sizeof text}, packed,
                                   rh_ws_deflate_bound(sizeof text));
        cr_assert_eq(inflate_all(packed, len, true, len, sizeof out, out, sizeof out),
                     (ptrdiff_t)sizeof text);
        cr_expect_arr_eq(out, text, sizeof text);
        if (i == 0) {
            first = len;
        } else {
            cr_expect_lt(len, first / 4);
        }
    }
}

Test(deflate, gives_up_where_there_is_no_room)
{
    char noise[64];
    char packed[64];
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (char)(i * 37 + (i * i) % 11);
    }
    cr_expect_eq(
        rh_ws_deflate(codec, false, 15, (struct rh_slice){noise, sizeof noise}, packed, 32), 0);
}

#else

Test(deflate, is_never_there_without_zlib)
{
    void *memory = malloc(RH_WS_CODEC_BYTES);
    cr_expect_null(rh_ws_codec_init(memory, 15));
    free(memory);
}

#endif
