/* Which thread this is, in an instruction or two: for assertions that every call makes. */
#ifndef RH_UTIL_THREAD_H
#define RH_UTIL_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef __has_builtin
#define __has_builtin(name) 0
#endif

typedef uintptr_t rh_thread;

/* Returns a number that no other thread has while this one runs. */
static inline rh_thread rh_thread_self(void)
{
#if __has_builtin(__builtin_thread_pointer)
    return (rh_thread)__builtin_thread_pointer();
#else
    return (rh_thread)pthread_self();
#endif
}

#endif
