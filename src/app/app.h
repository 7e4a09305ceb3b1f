/* The inside of an app: what registration leaves behind and dispatch reads. Changed by one thread
 * until `frozen`; only read from then on, but for the reference count. */
#ifndef RH_APP_APP_H
#define RH_APP_APP_H

#include <stdatomic.h>

#include "util/pool.h"
#include "app/router.h"
#include "rawhttp/app.h"
#include "rawhttp/compress.h"
#include "server/door.h"

enum {
    RH_APP_ERROR_BYTES = 256,
    RH_APP_STATUS_MIN = 400, /* error pages are for these */
    RH_APP_STATUS_MAX = 599,
};

/* Registered so far in the app or in a group. A new middleware makes a new array, so that every
 * route keeps the chain that it was registered with. */
struct rh_chain {
    const struct rh_step *steps;
    unsigned count;
};

struct rh_form;

struct rh_group {
    struct rh_app *app;
    struct rh_slice prefix; /* its parents' included */
    struct rh_chain chain;
};

/* rh_app_own's list, newest first. */
struct rh_owned {
    struct rh_owned *next;
    void (*free_fn)(void *data);
    void *data;
};

struct rh_app {
    struct rh_door door; /* what the server knows of the app; first */
    atomic_uint references;
    atomic_bool frozen;
    atomic_int status; /* 0 or the first error */
    char error[RH_APP_ERROR_BYTES];
    struct rh_router router;
    struct rh_group root;       /* prefix "" */
    struct rh_route *last;      /* for rh_app_use_last; NULL: none, or it failed */
    struct rh_group last_route; /* stands for it where a middleware is added */
    struct rh_route not_found;  /* what answers where no route matched, with the app's middleware */
    struct rh_route no_method;  /* 405 with Allow */
    struct rh_route unknown_method; /* 501: no route has that method */
    struct rh_route options;        /* OPTIONS by itself */
    struct rh_slice pages[RH_APP_STATUS_MAX - RH_APP_STATUS_MIN + 1]; /* by status; absent: none */
    struct rh_compression compression;                                /* where door.finish is set */
    struct rh_owned *owned;
    struct rh_pool pool; /* routes, patterns, chains, groups, pages */
};

/* What the app keeps of one exchange, in its arena: only where there are params, middleware or a
 * form. */
struct rh_app_state {
    const struct rh_route *route;   /* NULL: a plain route's, made for a form */
    unsigned next;                  /* the step that rh_next runs; steps_count is the handler */
    uint32_t allow;                 /* for no_method and options */
    bool has_rest;                  /* *rest stands for one or more segments */
    bool is_dispatching;            /* inside the call from the server: rh_next is "now" */
    struct rh_slice rest;           /* those, joined; bytes of the path */
    struct rh_form *form;           /* NULL until one is read */
    struct rh_login_state *login;   /* who is logged in; NULL: nobody asked */
    const struct rh_bearer *bearer; /* the middleware that asks for a token; NULL: none */
    struct rh_slice values[];       /* of the params, in order; bytes of the path */
};
/* That of this exchange, made where there is none; NULL at the arena's cap. */
struct rh_app_state *rh_app_state(struct rh_exchange *x);

/* True where the app takes a change; `what` and `name` go into the error where it is frozen. NULL
 * accepted. */
bool rh_app_is_open(struct rh_app *app, const char *what, const char *name);
/* A middleware for the group, the app (NULL) or the last route (rh_app_last). */
void rh_app_add_step(struct rh_app *app, struct rh_group *group, bool is_cors, rh_handler_fn fn,
                     void *data);
/* A CORS middleware behind the one that runs: that one decides (dispatch.c). */
bool rh_app_cors_follows(struct rh_exchange *x);

/* Makes this the app's error, where it has none yet. */
__attribute__((format(printf, 3, 4))) void rh_app_spoil(struct rh_app *app, int status,
                                                        const char *format, ...);

/* The door's two verbs (dispatch.c, fail.c). */
void rh_app_handle(struct rh_exchange *x, struct rh_door *door);
void rh_app_fail(struct rh_exchange *x, unsigned status, const char *detail, struct rh_door *door);

/* The handlers of the three routes above (dispatch.c). */
void rh_app_answer_not_found(struct rh_exchange *x, void *data);
/* `data` of the first and the last is the router. */
void rh_app_answer_no_method(struct rh_exchange *x, void *data);
void rh_app_answer_unknown_method(struct rh_exchange *x, void *data);
void rh_app_answer_options(struct rh_exchange *x, void *data);

#endif
