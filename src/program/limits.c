/* Debian gives a process 1,024 descriptors and lets it ask for many more: each connection is one.
 */
#include "program/limits.h"

#include <sys/resource.h>

/* What is not a connection: the loop's own (epoll, event, signal pipes), listeners, logs, files
 * being sent. */
enum { FOR_PROCESS = 32, FOR_LOOP = 32 };

uint32_t limits_fit_connections(unsigned loops, uint32_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    rlim_t others = FOR_PROCESS + (rlim_t)loops * FOR_LOOP;
    rlim_t left = limit.rlim_cur > others ? (limit.rlim_cur - others) / loops : 0;
    if (left >= wanted)
        return wanted;
    return left > 0 ? (uint32_t)left : 1;
}
