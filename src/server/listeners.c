/* A text is parsed into addresses (two for localhost and for the whole network); each becomes a
 * socket that is bound, described by its URL and polled. Ways to fail: an address that is none, one
 * that is taken, memory; then those of the same call that had succeeded are closed again and no
 * longer count. An entry lives as long as the server: its URL may be asked for behind a drain. */
#include "server/listeners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tls/tls.h"
#include "util/options.h"

struct rh_listeners_entry {
    struct rh_listener listener;
    struct rh_listeners *owner;
    struct rh_tls *tls;
    struct rh_listeners_entry *next;
    bool open;
    bool failed; /* its call to listen did not succeed as a whole: it does not count */
    uint16_t port;
    char url[160];
    char unix_path[108]; /* removed when it closes; empty: none */
};

static struct rh_listeners_entry *entry_of(struct rh_listener *listener)
{
    return RH_CONTAINER_OF(listener, struct rh_listeners_entry, listener);
}

/* --- What a socket tells -------------------------------------------------------------------- */

static bool on_accepted(struct rh_listener *listener, int fd, const struct sockaddr_storage *peer)
{
    struct rh_listeners_entry *l = entry_of(listener);
    return l->owner->accepted(l->owner, fd, peer, l->tls);
}

static void on_failed(struct rh_listener *listener, int error)
{
    struct rh_listeners_entry *l = entry_of(listener);
    l->owner->failed(l->owner, l->url, error);
}

static void on_closed(struct rh_listener *listener)
{
    struct rh_listeners *listeners = entry_of(listener)->owner;
    listeners->open--;
    listeners->closed(listeners);
}

static const struct rh_listener_callbacks callbacks = {
    .accepted = on_accepted,
    .failed = on_failed,
    .closed = on_closed,
};

/* --- Listening ------------------------------------------------------------------------------ */

void rh_listen_init_sized(struct rh_listen *listen, size_t size)
{
    static const struct rh_listen defaults = {.backlog = 1024, .unix_mode = 0600};
    rh_options_fill(listen, size, &defaults, sizeof defaults);
}

static void describe(struct rh_listeners_entry *l, const struct rh_address *address)
{
    const char *scheme = l->tls != NULL ? "https" : "http";
    char text[RH_PEER_TEXT_MAX];
    struct sockaddr_storage sa;
    struct rh_peer peer;
    if (address->sa.any.sa_family == AF_UNIX) {
        bool is_abstract = rh_address_is_abstract(address);
        snprintf(l->url, sizeof l->url, "%s+unix:%s%s", scheme, is_abstract ? "@" : "",
                 address->sa.un.sun_path + is_abstract);
        if (address->kind == RH_ADDRESS_UNIX && !is_abstract) {
            snprintf(l->unix_path, sizeof l->unix_path, "%s", address->sa.un.sun_path);
        }
        return;
    }
    memset(&sa, 0, sizeof sa);
    memcpy(&sa, &address->sa, address->length);
    rh_peer_from(&peer, &sa);
    rh_peer_text(&peer, text);
    l->port = peer.port;
    bool six = peer.family == AF_INET6;
    snprintf(l->url, sizeof l->url, "%s://%s%s%s:%u/", scheme, six ? "[" : "", text, six ? "]" : "",
             peer.port);
}

static struct rh_listeners_entry **end_of(struct rh_listeners *listeners)
{
    struct rh_listeners_entry **end = &listeners->first;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    return end;
}

static int add_one(struct rh_listeners *listeners, struct rh_address *address,
                   const struct rh_listen *listen, struct rh_listen_sharing sharing)
{
    struct rh_listener_options options = {.backlog = listen->backlog,
                                          .reuse_port = listen->reuse_port != 0,
                                          .join = sharing.join,
                                          .share = sharing.share,
                                          .unix_mode = listen->unix_mode};
    int fd = rh_listener_bind(address, &options);
    if (fd < 0) {
        return fd;
    }
    struct rh_listeners_entry *l = calloc(1, sizeof *l);
    if (l == NULL) {
        close(fd);
        return UV_ENOMEM;
    }
    l->owner = listeners;
    l->tls = listen->tls;
    describe(l, address);
    int err = rh_listener_open(&l->listener, listeners->loop, fd, &callbacks);
    if (err < 0) {
        free(l);
        return err;
    }
    if (l->tls != NULL) {
        rh_tls_ref(l->tls);
    }
    l->open = true;
    listeners->open++;
    *end_of(listeners) = l;
    return 0;
}

