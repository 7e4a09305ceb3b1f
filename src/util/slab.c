/* The happy path is four instructions: pop the free list, count. The first use of an object takes
 * the next untouched place of the reservation, so that page faults follow real demand. The one
 * way to fail is the ceiling (acquire returns NULL): there is no fallback to another allocator,
 * because the ceiling is what the memory promise of a server stands on. */
#include "util/slab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "rh-build.h"

#if defined(__SANITIZE_ADDRESS__)
#define RH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RH_ASAN 1
#endif
#endif
#ifdef RH_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(base, bytes) ASAN_POISON_MEMORY_REGION(base, bytes)
#define UNPOISON(base, bytes) ASAN_UNPOISON_MEMORY_REGION(base, bytes)
#else
#define POISON(base, bytes) ((void)(base), (void)(bytes))
#define UNPOISON(base, bytes) ((void)(base), (void)(bytes))
#endif

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
    POISON(base, bytes);
#endif
    return 0;
}

void rh_slab_fini(struct rh_slab *slab)
{
    RH_ASSERT(rh_counter_get(&slab->in_use) == 0);
    if (slab->base != NULL) {
        UNPOISON(slab->base, slab->object_bytes * slab->objects_max);
        munmap(slab->base, slab->object_bytes * slab->objects_max);
        slab->base = NULL;
    }
    slab->free_list = NULL;
    slab->objects_max = 0;
}

void *rh_slab_acquire(struct rh_slab *slab)
{
    if (RH_UNLIKELY(rh_slab_is_exhausted(slab))) {
        rh_counter_add(&slab->exhausted, 1);
        return NULL;
    }
    void *object;
#if RH_SLAB_MALLOC
    object = aligned_alloc(64, (slab->object_bytes + 63) / 64 * 64);
    if (object == NULL) {
        rh_counter_add(&slab->exhausted, 1);
        return NULL;
    }
#else
    object = slab->free_list;
    if (RH_LIKELY(object != NULL)) {
        UNPOISON(object, slab->object_bytes);
        slab->free_list = *(void **)object;
    } else {
        object = slab->base + slab->fresh++ * slab->object_bytes;
        UNPOISON(object, slab->object_bytes);
    }
#endif
    rh_counter_add(&slab->in_use, 1);
    if (rh_counter_get(&slab->in_use) > rh_counter_get(&slab->in_use_peak)) {
        rh_counter_add(&slab->in_use_peak, 1);
    }
    return object;
}

void rh_slab_release(struct rh_slab *slab, void *object)
{
    RH_ASSERT(rh_counter_get(&slab->in_use) > 0);
    rh_counter_sub(&slab->in_use, 1);
#if RH_SLAB_MALLOC
    free(object);
#else
    RH_ASSERT((char *)object >= slab->base &&
              (char *)object < slab->base + slab->fresh * slab->object_bytes);
    *(void **)object = slab->free_list;
    slab->free_list = object;
    POISON(object, slab->object_bytes);
#endif
}
