/* An arena: memory that lives as long as one exchange and is given back in one step. It starts in
 * a first block that the caller owns and grows by blocks of a slab up to a cap. */
#ifndef RH_UTIL_ARENA_H
#define RH_UTIL_ARENA_H

#include <stddef.h>

#include "rawhttp/slice.h"
#include "util/slab.h"
#include "util/word.h"

struct rh_arena_block;

struct rh_arena {
    char *at;                      /* next free byte of the current block */
    char *end;                     /* its end */
    struct rh_arena_block *blocks; /* blocks taken from the slab, newest first */
    struct rh_slab *slab;          /* where further blocks come from; NULL: none */
    unsigned blocks_left;          /* how many more it may take */
};

/* Begins in `first` (`first_bytes` long, the caller's); takes up to `blocks_max` blocks of `slab`. */
void rh_arena_init(struct rh_arena *arena, void *first, size_t first_bytes, struct rh_slab *slab,
                   unsigned blocks_max);

/* Gives all blocks back; everything that was allocated here is gone. */
void rh_arena_fini(struct rh_arena *arena);

/* `bytes` of memory aligned to 8, or NULL when the cap is reached or it fits into no block. */
void *rh_arena_alloc(struct rh_arena *arena, size_t bytes);

/* The same from a new block: what alloc and text do where the current one is too small. */
void *rh_arena_grow(struct rh_arena *arena, size_t bytes);

/* As alloc, without alignment: for text. */
static inline char *rh_arena_text(struct rh_arena *arena, size_t bytes)
{
    if (RH_LIKELY(bytes <= (size_t)(arena->end - arena->at))) {
        char *text = arena->at;
        arena->at += bytes;
        return text;
    }
    return rh_arena_grow(arena, bytes);
}

/* A copy of the bytes with a NUL behind them; base is NULL when there is no room. */
static inline struct rh_slice rh_arena_copy(struct rh_arena *arena, struct rh_slice bytes)
{
    char *copy = rh_arena_text(arena, bytes.len + 1);
    if (RH_UNLIKELY(copy == NULL)) {
        return (struct rh_slice){NULL, 0};
    }
    rh_word_copy(copy, bytes.base, bytes.len);
    copy[bytes.len] = '\0';
    return (struct rh_slice){copy, bytes.len};
}

#endif
