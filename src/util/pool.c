/* Bump allocation in blocks that double up to 64 KiB; what is larger gets a block of its own. */
#include "util/pool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_BLOCK_BYTES = 1024,
    BLOCK_BYTES_MAX = 64 * 1024,
    ALIGNMENT = 16,
};

struct rh_pool_block {
    struct rh_pool_block *next;
    size_t bytes; /* also keeps what follows aligned to 16 */
};

void rh_pool_init(struct rh_pool *pool)
{
    *pool = (struct rh_pool){NULL, NULL, NULL, 0};
}

void rh_pool_fini(struct rh_pool *pool)
{
    while (pool->blocks != NULL) {
        struct rh_pool_block *block = pool->blocks;
        pool->blocks = block->next;
        free(block);
    }
    rh_pool_init(pool);
}

static void *alloc_in_new_block(struct rh_pool *pool, size_t bytes)
{
    size_t block_bytes = FIRST_BLOCK_BYTES;
    while (block_bytes < pool->bytes && block_bytes < BLOCK_BYTES_MAX) {
        block_bytes *= 2;
    }
    if (block_bytes < bytes + sizeof(struct rh_pool_block)) {
        block_bytes = bytes + sizeof(struct rh_pool_block);
    }
    struct rh_pool_block *block = calloc(1, block_bytes);
    if (block == NULL) {
        return NULL;
    }
    block->bytes = block_bytes;
    block->next = pool->blocks;
    pool->blocks = block;
    pool->bytes += block_bytes;
    pool->at = (char *)(block + 1) + bytes;
    pool->end = (char *)block + block_bytes;
    return block + 1;
}

void *rh_pool_alloc(struct rh_pool *pool, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (pool->at != NULL && bytes <= (size_t)(pool->end - pool->at)) {
        void *memory = pool->at;
        pool->at += bytes;
        return memory;
    }
    return alloc_in_new_block(pool, bytes);
}

struct rh_slice rh_pool_copy(struct rh_pool *pool, struct rh_slice bytes)
{
    char *copy = rh_pool_alloc(pool, bytes.len + 1);
    if (copy == NULL) {
        return (struct rh_slice){NULL, 0};
    }
    if (bytes.len > 0) {
        memcpy(copy, bytes.base, bytes.len);
    }
    return (struct rh_slice){copy, bytes.len};
}

char *rh_pool_format(struct rh_pool *pool, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = len >= 0 ? rh_pool_alloc(pool, (size_t)len + 1) : NULL;
    if (text != NULL) {
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text;
}
