/* openat2 with RESOLVE_BENEATH lets the kernel do what path checks in a server get wrong: "..", absolute links and
 * renames that happen meanwhile all end in EXDEV or are tried again (EAGAIN). An absolute link is then judged by where
 * it leads: if /proc knows that place by a path below the folder, that path is opened, under the same rules and
 * through no further link. Where there is no openat2 (Linux before
 * 5.6, a seccomp filter or an emulator that does not know it), names are walked folder by folder and no link is
 * followed at all: stricter, and as safe. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

#include "io/sent.h"

#ifdef __linux__
#include <sys/sendfile.h>
#endif

enum {
    RACES_MAX = 8, /* how often a rename race is tried again */
    COPY_BYTES = 16 * 1024,
};

static atomic_bool has_no_openat2;
static atomic_bool has_no_sendfile;

void rh_file_set_openat2(bool is_used)
{
    atomic_store(&has_no_openat2, !is_used);
}

void rh_file_set_sendfile(bool is_used)
{
    atomic_store(&has_no_sendfile, !is_used);
}

/* Opens `name` folder by folder. O_NOFOLLOW makes a link an error (or, with O_PATH, the link itself, which is no
 * file to anybody). */
static int walk_below(int folder, const char *name, int flags)
{
    int at = folder;
    for (;;) {
        char part[256];
        name += strspn(name, "/");
        size_t len = strcspn(name, "/");
        int err = len >= sizeof part ? ENAMETOOLONG : 0;
        if (len == 2 && memcmp(name, "..", 2) == 0) {
            err = EXDEV;
        }
        if (err != 0) {
            if (at != folder) {
                close(at);
            }
            return -err;
        }
        memcpy(part, len == 0 ? "." : name, len == 0 ? 1 : len);
        part[len == 0 ? 1 : len] = '\0';
        bool is_last = name[len] == '\0';
        int next = openat(at, part, O_NOFOLLOW | (is_last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC));
        err = next < 0 ? -errno : 0;
        if (at != folder) {
            close(at);
        }
        if (next < 0 || is_last) {
            return next < 0 ? err : next;
        }
        at = next;
        name += len;
    }
}

static int resolve(int folder, const char *name, int flags, uint64_t rules)
{
    struct open_how how = {.flags = (uint64_t)flags, .resolve = rules | RESOLVE_NO_MAGICLINKS};
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

/* The path that /proc knows for an open file or folder. Its length, or -errno. */
static ptrdiff_t path_of(int fd, char ret_path[PATH_MAX])
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, ret_path, PATH_MAX);
    if (len < 0 || len == PATH_MAX) {
        return len < 0 ? -errno : -ENAMETOOLONG;
    }
    ret_path[len] = '\0';
    return len;
}

/* `name` leads out of the folder by its spelling: opens what it means, if that is below the folder. O_PATH touches
 * nothing on the way there. */
static int open_by_place(int folder, const char *name, int flags)
{
    char root[PATH_MAX];
    char path[PATH_MAX];
    int place = resolve(folder, name, O_PATH | O_CLOEXEC, 0);
    if (place < 0) {
        return -EXDEV;
    }
    ptrdiff_t root_len = path_of(folder, root);
    ptrdiff_t len = path_of(place, path);
    close(place);
    if (root_len == 1) { /* "/": everything is below it */
        root_len = 0;
    }
    if (root_len < 0 || len <= root_len || memcmp(path, root, (size_t)root_len) != 0 || path[root_len] != '/') {
        return -EXDEV;
    }
    return resolve(folder, path + root_len + 1, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static bool names_parent(const char *name)
{
    for (const char *at = name; (at = strstr(at, "..")) != NULL; at += 2) {
        if ((at == name || at[-1] == '/') && (at[2] == '\0' || at[2] == '/')) {
            return true;
        }
    }
    return false;
}

static int open_below(int folder, const char *name, int flags)
{
    if (atomic_load_explicit(&has_no_openat2, memory_order_relaxed)) {
        return walk_below(folder, name, flags);
    }
    int fd = resolve(folder, name, flags, RESOLVE_BENEATH);
    return fd == -EXDEV && *name != '/' && !names_parent(name) ? open_by_place(folder, name, flags) : fd;
}

int rh_file_open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int probe = open_below(fd, "", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (probe == -ENOSYS || probe == -EPERM) { /* old seccomp filters say EPERM for calls they do not know */
        rh_file_set_openat2(false);
    } else if (probe < 0) {
        close(fd);
        return probe;
    }
    rh_file_close(probe);
    return fd;
}

static int open_and_stat(int folder, const char *name, int flags, struct stat *ret_stat)
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

int rh_file_open_place(int folder, const char *name, struct stat *ret_stat)
{
    return open_and_stat(folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC, ret_stat);
}

int rh_file_open_above(int place, struct stat *ret_stat)
{
    int fd = openat(place, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, ret_stat) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
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
    /* A file system or an emulator that cannot tell, in one word or another: the thread pool reads it all. */
    return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL ? -EAGAIN : -errno;
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

int rh_file_is_cached(int fd, uint64_t offset)
{
    char byte;
    ptrdiff_t n = rh_file_read_cached(fd, &byte, 1, offset);
    return n > 0 ? 1 : n == 0 ? UV_EOF : n == -EAGAIN ? 0 : (int)n;
}

int rh_file_warm(int fd, uint64_t offset, uint64_t len)
{
    char pages[COPY_BYTES];
    while (len > 0) {
        size_t step = len < sizeof pages ? (size_t)len : sizeof pages;
        ptrdiff_t n = rh_file_read(fd, pages, step, offset);
        if (n < 0 || (size_t)n < step) {
            return n < 0 ? (int)n : UV_EOF;
        }
        offset += step;
        len -= step;
    }
    return 0;
}

/* Where there is no sendfile, or none from this file system: through our memory. */
static ptrdiff_t send_copies(int socket, const struct rh_file_range *range)
{
    char piece[COPY_BYTES];
    uint64_t done = 0;
    while (done < range->len) {
        uint64_t left = range->len - done;
        size_t room = left < sizeof piece ? (size_t)left : sizeof piece;
        ptrdiff_t n = rh_file_read(range->fd, piece, room, range->at + done);
        if (n > 0) {
            do {
                n = send(socket, piece, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
            } while (n < 0 && errno == EINTR);
            n = rh_sent(n);
        }
        if (n <= 0) {
            return done > 0 ? (ptrdiff_t)done : n;
        }
        done += (uint64_t)n;
    }
    return (ptrdiff_t)done;
}

static ptrdiff_t send_pages(int socket, const struct rh_file_range *range)
{
#ifdef __linux__
    if (!atomic_load_explicit(&has_no_sendfile, memory_order_relaxed)) {
        off_t at = (off_t)range->at;
        ssize_t sent;
        do {
            sent = sendfile(socket, range->fd, &at, (size_t)range->len);
        } while (sent < 0 && errno == EINTR);
        if (sent >= 0 || (errno != EINVAL && errno != ENOSYS)) {
            return rh_sent(sent);
        }
    }
#endif
    return send_copies(socket, range);
}

ptrdiff_t rh_file_send(int socket, struct rh_file_range *range)
{
    ptrdiff_t sent = send_pages(socket, range);
    if (sent > 0) {
        range->at += (uint64_t)sent;
        range->len -= (uint64_t)sent;
    }
    return sent;
}

void rh_file_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}
