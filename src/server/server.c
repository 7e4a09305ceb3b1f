/* A server's life on the caller's loop. It begins with create (no handle keeps the loop alive yet),
 * listens, and ends in the order of its states: drain empties the accept queue, closes the
 * listeners and lets open exchanges finish; close ends every handle and calls back when the last
 * handle is closed and the last held exchange was given back. One gate, maybe_closed, asks for
 * that. */
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/engine/config.h"

enum { HOLDS_AFTER_MS = 1000 };

static struct rh_server *server_of(struct rh_turn *turn)
{
    return RH_CONTAINER_OF(turn, struct rh_server, turn);
}

static int fail(struct rh_server *server, int code, const char *what, const char *on)
{
    snprintf(server->error, sizeof server->error, "%s%s%s: %s", what, on[0] != '\0' ? " " : "", on,
             rh_strerror(code));
    return code;
}

static void free_server(struct rh_server *server);

static void assert_thread(const struct rh_server *server)
{
    RH_ASSERT(server->engine.thread == rh_thread_self());
}

/* --- Ends ----------------------------------------------------------------------------------- */

/* Requests that find no place are answered with 503: they hold up no connection. */
static bool has_room(const struct rh_server *server)
{
    return !rh_slab_is_exhausted(&server->engine.pools.connections);
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
    if (server->state != RH_SERVER_CLOSING || server->conns.open > 0 ||
        server->listeners.open > 0 || rh_counter_get(&server->engine.pools.exchanges.in_use) > 0 ||
        rh_counter_get(&server->engine.pools.websockets.in_use) > 0) {
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

static void on_released(struct rh_conns *conns)
{
    struct rh_server *server = RH_CONTAINER_OF(conns, struct rh_server, conns);
    if (server->state == RH_SERVER_OPEN && has_room(server)) {
        rh_listeners_resume(&server->listeners);
    }
    if (conns->open == 0) {
        maybe_drained(server);
        maybe_closed(server);
    }
}

static void on_exchange_released(struct rh_engine *engine)
{
    maybe_closed(RH_CONTAINER_OF(engine, struct rh_server, engine));
}

/* --- Turns ---------------------------------------------------------------------------------- */

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
    RH_IGNORE(rh_conns_run_ready(&server_of(turn)->conns));
}

static void cut_the_rest(struct rh_server *server)
{
    rh_conns_close_all(&server->conns, RH_DRAINED);
    rh_turn_look(&server->turn);
}

/* Nothing else is left to wait for: a hold that was lost would be waited for in silence. */
static void tell_holds(struct rh_server *server)
{
    if (rh_turn_now_ms(&server->turn) < server->holds_due_ms) {
        rh_turn_alarm(&server->turn, server->holds_due_ms);
    } else {
        server->holds_due_ms = 0;
        rh_server_log_holds(server);
    }
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
    if (server->state == RH_SERVER_CLOSING && server->holds_due_ms != 0) {
        tell_holds(server);
    }
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

/* --- Listening ------------------------------------------------------------------------------ */

/* The next one will find a place, or waits in the kernel's queue until there is one. */
static void make_room(struct rh_server *server)
{
    rh_listeners_pause(&server->listeners);
    rh_conns_make_room(&server->conns);
}

/* A limit for each address, if there is one; a proxy on this machine may have any number. */
static bool is_one_too_many(const struct rh_server *server, const struct sockaddr_storage *from)
{
    uint32_t most = server->engine.config.connections_per_address_max;
    struct rh_peer peer;
    if (most == 0) {
        return false;
    }
    rh_peer_from(&peer, from);
    return rh_addresses_count(&server->conns.addresses, &peer) >= most &&
           !rh_addresses_is_loopback(&peer);
}

static bool on_accepted(struct rh_listeners *listeners, int fd, const struct sockaddr_storage *peer,
                        struct rh_tls *tls)
{
    struct rh_server *server = RH_CONTAINER_OF(listeners, struct rh_server, listeners);
    if (!has_room(server)) {
        close(fd);
        return false;
    }
    rh_counter_add(&server->accepted, 1);
    if (is_one_too_many(server, peer)) {
        close(fd);
        return true;
    }
    RH_IGNORE(rh_conn_open(&server->conns, &server->wire, fd, peer, tls));
    if (has_room(server)) {
        return true;
    }
    make_room(server);
    return false;
}

static void on_accept_failed(struct rh_listeners *listeners, const char *url, int error)
{
    struct rh_server *server = RH_CONTAINER_OF(listeners, struct rh_server, listeners);
    if (rh_counter_get(&server->accept_errors) % 100 == 0) {
        rh_engine_log(&server->engine, RH_LOG_WARNING,
                      "can not accept on %s: %s; new connections wait", url, strerror(error));
    }
    rh_counter_add(&server->accept_errors, 1);
    rh_conns_make_room(&server->conns); /* frees a descriptor */
    server->conns.crowded = false;      /* there are places */
}

static void on_listener_closed(struct rh_listeners *listeners)
{
    maybe_closed(RH_CONTAINER_OF(listeners, struct rh_server, listeners));
}

/* What the connections of a TLS listener may choose from, in the order of the engine's kinds. One
 * that knows only "http/1.0" gets what speaks where nothing was chosen. */
static void offer_kinds(const struct rh_engine *engine, struct rh_tls *tls)
{
    const char *names[RH_KINDS_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < engine->kinds_n; i++) {
        if (engine->kinds[i]->alpn != NULL) {
            names[count++] = engine->kinds[i]->alpn;
        }
    }
    names[count++] = "http/1.0";
    bool fits = rh_tls_alpn_set(tls, names, count);
    RH_ASSERT(fits);
}

int rh_server_listen_shared(struct rh_server *server, const char *address,
                            const struct rh_listen *listen, struct rh_listen_sharing sharing)
{
    if (server->state == RH_SERVER_FAILED) {
        return RH_ESTATE; /* what failed first is what its error says */
    }
    assert_thread(server);
    if (server->state != RH_SERVER_OPEN || address == NULL) {
        return fail(server, address == NULL ? UV_EINVAL : RH_ESTATE, "listen on",
                    address == NULL ? "NULL" : address);
    }
    if (listen != NULL && listen->tls != NULL) {
        offer_kinds(&server->engine, listen->tls);
    }
    int err = rh_listeners_add(&server->listeners, address, listen, sharing);
    return err < 0 ? fail(server, err, "listen on", address) : 0;
}

int rh_server_listen(struct rh_server *server, const char *address, const struct rh_listen *listen)
{
    return rh_server_listen_shared(server, address, listen,
                                   (struct rh_listen_sharing){false, false});
}

const char *rh_server_url(const struct rh_server *server, size_t index)
{
    return rh_listeners_url(&server->listeners, index);
}

unsigned rh_server_port(const struct rh_server *server, size_t index)
{
    return rh_listeners_port(&server->listeners, index);
}

void rh_server_adopt_thread(struct rh_server *server)
{
    server->engine.thread = rh_thread_self();
}

void rh_server_log_holds(struct rh_server *server)
{
    struct rh_link *all = &server->engine.held;
    for (struct rh_link *link = all->next; link != all; link = link->next) {
        struct rh_exchange *x = RH_CONTAINER_OF(link, struct rh_exchange, held_link);
        if (rh_exchange_is_kept(x)) {
            rh_engine_log(&server->engine, RH_LOG_ERROR,
                          "still held at the end: an exchange of %.*s: answer or release it",
                          RH_ROW(x));
        }
    }
}

const char *rh_server_error(const struct rh_server *server)
{
    return server == NULL ? "out of memory" : server->error;
}

/* --- Life ----------------------------------------------------------------------------------- */

int rh_server_create(struct rh_server **ret_server, uv_loop_t *loop, struct rh_app *app,
                     const struct rh_config *config)
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
    if (loop == NULL) {
        return fail(server, UV_EINVAL, "create a server without a loop", "");
    }
    int err = door->freeze(door);
    if (err < 0) {
        snprintf(server->error, sizeof server->error, "%s", door->error(door));
        return err;
    }
    err = rh_engine_init(&server->engine, door, config, sizeof(struct rh_conn));
    if (err < 0) {
        const char *fault = rh_config_fault(config);
        return fail(server, err, "configure the server",
                    fault != NULL ? fault : "");
    }
    server->engine_ready = true;
    server->engine.loop = loop;
    server->engine.server = server;
    server->engine.released = on_exchange_released;
    server->engine.alarm = on_engine_alarm;
    server->listeners.loop = loop;
    server->listeners.accepted = on_accepted;
    server->listeners.failed = on_accept_failed;
    server->listeners.closed = on_listener_closed;
    server->conns.soon = conns_soon;
    server->conns.alarm = conns_alarm;
    server->conns.released = on_released;
    server->engine.tls_info = rh_conn_tls_info;
    rh_conns_init(&server->conns, &server->engine, &rh_conn_carrier);
    err =
        rh_wire_init(&server->wire, loop, &rh_conn_callbacks, server->engine.config.connections_max,
                     rh_pools_bulk_max(&server->engine.config));
    if (err == 0) {
        err = rh_addresses_init(&server->conns.addresses, server->engine.config.connections_max);
        if (err < 0) {
            rh_wire_fini(&server->wire);
        }
    }
    if (err < 0) {
        rh_engine_fini(&server->engine);
        server->engine_ready = false;
        return fail(server, err, "reserve memory for connections", "");
    }
    rh_post_box_init(&server->engine.posts, signal_turn, &server->turn);
    server->wire.turn = &server->turn;
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
    assert_thread(server);
    server->engine.lame = true;
}

int rh_server_is_draining(const struct rh_server *server)
{
    return server->engine.lame || server->engine.draining;
}

void rh_server_drain(struct rh_server *server, uint64_t ms, rh_server_cb cb, void *data)
{
    assert_thread(server);
    uint64_t now_ms = rh_turn_now_ms(&server->turn);
    uint64_t until = ms < UINT64_MAX - now_ms ? now_ms + ms : UINT64_MAX - 1;
    bool begins = server->state == RH_SERVER_OPEN;
    if (begins) {
        rh_listeners_drain(&server->listeners);
        server->state = RH_SERVER_DRAINING;
        server->drain_due = true;
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
    if (begins) { /* last: a handler that hears of it may close the server, which ends the drain */
        rh_engine_drain(&server->engine);
    }
}

void rh_server_close(struct rh_server *server, rh_server_cb cb, void *data)
{
    if (server->state == RH_SERVER_CLOSING || server->state == RH_SERVER_CLOSED ||
        server->state == RH_SERVER_FAILED) {
        return;
    }
    assert_thread(server);
    server->engine.lame = true;
    server->engine.draining = server->engine.closing = true;
    server->close_cb = cb;
    server->close_data = data;
    rh_listeners_close(&server->listeners);
    server->state = RH_SERVER_CLOSING;
    server->conns.ready = NULL;
    rh_conns_close_all(&server->conns, RH_CLOSED);
    maybe_closed(server);
    if (server->turn_open) {
        /* Held exchanges may be all that is left: the loop waits for their posts. */
        rh_turn_keep(&server->turn);
        server->holds_due_ms = rh_turn_now_ms(&server->turn) + HOLDS_AFTER_MS;
        rh_turn_alarm(&server->turn, server->holds_due_ms);
    }
}

static void free_server(struct rh_server *server)
{
    rh_listeners_fini(&server->listeners);
    if (server->engine_ready) {
        struct rh_door *door = server->engine.door;
        rh_wire_fini(&server->wire);
        rh_addresses_fini(&server->conns.addresses);
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
        /* A failed create whose handles are still closing on the caller's loop. */
        server->destroy_due = true;
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
