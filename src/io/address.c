/* Addresses are literals, so that starting a server never waits for a name server. */
#include "io/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "rawhttp/error.h"
#include "util/ascii.h"

static bool parse_port(const char *text, uint16_t *ret_port)
{
    uint64_t value;
    if (!rh_ascii_to_u64(rh_slice_from(text), &value) || value > 65535) {
        return false;
    }
    *ret_port = (uint16_t)value;
    return true;
}

static void set_in(struct rh_address *address, struct in_addr ip, uint16_t port)
{
    memset(address, 0, sizeof *address);
    address->kind = RH_ADDRESS_IP;
    address->length = sizeof address->sa.in;
    address->sa.in.sin_family = AF_INET;
    address->sa.in.sin_addr = ip;
    address->sa.in.sin_port = htons(port);
}

static void set_in6(struct rh_address *address, struct in6_addr ip, uint16_t port)
{
    memset(address, 0, sizeof *address);
    address->kind = RH_ADDRESS_IP;
    address->length = sizeof address->sa.in6;
    address->sa.in6.sin6_family = AF_INET6;
    address->sa.in6.sin6_addr = ip;
    address->sa.in6.sin6_port = htons(port);
}

/* "@name" is a name in the abstract namespace (unix(7)): its first byte is NUL, its length counts.
 */
static int parse_unix(const char *path, struct rh_address *address)
{
    memset(address, 0, sizeof *address);
    size_t length = strlen(path);
    bool is_abstract = path[0] == '@';
    if (length <= is_abstract || length >= sizeof address->sa.un.sun_path) {
        return RH_EADDRESS;
    }
    address->kind = RH_ADDRESS_UNIX;
    address->sa.un.sun_family = AF_UNIX;
    memcpy(address->sa.un.sun_path, path, length + 1);
    address->length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (is_abstract ? 0 : 1));
    if (is_abstract) {
        address->sa.un.sun_path[0] = '\0';
    }
    return 1;
}

bool rh_address_is_abstract(const struct rh_address *address)
{
    return address->sa.any.sa_family == AF_UNIX &&
           address->length > offsetof(struct sockaddr_un, sun_path) + 1 &&
           address->sa.un.sun_path[0] == '\0';
}

static int parse_fd(const char *text, struct rh_address *address)
{
    uint64_t value;
    if (!rh_ascii_to_u64(rh_slice_from(text), &value) || value > 1 << 20) {
        return RH_EADDRESS;
    }
    memset(address, 0, sizeof *address);
    address->kind = RH_ADDRESS_FD;
    address->fd = (int)value;
    return 1;
}

int rh_address_parse(const char *text, struct rh_address ret_addresses[RH_ADDRESSES_MAX])
{
    if (strncmp(text, "unix:", 5) == 0) {
        return parse_unix(text + 5, &ret_addresses[0]);
    }
    if (strncmp(text, "fd:", 3) == 0) {
        return parse_fd(text + 3, &ret_addresses[0]);
    }
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(text, ':');
    uint16_t port;
    if (colon == NULL || (size_t)(colon - text) >= sizeof host || !parse_port(colon + 1, &port)) {
        return RH_EADDRESS;
    }
    size_t host_len = (size_t)(colon - text);
    memcpy(host, text, host_len);
    host[host_len] = '\0';
    struct in_addr in;
    struct in6_addr in6;
    if (strcmp(host, "localhost") == 0) {
        set_in(&ret_addresses[0], (struct in_addr){htonl(INADDR_LOOPBACK)}, port);
        set_in6(&ret_addresses[1], in6addr_loopback, port);
        return 2;
    }
    if (strcmp(host, "*") == 0) {
        set_in(&ret_addresses[0], (struct in_addr){htonl(INADDR_ANY)}, port);
        set_in6(&ret_addresses[1], in6addr_any, port);
        return 2;
    }
    if (host_len > 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host[host_len - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &in6) == 1) {
            set_in6(&ret_addresses[0], in6, port);
            return 1;
        }
        return RH_EADDRESS;
    }
    if (inet_pton(AF_INET, host, &in) == 1) {
        set_in(&ret_addresses[0], in, port);
        return 1;
    }
    return RH_EADDRESS;
}

void rh_peer_from(struct rh_peer *ret_peer, const struct sockaddr_storage *sa)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    memset(ret_peer, 0, sizeof *ret_peer);
    ret_peer->family = (uint8_t)sa->ss_family;
    if (sa->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
        memcpy(ret_peer->ip, &in->sin_addr, 4);
        ret_peer->port = ntohs(in->sin_port);
    } else if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;
        ret_peer->port = ntohs(in6->sin6_port);
        if (memcmp(&in6->sin6_addr, mapped, 12) == 0) {
            ret_peer->family = AF_INET;
            memcpy(ret_peer->ip, (const char *)&in6->sin6_addr + 12, 4);
        } else {
            memcpy(ret_peer->ip, &in6->sin6_addr, 16);
        }
    }
}

void rh_peer_text(const struct rh_peer *peer, char out[RH_PEER_TEXT_MAX])
{
    if ((peer->family != AF_INET && peer->family != AF_INET6) ||
        inet_ntop(peer->family, peer->ip, out, RH_PEER_TEXT_MAX) == NULL) {
        memcpy(out, "unix", 5);
    }
}
