/* Addresses and ports: which addresses a --host stands for, and which port is free on all of them.
 */
#ifndef RH_PROGRAM_PORTS_H
#define RH_PROGRAM_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawhttp.h>

#include "program/options/options.h"

enum { PORTS_HUNTED = 20, ADDRESSES_MAX = 2 * TEXT_LIST_MAX };

/* One address to listen on. */
struct listen_address {
    char text[64]; /* a literal without brackets */
    bool is_v6;
    bool may_be_absent; /* ::1 of localhost, :: of *: left out on a machine without IPv6 */
};

/* One --host with its addresses, as the banner shows it. */
struct listen_host {
    const char *shown; /* as given: "localhost" if nothing was */
    size_t first, count;
};

struct addresses {
    struct listen_address items[ADDRESSES_MAX];
    size_t count;
    struct listen_host hosts[TEXT_LIST_MAX];
    size_t host_count;
};

/* Turns the --host values into addresses; without any: localhost. Leaves out what may be absent and
 * is. Returns 0, or -1 with a line in `ret_error`. */
int addresses_init(struct addresses *addresses, const struct text_list *hosts, char *ret_error,
                   size_t error_size);

/* Which port somebody wants. */
struct port_wish {
    int64_t port;       /* -1: the standard one; 0: any that is free on all addresses */
    unsigned standard;  /* of the scheme */
    const char *option; /* the one to advise */
    bool reuse;
    bool hunts; /* a busy standard port is replaced by the next free one */
};

/* Finds the port that will be listened on. A given one is taken as it is. Returns the port, or -1
 * with a line in `ret_error`. */
int ports_find(const struct addresses *addresses, const struct port_wish *wish, char *ret_error,
               size_t error_size);

/* The URLs of a host, one for each of its names: two for "*". Returns false past the last one. */
bool ports_next_url(const struct listen_host *host, size_t index, const char *scheme, unsigned port,
                    char *ret_url, size_t url_size);

/* Listens on `port` of all addresses. Returns 0, or a negative code with a line in `ret_error`. */
int ports_listen(struct rh_runner *runner, const struct addresses *addresses, unsigned port,
                 const struct rh_listen *listen, char *ret_error, size_t error_size);

#endif
