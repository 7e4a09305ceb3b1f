/* Memory that ends at an unreadable page: one byte read too far is a crash. */
#ifndef RH_TESTS_HTTP_GUARD_H
#define RH_TESTS_HTTP_GUARD_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
    char *base;
    size_t bytes; /* readable ones */
};

static inline void guard_init(struct guard *guard, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    guard->bytes = (bytes + page - 1) / page * page;
    guard->base = mmap(NULL, guard->bytes + page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guard->base == MAP_FAILED || mprotect(guard->base + guard->bytes, page, PROT_NONE) != 0) {
        perror("guard");
        exit(2);
    }
}

static inline void guard_fini(struct guard *guard)
{
    munmap(guard->base, guard->bytes + (size_t)sysconf(_SC_PAGESIZE));
}

/* A copy of the bytes whose last one is the last readable one. */
static inline char *guard_put(struct guard *guard, const char *bytes, size_t len)
{
    char *at = guard->base + guard->bytes - len;
    if (len > guard->bytes) {
        fprintf(stderr, "guard: %zu bytes are too many\n", len);
        exit(2);
    }
    if (len > 0) {
        memcpy(at, bytes, len);
    }
    return at;
}

#endif
