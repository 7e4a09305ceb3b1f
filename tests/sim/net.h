/* The network: listening sockets and connections, each a pair of byte queues between the server's
 * descriptor and a peer of the simulation. Descriptors here begin at NET_FD_FIRST and are never
 * used twice, so a close too many is seen. */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { NET_FD_FIRST = 1 << 20, NET_PIPE_BYTES = 128 * 1024 };

static inline bool net_is_ours(int fd)
{
    return fd >= NET_FD_FIRST;
}

/* --- The server's side: results are counts, or a negative errno --- */

ptrdiff_t net_send(int fd, const void *bytes, size_t len);
ptrdiff_t net_receive(int fd, void *out, size_t room);
int net_shutdown(int fd);
void net_close(int fd);
/* Bytes that the peer has not taken (SIOCOUTQ). */
size_t net_unsent(int fd);
unsigned net_events(int fd);
/* A new socket that may listen. */
int net_open(int family);
void net_listen(int fd, uint16_t port);
int net_accept(int fd, struct sockaddr_storage *ret_peer, socklen_t *ret_length);
/* The address of a socket that listens. */
void net_name(int fd, struct sockaddr_storage *ret_name, socklen_t *ret_length);
/* Descriptors that the server has. */
size_t net_open_count(void);

/* --- The peer's side --- */

struct net_socket;

/* A connection to the port, in its accept queue; NULL: nobody listens there. `window`: how much the
 * server can send before the peer reads. `from`: the peer's address is 10.0.x.x with it. */
struct net_socket *net_connect(uint16_t port, size_t window, unsigned from);
size_t net_peer_send(struct net_socket *s, const void *bytes, size_t len);
/* Bytes, 0: end, -EAGAIN, -ECONNRESET. */
ptrdiff_t net_peer_receive(struct net_socket *s, void *out, size_t room);
bool net_peer_can_receive(const struct net_socket *s);
/* Bytes that the server has not read. */
size_t net_peer_unread(const struct net_socket *s);
void net_peer_finish(struct net_socket *s);
void net_peer_reset(struct net_socket *s);
/* The peer has closed: what the server sends from here on is answered by a reset. */
void net_peer_close(struct net_socket *s);
/* Whether the server has closed its descriptor. */
bool net_is_closed(const struct net_socket *s);

#endif
