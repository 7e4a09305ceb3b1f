/* Where to listen, as text and as a socket: "127.0.0.1:80", "[::1]:80", "*:80", "unix:/path", "unix:@name", "fd:3". */
#ifndef RH_IO_ADDRESS_H
#define RH_IO_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/assert.h"

enum rh_address_kind { RH_ADDRESS_IP, RH_ADDRESS_UNIX, RH_ADDRESS_FD };

struct rh_address {
    enum rh_address_kind kind;
    int fd;                 /* RH_ADDRESS_FD */
    socklen_t length;       /* of the socket address */
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } sa;
};

enum { RH_ADDRESSES_MAX = 2 };

/* Reads one listen address; "localhost" and "*" give two (IPv4 first). Returns how many, or RH_EADDRESS. Never
 * asks DNS. */
int RH_MUST_CHECK rh_address_parse(const char *text, struct rh_address ret_addresses[RH_ADDRESSES_MAX]);

/* True for a unix socket in the abstract namespace, which no file stands for ("unix:@name"). */
bool rh_address_is_abstract(const struct rh_address *address);

/* A peer's address in the 20 bytes that a connection keeps. */
struct rh_peer {
    uint8_t family; /* AF_INET, AF_INET6, AF_UNIX */
    uint16_t port;
    uint8_t ip[16];
};

enum { RH_PEER_TEXT_MAX = 46 };

void rh_peer_from(struct rh_peer *ret_peer, const struct sockaddr_storage *sa);
/* Text of the address, NUL-terminated, "unix" for unix sockets; an IPv4-mapped one as IPv4. */
void rh_peer_text(const struct rh_peer *peer, char out[RH_PEER_TEXT_MAX]);

#endif
