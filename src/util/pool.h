/* Memory for what is built up in small pieces and thrown away whole: a value tree, a set of
 * compiled templates. Blocks come from malloc and live as long as the pool; nothing is given
 * back alone. (Memory of one exchange is the arena's: util/arena.h.) */
#ifndef RH_UTIL_POOL_H
#define RH_UTIL_POOL_H

#include <stddef.h>

#include "rawhttp/slice.h"

struct rh_pool_block;

struct rh_pool {
    struct rh_pool_block *blocks; /* newest first */
    char *at;                     /* next free byte of the newest block */
    char *end;                    /* its end */
    size_t bytes;                 /* taken from malloc in all */
};

void rh_pool_init(struct rh_pool *pool);

/* Frees every block; what was allocated here is gone. */
void rh_pool_fini(struct rh_pool *pool);

/* `bytes` of zeroed memory aligned to 16, or NULL when memory ran out. */
void *rh_pool_alloc(struct rh_pool *pool, size_t bytes);

/* A copy with a NUL behind it; base is NULL when memory ran out. */
struct rh_slice rh_pool_copy(struct rh_pool *pool, struct rh_slice bytes);

/* As printf writes it, however long that is; NULL when memory ran out. */
char *rh_pool_format(struct rh_pool *pool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
