/* Bump allocation. What does not fit the current block starts a new one (the rest of the old one
 * is lost, at most the size of what did not fit); exhaustion is NULL, which callers turn into an
 * answer (431, 503), never into another allocator. */
#include "util/arena.h"

#include <stdint.h>

struct rh_arena_block {
    struct rh_arena_block *next;
};

void rh_arena_init(struct rh_arena *arena, void *first, size_t first_bytes, struct rh_slab *slab,
                   unsigned blocks_max)
{
    arena->at = first;
    arena->end = (char *)first + first_bytes;
    arena->blocks = NULL;
    arena->slab = slab;
    arena->blocks_left = blocks_max;
}

void rh_arena_fini(struct rh_arena *arena)
{
    while (arena->blocks != NULL) {
        struct rh_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        rh_slab_release(arena->slab, block);
    }
    arena->at = NULL;
    arena->end = NULL;
}

void *rh_arena_grow(struct rh_arena *arena, size_t bytes)
{
    if (arena->slab == NULL || arena->blocks_left == 0 ||
        bytes > arena->slab->object_bytes - sizeof(struct rh_arena_block)) {
        return NULL;
    }
    struct rh_arena_block *block = rh_slab_acquire(arena->slab);
    if (block == NULL) {
        return NULL;
    }
    arena->blocks_left--;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->at = (char *)(block + 1) + bytes;
    arena->end = (char *)block + arena->slab->object_bytes;
    return block + 1;
}

void *rh_arena_alloc(struct rh_arena *arena, size_t bytes)
{
    uintptr_t at = ((uintptr_t)arena->at + 7) & ~(uintptr_t)7;
    if (RH_LIKELY(at <= (uintptr_t)arena->end && bytes <= (uintptr_t)arena->end - at)) {
        arena->at = (char *)at + bytes;
        return (void *)at;
    }
    return rh_arena_grow(arena, bytes);
}
