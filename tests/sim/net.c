/* What Linux does with TCP, as far as a server sees it:
 * - a descriptor that is closed with unread input resets the connection, and what was on its way to
 * the peer may be lost;
 * - a reset drops what was not read, is told once by a read or a write, and from then on reads end
 * and writes fail;
 * - a hang-up is both ends finished, or a reset;
 * - a socket is writable again when a third of its room is free. */
#include "sim/net.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "sim/sim.h"
#include "util/assert.h"
#include "util/list.h"

enum { SOCKETS_MAX = 1 << 16, QUEUE_MAX = 1024 };

struct pipe {
    char *bytes;
    size_t at, len, cap;
    bool finished; /* no more comes */
};

struct net_socket {
    struct rh_link queued; /* in the accept queue of its listener */
    struct rh_link queue;  /* while it listens */
    struct pipe in;        /* to the server */
    struct pipe out;       /* to the peer */
    int fd;
    int error; /* that the next read or write tells */
    unsigned from;
    uint16_t port;
    bool listening;
    bool closed;      /* by the server */
    bool peer_closed; /* the peer reads no more */
    bool reset;
    bool lost; /* the peer sees a reset when it has read what is there */
};

static struct net_socket *sockets[SOCKETS_MAX];
static size_t sockets_n;
static size_t open_n;

static struct net_socket *socket_of(int fd)
{
    SIM_CHECK(net_is_ours(fd) && (size_t)(fd - NET_FD_FIRST) < sockets_n,
              "descriptor %d was never open", fd);
    struct net_socket *s = sockets[fd - NET_FD_FIRST];
    SIM_CHECK(!s->closed, "descriptor %d is used after it was closed", fd - NET_FD_FIRST);
    return s;
}

static struct net_socket *make(void)
{
    struct net_socket *s = sim_alloc(sizeof *s);
    RH_ASSERT(sockets_n < SOCKETS_MAX);
    memset(s, 0, sizeof *s);
    rh_list_init(&s->queued);
    rh_list_init(&s->queue);
    s->fd = NET_FD_FIRST + (int)sockets_n;
    sockets[sockets_n++] = s;
    return s;
}

/* --- Pipes ------------------------------------------------------------------------------------ */

static size_t room_of(const struct pipe *p)
{
    return p->cap - p->len;
}

static void put(struct pipe *p, const char *bytes, size_t len)
{
    if (p->bytes == NULL) {
        p->bytes = sim_alloc(p->cap);
    }
    for (size_t i = 0; i < len;) {
        size_t at = (p->at + p->len) % p->cap;
        size_t n = len - i < p->cap - at ? len - i : p->cap - at;
        memcpy(p->bytes + at, bytes + i, n);
        p->len += n;
        i += n;
    }
}

static void take(struct pipe *p, char *out, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = len - i < p->cap - p->at ? len - i : p->cap - p->at;
        memcpy(out + i, p->bytes + p->at, n);
        p->at = (p->at + n) % p->cap;
        p->len -= n;
        i += n;
    }
}

static void drop(struct pipe *p)
{
    sim_free(p->bytes);
    p->bytes = NULL;
    p->len = p->at = 0;
}

/* --- The server's side ------------------------------------------------------------------------ */

static int tell_error(struct net_socket *s, int otherwise)
{
    int error = s->error != 0 ? s->error : otherwise;
    s->error = 0;
    return -error;
}

/* The peer answers bytes that it will not read with a reset, some time later. */
static void maybe_reset(struct net_socket *s)
{
    if (s->peer_closed && !s->reset && s->out.len > 0 && sim_percent(60)) {
        net_peer_reset(s);
    }
}

ptrdiff_t net_send(int fd, const void *bytes, size_t len)
{
    struct net_socket *s = socket_of(fd);
    if (s->reset) {
        return tell_error(s, EPIPE);
    }
    if (s->out.finished) {
        return -EPIPE;
    }
    if (s->peer_closed) {
        s->out.len += s->out.len < s->out.cap ? 1 : 0; /* it goes into the void */
        maybe_reset(s);
        return (ptrdiff_t)len;
    }
    size_t room = room_of(&s->out);
    if (len == 0 || room == 0 || sim_percent(sim.plan.partial / 4)) {
        return len == 0 ? 0 : !sim.calm && sim_percent(2) ? -ENOBUFS : -EAGAIN;
    }
    len = sim_part(len < room ? len : room);
    put(&s->out, bytes, len);
    return (ptrdiff_t)len;
}

ptrdiff_t net_receive(int fd, void *out, size_t room)
{
    struct net_socket *s = socket_of(fd);
    if (s->error != 0 && !s->in.finished) {
        return tell_error(s, 0);
    }
    if (s->in.len == 0) {
        return s->in.finished || s->reset ? 0 : -EAGAIN;
    }
    size_t len = sim_part(s->in.len < room ? s->in.len : room);
    take(&s->in, out, len);
    return (ptrdiff_t)len;
}

int net_shutdown(int fd)
{
    struct net_socket *s = socket_of(fd);
    if (s->reset) {
        return -ENOTCONN;
    }
    s->out.finished = true;
    return 0;
}

