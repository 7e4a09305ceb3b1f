/* Each object has a word in front of it that names its class. The classes follow the sizes that
 * nghttp2 asks for: its queue items, streams, header buffers, tables and frame buffer. Ways to
 * fail: the ceiling, or an object larger than the largest; there is no other allocator to fall back
 * to. */
#include "util/heap.h"

#include <string.h>
#include <sys/mman.h>

struct word {
    uint32_t bytes; /* of the object, with this */
    uint32_t class;
};

/* The last class is the caller's. */
static const uint16_t class_bytes[RH_HEAP_CLASSES - 1] = {48,  80,   112,  160,  208,  240,
                                                          528, 1040, 2944, 4112, 16448};

int rh_heap_init(struct rh_heap *heap, size_t bytes_max, size_t large_bytes)
{
    memset(heap, 0, sizeof *heap);
    heap->bytes_max = bytes_max;
    heap->large_bytes = (uint32_t)((large_bytes + sizeof(struct word) + 15) / 16 * 16);
#if !RH_SLAB_MALLOC
    void *base = bytes_max == 0 ? NULL
                                : mmap(NULL, bytes_max, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return -1;
    }
    heap->base = base;
#endif
    return 0;
}

void rh_heap_fini(struct rh_heap *heap)
{
    RH_ASSERT(rh_counter_get(&heap->in_use) == 0);
    if (heap->base != NULL) {
        munmap(heap->base, heap->bytes_max);
        heap->base = NULL;
    }
}

static struct word *word_of(const void *object)
{
    return (struct word *)((uintptr_t)object - sizeof(struct word));
}

size_t rh_heap_cost(const void *object)
{
    return word_of(object)->bytes;
}

size_t rh_heap_room(const void *object)
{
    return word_of(object)->bytes - sizeof(struct word);
}

/* A place that was never handed out, or NULL. */
static struct word *acquire_fresh(struct rh_heap *heap, size_t bytes)
{
#if RH_SLAB_MALLOC
    return rh_counter_get(&heap->in_use) + bytes <= heap->bytes_max ? malloc(bytes) : NULL;
#else
    if (bytes > heap->bytes_max - heap->fresh_bytes) {
        return NULL;
    }
    struct word *place = (struct word *)(void *)(heap->base + heap->fresh_bytes);
    heap->fresh_bytes += bytes;
    return place;
#endif
}

static struct word *acquire(struct rh_heap *heap, unsigned class, size_t bytes)
{
    struct word *place = heap->free_lists[class];
    if (RH_LIKELY(place != NULL)) {
        heap->free_lists[class] = *(void **)(void *)(place + 1);
    } else {
        place = acquire_fresh(heap, bytes);
    }
    return place;
}

void *rh_heap_alloc(struct rh_heap *heap, size_t bytes)
{
    size_t need = bytes + sizeof(struct word);
    unsigned class = 0;
    while (class < RH_HEAP_CLASSES - 1 && class_bytes[class] < need) {
        class ++;
    }
    bool large = class == RH_HEAP_CLASSES - 1;
    size_t cost = large ? heap->large_bytes : class_bytes[class];
    struct word *place = cost < need ? NULL : acquire(heap, class, cost);
    if (RH_UNLIKELY(place == NULL)) {
        rh_counter_add(&heap->exhausted, 1);
        return NULL;
    }
    place->bytes = (uint32_t)cost;
    place->class = class;
    rh_counter_add(&heap->in_use, cost);
    if (rh_counter_get(&heap->in_use) > rh_counter_get(&heap->in_use_peak)) {
        rh_counter_add(&heap->in_use_peak,
                       rh_counter_get(&heap->in_use) - rh_counter_get(&heap->in_use_peak));
    }
    return place + 1;
}

void rh_heap_free(struct rh_heap *heap, void *object)
{
    if (object == NULL) {
        return;
    }
    struct word *place = word_of(object);
    RH_ASSERT(rh_counter_get(&heap->in_use) >= place->bytes);
    rh_counter_sub(&heap->in_use, place->bytes);
#if RH_SLAB_MALLOC
    free(place);
#else
    *(void **)object = heap->free_lists[place->class];
    heap->free_lists[place->class] = place;
#endif
}
