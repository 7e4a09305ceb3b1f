/* A count that is measured once, and kept up to date from then on. Only if it says that the folder
 * is full may it be measured again, since somebody may have made room by hand: by one caller,
 * without the lock, and so seldom that the walks take a twentieth of one thread's time at most.
 * Meanwhile the others are answered by the count. What is written while it is measured may count
 * twice until the next measure, and what is removed then may count on; never less than is there. */
#include "program/kit/quota.h"

#include <ftw.h>
#include <pthread.h>
#include <time.h>

enum { MEASURE_PAUSE_MS = 1000, MEASURE_SHARE = 20, FOLDERS_OPEN_MAX = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t used;
static uint64_t taken_meanwhile; /* since the walk that is under way began */
static uint64_t next_measure_ms; /* on the monotonic clock */
static bool is_measured_now;
static uint64_t walked; /* the walker's */

static int add_entry(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)path;
    (void)where;
    walked += QUOTA_ENTRY_BYTES + (kind == FTW_F ? (uint64_t)stat->st_size : 0);
    return 0;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* With the lock, which it lets go while it walks. */
static void measure(const char *folder)
{
    uint64_t began_ms = now_ms();
    is_measured_now = true;
    taken_meanwhile = 0;
    pthread_mutex_unlock(&lock);
    walked = 0;
    (void)nftw(folder, add_entry, FOLDERS_OPEN_MAX,
               FTW_PHYS); /* one that is not there holds nothing */
    uint64_t ended_ms = now_ms();
    pthread_mutex_lock(&lock);
    used = walked + taken_meanwhile;
    next_measure_ms = ended_ms + MEASURE_PAUSE_MS + MEASURE_SHARE * (ended_ms - began_ms);
    is_measured_now = false;
}

void quota_open(const char *folder)
{
    pthread_mutex_lock(&lock);
    measure(folder);
    next_measure_ms = 0;
    pthread_mutex_unlock(&lock);
}

/* Counts `bytes_more` if `bytes` fit. */
static bool ask(const char *folder, uint64_t bytes, uint64_t bytes_max, uint64_t bytes_more)
{
    pthread_mutex_lock(&lock);
    if (used + bytes > bytes_max && !is_measured_now && now_ms() >= next_measure_ms) {
        measure(folder);
    }
    bool fits = used + bytes <= bytes_max;
    if (fits) {
        used += bytes_more;
        taken_meanwhile += bytes_more;
    }
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
