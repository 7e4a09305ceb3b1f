/* A disk that is slow: pages that nobody has read yet take their time, and asking for them on the
 * loop is an error. The page cache and the disk are played here, for one file. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "leaks.h"
#include "live.h"
#include "rawhttp/files.h"

enum { FILE_BYTES = 900000, PAGE = 4096, PAGES = FILE_BYTES / PAGE + 1, READ_US = 3000 };

static char root[64];
static char *content;
static ino_t slow_inode;
static pthread_t loop_thread;
static atomic_bool in_memory[PAGES];
static atomic_uint slow_reads;
static atomic_uint faults; /* cold pages that the loop asked for */

static bool is_slow(int fd)
{
    struct stat stat;
    return fstat(fd, &stat) == 0 && stat.st_ino == slow_inode;
}

static bool is_in_memory(off_t at, size_t len)
{
    for (size_t page = (size_t)at / PAGE; page <= ((size_t)at + len - 1) / PAGE && page < PAGES;
         page++) {
        if (!atomic_load(&in_memory[page])) {
            return false;
        }
    }
    return true;
}

/* Not static: the C library declares its pread inline, and clang takes ours for that. */
void slow_disk_touch(int fd, off_t at, size_t len);
void slow_disk_touch(int fd, off_t at, size_t len)
{
    if (!is_slow(fd) || len == 0 || is_in_memory(at, len)) {
        return;
    }
    atomic_fetch_add(&slow_reads, 1);
    atomic_fetch_add(&faults, pthread_equal(pthread_self(), loop_thread) != 0);
    usleep(READ_US);
    for (size_t page = (size_t)at / PAGE; page <= ((size_t)at + len - 1) / PAGE && page < PAGES;
         page++) {
        atomic_store(&in_memory[page], true);
    }
}

ssize_t pread(int fd, void *out, size_t len, off_t at)
{
    slow_disk_touch(fd, at, len);
    return syscall(SYS_pread64, fd, out, len, at);
}

ssize_t preadv2(int fd, const struct iovec *pieces, int count, off_t at, int flags)
{
    (void)flags;
    if (is_slow(fd) && at < FILE_BYTES && !is_in_memory(at, pieces->iov_len)) {
        errno = EAGAIN;
        return -1;
    }
    return preadv(fd, pieces, count, at);
}

ssize_t sendfile(int socket, int fd, off_t *at, size_t len)
{
    slow_disk_touch(fd, *at, len);
    return syscall(SYS_sendfile, socket, fd, at, len);
}

Test(slow_disk, never_holds_up_the_loop, .timeout = 60)
{
    char path[96];
    struct stat stat_of_file;
    strcpy(root, "/tmp/rh-slow-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/large.bin", root);
    content = malloc(FILE_BYTES);
    for (size_t i = 0; i < FILE_BYTES; i++) {
        content[i] = (char)(i * 7 + i / 251);
    }
    FILE *file = fopen(path, "w");
    cr_assert_eq(fwrite(content, 1, FILE_BYTES, file), FILE_BYTES);
    fclose(file);
    cr_assert_eq(stat(path, &stat_of_file), 0);
    slow_inode = stat_of_file.st_ino;
    loop_thread = pthread_self();

    struct rh_app *app = rh_app_create();
    rh_app_files(app, "/", rh_files_create(root, NULL));
    struct live *live = live_open(app);
    for (int i = 0; i < 2; i++) { /* cold, then warm */
        live_ask(live, "GET", "/large.bin", NULL);
        cr_assert_eq(live->status, 200);
        cr_assert_eq(live->body_len, FILE_BYTES);
        cr_assert_eq(memcmp(live->body, content, FILE_BYTES), 0);
    }
    cr_assert_gt(atomic_load(&slow_reads), 20, "the disk was slow: %u", atomic_load(&slow_reads));
    cr_assert_eq(atomic_load(&faults), 0, "the loop asked the disk %u times", atomic_load(&faults));
    live_close(live);
    free(content);
    unlink(path);
    rmdir(root);
    assert_no_leaks();
}
