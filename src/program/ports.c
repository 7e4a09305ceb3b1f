/* Addresses and ports.
 *
 * Happy path: localhost becomes 127.0.0.1 and ::1, the standard port is free on both, the runner
 * listens. A busy port is found out by sockets of our own, bound, listening and closed again,
 * before the runner binds any: the port must be the same on all addresses, and a runner does not
 * give back what it bound. Between the look and the bind somebody else may take the port; then the
 * start fails and says so. */
#include "program/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t socket_address(const struct listen_address *address, unsigned port,
                                struct sockaddr_storage *ret_sa)
{
    memset(ret_sa, 0, sizeof *ret_sa);
    if (address->is_v6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ret_sa;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        inet_pton(AF_INET6, address->text, &in6->sin6_addr);
        return sizeof *in6;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret_sa;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, address->text, &in->sin_addr);
    return sizeof *in;
}

/* Listens on the address for a moment. Returns 0, or the errno; a port of 0 is replaced by the one
 * that the kernel chose. */
static int probe(const struct listen_address *address, unsigned *port, bool reuse)
{
    struct sockaddr_storage sa;
    socklen_t length = socket_address(address, *port, &sa);
    int on = 1;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (reuse)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (address->is_v6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    int error = 0;
    if (bind(fd, (struct sockaddr *)&sa, length) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&sa, &length) != 0)
        error = errno;
    close(fd);
    if (error == 0)
        *port = ntohs(address->is_v6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port
                                     : ((struct sockaddr_in *)(void *)&sa)->sin_port);
    return error;
}

static void add_address(struct addresses *addresses, const char *text, bool is_v6,
                        bool may_be_absent)
{
    struct listen_address *address = &addresses->items[addresses->count];
    snprintf(address->text, sizeof address->text, "%s", text);
    address->is_v6 = is_v6;
    address->may_be_absent = may_be_absent;
    if (may_be_absent) {
        unsigned port = 0;
        if (probe(address, &port, false) != 0)
            return;
    }
    addresses->count++;
}

/* Takes "[::1]" and "::1" alike. Returns the family, or -1. */
static int read_literal(const char *text, char *ret_text, size_t size)
{
    unsigned char binary[16];
    size_t length = strlen(text);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length >= size)
        return -1;
    memcpy(ret_text, text, length);
    ret_text[length] = '\0';
    if (inet_pton(AF_INET, ret_text, binary) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, ret_text, binary) == 1 ? AF_INET6 : -1;
}

static int add_host(struct addresses *addresses, const char *host)
{
    struct listen_host *entry = &addresses->hosts[addresses->host_count];
    char literal[64];
    entry->shown = host;
    entry->first = addresses->count;
    if (strcmp(host, "localhost") == 0) {
        add_address(addresses, "127.0.0.1", false, false);
        add_address(addresses, "::1", true, true);
    } else if (strcmp(host, "*") == 0) {
        add_address(addresses, "0.0.0.0", false, false);
        add_address(addresses, "::", true, true);
    } else {
        int family = read_literal(host, literal, sizeof literal);
        if (family < 0)
            return -1;
        add_address(addresses, literal, family == AF_INET6, false);
    }
    entry->count = addresses->count - entry->first;
    addresses->host_count++;
    return 0;
}

/* True if both cannot be listened on with one port. */
static bool overlaps(const struct listen_address *a, const struct listen_address *b)
{
    const char *any = a->is_v6 ? "::" : "0.0.0.0";
    return a->is_v6 == b->is_v6 && (strcmp(a->text, b->text) == 0 || strcmp(a->text, any) == 0 ||
                                    strcmp(b->text, any) == 0);
}

/* An address of the last host that one of the others has too, or NULL. */
static const struct listen_address *find_overlap(const struct addresses *addresses)
{
    size_t own = addresses->hosts[addresses->host_count - 1].first;
    for (size_t i = own; i < addresses->count; i++) {
        for (size_t j = 0; j < own; j++) {
            if (overlaps(&addresses->items[i], &addresses->items[j])) {
                return &addresses->items[i];
            }
        }
    }
    return NULL;
}

