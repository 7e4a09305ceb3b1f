#include <criterion/criterion.h>
#include <string.h>

#include "util/arena.h"

enum { BLOCK = 256 };

static struct rh_slab slab;
static struct rh_arena arena;
static char first[64];

static void set_up(void)
{
    cr_assert_eq(rh_slab_init(&slab, "blocks", BLOCK, 4), 0);
    rh_arena_init(&arena, first, sizeof first, &slab, 2);
}

static void tear_down(void)
{
    rh_arena_fini(&arena);
    cr_expect_eq(slab.in_use, 0);
    rh_slab_fini(&slab);
}

TestSuite(arena, .init = set_up, .fini = tear_down);

Test(arena, begins_in_its_first_block)
{
    char *text = rh_arena_text(&arena, 3);
    cr_expect_eq(text, first);
    char *aligned = rh_arena_alloc(&arena, 8);
    cr_expect_eq((uintptr_t)aligned % 8, 0);
    cr_expect_eq(slab.in_use, 0);
}

Test(arena, grows_up_to_its_cap)
{
    unsigned n = 0;
    while (rh_arena_alloc(&arena, 100) != NULL) {
        n++;
    }
    cr_expect_eq(n, 4, "two in each of two blocks");
    cr_expect_eq(slab.in_use, 2);
    cr_expect_null(rh_arena_text(&arena, 100));
}

Test(arena, refuses_what_fits_no_block)
{
    cr_expect_null(rh_arena_alloc(&arena, BLOCK));
    cr_expect_null(rh_arena_alloc(&arena, SIZE_MAX));
    cr_expect_eq(slab.in_use, 0);
    cr_expect_not_null(rh_arena_alloc(&arena, 8), "a refusal costs nothing");
}

Test(arena, copies_with_a_nul_behind)
{
    struct rh_slice copy = rh_arena_copy(&arena, (struct rh_slice){"abc", 2});
    cr_expect_str_eq(copy.base, "ab");
    cr_expect_eq(copy.len, 2);
    copy = rh_arena_copy(&arena, (struct rh_slice){NULL, 0});
    cr_expect_str_eq(copy.base, "");
    char large[BLOCK];
    memset(large, 'l', sizeof large);
    cr_expect_null(rh_arena_copy(&arena, (struct rh_slice){large, sizeof large}).base);
}

Test(arena, fails_where_its_slab_is_exhausted)
{
    void *taken[4];
    for (unsigned i = 0; i < 4; i++) {
        taken[i] = rh_slab_acquire(&slab);
    }
    cr_expect_null(rh_arena_alloc(&arena, 100));
    for (unsigned i = 0; i < 4; i++) {
        rh_slab_release(&slab, taken[i]);
    }
    cr_expect_not_null(rh_arena_alloc(&arena, 100));
}
