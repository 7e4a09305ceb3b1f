/* The inside of a server: the engine, the connections and the listeners of one loop, and how it
 * ends. */
#ifndef RH_SERVER_SERVER_H
#define RH_SERVER_SERVER_H

#include "io/turn.h"
#include "rawhttp/server.h"
#include "server/conn/conn.h"
#include "server/engine/engine.h"
#include "server/listeners.h"

/* OPEN -> DRAINING -> CLOSING -> CLOSED; FAILED: create failed, only error and destroy. */
enum rh_server_state {
    RH_SERVER_OPEN,
    RH_SERVER_DRAINING, /* listeners closed, what is open finishes */
    RH_SERVER_CLOSING,  /* handles close, holds are awaited */
    RH_SERVER_CLOSED,
    RH_SERVER_FAILED
};

struct rh_server {
    struct rh_engine engine;
    struct rh_conns conns;
    struct rh_wire wire;
    struct rh_turn turn;
    struct rh_listeners listeners;
    uint8_t state;     /* enum rh_server_state */
    bool engine_ready; /* init succeeded: fini is owed */
    bool turn_open;
    bool turn_tried;  /* its handles are, or were, on the loop */
    bool destroy_due; /* destroyed while they still close */
    bool turn_closed; /* all its handles are closed */
    bool drain_due;   /* idle connections are told behind the next poll */
    bool closed_told;
    uint64_t drain_until_ms; /* UINT64_MAX: no drain */
    uint64_t holds_due_ms;   /* when a close that still waits names the routes of holds; 0: not */
    rh_server_cb drain_cb;
    void *drain_data;
    rh_server_cb close_cb;
    void *close_data;
    void *data;
    rh_counter accepted;
    rh_counter accept_errors;
    char error[256];
};

/* The calling thread runs this server's loop from here on. */
void rh_server_adopt_thread(struct rh_server *server);
/* Logs the routes of exchanges that are still held. */
void rh_server_log_holds(struct rh_server *server);
/* For runners. */
int rh_server_listen_shared(struct rh_server *server, const char *address,
                            const struct rh_listen *listen, struct rh_listen_sharing sharing);

#endif