int addresses_init(struct addresses *addresses, const struct text_list *hosts, char *ret_error,
                   size_t error_size)
{
    addresses->count = 0;
    addresses->host_count = 0;
    if (hosts->count == 0)
        return add_host(addresses, "localhost");
    for (size_t i = 0; i < hosts->count; i++) {
        if (add_host(addresses, hosts->items[i]) != 0) {
            snprintf(
                ret_error, error_size,
                "--host: '%.100s' is not an address: use localhost, an IPv4 or IPv6 address, or *",
                hosts->items[i]);
            return -1;
        }
        const struct listen_address *twice = find_overlap(addresses);
        if (twice != NULL) {
            snprintf(ret_error, error_size,
                     "--host: '%.100s' contains %s, which another --host contains too: drop one",
                     hosts->items[i], twice->text);
            return -1;
        }
    }
    return 0;
}

/* 0 where the port can be listened on everywhere, else the errno of the first address that refuses.
 */
static int probe_all(const struct addresses *addresses, unsigned *port, bool reuse,
                     size_t *ret_index)
{
    for (size_t i = 0; i < addresses->count; i++) {
        int error = probe(&addresses->items[i], port, reuse);
        if (error != 0) {
            *ret_index = i;
            return error;
        }
    }
    return 0;
}

/* Writes why no port was found, and what to do. */
static void refuse_port(const struct port_wish *wish, const char *address, int error,
                        char *ret_error, size_t error_size)
{
    if (error != EADDRINUSE) {
        snprintf(ret_error, error_size, "cannot listen on %s: %s: choose another --host", address,
                 strerror(error));
    } else if (wish->port == 0) {
        snprintf(ret_error, error_size, "no port is free on all addresses: choose one with %s",
                 wish->option);
    } else if (!wish->hunts) {
        snprintf(
            ret_error, error_size,
            "port %u is in use on %s: stop the program that has it, or choose another one with "
            "%s",
            wish->standard, address, wish->option);
    } else {
        snprintf(ret_error, error_size,
                 "ports %u to %u are in use on %s: choose another one with %s, 0 is any that is "
                 "free",
                 wish->standard, wish->standard + PORTS_HUNTED - 1, address, wish->option);
    }
}

int ports_find(const struct addresses *addresses, const struct port_wish *wish, char *ret_error,
               size_t error_size)
{
    if (wish->port > 0) {
        return (int)wish->port;
    }
    size_t index = 0;
    int error = 0;
    unsigned tries = wish->port == 0 || wish->hunts ? PORTS_HUNTED : 1;
    for (unsigned i = 0; i < tries; i++) {
        unsigned port = wish->port == 0 ? 0 : wish->standard + i;
        error = probe_all(addresses, &port, wish->reuse, &index);
        if (error == 0) {
            return (int)port;
        }
        if (error != EADDRINUSE) {
            break;
        }
    }
    refuse_port(wish, addresses->items[index].text, error, ret_error, error_size);
    return -1;
}

int ports_listen(struct rh_runner *runner, const struct addresses *addresses, unsigned port,
                 const struct rh_listen *listen, char *ret_error, size_t error_size)
{
    for (size_t i = 0; i < addresses->count; i++) {
        const struct listen_address *address = &addresses->items[i];
        char text[96];
        snprintf(text, sizeof text, address->is_v6 ? "[%s]:%u" : "%s:%u", address->text, port);
        int error = rh_runner_listen(runner, text, listen);
        if (error == 0)
            continue;
        const char *advice = error == -EADDRINUSE
                                 ? "stop the program that has it, or choose another port"
                             : error == -EACCES ? "ports below 1024 need privileges"
                                                : "choose another --host or --port";
        snprintf(ret_error, error_size, "cannot listen on %s: %s: %s", text, rh_strerror(error),
                 advice);
        return error;
    }
    return 0;
}

bool ports_next_url(const struct listen_host *host, size_t index, const char *scheme, unsigned port,
                    char *ret_url, size_t url_size)
{
    static const char *const of_all[] = {"0.0.0.0", "::"};
    bool is_all = strcmp(host->shown, "*") == 0;
    if (index >= (is_all ? host->count : 1)) {
        return false;
    }
    const char *shown = is_all ? of_all[index] : host->shown;
    bool brackets = strchr(shown, ':') != NULL && shown[0] != '[';
    snprintf(ret_url, url_size, "%s://%s%s%s:%u/", scheme, brackets ? "[" : "", shown,
             brackets ? "]" : "", port);
    return true;
}
