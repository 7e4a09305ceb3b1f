/* The two small ones that need nothing, and what all share. */
#include "app/middleware/middleware.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rawhttp/body.h"
#include "util/ascii.h"
#include "util/digest.h"

void *rh_middleware_alloc(struct rh_app *app, size_t bytes)
{
    if (rh_app_status(app) != 0 || atomic_load(&app->frozen)) {
        return NULL;
    }
    void *memory = rh_pool_alloc(&app->pool, bytes);
    if (memory == NULL) {
        rh_app_spoil(app, -ENOMEM, "out of memory while the app was built");
    }
    return memory;
}

void rh_middleware_add(struct rh_app *app, struct rh_group *group, rh_handler_fn fn, void *data)
{
    rh_app_add_step(app, group, false, fn, data);
}

/* --- Homes --- */

static void homes_free(void *value)
{
    struct rh_home *home = value;
    while (home != NULL) {
        struct rh_home *next = home->next;
        if (home->fini != NULL) {
            home->fini(home);
        }
        explicit_bzero(home, home->bytes);
        free(home);
        home = next;
    }
}

void *rh_middleware_home(struct rh_exchange *x, const void *prepared, size_t bytes,
                         bool (*init)(struct rh_home *home), void (*fini)(struct rh_home *home))
{
    void **slot = rh_exchange_server_slot(x, RH_SLOT_MIDDLEWARE, homes_free);
    struct rh_home *home = *slot;
    while (home != NULL && home->prepared != prepared) {
        home = home->next;
    }
    if (home != NULL) {
        return home;
    }
    home = calloc(1, bytes); /* lives as long as the server */
    if (home == NULL) {
        return NULL;
    }
    *home = (struct rh_home){*slot, prepared, bytes, fini};
    if (!init(home)) {
        free(home);
        return NULL;
    }
    *slot = home;
    return home;
}

/* --- Request id --- */

enum { ID_BYTES = 16, ID_TEXT_MAX = 64 };

static bool id_is_fine(struct rh_slice id)
{
    return id.len > 0 && id.len <= ID_TEXT_MAX && rh_ascii_all_alnum_or(id, "-_.");
}

static void give_id(struct rh_exchange *x, bool trust_peer)
{
    unsigned char random[ID_BYTES];
    char text[ID_TEXT_MAX + 1];
    struct rh_slice came =
        trust_peer ? rh_request_field(x, "x-request-id") : (struct rh_slice){NULL, 0};
    if (came.base != NULL && id_is_fine(came)) {
        memcpy(text, came.base, came.len);
        text[came.len] = '\0';
    } else if (rh_random_bytes(random, sizeof random) == 0) {
        rh_hex_encode(random, sizeof random, text);
        text[sizeof random * 2] = '\0';
    } else {
        rh_next(x);
        return;
    }
    RH_IGNORE(rh_response_set(x, "X-Request-Id", text));
    rh_exchange_set_request_id(x, text);
    rh_next(x);
}

static void own_id(struct rh_exchange *x, void *data)
{
    (void)data;
    give_id(x, false);
}

static void peers_id(struct rh_exchange *x, void *data)
{
    (void)data;
    give_id(x, true);
}

void rh_use_request_id(struct rh_app *app, struct rh_group *group, int trust_peer)
{
    rh_middleware_add(app, group, trust_peer ? peers_id : own_id, NULL);
}

/* --- Body limit --- */

static void limit_body(struct rh_exchange *x, void *data)
{
    uint64_t bytes_max = *(const uint64_t *)data;
    int64_t announced = rh_body_length(x);
    if (announced >= 0 && (uint64_t)announced > bytes_max) {
        rh_respond_error(x, 413, NULL);
        return;
    }
    rh_body_limit(x, bytes_max);
    rh_next(x);
}

void rh_use_body_limit(struct rh_app *app, struct rh_group *group, uint64_t bytes_max)
{
    uint64_t *data = rh_middleware_alloc(app, sizeof *data);
    if (data != NULL) {
        *data = bytes_max;
    }
    rh_middleware_add(app, group, limit_body, data);
}
