/* Regular files below a folder, opened so that no name can lead out of it, and read with or without blocking. */
#ifndef RH_IO_FILE_H
#define RH_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "util/assert.h"

/* A folder to open files below. A descriptor, or -errno. Blocks. */
int RH_MUST_CHECK rh_file_open_folder(const char *path);

/* Whether openat2 is used: at first yes, no once the system said that it has none. For tests. */
void rh_file_set_openat2(bool is_used);

/* Opens `name` (relative, "" for the folder itself) for reading. Symbolic links are followed, relative and absolute
 * ones, as long as they end below the folder (without openat2: none; without /proc: no absolute ones); nothing, however
 * it is spelled or raced, leads out of it, and /proc's magic links are refused.
 * A FIFO does not block it: look at the type before reading. A descriptor and *ret_stat, or -errno (-EXDEV: it would
 * have led out). Blocks on a slow disk: for the thread pool. */
int RH_MUST_CHECK rh_file_open_below(int folder, const char *name, struct stat *ret_stat);

/* What stands behind the name, under the same rules; nothing is opened for reading, so a device stays untouched. */
int RH_MUST_CHECK rh_file_stat_below(int folder, const char *name, struct stat *ret_stat);

/* Opens the folder `name` only as a place to look from (O_PATH: it need not be readable). A descriptor and *ret_stat,
 * or -errno. */
int RH_MUST_CHECK rh_file_open_place(int folder, const char *name, struct stat *ret_stat);
/* Opens the folder above a place, likewise. */
int RH_MUST_CHECK rh_file_open_above(int place, struct stat *ret_stat);

/* Reads at `offset` what the page cache holds. Bytes read, 0 at the end of the file, -EAGAIN where the disk would
 * have to be asked (then use rh_file_read in the thread pool), another -errno. */
ptrdiff_t RH_MUST_CHECK rh_file_read_cached(int fd, void *out, size_t room, uint64_t offset);

/* Reads until `room` is full or the file ends. Bytes read, or -errno. Blocks. */
ptrdiff_t RH_MUST_CHECK rh_file_read(int fd, void *out, size_t room, uint64_t offset);

/* Bytes of an open file: `len` of them from `at`. */
struct rh_file_range {
    uint64_t at;
    uint64_t len;
    int fd;
};

/* Whether the page cache holds the byte at `offset`: 1, 0 (or the file system can not tell), UV_EOF behind the end of
 * the file, another -errno. Never waits for the disk. */
int RH_MUST_CHECK rh_file_is_cached(int fd, uint64_t offset);

/* Reads `len` bytes from `offset` only so that the page cache holds them. 0, or -errno: UV_EOF where the file ends
 * before. Blocks. */
int RH_MUST_CHECK rh_file_warm(int fd, uint64_t offset, uint64_t len);

/* Sends what the socket takes of the range, without blocking for the socket, and moves the range on. Bytes sent, 0 at
 * the end of the file, -EAGAIN where the socket is full, another -errno. */
ptrdiff_t RH_MUST_CHECK rh_file_send(int socket, struct rh_file_range *range);

/* Whether sendfile is used: at first yes where there is one. For tests. */
void rh_file_set_sendfile(bool is_used);

/* -1 is accepted. */
void rh_file_close(int fd);

#endif
