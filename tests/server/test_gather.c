/* The memory of whole bodies: it follows the bytes, and nobody takes it all. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#include "server/engine/gather.h"

enum { PAGE = RH_GATHER_PAGE, PIECE = 16 * PAGE };

static struct rh_gather gather;
static struct rh_place places[64];

static void begin(size_t count, size_t budget_pages)
{
    cr_assert_eq(rh_gather_init(&gather, "test", PIECE, count, budget_pages * PAGE), 0);
}

static enum rh_gather_result take(unsigned i, rh_owner owner, size_t len)
{
    enum rh_gather_result result = rh_gather_take(&gather, &places[i], owner, len);
    if (result == RH_GATHER_TAKEN) {
        cr_assert_geq(places[i].cap, len);
        memset(places[i].bytes, (int)i + 1, len);
    }
    return result;
}

static void tear_down(void)
{
    for (unsigned i = 0; i < 64; i++) {
        rh_gather_give_back(&gather, &places[i]);
    }
    cr_assert_eq(gather.needed, 0);
    rh_gather_fini(&gather);
}

TestSuite(gather, .fini = tear_down);

Test(gather, grows_in_place_and_keeps_what_is_there)
{
    begin(4, 64);
    cr_assert_eq(take(0, 0, 10), RH_GATHER_TAKEN);
    cr_assert_eq(rh_gather_take(&gather, &places[0], 0, PIECE), RH_GATHER_TAKEN);
    for (unsigned i = 0; i < 10; i++) {
        cr_assert_eq(places[0].bytes[i], 1);
    }
    cr_assert_eq(gather.needed, 16);
    cr_assert_eq(take(1, 0, PIECE + 1), RH_GATHER_NEVER);
}

/* What was announced costs nothing: 48 pieces of one byte leave room for a large one. */
Test(gather, counts_the_bytes_that_are_there)
{
    begin(64, 80);
    for (unsigned i = 0; i < 48; i++) {
        cr_assert_eq(take(i, 0, 1), RH_GATHER_TAKEN);
    }
    cr_assert_eq(gather.needed, 48);
    cr_assert_eq(take(50, 0, PIECE), RH_GATHER_TAKEN);
}

Test(gather, leaves_a_part_to_the_oldest)
{
    begin(64, 32);
    cr_assert_eq(take(0, 0, PAGE), RH_GATHER_TAKEN);
    for (unsigned i = 1; i < 16; i++) {
        cr_assert_eq(take(i, 0, PAGE), RH_GATHER_TAKEN, "%u", i);
    }
    cr_assert_eq(take(16, 0, PAGE), RH_GATHER_WAIT);
    cr_assert_eq(take(5, 0, 2 * PAGE), RH_GATHER_WAIT);
    cr_assert_eq(take(0, 0, PIECE), RH_GATHER_TAKEN); /* it can always be completed */
    rh_gather_give_back(&gather, &places[0]);
    cr_assert_eq(take(5, 0, 3 * PAGE), RH_GATHER_WAIT);
    cr_assert_eq(take(1, 0, PIECE), RH_GATHER_TAKEN); /* the oldest now */
}

Test(gather, keeps_the_budget_when_it_is_one_piece)
{
    begin(8, 16);
    cr_assert_eq(take(0, 0, PIECE), RH_GATHER_TAKEN);
    cr_assert_eq(take(1, 0, 1), RH_GATHER_WAIT);
    rh_gather_give_back(&gather, &places[0]);
    cr_assert_eq(take(1, 0, PIECE), RH_GATHER_TAKEN);
}

Test(gather, gives_one_owner_a_share_under_pressure)
{
    begin(64, 128); /* a share is 16 pages */
    unsigned i = 0;
    while (i < 63 && take(i, 7, 2 * PAGE) == RH_GATHER_TAKEN) {
        i++;
    }
    cr_assert_eq(gather.needed, 64); /* half of it, and then no more for this one... */
    cr_assert_eq(take(i, 7, PAGE), RH_GATHER_WAIT);
    cr_assert_eq(take(0, 7, PIECE), RH_GATHER_TAKEN);  /* ...but for its oldest */
    cr_assert_eq(take(60, 8, PIECE), RH_GATHER_TAKEN); /* others have room */
    cr_assert_eq(take(61, 0, PIECE), RH_GATHER_TAKEN);
}

Test(gather, frees_what_was_kept_when_others_need_it)
{
    begin(64, 64);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(take(i, 0, PIECE), RH_GATHER_TAKEN);
    }
    for (unsigned i = 0; i < 3; i++) {
        rh_gather_give_back(&gather, &places[i]);
    }
    for (unsigned i = 0; i < 40; i++) {
        cr_assert_eq(take(i, 0, PAGE), RH_GATHER_TAKEN);
        cr_assert_leq(gather.touched, gather.pages_max);
    }
    cr_assert_eq(gather.needed, 40);
}

#if !RH_SLAB_MALLOC
static size_t resident(void)
{
    static unsigned char map[64 * 16];
    size_t pages = 0;
    size_t n = gather.slots_max * gather.place_bytes / PAGE;
    cr_assert_leq(n, sizeof map);
    cr_assert_eq(mincore(gather.base, n * PAGE, map), 0);
    for (size_t i = 0; i < n; i++) {
        pages += map[i] & 1;
    }
    return pages;
}

Test(gather, is_resident_as_it_counts_and_can_be_trimmed)
{
    begin(64, 64);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(take(i, 0, PIECE), RH_GATHER_TAKEN);
    }
    cr_assert_eq(resident(), 48);
    rh_gather_give_back(&gather, &places[0]);
    cr_assert_eq(resident(), 48);
    cr_assert_eq(rh_gather_trim(&gather), PIECE);
    cr_assert_eq(resident(), 32);
    cr_assert_eq(rh_gather_trim(&gather), 0);
}
#endif

/* Anything at all, in any order: the sums hold, and some piece can always go on. */
Test(gather, holds_its_sums_whatever_happens)
{
    unsigned long long state = 88172645463325252ULL;
    size_t lens[64] = {0};
    begin(64, 40);
    for (unsigned round = 0; round < 200000; round++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        unsigned i = state >> 8 & 63;
        if ((state & 7) == 0) {
            rh_gather_give_back(&gather, &places[i]);
            lens[i] = 0;
        } else if (lens[i] < PIECE) {
            size_t len = lens[i] + 1 + (state >> 20) % (PIECE - lens[i]);
            lens[i] =
                rh_gather_take(&gather, &places[i], i % 5, len) == RH_GATHER_TAKEN ? len : lens[i];
        }
        size_t needed = 0;
        for (unsigned k = 0; k < 64; k++) {
            needed += places[k].cap / PAGE;
        }
        cr_assert_eq(gather.needed, needed);
        cr_assert_leq(gather.touched, gather.pages_max);
        cr_assert_leq(gather.needed, gather.touched);
    }
}
