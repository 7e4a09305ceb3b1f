/* Which file, in which state. */
#ifndef RH_IO_FILE_ID_H
#define RH_IO_FILE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* Two that agree hold the same bytes, as far as a server can know. */
struct rh_file_id {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    int64_t modified_ns;
    int64_t changed_ns;
};

struct rh_file_id rh_file_id_of(const struct stat *stat);
bool rh_file_id_equal(const struct rh_file_id *a, const struct rh_file_id *b);

/* Nanoseconds since 1970. */
static inline int64_t rh_file_ns(struct timespec time)
{
    return (int64_t)((uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec);
}

#endif