static void close_listener(struct net_socket *s)
{
    while (!rh_list_is_empty(&s->queue)) { /* resets who waits in the queue */
        struct net_socket *waiting = RH_CONTAINER_OF(s->queue.next, struct net_socket, queued);
        rh_list_remove(&waiting->queued);
        waiting->closed = waiting->lost = true;
        drop(&waiting->in);
    }
}

void net_close(int fd)
{
    struct net_socket *s = socket_of(fd);
    sim_trace("descriptor %d closes", fd - NET_FD_FIRST);
    s->closed = true;
    open_n--;
    if (s->listening) {
        close_listener(s);
        return;
    }
    if (s->in.len > 0 || s->reset) {
        s->lost = true;
        if (s->out.len > 0) {
            s->out.len = sim_pick(s->out.len + 1);
        }
    }
    drop(&s->in);
    s->out.finished = true;
}

size_t net_unsent(int fd)
{
    return socket_of(fd)->out.len;
}

unsigned net_events(int fd)
{
    struct net_socket *s = socket_of(fd);
    unsigned events = 0;
    if (s->listening) {
        return rh_list_is_empty(&s->queue) ? 0 : POLLIN;
    }
    maybe_reset(s);
    events |= s->in.len > 0 || s->in.finished || s->reset ? POLLIN : 0u;
    events |= s->reset || s->peer_closed || room_of(&s->out) * 3 >= s->out.cap ? POLLOUT : 0u;
    events |= s->reset || (s->in.finished && s->out.finished) ? POLLHUP : 0u;
    events |= s->error != 0 ? POLLERR : 0u;
    return events;
}

int net_open(int family)
{
    struct net_socket *s = make();
    (void)family;
    open_n++;
    return s->fd;
}

void net_listen(int fd, uint16_t port)
{
    struct net_socket *s = socket_of(fd);
    s->listening = true;
    s->port = port;
}

static void fill_name(struct sockaddr_storage *out, socklen_t *length, unsigned ip, uint16_t port)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(ip)}};
    memcpy(out, &name, sizeof name);
    *length = sizeof name;
}

int net_accept(int fd, struct sockaddr_storage *ret_peer, socklen_t *ret_length)
{
    struct net_socket *listener = socket_of(fd);
    if (rh_list_is_empty(&listener->queue)) {
        return -EAGAIN;
    }
    struct net_socket *s = RH_CONTAINER_OF(listener->queue.next, struct net_socket, queued);
    rh_list_remove(&s->queued);
    if (s->reset && sim_percent(30)) {
        s->closed = true;
        return -ECONNABORTED;
    }
    open_n++;
    fill_name(ret_peer, ret_length, 0x0a000000 + s->from, (uint16_t)(40000 + s->fd % 20000));
    sim_trace("accept %d", s->fd - NET_FD_FIRST);
    return s->fd;
}

void net_name(int fd, struct sockaddr_storage *ret_name, socklen_t *ret_length)
{
    fill_name(ret_name, ret_length, 0x7f000001, socket_of(fd)->port);
}

size_t net_open_count(void)
{
    return open_n;
}

/* --- The peer's side -------------------------------------------------------------------------- */

struct net_socket *net_connect(uint16_t port, size_t window, unsigned from)
{
    for (size_t i = 0; i < sockets_n; i++) {
        struct net_socket *listener = sockets[i];
        if (!listener->listening || listener->closed || listener->port != port) {
            continue;
        }
        struct net_socket *s = make();
        s->in.cap = NET_PIPE_BYTES;
        s->out.cap = window;
        s->from = from;
        rh_list_push_back(&listener->queue, &s->queued);
        return s;
    }
    return NULL;
}

size_t net_peer_send(struct net_socket *s, const void *bytes, size_t len)
{
    if (s->closed || s->reset || s->in.finished) {
        return len; /* into the void */
    }
    size_t room = room_of(&s->in);
    len = len < room ? len : room;
    put(&s->in, bytes, len);
    return len;
}

bool net_peer_can_receive(const struct net_socket *s)
{
    return s->out.len > 0 || s->out.finished || s->lost || s->closed;
}

ptrdiff_t net_peer_receive(struct net_socket *s, void *out, size_t room)
{
    if (s->out.len > 0) {
        size_t n = s->out.len < room ? s->out.len : room;
        take(&s->out, out, n);
        return (ptrdiff_t)n;
    }
    return s->lost ? -ECONNRESET : s->out.finished || s->closed ? 0 : -EAGAIN;
}

size_t net_peer_unread(const struct net_socket *s)
{
    return s->in.len;
}

void net_peer_finish(struct net_socket *s)
{
    s->in.finished = true;
}

void net_peer_reset(struct net_socket *s)
{
    if (!s->reset && !s->closed) {
        s->error = s->in.finished ? EPIPE : ECONNRESET;
        s->reset = s->peer_closed = true;
        drop(&s->in);
        drop(&s->out);
    }
}

void net_peer_close(struct net_socket *s)
{
    if (s->closed || s->out.len > 0) {
        net_peer_reset(s); /* closing with unread input resets here too */
    }
    s->in.finished = true;
    s->peer_closed = true;
    drop(&s->out);
}

bool net_is_closed(const struct net_socket *s)
{
    return s->closed;
}
