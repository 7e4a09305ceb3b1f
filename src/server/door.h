/* The door between the server and what answers: the one thing that the server room knows of an app. */
#ifndef RH_SERVER_DOOR_H
#define RH_SERVER_DOOR_H

#include <stdbool.h>

#include "rawhttp/exchange.h"

/* First member of struct rh_app; the in-memory tests pass one of their own. */
struct rh_door {
    /* Answers the exchange, or defers; the only call upward. */
    void (*handle)(struct rh_exchange *x, struct rh_door *door);
    /* Gives an error answer (400 to 599) in the app's clothes, by rh_respond or a kin; `detail` may be NULL. */
    void (*fail)(struct rh_exchange *x, unsigned status, const char *detail, struct rh_door *door);
    /* Called by the first server: no changes from here on. 0 or the error of a registration. */
    int (*freeze)(struct rh_door *door);
    const char *(*error)(const struct rh_door *door);
    void (*ref)(struct rh_door *door);
    void (*unref)(struct rh_door *door);
};

/* For the app's own state in an exchange: a pointer, NULL at first, into the exchange's arena. */
void **rh_exchange_app_slot(struct rh_exchange *x);
/* Pattern of the matched route for logs; kept by pointer. */
void rh_exchange_set_route(struct rh_exchange *x, struct rh_slice pattern);
/* True where nobody has answered, nobody holds the exchange, and somebody is there to take an answer. */
bool rh_exchange_needs_answer(const struct rh_exchange *x);
/* A slot per server for app-room caches, index 0 to 3, and how it is freed when the server is destroyed. */
enum { RH_SERVER_SLOTS = 4, RH_SLOT_FILES = 0, RH_SLOT_RATE = 1 };
void **rh_exchange_server_slot(struct rh_exchange *x, unsigned index, void (*free_fn)(void *value));

#endif
