/* Counters with one writer that other threads may read: relaxed, no locked instruction. */
#ifndef RH_UTIL_COUNTER_H
#define RH_UTIL_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t rh_counter;

static inline uint64_t rh_counter_get(const rh_counter *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void rh_counter_add(rh_counter *counter, uint64_t n)
{
    atomic_store_explicit(counter, rh_counter_get(counter) + n, memory_order_relaxed);
}

static inline void rh_counter_set(rh_counter *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline void rh_counter_sub(rh_counter *counter, uint64_t n)
{
    atomic_store_explicit(counter, rh_counter_get(counter) - n, memory_order_relaxed);
}

#endif
