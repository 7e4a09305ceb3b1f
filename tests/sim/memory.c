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

static bool fails(void)
{
    if (sim.calm || sim.outside > 0 || !sim_permille(sim.plan.memory)) {
        return false;
    }
    sim_trace("no memory");
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : __real_calloc(n, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    return fails() ? NULL : __real_realloc(old, bytes);
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
    return fails() ? NULL : __real_aligned_alloc(align, bytes);
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
