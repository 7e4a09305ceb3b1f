/* openat2 with RESOLVE_BENEATH lets the kernel do what path checks in a server get wrong: "..", absolute links and
 * renames that happen meanwhile all end in EXDEV or are tried again (EAGAIN). Without openat2 (Linux before 5.6, or
 * a seccomp filter that does not know it) folders can not be served; that is said when one is opened, not hidden
 * behind a weaker walk. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { RACES_MAX = 8 }; /* how often a rename race is tried again */

static int open_below(int folder, const char *name, uint64_t flags)
{
    struct open_how how = {.flags = flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    for (int i = 0; i < RACES_MAX; i++) {
        long fd = syscall(SYS_openat2, folder, *name == '\0' ? "." : name, &how, sizeof how);
        if (fd >= 0) {
            return (int)fd;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
    }
    return -EAGAIN;
}

int rh_file_open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int probe = open_below(fd, "", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (probe < 0) {
        close(fd);
        return probe;
    }
    close(probe);
    return fd;
}

static int open_and_stat(int folder, const char *name, uint64_t flags, struct stat *ret_stat)
{
    int fd = open_below(folder, name, flags);
    if (fd >= 0 && fstat(fd, ret_stat) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

int rh_file_open_below(int folder, const char *name, struct stat *ret_stat)
{
    return open_and_stat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, ret_stat);
}

int rh_file_stat_below(int folder, const char *name, struct stat *ret_stat)
{
    int fd = open_and_stat(folder, name, O_PATH | O_CLOEXEC, ret_stat);
    if (fd < 0) {
        return fd;
    }
    close(fd);
    return 0;
}

ptrdiff_t rh_file_read_cached(int fd, void *out, size_t room, uint64_t offset)
{
    struct iovec piece = {out, room};
    ssize_t n;
    do {
        n = preadv2(fd, &piece, 1, (off_t)offset, RWF_NOWAIT);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        return n;
    }
    /* A file system that can not tell: the thread pool reads it all. */
    return errno == EOPNOTSUPP || errno == ENOSYS ? -EAGAIN : -errno;
}

ptrdiff_t rh_file_read(int fd, void *out, size_t room, uint64_t offset)
{
    size_t at = 0;
    while (at < room) {
        ssize_t n = pread(fd, (char *)out + at, room - at, (off_t)(offset + at));
        if (n == 0) {
            break;
        }
        if (n > 0) {
            at += (size_t)n;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return (ptrdiff_t)at;
}

void rh_file_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}
