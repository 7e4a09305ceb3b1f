/* The happy path stands in the header: pop the free list, count. The first use of an object takes
 * the next untouched place of the reservation, so that page faults follow real demand. The one
 * way to fail is the ceiling (acquire returns NULL): there is no fallback to another allocator,
 * because the ceiling is what the memory promise of a server stands on. */
#include "util/slab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int rh_slab_init(struct rh_slab *slab, const char *name, size_t object_bytes, size_t objects_max)
{
    size_t align = object_bytes >= 512 ? 64 : 16;
    memset(slab, 0, sizeof *slab);
    slab->name = name;
    slab->object_bytes = (object_bytes + align - 1) / align * align;
    slab->objects_max = objects_max;
#if !RH_SLAB_MALLOC
    size_t bytes;
    if (objects_max == 0) {
        return 0;
    }
    if (__builtin_mul_overflow(slab->object_bytes, objects_max, &bytes)) {
        return -1;
    }
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return -1;
    }
    slab->base = base;
    RH_SLAB_POISON(base, bytes);
#endif
    return 0;
}

void rh_slab_fini(struct rh_slab *slab)
{
    RH_ASSERT(rh_counter_get(&slab->in_use) == 0);
    if (slab->base != NULL) {
        RH_SLAB_UNPOISON(slab->base, slab->object_bytes * slab->objects_max);
        munmap(slab->base, slab->object_bytes * slab->objects_max);
        slab->base = NULL;
    }
    slab->free_list = NULL;
    slab->objects_max = 0;
}

uint64_t rh_slab_trim(struct rh_slab *slab)
{
    uint64_t bytes = 0;
#if !RH_SLAB_MALLOC
    enum { PAGE = 4096 };
    for (char *object = slab->free_list; object != NULL; object = *(char **)(void *)object) {
        RH_SLAB_UNPOISON(object, sizeof(void *));
        uintptr_t first = ((uintptr_t)object + sizeof(void *) + PAGE - 1) / PAGE * PAGE;
        uintptr_t end = ((uintptr_t)object + slab->object_bytes) / PAGE * PAGE;
        if (end > first && madvise((char *)object + (first - (uintptr_t)object), end - first,
                                   MADV_DONTNEED) == 0) {
            bytes += end - first;
        }
    }
    for (char *object = slab->free_list; object != NULL;) {
        char *next = *(char **)(void *)object;
        RH_SLAB_POISON(object, sizeof(void *));
        object = next;
    }
#else
    (void)slab;
#endif
    return bytes;
}

void *rh_slab_acquire_fresh(struct rh_slab *slab)
{
    void *object = NULL;
    if (!rh_slab_is_exhausted(slab)) {
#if RH_SLAB_MALLOC
        object = aligned_alloc(64, (slab->object_bytes + 63) / 64 * 64);
#else
        object = slab->base + slab->fresh_bytes;
        slab->fresh_bytes += slab->object_bytes;
        RH_SLAB_UNPOISON(object, slab->object_bytes);
#endif
    }
    if (object == NULL) {
        rh_counter_add(&slab->exhausted, 1);
        return NULL;
    }
    rh_counter_add(&slab->in_use, 1);
    if (rh_counter_get(&slab->in_use) > rh_counter_get(&slab->in_use_peak)) {
        rh_counter_add(&slab->in_use_peak,
                       1); /* with a free list: never else, all that were out before are out */
    }
    return object;
}
