/* The system calls of the library, taken by the linker (--wrap): those on our sockets go to net.c,
 * others to the system. Some fail when the seed says so, as they do when descriptors or memory of
 * the system run out. */
#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sim/net.h"
#include "sim/sim.h"
#include "sim/uv.h"

int __wrap_accept4(int fd, struct sockaddr *peer, socklen_t *length, int flags);
int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *name, socklen_t length);
int __wrap_listen(int fd, int backlog);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length);
int __wrap_getsockname(int fd, struct sockaddr *name, socklen_t *length);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendfile64(int fd, int file, off64_t *at, size_t len);
int __wrap_ioctl(int fd, unsigned long request, void *value);
int __wrap_shutdown(int fd, int how);
int __wrap_close(int fd);
long __wrap_syscall(long number, long a, long b, long c, long d);
ssize_t __wrap_preadv64v2(int fd, const struct iovec *pieces, int count, off64_t at, int flags);
int __wrap_fstat64(int fd, struct stat64 *ret_stat);
int __wrap_stat64(const char *path, struct stat64 *ret_stat);
int __wrap_lstat64(const char *path, struct stat64 *ret_stat);
int __wrap_fstatat64(int folder, const char *path, struct stat64 *ret_stat, int flags);
int __real_stat64(const char *path, struct stat64 *ret_stat);
int __real_lstat64(const char *path, struct stat64 *ret_stat);
int __real_fstatat64(int folder, const char *path, struct stat64 *ret_stat, int flags);
int __real_close(int fd);
long __real_syscall(long number, long a, long b, long c, long d);
ssize_t __real_preadv64v2(int fd, const struct iovec *pieces, int count, off64_t at, int flags);
int __real_fstat64(int fd, struct stat64 *ret_stat);

/* A result of net.c as a system call gives it. */
static ptrdiff_t result(ptrdiff_t n)
{
    if (n < 0) {
        errno = (int)-n;
        return -1;
    }
    return n;
}

int __wrap_accept4(int fd, struct sockaddr *peer, socklen_t *length, int flags)
{
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EPROTO, EINTR};
    (void)flags;
    if (sim_call_fails()) {
        return (int)result(-errors[sim_pick(sizeof errors / sizeof errors[0])]);
    }
    return (int)result(net_accept(fd, (struct sockaddr_storage *)(void *)peer, length));
}

int __wrap_socket(int family, int type, int protocol)
{
    (void)type;
    (void)protocol;
    return sim_call_fails() ? (int)result(-EMFILE) : net_open(family);
}

int __wrap_bind(int fd, const struct sockaddr *name, socklen_t length)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)name;
    (void)length;
    net_listen(fd, ntohs(in->sin_port));
    return 0;
}

int __wrap_listen(int fd, int backlog)
{
    (void)fd;
    (void)backlog;
    return 0;
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    (void)fd;
    (void)level;
    (void)option;
    (void)value;
    (void)length;
    return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *name, socklen_t *length)
{
    net_name(fd, (struct sockaddr_storage *)(void *)name, length);
    return 0;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    (void)flags;
    ptrdiff_t n = net_send(fd, bytes, len);
    sim_trace("send %td", n);
    return result(n);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    ptrdiff_t total = 0;
    (void)flags;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *piece = &message->msg_iov[i];
        ptrdiff_t n = net_send(fd, piece->iov_base, piece->iov_len);
        if (n < 0) {
            total = total > 0 ? total : n;
            break;
        }
        total += n;
        if ((size_t)n < piece->iov_len) {
            break;
        }
    }
    sim_trace("sendmsg %td", total);
    return result(total);
}

ssize_t __wrap_sendfile64(int fd, int file, off64_t *at, size_t len)
{
    static char piece[65536];
    ssize_t n = pread(file, piece, sim_part(len < sizeof piece ? len : sizeof piece), *at);
    if (n > 0) {
        n = result(net_send(fd, piece, (size_t)n));
        *at += n > 0 ? n : 0;
    }
    sim_trace("sendfile %zd", n);
    return n;
}

int __wrap_ioctl(int fd, unsigned long request, void *value)
{
    (void)request; /* SIOCOUTQ */
    *(int *)value = (int)net_unsent(fd);
    return 0;
}

int __wrap_shutdown(int fd, int how)
{
    (void)how; /* SHUT_WR */
    sim_trace("shutdown %d", fd - NET_FD_FIRST);
    return (int)result(net_shutdown(fd));
}

int __wrap_close(int fd)
{
    if (!net_is_ours(fd)) {
        return __real_close(fd);
    }
    net_close(fd);
    return 0;
}

/* openat2. */
long __wrap_syscall(long number, long a, long b, long c, long d)
{
    if (sim_call_fails()) {
        return result(sim_percent(50) ? -EMFILE : -EIO);
    }
    return __real_syscall(number, a, b, c, d);
}

/* Whether the page cache holds it is drawn. */
ssize_t __wrap_preadv64v2(int fd, const struct iovec *pieces, int count, off64_t at, int flags)
{
    if (flags != 0 && sim_percent(30)) {
        return result(-EAGAIN);
    }
    return __real_preadv64v2(fd, pieces, count, at, 0);
}

/* Nothing of the machine shows: entity tags are made of this. */
static int hide(int err, struct stat64 *stat)
{
    if (err == 0) {
        stat->st_dev = 1;
        stat->st_ino = S_ISDIR(stat->st_mode) ? 1 : (ino64_t)stat->st_size + 2;
        stat->st_mtim = stat->st_ctim = (struct timespec){1700000000, 0};
    }
    return err;
}

int __wrap_fstat64(int fd, struct stat64 *ret_stat)
{
    return hide(__real_fstat64(fd, ret_stat), ret_stat);
}

int __wrap_stat64(const char *path, struct stat64 *ret_stat)
{
    return hide(__real_stat64(path, ret_stat), ret_stat);
}

int __wrap_lstat64(const char *path, struct stat64 *ret_stat)
{
    return hide(__real_lstat64(path, ret_stat), ret_stat);
}

int __wrap_fstatat64(int folder, const char *path, struct stat64 *ret_stat, int flags)
{
    return hide(__real_fstatat64(folder, path, ret_stat, flags), ret_stat);
}

/* Threads switch where they lock. */
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);

static unsigned
    locks; /* held: whoever holds one goes on until it is free, since there is but one thread */

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (locks == 0) {
        sim_world_interleave();
    }
    locks++;
    return __real_pthread_mutex_lock(mutex);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    int err = __real_pthread_mutex_unlock(mutex);
    if (--locks == 0) {
        sim_world_interleave();
    }
    return err;
}
