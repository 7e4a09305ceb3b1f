/* The trace: a hash over every line, and the last lines in memory that is shared with the process
 * that started the run. So the report of a failure needs nothing of the process that failed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/sim.h"

#if defined(__SANITIZE_ADDRESS__)
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif
#ifdef SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

enum { LINES = 65536, LINE_BYTES = 120, FAILURE_BYTES = 512 };

struct shared {
    uint64_t count;
    struct sim_result result;
    char failure[FAILURE_BYTES];
    char lines[LINES][LINE_BYTES];
};

static struct shared *shared;

#ifdef SIM_ASAN
/* The summary of AddressSanitizer's report: what went wrong, and where. */
static void note_report(const char *text)
{
    const char *summary = strstr(text, "SUMMARY: ");
    if (summary != NULL) {
        snprintf(shared->failure, sizeof shared->failure, "%.*s", (int)strcspn(summary, "\n"),
                 summary);
    }
}
#endif

bool sim_trace_open(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
#ifdef SIM_ASAN
    __asan_set_error_report_callback(note_report);
#endif
    return shared != MAP_FAILED;
}

void sim_trace_reset(void)
{
    shared->count = 0;
    shared->failure[0] = '\0';
    shared->result = (struct sim_result){0};
}

void sim_report(const struct sim_result *result)
{
    shared->result = *result;
}

struct sim_result sim_reported(void)
{
    return shared->result;
}

static void hash_line(const char *line)
{
    uint64_t hash = sim.hash;
    for (; *line != '\0'; line++) {
        hash = (hash ^ (unsigned char)*line) * 0x100000001b3u;
    }
    sim.hash = hash;
}

void sim_trace(const char *format, ...)
{
    char *line = shared->lines[shared->count % LINES];
    int n = snprintf(line, LINE_BYTES, "%llu.%03llu ", (unsigned long long)sim.now_us / 1000,
                     (unsigned long long)sim.now_us % 1000);
    va_list args;
    va_start(args, format);
    vsnprintf(line + n, LINE_BYTES - (size_t)n, format, args);
    va_end(args);
    hash_line(line);
    shared->count++;
    sim.steps++;
}

void sim_trace_print(unsigned lines)
{
    uint64_t first = shared->count > LINES ? shared->count - LINES : 0;
    if (lines < LINES && shared->count - first > lines) {
        first = shared->count - lines;
    }
    for (uint64_t i = first; i < shared->count; i++) {
        printf("    %s\n", shared->lines[i % LINES]);
    }
}

void sim_trace_stack(void)
{
#ifdef SIM_ASAN
    __sanitizer_print_stack_trace();
#endif
}

void sim_check_leaks(void)
{
#ifdef SIM_ASAN
    SIM_CHECK(__lsan_do_recoverable_leak_check() == 0, "memory is lost");
#endif
}

void sim_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(shared->failure, sizeof shared->failure, format, args);
    va_end(args);
    fflush(NULL);
    _Exit(3);
}

const char *sim_failure(void)
{
    return shared->failure;
}
