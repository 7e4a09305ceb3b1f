/* Debian gives a process 1,024 descriptors and lets it ask for many more: each connection is one,
 * and the file that it downloads, or the folder that it uploads to, is another. */
#include "program/limits.h"

#include <sys/resource.h>

/* What is no connection's: those of the loops (epoll, event, signal pipes), listeners, logs, files
 * being looked at. */
enum { FOR_PROCESS = 32, FOR_LOOP = 32 };
/* Up to here each connection has a second descriptor, of those beyond every fourth. */
enum { WITH_FILE = 1024, SHARING_FILE = 4 };

uint64_t limits_open_files(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : UINT64_MAX;
}

uint32_t limits_fit_connections(unsigned loops, uint32_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {limit.rlim_max, limit.rlim_max};
        (void)setrlimit(RLIMIT_NOFILE, &raised); /* the old one holds, then */
    }
    uint64_t others = FOR_PROCESS + (uint64_t)loops * FOR_LOOP;
    uint64_t files = limits_open_files();
    uint64_t left = files > others ? (files - others) / loops : 0;
    uint64_t fit = left <= 2 * WITH_FILE
                       ? left / 2
                       : WITH_FILE + (left - 2 * WITH_FILE) * SHARING_FILE / (SHARING_FILE + 1);
    return fit < wanted ? (uint32_t)fit : wanted;
}
