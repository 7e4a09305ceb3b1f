/* A server's life on the caller's loop. It begins with create (no handle keeps the loop alive yet), listens, and ends
 * in the order of its states: drain empties the accept queue, closes the listeners and lets open exchanges finish;
 * close ends every handle and calls back when the last handle is closed and the last held exchange was given back.
 * One gate, maybe_closed, asks for that. */
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rawhttp/tls.h"
#include "server/config.h"

struct rh_server_listener {
    struct rh_listener listener;
    struct rh_server *server;
    struct rh_tls *tls;
    struct rh_server_listener *next;
    bool open;
    bool failed;  /* its call to listen did not succeed as a whole: it does not count */
    uint16_t port;
    char url[160];
    char unix_path[108]; /* removed when it closes; empty: none */
};

static struct rh_server *server_of(struct rh_turn *turn)
{
    return RH_CONTAINER_OF(turn, struct rh_server, turn);
}

static int fail(struct rh_server *server, int code, const char *what, const char *on)
{
    snprintf(server->error, sizeof server->error, "%s%s%s: %s", what, on[0] != '\0' ? " " : "", on, rh_strerror(code));
    return code;
}

static void free_server(struct rh_server *server);

/* --- Ends ------------------------------------------------------------------------------------------- */

/* Exchanges that handlers hold of cut connections count against the ceiling: it holds for memory, not for sockets. */
static bool has_room(const struct rh_server *server)
{
    return !rh_slab_is_exhausted(&server->engine.pools.connections) &&
           !rh_slab_is_exhausted(&server->engine.pools.exchanges);
}

static void tell_drained(struct rh_server *server)
{
    rh_server_cb cb = server->drain_cb;
    server->drain_cb = NULL;
    if (cb != NULL) {
        cb(server, server->drain_data);
    }
}

static void maybe_closed(struct rh_server *server)
{
    if (server->state != RH_SERVER_CLOSING || server->conns.open > 0 || server->listeners_open > 0 ||
        rh_counter_get(&server->engine.pools.exchanges.in_use) > 0) {
        return;
    }
    if (server->turn_open) { /* last, since posts of held exchanges come through it */
        server->turn_open = false;
        rh_post_box_close(&server->engine.posts);
        rh_turn_close(&server->turn);
        return;
    }
    if (!server->turn_closed || server->closed_told) {
        return;
    }
    tell_drained(server); /* a close that came before its end ended it */
    server->closed_told = true;
    server->state = RH_SERVER_CLOSED;
    if (server->close_cb != NULL) {
        server->close_cb(server, server->close_data);
    }
}

static void maybe_drained(struct rh_server *server)
{
    if (server->state != RH_SERVER_DRAINING || server->conns.open > 0 || server->drain_due) {
        return;
    }
    tell_drained(server);
}

static void resume_listeners(struct rh_server *server)
{
    for (struct rh_server_listener *l = server->listeners; l != NULL; l = l->next) {
        if (l->open) {
            rh_listener_resume(&l->listener);
        }
    }
}

static void on_released(struct rh_conns *conns)
{
    struct rh_server *server = RH_CONTAINER_OF(conns, struct rh_server, conns);
    if (server->state == RH_SERVER_OPEN && has_room(server)) {
        resume_listeners(server);
    }
    if (conns->open == 0) {
        maybe_drained(server);
        maybe_closed(server);
    }
}

static void on_exchange_released(struct rh_engine *engine)
{
    struct rh_server *server = RH_CONTAINER_OF(engine, struct rh_server, engine);
    if (server->state == RH_SERVER_OPEN && has_room(server)) {
        resume_listeners(server);
    }
    maybe_closed(server);
}

/* --- Turns ------------------------------------------------------------------------------------------ */

static void conns_soon(struct rh_conns *conns)
{
    rh_turn_soon(&RH_CONTAINER_OF(conns, struct rh_server, conns)->turn);
}

static void conns_alarm(struct rh_conns *conns, uint64_t at_ms)
{
    rh_turn_alarm(&RH_CONTAINER_OF(conns, struct rh_server, conns)->turn, at_ms);
}

static void on_engine_alarm(struct rh_engine *engine, uint64_t at_ms)
{
    rh_turn_alarm(&RH_CONTAINER_OF(engine, struct rh_server, engine)->turn, at_ms);
}

/* Behind rh_conns_expire, which read the clock. */
static void run_alarms(struct rh_server *server)
{
    struct rh_alarms *alarms = &server->engine.alarms;
    rh_alarms_run(alarms, rh_engine_now_ms(&server->engine));
    uint64_t next = rh_alarms_next(alarms);
    if (next != UINT64_MAX) {
        rh_turn_alarm(&server->turn, next);
    }
}

