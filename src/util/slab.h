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

#include "util/assert.h"
#include "util/counter.h"

struct rh_slab {
    const char *name;       /* for metrics and messages: a literal */
    void *free_list;        /* LIFO through the first word of each free object */
    char *base;             /* start of the reserved address space */
    size_t object_bytes;    /* size of one object, rounded up to `align` */
    size_t fresh;           /* objects never handed out begin here (index) */
    size_t objects_max;     /* the ceiling */
    rh_counter in_use;      /* handed out now; these three may be read by other threads, for metrics */
    rh_counter in_use_peak; /* the most that were ever out at once */
    rh_counter exhausted;   /* how often acquire had nothing to give */
};

/* Reserves room for `objects_max` objects of `object_bytes` each, aligned to 16 (64 where objects are 64 bytes or more).
 * Returns 0 or -1 when the kernel refuses the address space. */
int RH_MUST_CHECK rh_slab_init(struct rh_slab *slab, const char *name, size_t object_bytes,
                               size_t objects_max);

/* Gives the address space back; asserts that every object was returned. */
void rh_slab_fini(struct rh_slab *slab);

/* One object, its content undefined, or NULL at the ceiling. */
void *rh_slab_acquire(struct rh_slab *slab);

/* Returns an object to the pool that gave it. */
void rh_slab_release(struct rh_slab *slab, void *object);

static inline bool rh_slab_is_exhausted(const struct rh_slab *slab)
{
    return rh_counter_get(&slab->in_use) == slab->objects_max;
}

#endif
