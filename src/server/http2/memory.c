/* The four hooks. Ways to fail: while nghttp2 reads, the connection's limit or its share of the heap
 * is reached; it then reports NGHTTP2_ERR_NOMEM and its session ends. */
#include "server/http2/memory.h"

#include <string.h>

/* A peer can only make nghttp2 grow by what it sends, so the limit counts while that is read, and
 * an eighth of the heap is kept for answers. While nghttp2 writes, an allocation that fails does
 * worse than fail: nghttp2_submit_data frees an item that its stream still points to. */
static bool is_too_much(const struct rh_http2_memory *memory, size_t bytes)
{
    const struct rh_heap *heap = memory->heap;
    return memory->is_reading &&
           (memory->used + bytes > memory->limit ||
            rh_counter_get(&heap->in_use) + bytes > heap->bytes_max - heap->bytes_max / 8);
}

static void *allocate(size_t bytes, void *data)
{
    struct rh_http2_memory *memory = data;
    void *object = is_too_much(memory, bytes) ? NULL : rh_heap_alloc(memory->heap, bytes);
    if (RH_LIKELY(object != NULL)) {
        memory->used += rh_heap_cost(object);
    }
    return object;
}

static void release(void *object, void *data)
{
    struct rh_http2_memory *memory = data;
    if (object != NULL) {
        memory->used -= rh_heap_cost(object);
        rh_heap_free(memory->heap, object);
    }
}

static void *allocate_zeroed(size_t n, size_t bytes, void *data)
{
    size_t total;
    void *object = __builtin_mul_overflow(n, bytes, &total) ? NULL : allocate(total, data);
    return object != NULL ? memset(object, 0, total) : NULL;
}

static void *reallocate(void *object, size_t bytes, void *data)
{
    size_t had = object != NULL ? rh_heap_room(object) : 0;
    if (object != NULL && bytes <= had) {
        return object;
    }
    void *larger = allocate(bytes, data);
    if (larger != NULL && object != NULL) {
        memcpy(larger, object, had);
        release(object, data);
    }
    return larger;
}

void rh_http2_memory_init(struct rh_http2_memory *memory, struct rh_heap *heap, size_t limit)
{
    memory->hooks = (nghttp2_mem){.mem_user_data = memory,
                                  .malloc = allocate,
                                  .free = release,
                                  .calloc = allocate_zeroed,
                                  .realloc = reallocate};
    memory->heap = heap;
    memory->used = 0;
    memory->limit = limit;
    memory->is_reading = false;
}