static void on_soon(struct rh_turn *turn)
{
    rh_conns_run_ready(&server_of(turn)->conns);
}

static void cut_the_rest(struct rh_server *server)
{
    rh_conns_close_all(&server->conns, RH_DRAINED);
    rh_turn_look(&server->turn);
}

static void on_look(struct rh_turn *turn)
{
    struct rh_server *server = server_of(turn);
    if (server->state == RH_SERVER_DRAINING && server->drain_due) {
        server->drain_due = false;
        rh_conns_drain(&server->conns); /* a last look has been: what had arrived was read */
    }
    rh_conns_expire(&server->conns);
    run_alarms(server);
    if (server->state == RH_SERVER_DRAINING) {
        if (server->conns.open > 0 && rh_turn_now_ms(turn) >= server->drain_until_ms) {
            server->drain_until_ms = UINT64_MAX;
            cut_the_rest(server);
        } else if (server->drain_until_ms != UINT64_MAX) {
            rh_turn_alarm(turn, server->drain_until_ms);
        }
        maybe_drained(server);
    }
}

static void on_signal(struct rh_turn *turn)
{
    rh_post_box_run(&server_of(turn)->engine.posts);
}

static void on_turn_closed(struct rh_turn *turn)
{
    struct rh_server *server = server_of(turn);
    server->turn_closed = true;
    if (server->destroy_due) {
        free_server(server);
    } else {
        maybe_closed(server);
    }
}

static const struct rh_turn_callbacks turn_callbacks = {
    .soon = on_soon,
    .look = on_look,
    .signal = on_signal,
    .closed = on_turn_closed,
};

static void signal_turn(void *data)
{
    rh_turn_signal(data);
}

/* --- Listening -------------------------------------------------------------------------------------- */

/* The next one will find a place, or waits in the kernel's queue until there is one. */
static void make_room(struct rh_server *server)
{
    for (struct rh_server_listener *l = server->listeners; l != NULL; l = l->next) {
        if (l->open) {
            rh_listener_pause(&l->listener);
        }
    }
    if (!rh_conns_close_idle(&server->conns)) {
        server->conns.crowded = true;
    }
}

static bool on_accepted(struct rh_listener *listener, int fd, const struct sockaddr_storage *peer)
{
    struct rh_server_listener *l = RH_CONTAINER_OF(listener, struct rh_server_listener, listener);
    struct rh_server *server = l->server;
    if (!has_room(server)) {
        close(fd);
        return false;
    }
    rh_counter_add(&server->accepted, 1);
    RH_IGNORE(rh_conn_open(&server->conns, fd, peer, l->tls));
    if (has_room(server)) {
        return true;
    }
    make_room(server);
    return false;
}

static void on_accept_failed(struct rh_listener *listener, int error)
{
    struct rh_server_listener *l = RH_CONTAINER_OF(listener, struct rh_server_listener, listener);
    struct rh_server *server = l->server;
    if (rh_counter_get(&server->accept_errors) % 100 == 0) {
        rh_engine_log(&server->engine, RH_LOG_WARNING, "can not accept on %s: %s; new connections wait", l->url,
                      strerror(error));
    }
    rh_counter_add(&server->accept_errors, 1);
    RH_IGNORE(rh_conns_close_idle(&server->conns)); /* frees a descriptor */
}

static void on_listener_closed(struct rh_listener *listener)
{
    struct rh_server_listener *l = RH_CONTAINER_OF(listener, struct rh_server_listener, listener);
    l->server->listeners_open--;
    maybe_closed(l->server);
}

static const struct rh_listener_callbacks listener_callbacks = {
    .accepted = on_accepted,
    .failed = on_accept_failed,
    .closed = on_listener_closed,
};

