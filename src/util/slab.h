/* A slab pool: objects of one size for one loop's thread, handed out last-in first-out so that
 * the hot object stays in cache. Address space for all of them is reserved when the pool opens
 * and memory is touched on demand, so an unused pool costs nothing. Built with -Dslab=malloc
 * every object is a malloc of its own with the same ceiling: sanitizers see each apart.
 * Under AddressSanitizer free objects are poisoned. */
#ifndef RH_UTIL_SLAB_H
#define RH_UTIL_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "rh-build.h"
#include "util/assert.h"
#include "util/counter.h"

#if defined(__SANITIZE_ADDRESS__)
#define RH_SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RH_SLAB_ASAN 1
#endif
#endif
#ifdef RH_SLAB_ASAN
#include <sanitizer/asan_interface.h>
#define RH_SLAB_POISON(base, bytes) ASAN_POISON_MEMORY_REGION(base, bytes)
#define RH_SLAB_UNPOISON(base, bytes) ASAN_UNPOISON_MEMORY_REGION(base, bytes)
#else
#define RH_SLAB_POISON(base, bytes) ((void)(base), (void)(bytes))
#define RH_SLAB_UNPOISON(base, bytes) ((void)(base), (void)(bytes))
#endif

struct rh_slab {
    const char *name;    /* for metrics and messages: a literal */
    void *free_list;     /* LIFO through the first word of each free object */
    char *base;          /* start of the reserved address space */
    size_t object_bytes; /* size of one object, rounded up to `align` */
    size_t fresh_bytes;  /* objects never handed out begin here, counted from base */
    size_t objects_max;  /* the ceiling */
    rh_counter in_use;   /* handed out now; these three may be read by other threads, for metrics */
    rh_counter in_use_peak; /* the most that were ever out at once */
    rh_counter exhausted;   /* how often acquire had nothing to give */
};

/* Reserves room for `objects_max` objects of `object_bytes` each, aligned to 16 (64 where objects
 * are 64 bytes or more). Returns 0 or -1 when the kernel refuses the address space. */
int RH_MUST_CHECK rh_slab_init(struct rh_slab *slab, const char *name, size_t object_bytes,
                               size_t objects_max);

/* Gives the address space back; asserts that every object was returned. */
void rh_slab_fini(struct rh_slab *slab);

/* Returns the pages inside of free objects to the system, but for the first of each, which links
 * the free list. How many bytes. */
uint64_t rh_slab_trim(struct rh_slab *slab);

/* The next object that was never handed out; what acquire does where the free list is empty. */
void *rh_slab_acquire_fresh(struct rh_slab *slab);

/* One object, its content undefined, or NULL at the ceiling. */
static inline void *rh_slab_acquire(struct rh_slab *slab)
{
#if !RH_SLAB_MALLOC
    void *object = slab->free_list;
    if (RH_LIKELY(object != NULL)) {
        RH_SLAB_UNPOISON(object, slab->object_bytes);
        slab->free_list = *(void **)object;
        rh_counter_add(&slab->in_use, 1);
        return object;
    }
#endif
    return rh_slab_acquire_fresh(slab);
}

/* Returns an object to the pool that gave it. */
static inline void rh_slab_release(struct rh_slab *slab, void *object)
{
    RH_ASSERT(rh_counter_get(&slab->in_use) > 0);
    rh_counter_sub(&slab->in_use, 1);
#if RH_SLAB_MALLOC
    free(object);
#else
    RH_ASSERT((uintptr_t)object - (uintptr_t)slab->base < slab->fresh_bytes);
    *(void **)object = slab->free_list;
    slab->free_list = object;
    RH_SLAB_POISON(object, slab->object_bytes);
#endif
}

static inline bool rh_slab_is_exhausted(const struct rh_slab *slab)
{
    return rh_counter_get(&slab->in_use) == slab->objects_max;
}

#endif
