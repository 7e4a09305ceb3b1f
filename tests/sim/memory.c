/* Allocations of the library fail when the plan says so; those of the simulation never do. With the
 * pools on malloc, each object of a pool is one of them. */
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/sim.h"

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);

static bool is_chosen(uint64_t nth, unsigned at, unsigned permille)
{
    return !sim.calm && (nth == at || sim_permille(permille));
}

bool sim_allocation_fails(void)
{
    if (sim.outside > 0 || !is_chosen(++sim.allocations, sim.plan.memory_at, sim.plan.memory)) {
        return false;
    }
    sim_trace("no memory");
    errno = ENOMEM;
    return true;
}

bool sim_call_fails(void)
{
    if (sim.outside > 0 || !is_chosen(++sim.calls, sim.plan.call_at, sim.plan.descriptors)) {
        return false;
    }
    sim_trace("a call fails");
    return true;
}

void *__wrap_malloc(size_t bytes)
{
    return sim_allocation_fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return sim_allocation_fails() ? NULL : __real_calloc(n, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    return sim_allocation_fails() ? NULL : __real_realloc(old, bytes);
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
    return sim_allocation_fails() ? NULL : __real_aligned_alloc(align, bytes);
}

void *sim_alloc(size_t bytes)
{
    void *memory = __real_calloc(1, bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void sim_free(void *memory)
{
    free(memory);
}