static void describe(struct rh_server_listener *l, const struct rh_address *address)
{
    const char *scheme = l->tls != NULL ? "https" : "http";
    char text[RH_PEER_TEXT_MAX];
    struct sockaddr_storage sa;
    struct rh_peer peer;
    if (address->sa.any.sa_family == AF_UNIX) {
        snprintf(l->url, sizeof l->url, "%s+unix:%s", scheme, address->sa.un.sun_path);
        if (address->kind == RH_ADDRESS_UNIX) {
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
    snprintf(l->url, sizeof l->url, "%s://%s%s%s:%u/", scheme, six ? "[" : "", text, six ? "]" : "", peer.port);
}

static int listen_one(struct rh_server *server, struct rh_address *address, const struct rh_listen *listen,
                      struct rh_listen_sharing sharing)
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
    struct rh_server_listener *l = calloc(1, sizeof *l); /* lives as long as the server */
    if (l == NULL) {
        close(fd);
        return UV_ENOMEM;
    }
    l->server = server;
    l->tls = listen->tls;
    describe(l, address);
    int err = rh_listener_open(&l->listener, server->engine.loop, fd, &listener_callbacks);
    if (err < 0) {
        free(l);
        return err;
    }
    if (l->tls != NULL) {
        rh_tls_ref(l->tls);
    }
    l->open = true;
    server->listeners_open++;
    struct rh_server_listener **last = &server->listeners;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = l;
    return 0;
}

static void close_listener(struct rh_server_listener *l)
{
    if (l->open) {
        l->open = false;
        if (l->unix_path[0] != '\0') {
            unlink(l->unix_path);
        }
        rh_listener_close(&l->listener);
    }
}

void rh_listen_init_sized(struct rh_listen *listen, size_t size)
{
    const struct rh_listen defaults = {.size = size, .backlog = 1024, .unix_mode = 0600};
    memset(listen, 0, size);
    memcpy(listen, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

int rh_server_listen_shared(struct rh_server *server, const char *address, const struct rh_listen *listen,
                            struct rh_listen_sharing sharing)
{
    struct rh_address addresses[RH_ADDRESSES_MAX];
    struct rh_listen known;
    rh_listen_init(&known);
    if (listen != NULL) {
        memcpy(&known, listen, listen->size < sizeof known ? listen->size : sizeof known);
    }
    RH_ASSERT(server->state == RH_SERVER_OPEN);
    int count = rh_address_parse(address, addresses);
    if (count < 0) {
        return fail(server, count, "listen on", address);
    }
    struct rh_server_listener **added = &server->listeners;
    while (*added != NULL) {
        added = &(*added)->next;
    }
    for (int i = 0; i < count; i++) {
        if (i == 1 && addresses[1].sa.in6.sin6_port == 0) { /* a free port is the same on both families */
            addresses[1].sa.in6.sin6_port = addresses[0].sa.in.sin_port;
        }
        int err = listen_one(server, &addresses[i], &known, sharing);
        bool no_ipv6 = i == 1 && (err == UV_EADDRNOTAVAIL || err == UV_EAFNOSUPPORT);
        if (err < 0 && !no_ipv6) {
            for (struct rh_server_listener *l = *added; l != NULL; l = l->next) {
                l->failed = true; /* all addresses of a call or none */
                close_listener(l);
            }
            return fail(server, err, "listen on", address);
        }
    }
    return 0;
}

int rh_server_listen(struct rh_server *server, const char *address, const struct rh_listen *listen)
{
    return rh_server_listen_shared(server, address, listen, (struct rh_listen_sharing){false, false});
}

static struct rh_server_listener *listener_at(const struct rh_server *server, size_t index)
{
    for (struct rh_server_listener *l = server->listeners; l != NULL; l = l->next) {
        if (!l->failed && index-- == 0) {
            return l;
        }
    }
    return NULL;
}

const char *rh_server_url(const struct rh_server *server, size_t index)
{
    struct rh_server_listener *l = listener_at(server, index);
    return l != NULL ? l->url : NULL;
}

unsigned rh_server_port(const struct rh_server *server, size_t index)
{
    struct rh_server_listener *l = listener_at(server, index);
    return l != NULL ? l->port : 0;
}

bool rh_server_join_text(const struct rh_server *server, size_t index, char *out, size_t cap)
{
    const struct rh_server_listener *l = listener_at(server, index);
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

void rh_server_adopt_thread(struct rh_server *server)
{
    server->engine.thread = pthread_self();
}

void rh_server_log_holds(struct rh_server *server)
{
    struct rh_link *all = &server->engine.held;
    for (struct rh_link *link = all->next; link != all; link = link->next) {
        struct rh_exchange *x = RH_CONTAINER_OF(link, struct rh_exchange, held_link);
        if (x->held) {
            rh_engine_log(&server->engine, RH_LOG_ERROR, "still held at the end: an exchange of %.*s",
                          (int)x->route.len, x->route.base != NULL ? x->route.base : "");
        }
    }
}

const char *rh_server_error(const struct rh_server *server)
{
    return server == NULL ? "out of memory" : server->error;
}

/* --- Life ------------------------------------------------------------------------------------------- */

int rh_server_create(struct rh_server **ret_server, uv_loop_t *loop, struct rh_app *app, const struct rh_config *config)
{
    struct rh_door *door = (struct rh_door *)(void *)app; /* the door is an app's first member */
    struct rh_server *server = calloc(1, sizeof *server);
    *ret_server = server;
    if (server == NULL) {
        return UV_ENOMEM;
    }
    server->state = RH_SERVER_FAILED;
    server->drain_until_ms = UINT64_MAX;
    if (door == NULL) {
        return fail(server, UV_ENOMEM, "create an app", "");
    }
    int err = door->freeze(door);
    if (err < 0) {
        snprintf(server->error, sizeof server->error, "%s", door->error(door));
        return err;
    }
    err = rh_engine_init(&server->engine, door, config, sizeof(struct rh_conn));
    if (err < 0) {
        return fail(server, err, "configure the server", "");
    }
    server->engine_ready = true;
    server->engine.loop = loop;
    server->engine.server = server;
    server->engine.released = on_exchange_released;
    server->engine.alarm = on_engine_alarm;
    server->conns.soon = conns_soon;
    server->conns.alarm = conns_alarm;
    server->conns.released = on_released;
    err = rh_conns_init(&server->conns, &server->engine, loop);
    if (err < 0) {
        rh_engine_fini(&server->engine);
        server->engine_ready = false;
        return fail(server, err, "reserve memory for TLS", "");
    }
    rh_post_box_init(&server->engine.posts, signal_turn, &server->turn);
    err = rh_turn_open(&server->turn, loop, &turn_callbacks);
    server->turn_tried = true;
    if (err < 0) {
        return fail(server, err, "open handles on the loop", "");
    }
    server->turn_open = true;
    server->state = RH_SERVER_OPEN;
    door->ref(door);
    return 0;
}

void rh_server_lame(struct rh_server *server)
{
    server->engine.lame = true;
}

int rh_server_is_draining(const struct rh_server *server)
{
    return server->engine.lame || server->engine.draining;
}

void rh_server_drain(struct rh_server *server, uint64_t ms, rh_server_cb cb, void *data)
{
    uint64_t now_ms = rh_turn_now_ms(&server->turn);
    uint64_t until = ms < UINT64_MAX - now_ms ? now_ms + ms : UINT64_MAX - 1;
    if (server->state == RH_SERVER_OPEN) {
        for (struct rh_server_listener *l = server->listeners; l != NULL; l = l->next) {
            if (l->open) {
                rh_listener_empty_queue(&l->listener);
            }
            close_listener(l);
        }
        server->state = RH_SERVER_DRAINING;
        server->drain_due = true;
        rh_engine_drain(&server->engine); /* last: a handler that hears of it may close the server */
    }
    if (server->state != RH_SERVER_DRAINING) {
        return;
    }
    if (cb != NULL) {
        server->drain_cb = cb;
        server->drain_data = data;
    }
    if (until < server->drain_until_ms) {
        server->drain_until_ms = until;
    }
    rh_turn_look(&server->turn);
}

void rh_server_close(struct rh_server *server, rh_server_cb cb, void *data)
{
    if (server->state == RH_SERVER_CLOSING || server->state == RH_SERVER_CLOSED ||
        server->state == RH_SERVER_FAILED) {
        return;
    }
    server->engine.lame = true;
    server->engine.draining = server->engine.closing = true;
    server->close_cb = cb;
    server->close_data = data;
    for (struct rh_server_listener *l = server->listeners; l != NULL; l = l->next) {
        close_listener(l);
    }
    server->state = RH_SERVER_CLOSING;
    server->conns.ready = NULL;
    rh_conns_close_all(&server->conns, RH_CLOSED);
    maybe_closed(server);
    if (server->turn_open) {
        rh_turn_keep(&server->turn); /* held exchanges may be all that is left: the loop waits for their posts */
    }
}

static void free_server(struct rh_server *server)
{
    while (server->listeners != NULL) {
        struct rh_server_listener *l = server->listeners;
        server->listeners = l->next;
        if (l->tls != NULL) {
            rh_tls_unref(l->tls);
        }
        free(l);
    }
    if (server->engine_ready) {
        struct rh_door *door = server->engine.door;
        rh_wire_fini(&server->conns.wire);
        rh_post_box_fini(&server->engine.posts);
        rh_engine_fini(&server->engine);
        if (server->state == RH_SERVER_CLOSED) {
            door->unref(door);
        }
    }
    free(server);
}

void rh_server_destroy(struct rh_server *server)
{
    if (server == NULL) {
        return;
    }
    RH_ASSERT(server->state == RH_SERVER_CLOSED || server->state == RH_SERVER_FAILED);
    if (server->turn_tried && !server->turn_closed) {
        server->destroy_due = true; /* a failed create whose handles are still closing on the caller's loop */
    } else {
        free_server(server);
    }
}

int rh_server_post(struct rh_server *server, rh_server_post_fn fn, void *data)
{
    return rh_post_box_put(&server->engine.posts, NULL, NULL, server, fn, data);
}

uv_loop_t *rh_server_loop(const struct rh_server *server)
{
    return server->engine.loop;
}

void rh_server_set_data(struct rh_server *server, void *data)
{
    server->data = data;
}

void *rh_server_data(const struct rh_server *server)
{
    return server->data;
}
