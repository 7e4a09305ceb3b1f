/* Assertions for our own bugs (never for what a peer sends), on in every build. */
#ifndef RH_UTIL_ASSERT_H
#define RH_UTIL_ASSERT_H

#include <stddef.h>
#include <stdint.h>

/* Called with the failed condition before the process aborts; NULL writes a line to stderr. */
typedef void (*rh_assert_fn)(const char *condition, const char *file, int line);

void rh_assert_hook_set(rh_assert_fn fn);

__attribute__((noreturn, cold)) void rh_assert_fail(const char *condition, const char *file,
                                                    int line);

#define RH_ASSERT(condition)                                                                       \
    (__builtin_expect(!!(condition), 1) ? (void)0                                                  \
                                        : rh_assert_fail(#condition, __FILE__, __LINE__))

/* Drops a result that must otherwise be looked at, on purpose. */
#define RH_IGNORE(call)                                                                            \
    do {                                                                                           \
        if (call) {                                                                                \
        }                                                                                          \
    } while (0)

#define RH_MUST_CHECK __attribute__((warn_unused_result))
#define RH_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define RH_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* The end of a case that goes on in the next one; clang takes no comment for it. */
#define RH_FALLTHROUGH __attribute__((fallthrough))

/* From a pointer to a member back to the struct around it. */
#define RH_CONTAINER_OF(pointer, type, member)                                                     \
    ((type *)((uintptr_t)(pointer)-offsetof(type, member)))

#endif
