#include "support/scarce.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static atomic_ulong seen;   /* since scarce_begin */
static atomic_ulong failed; /* of those */
static atomic_ulong first;  /* the first that fails; 0: none does */
static atomic_ulong behind; /* and the first that does not any more */
static atomic_bool paused;
static atomic_long live;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t bytes);
void __real_free(void *old);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
char *__wrap_strdup(const char *text);
void *__wrap_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t bytes, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t bytes);
void __wrap_free(void *old);

static bool fails(void)
{
    if (atomic_load(&paused)) {
        return false;
    }
    unsigned long nth = atomic_fetch_add(&seen, 1) + 1;
    unsigned long from = atomic_load(&first);
    if (from == 0 || nth < from || nth >= atomic_load(&behind)) {
        return false;
    }
    atomic_fetch_add(&failed, 1);
    return true;
}

static void *count(void *memory)
{
    atomic_fetch_add(&live, memory != NULL);
    return memory;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : count(__real_malloc(bytes));
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : count(__real_calloc(n, bytes));
}

void *__wrap_realloc(void *old, size_t bytes)
{
    if (fails()) {
        return NULL;
    }
    void *memory = __real_realloc(old, bytes);
    return old == NULL ? count(memory) : memory;
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
    return fails() ? NULL : count(__real_aligned_alloc(align, bytes));
}

char *__wrap_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = __wrap_malloc(bytes);
    return copy != NULL ? memcpy(copy, text, bytes) : NULL;
}

void *__wrap_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
    void *memory = fails() ? MAP_FAILED : __real_mmap(at, bytes, prot, flags, fd, offset);
    atomic_fetch_add(&live, memory != MAP_FAILED);
    return memory;
}

void *__wrap_mmap64(void *at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
    return __wrap_mmap(at, bytes, prot, flags, fd, offset);
}

int __wrap_munmap(void *at, size_t bytes)
{
    atomic_fetch_sub(&live, 1);
    return __real_munmap(at, bytes);
}

void __wrap_free(void *old)
{
    atomic_fetch_sub(&live, old != NULL);
    __real_free(old);
}

void scarce_begin(unsigned long nth, unsigned long n)
{
    atomic_store(&first, 0);
    atomic_store(&seen, 0);
    atomic_store(&failed, 0);
    atomic_store(&behind, n < ULONG_MAX - nth ? nth + n : ULONG_MAX);
    atomic_store(&first, nth);
}

unsigned long scarce_end(void)
{
    atomic_store(&first, 0);
    return atomic_load(&failed);
}

void scarce_pause(void)
{
    atomic_store(&paused, true);
}

void scarce_resume(void)
{
    atomic_store(&paused, false);
}

long scarce_live(void)
{
    return atomic_load(&live);
}

void scarce_at_each(int (*attempt)(void), bool is_vital)
{
    static const unsigned long counts[] = {1, ULONG_MAX};
    cr_assert_eq(attempt(), 0, "it fails with enough memory"); /* and what is made once is made */
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned long nth = 1;; nth++) {
            long before = scarce_live();
            scarce_begin(nth, counts[i]);
            scarce_resume();
            int outcome = attempt();
            unsigned long n = scarce_end();
            cr_assert_eq(scarce_live(), before, "%ld more than before, allocation %lu, %lu failed",
                         scarce_live() - before, nth, n);
            if (n == 0) {
                cr_assert_eq(outcome, 0);
                cr_assert_gt(nth, 1, "it allocates nothing");
                break;
            }
            cr_expect(outcome < 0 || !is_vital,
                      "allocation %lu failed, %lu in all, and nobody said so", nth, n);
        }
    }
}
