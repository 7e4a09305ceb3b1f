/* A count that is measured when it is first asked for, and again where it says that the folder is
 * full: somebody may have made room by hand. Between two measures the count alone is asked, so a
 * full folder costs no walk for each try. What is being written while it is measured may count
 * twice until the next measure; never less than is there. */
#include "program/quota.h"

#include <ftw.h>
#include <pthread.h>
#include <time.h>

enum { MEASURE_PAUSE_S = 1, FOLDERS_OPEN_MAX = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t used;
static time_t measured_at; /* seconds of the monotonic clock; 0: never */

static int add_entry(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)path;
    (void)where;
    used += QUOTA_ENTRY_BYTES + (kind == FTW_F ? (uint64_t)stat->st_size : 0);
    return 0;
}

/* Under the lock. */
static void measure(const char *folder)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (measured_at != 0 && now.tv_sec < measured_at + MEASURE_PAUSE_S)
        return;
    measured_at = now.tv_sec;
    used = 0;
    (void)nftw(folder, add_entry, FOLDERS_OPEN_MAX,
               FTW_PHYS); /* one that is not there holds nothing */
}

/* Counts `bytes_more` where `bytes` fit. */
static bool ask(const char *folder, uint64_t bytes, uint64_t bytes_max, uint64_t bytes_more)
{
    pthread_mutex_lock(&lock);
    if (measured_at == 0 || used + bytes > bytes_max)
        measure(folder);
    bool fits = used + bytes <= bytes_max;
    if (fits)
        used += bytes_more;
    pthread_mutex_unlock(&lock);
    return fits;
}

bool quota_take(const char *folder, uint64_t bytes, uint64_t bytes_max)
{
    return ask(folder, bytes, bytes_max, bytes);
}

bool quota_fits(const char *folder, uint64_t bytes, uint64_t bytes_max)
{
    return ask(folder, bytes, bytes_max, 0);
}

void quota_give(uint64_t bytes)
{
    pthread_mutex_lock(&lock);
    used -= bytes < used ? bytes : used;
    pthread_mutex_unlock(&lock);
}
