#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "util/slab.h"

Test(slab, gives_its_ceiling_and_no_more)
{
    struct rh_slab slab;
    void *objects[4];
    cr_assert_eq(rh_slab_init(&slab, "test", 100, 4), 0);
    for (unsigned i = 0; i < 4; i++) {
        objects[i] = rh_slab_acquire(&slab);
        cr_assert_not_null(objects[i]);
        cr_expect_eq((uintptr_t)objects[i] % 16, 0);
        memset(objects[i], (int)i, 100);
    }
    cr_expect(rh_slab_is_exhausted(&slab));
    cr_expect_null(rh_slab_acquire(&slab));
    cr_expect_eq(slab.exhausted, 1);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(*((char *)objects[i] + 99), (char)i, "objects do not overlap");
        rh_slab_release(&slab, objects[i]);
    }
    cr_expect_eq(slab.in_use, 0);
    cr_expect_eq(slab.in_use_peak, 4);
    rh_slab_fini(&slab);
}

Test(slab, of_large_objects_aligns_them_to_cache_lines)
{
    struct rh_slab slab;
    cr_assert_eq(rh_slab_init(&slab, "test", 1000, 3), 0);
    void *a = rh_slab_acquire(&slab);
    void *b = rh_slab_acquire(&slab);
    cr_expect_eq((uintptr_t)a % 64, 0);
    cr_expect_eq((uintptr_t)b % 64, 0);
    rh_slab_release(&slab, a);
    rh_slab_release(&slab, b);
    rh_slab_fini(&slab);
}

Test(slab, may_have_no_objects)
{
    struct rh_slab slab;
    cr_assert_eq(rh_slab_init(&slab, "test", 64, 0), 0);
    cr_expect_null(rh_slab_acquire(&slab));
    rh_slab_fini(&slab);
}

Test(slab, refuses_more_than_there_are_addresses)
{
    struct rh_slab slab;
    int err = rh_slab_init(&slab, "test", SIZE_MAX / 8, 64);
    if (err == 0) { /* on malloc nothing is reserved */
        rh_slab_fini(&slab);
    }
    cr_expect(err == -1 || slab.base == NULL);
}

Test(slab, notices_an_object_that_was_not_given_back, .signal = SIGABRT)
{
    struct rh_slab slab;
    cr_assert_eq(rh_slab_init(&slab, "test", 64, 2), 0);
    cr_assert_not_null(rh_slab_acquire(&slab));
    rh_slab_fini(&slab);
}

#if !RH_SLAB_MALLOC
Test(slab, returns_the_insides_of_free_objects_to_the_system)
{
    enum { OBJECTS = 8, BYTES = 16384 };
    struct rh_slab slab;
    char *objects[OBJECTS];
    cr_assert_eq(rh_slab_init(&slab, "test", BYTES, OBJECTS), 0);
    for (unsigned i = 0; i < OBJECTS; i++) {
        objects[i] = rh_slab_acquire(&slab);
        memset(objects[i], 1, BYTES);
    }
    cr_expect_eq(rh_slab_trim(&slab), 0);
    for (unsigned i = 1; i < OBJECTS; i++) {
        rh_slab_release(&slab, objects[i]);
    }
    cr_expect_geq(rh_slab_trim(&slab), (OBJECTS - 1) * (BYTES - 2 * 4096));
    cr_expect_eq(objects[0][BYTES - 1], 1, "what is in use stays");
    for (unsigned i = 1; i < OBJECTS; i++) { /* the free list holds */
        objects[i] = rh_slab_acquire(&slab);
        cr_assert_not_null(objects[i]);
        memset(objects[i], 2, BYTES);
    }
    cr_expect(rh_slab_is_exhausted(&slab));
    for (unsigned i = 0; i < OBJECTS; i++) {
        rh_slab_release(&slab, objects[i]);
    }
    rh_slab_fini(&slab);
}
#endif
