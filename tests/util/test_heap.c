#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "util/heap.h"

static struct rh_heap heap;

Test(heap, gives_memory_of_any_size_up_to_the_largest)
{
    static const size_t sizes[] = {0, 1, 40, 41, 200, 1000, 2928, 4096, 16394, 30000};
    void *objects[10];
    cr_assert_eq(rh_heap_init(&heap, 1 << 20, 30000), 0);
    for (size_t i = 0; i < 10; i++) {
        objects[i] = rh_heap_alloc(&heap, sizes[i]);
        cr_assert_not_null(objects[i]);
        cr_expect_eq((uintptr_t)objects[i] % 8, 0);
        cr_expect_geq(rh_heap_room(objects[i]), sizes[i]);
        cr_expect_gt(rh_heap_cost(objects[i]), sizes[i]);
        memset(objects[i], (int)i, sizes[i]);
    }
    cr_expect_null(rh_heap_alloc(&heap, 40000));
    cr_expect_eq(heap.exhausted, 1);
    for (size_t i = 0; i < 10; i++) {
        for (size_t at = 0; at < sizes[i]; at++) {
            cr_assert_eq(((char *)objects[i])[at], (char)i, "objects do not overlap");
        }
        rh_heap_free(&heap, objects[i]);
    }
    cr_expect_eq(heap.in_use, 0);
    rh_heap_fini(&heap);
}

Test(heap, keeps_its_ceiling_and_uses_places_again)
{
    void *objects[8];
    cr_assert_eq(rh_heap_init(&heap, 8 * 240, 1024), 0);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 8; i++) {
            objects[i] = rh_heap_alloc(&heap, 232);
            cr_assert_not_null(objects[i]);
        }
        cr_expect_null(rh_heap_alloc(&heap, 232));
        for (unsigned i = 0; i < 8; i++) {
            rh_heap_free(&heap, objects[i]);
        }
    }
    cr_expect_eq(heap.in_use_peak, 8 * 240);
    rh_heap_free(&heap, NULL);
    rh_heap_fini(&heap);
}

Test(heap, may_have_no_memory)
{
    cr_assert_eq(rh_heap_init(&heap, 0, 1024), 0);
    cr_expect_null(rh_heap_alloc(&heap, 8));
    rh_heap_fini(&heap);
}

Test(heap, notices_an_object_that_was_not_returned, .signal = SIGABRT)
{
    cr_assert_eq(rh_heap_init(&heap, 4096, 1024), 0);
    cr_assert_not_null(rh_heap_alloc(&heap, 8));
    rh_heap_fini(&heap);
}
