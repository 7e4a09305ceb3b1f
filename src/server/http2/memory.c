/* The four hooks. Ways to fail: the connection's limit or the heap's ceiling is reached; nghttp2
 * then reports NGHTTP2_ERR_NOMEM and its session ends. */
#include "server/http2/memory.h"

#include <string.h>

static void *allocate(size_t bytes, void *data)
{
    struct rh_http2_memory *memory = data;
    void *object =
        bytes <= memory->limit - memory->used ? rh_heap_alloc(memory->heap, bytes) : NULL;
    if (RH_UNLIKELY(object == NULL)) {
        return NULL;
    }
    memory->used += rh_heap_cost(object);
    if (RH_UNLIKELY(memory->used > memory->limit)) { /* by the rounding */
        memory->used -= rh_heap_cost(object);
        rh_heap_free(memory->heap, object);
        return NULL;
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
}