static void close_one(struct rh_listeners_entry *l)
{
    if (l->open) {
        l->open = false;
        if (l->unix_path[0] != '\0') {
            unlink(l->unix_path);
        }
        rh_listener_close(&l->listener);
    }
}

int rh_listeners_add(struct rh_listeners *listeners, const char *address,
                     const struct rh_listen *listen, struct rh_listen_sharing sharing)
{
    struct rh_address addresses[RH_ADDRESSES_MAX];
    struct rh_listen known;
    rh_listen_init(&known);
    rh_options_take(&known, sizeof known, listen);
    if (known.tls != NULL && !rh_tls_has_pair(known.tls)) {
        return RH_ETLS; /* every handshake would fail */
    }
    int count = rh_address_parse(address, addresses);
    if (count < 0) {
        return count;
    }
    struct rh_listeners_entry **added = end_of(listeners);
    for (int i = 0; i < count; i++) {
        if (i == 1 &&
            addresses[1].sa.in6.sin6_port == 0) { /* a free port: the same on both families */
            addresses[1].sa.in6.sin6_port = addresses[0].sa.in.sin_port;
        }
        int err = add_one(listeners, &addresses[i], &known, sharing);
        bool no_ipv6 = i == 1 && (err == UV_EADDRNOTAVAIL || err == UV_EAFNOSUPPORT);
        if (err < 0 && !no_ipv6) {
            for (struct rh_listeners_entry *l = *added; l != NULL; l = l->next) {
                l->failed = true; /* all addresses of a call or none */
                close_one(l);
            }
            return err;
        }
    }
    return 0;
}

/* --- All of them ---------------------------------------------------------------------------- */

void rh_listeners_pause(struct rh_listeners *listeners)
{
    for (struct rh_listeners_entry *l = listeners->first; l != NULL; l = l->next) {
        if (l->open) {
            rh_listener_pause(&l->listener);
        }
    }
}

void rh_listeners_resume(struct rh_listeners *listeners)
{
    for (struct rh_listeners_entry *l = listeners->first; l != NULL; l = l->next) {
        if (l->open) {
            rh_listener_resume(&l->listener);
        }
    }
}

void rh_listeners_drain(struct rh_listeners *listeners)
{
    for (struct rh_listeners_entry *l = listeners->first; l != NULL; l = l->next) {
        if (l->open) {
            rh_listener_empty_queue(&l->listener);
        }
        close_one(l);
    }
}

void rh_listeners_close(struct rh_listeners *listeners)
{
    for (struct rh_listeners_entry *l = listeners->first; l != NULL; l = l->next) {
        close_one(l);
    }
}

void rh_listeners_fini(struct rh_listeners *listeners)
{
    while (listeners->first != NULL) {
        struct rh_listeners_entry *l = listeners->first;
        listeners->first = l->next;
        if (l->tls != NULL) {
            rh_tls_unref(l->tls);
        }
        free(l);
    }
}

/* --- What they became ----------------------------------------------------------------------- */

static const struct rh_listeners_entry *entry_at(const struct rh_listeners *listeners, size_t index)
{
    for (const struct rh_listeners_entry *l = listeners->first; l != NULL; l = l->next) {
        if (!l->failed && index-- == 0) {
            return l;
        }
    }
    return NULL;
}

const char *rh_listeners_url(const struct rh_listeners *listeners, size_t index)
{
    const struct rh_listeners_entry *l = entry_at(listeners, index);
    return l != NULL ? l->url : NULL;
}

unsigned rh_listeners_port(const struct rh_listeners *listeners, size_t index)
{
    const struct rh_listeners_entry *l = entry_at(listeners, index);
    return l != NULL ? l->port : 0;
}

bool rh_listeners_join_text(const struct rh_listeners *listeners, size_t index, char *out,
                            size_t cap)
{
    const struct rh_listeners_entry *l = entry_at(listeners, index);
    if (l == NULL) {
        return false;
    }
    if (l->port == 0) {
        snprintf(out, cap, "fd:%d", l->listener.fd);
    } else { /* between "://" and the last '/' */
        const char *host = strstr(l->url, "://") + 3;
        snprintf(out, cap, "%.*s", (int)strlen(host) - 1, host);
    }
    return true;
}
