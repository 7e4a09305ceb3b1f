/* What all parts of the simulation share: one source of random numbers, one clock, one trace. All
 * that happens in a run follows from its seed, so a run can be repeated byte for byte. */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a run may do. The seed fills it; the shrinker and the command line take things away. The
 * names are those that
 * `--set` takes. */
#define SIM_PLAN(X)                                                                    \
    X(peers, "connections that are made")                                              \
    X(crowd, "connections at once")                                                    \
    X(requests, "requests of one connection at most")                                  \
    X(tls, "percent of the connections that use TLS")                                  \
    X(second, "percent of the plain connections that use HTTP/2")                      \
    X(hostile, "percent of the requests that break a rule")                            \
    X(bodies, "percent of the requests that have a body")                              \
    X(pipeline, "percent of the requests that do not wait for the answer before them") \
    X(cuts, "percent of the connections that end early")                               \
    X(stalls, "percent of the peers that rest between steps")                          \
    X(partial, "percent of the reads and writes that move a part only")                \
    X(pauses, "permille of the turns before which the process is held up")             \
    X(later, "percent of the answers that come later")                                 \
    X(wild, "percent of the callbacks that do something unusual")                      \
    X(endings, "percent of the unusual things that concern the whole server")          \
    X(threads, "percent of the deals with a thread")                                   \
    X(memory, "permille of the allocations that fail")                                 \
    X(descriptors, "permille of the calls for a descriptor that fail")                 \
    X(memory_at, "the allocation that fails, counted from 1")                          \
    X(call_at, "the system call that fails, counted from 1")                           \
    X(hooks, "percent of the deals that listen to their end")                          \
    X(small, "whether the limits of the server are small")

struct sim_plan {
#define SIM_FIELD(name, text) unsigned name;
    SIM_PLAN(SIM_FIELD)
#undef SIM_FIELD
};

/* Nobody does anything wrong or waits: each request is answered by its handler. */
static inline bool sim_plan_is_pure(const struct sim_plan *plan)
{
    return (plan->hostile | plan->cuts | plan->stalls | plan->pauses | plan->later | plan->wild |
            plan->endings | plan->threads | plan->memory | plan->descriptors | plan->memory_at |
            plan->call_at | plan->small) == 0;
}

struct sim {
    uint64_t random[2];
    uint64_t now_us; /* the clock of everybody */
    uint64_t steps;  /* things that happened */
    uint64_t hash;   /* of the trace */
    struct sim_plan plan;
    bool calm;            /* the liveness phase: nothing fails, everybody comes to an end */
    uint64_t allocations; /* of the library, and */
    uint64_t calls;       /* system calls that may fail: so far */
    unsigned outside;     /* depth of calls in which nothing may fail: the simulation's own */
};
extern struct sim sim;

/* --- Random numbers --- */

void sim_seed(uint64_t seed);
uint64_t sim_random(void);
/* 0 to n - 1. */
size_t sim_pick(size_t n);
bool sim_percent(unsigned percent);
bool sim_permille(unsigned permille);
/* 1 to `len`: as a rule all of it, else a part as the plan's `partial` says. */
size_t sim_part(size_t len);

/* --- Trace --- */

/* One step: counted, hashed and kept for a failure's report. No pointer and no real time may stand
 * in it. */
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Memory of the trace that is shared with the parent, so that a child's last words outlive it. */
bool sim_trace_open(void);
void sim_trace_reset(void);
/* The last lines, oldest first. */
void sim_trace_print(unsigned lines);
/* Where the run is, on stderr, if a sanitizer can tell. */
void sim_trace_stack(void);
/* Ends the run: something that was promised is not so. */
void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Ends the run if memory is lost, where a sanitizer can tell. */
void sim_check_leaks(void);
/* What a run came to, for the parent. */
struct sim_result {
    uint64_t hash, steps, answers, deals, allocations, calls;
};
void sim_report(const struct sim_result *result);
struct sim_result sim_reported(void);
/* What sim_fail said, "" where it was not called. */
const char *sim_failure(void);

#define SIM_CHECK(condition, ...)  \
    do {                           \
        if (!(condition)) {        \
            sim_fail(__VA_ARGS__); \
        }                          \
    } while (0)

/* --- Faults --- */

/* Whether this system call of the library fails. */
bool sim_call_fails(void);
/* The same for an allocation. */
bool sim_allocation_fails(void);

/* --- Memory of the simulation itself: never fails --- */

void *sim_alloc(size_t bytes);
void sim_free(void *memory);

#endif
