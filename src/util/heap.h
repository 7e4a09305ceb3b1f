/* Memory of mixed sizes for one loop's thread, under a ceiling: for libraries that allocate through
 * hooks. Sizes are rounded up to classes, each with a LIFO list of free objects; address space for
 * the ceiling is reserved when the heap opens, and an object's place stays with its class. Built
 * with -Dslab=malloc every object is a malloc of its own with the same ceiling. */
#ifndef RH_UTIL_HEAP_H
#define RH_UTIL_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "util/slab.h"

enum { RH_HEAP_CLASSES = 12 };

struct rh_heap {
    void *free_lists[RH_HEAP_CLASSES];
    char *base;             /* start of the reserved address space */
    size_t bytes_max;       /* the ceiling */
    size_t fresh_bytes;     /* places never handed out begin here, counted from base */
    uint32_t large_bytes;   /* size of the last class */
    rh_counter in_use;      /* bytes handed out now; these may be read by other threads */
    rh_counter in_use_peak; /* the most that were ever out at once */
    rh_counter exhausted;   /* how often alloc had nothing to give */
};

/* Reserves `bytes_max` bytes for objects of up to `large_bytes` each. Returns 0, or -1 if the
 * kernel refuses the address space. */
int RH_MUST_CHECK rh_heap_init(struct rh_heap *heap, size_t bytes_max, size_t large_bytes);
/* Gives the address space back; asserts that every object was returned. */
void rh_heap_fini(struct rh_heap *heap);

/* Returns memory aligned to 8, its content undefined, or NULL at the ceiling. */
void *rh_heap_alloc(struct rh_heap *heap, size_t bytes);
/* Returns an object to the heap that gave it; NULL is accepted. */
void rh_heap_free(struct rh_heap *heap, void *object);
/* Returns what an object costs: its size rounded up, with the heap's own word. */
size_t rh_heap_cost(const void *object);
/* Returns how many bytes of an object the caller may use, at least as many as it asked for. */
size_t rh_heap_room(const void *object);

#endif
