/* uv_poll_t tells that connections wait; accept4 takes them until EAGAIN or a batch is full
 * (libuv's own accept loop spins for ever when descriptors run out). Ways to fail: ECONNABORTED and
 * its kin concern one connection and are passed over; EMFILE, ENFILE, ENOBUFS and ENOMEM stop the
 * polling for a while, and the kernel's queue holds the rest. */
#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ACCEPT_BATCH = 64, BACKOFF_MS = 50 };

static int set_option(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof on) == 0 ? 0 : -errno;
}

/* A socket file that nobody listens on is left over from a crash and may go; a live one is
 * EADDRINUSE. */
static int clear_stale_socket(const struct rh_address *address)
{
    struct stat st;
    if (lstat(address->sa.un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return 0;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return -errno;
    }
    int alive = connect(probe, &address->sa.any, address->length) == 0 || errno != ECONNREFUSED;
    close(probe);
    if (alive) {
        return -EADDRINUSE;
    }
    return unlink(address->sa.un.sun_path) == 0 ? 0 : -errno;
}

static int bind_socket(int fd, const struct rh_address *address,
                       const struct rh_listener_options *options)
{
    int err = 0;
    if (rh_address_is_abstract(address)) {
        return bind(fd, &address->sa.any, address->length) == 0 ? 0 : -errno;
    }
    if (address->kind == RH_ADDRESS_UNIX) {
        err = clear_stale_socket(address);
        mode_t old = umask(0177); /* closed until the mode is set below */
        if (err == 0 && bind(fd, &address->sa.any, address->length) != 0) {
            err = -errno;
        }
        umask(old);
        if (err == 0 && chmod(address->sa.un.sun_path, options->unix_mode) != 0) {
            err = -errno;
        }
        return err;
    }
    err = set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    if (err == 0 && (options->reuse_port || options->join)) {
        err = set_option(fd, SOL_SOCKET, SO_REUSEPORT);
    }
    if (err == 0 && address->sa.any.sa_family == AF_INET6) {
        err = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    }
    if (err == 0) {
        err = set_option(fd, IPPROTO_TCP, TCP_NODELAY); /* accepted sockets inherit it */
    }
    if (err == 0 && bind(fd, &address->sa.any, address->length) != 0) {
        err = -errno;
    }
    if (err == 0 && options->share && !options->reuse_port) {
        err = set_option(fd, SOL_SOCKET, SO_REUSEPORT);
    }
    return err;
}

static int adopt(struct rh_address *address)
{
    int listening = 0;
    socklen_t length = sizeof listening;
    if (getsockopt(address->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0) {
        return -errno;
    }
    if (!listening) {
        return -EINVAL;
    }
    int fd = fcntl(address->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    RH_IGNORE(
        set_option(fd, IPPROTO_TCP, TCP_NODELAY)); /* as bind_socket does; a unix socket has none */
    return fd;
}

int rh_listener_bind(struct rh_address *address, const struct rh_listener_options *options)
{
    int fd;
    if (address->kind == RH_ADDRESS_FD) {
        fd = adopt(address);
        if (fd < 0) {
            return fd;
        }
    } else {
        fd = socket(address->sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            return -errno;
        }
        int err = bind_socket(fd, address, options);
        if (err == 0 && listen(fd, options->backlog) != 0) {
            err = -errno;
        }
        if (err != 0) {
            close(fd);
            return err;
        }
    }
    address->length = sizeof address->sa;
    if (getsockname(fd, &address->sa.any, &address->length) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void update_polling(struct rh_listener *listener)
{
    if (listener->closing) {
        return;
    }
    if (listener->paused || uv_is_active((uv_handle_t *)&listener->backoff)) {
        RH_IGNORE(uv_poll_stop(&listener->poll));
    } else {
        RH_IGNORE(uv_poll_start(&listener->poll, UV_READABLE, on_poll));
    }
}

static void on_backoff(uv_timer_t *timer)
{
    update_polling(timer->data);
}

static bool is_out_of_resources(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Takes up to `batch` connections; true while more may wait. */
static bool accept_batch(struct rh_listener *listener, int batch)
{
    for (int i = 0; i < batch; i++) {
        struct sockaddr_storage peer;
        socklen_t length = sizeof peer;
        peer.ss_family = AF_UNSPEC;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            int error = errno;
            if (error == EAGAIN || error == EWOULDBLOCK) {
                return false;
            }
            if (is_out_of_resources(error)) {
                listener->callbacks->failed(listener, error);
                RH_IGNORE(uv_timer_start(&listener->backoff, on_backoff, BACKOFF_MS, 0));
                update_polling(listener);
                return false;
            }
            continue; /* the network's error of one connection: accept(2) asks to go on */
        }
        if (!listener->callbacks->accepted(listener, fd, &peer)) {
            rh_listener_pause(listener);
            return false;
        }
    }
    return true;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct rh_listener *listener = poll->data;
    (void)events;
    if (status == 0 && !listener->closing) {
        accept_batch(listener, ACCEPT_BATCH);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct rh_listener *listener = handle->data;
    RH_ASSERT(listener->open > 0);
    if (--listener->open == 0) {
        listener->callbacks->closed(listener);
    }
}

int rh_listener_open(struct rh_listener *listener, uv_loop_t *loop, int fd,
                     const struct rh_listener_callbacks *callbacks)
{
    listener->callbacks = callbacks;
    listener->fd = fd;
    listener->paused = false;
    listener->closing = false;
    listener->poll.data = listener;
    listener->backoff.data = listener;
    int err = uv_poll_init(loop, &listener->poll, fd);
    if (err < 0) {
        close(fd);
        return err;
    }
    listener->open = 2;
    RH_IGNORE(uv_timer_init(loop, &listener->backoff));
    update_polling(listener);
    return 0;
}

void rh_listener_pause(struct rh_listener *listener)
{
    listener->paused = true;
    update_polling(listener);
}

void rh_listener_resume(struct rh_listener *listener)
{
    if (listener->paused) {
        listener->paused = false;
        update_polling(listener);
    }
}

void rh_listener_empty_queue(struct rh_listener *listener)
{
    enum { LAST_LOOK = 4096 }; /* bounded, should connections come faster than they are taken */
    if (!listener->closing && !listener->paused) {
        accept_batch(listener, LAST_LOOK);
    }
}

void rh_listener_close(struct rh_listener *listener)
{
    if (listener->closing) {
        return;
    }
    listener->closing = true;
    RH_IGNORE(uv_poll_stop(&listener->poll));
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    uv_close((uv_handle_t *)&listener->backoff, on_closed);
    close(listener->fd);
    listener->fd = -1;
}
