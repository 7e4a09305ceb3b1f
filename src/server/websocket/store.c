#include "server/websocket/store.h"

#include <stdlib.h>
#include <string.h>

#include "server/engine/engine.h"

struct rh_ws_store *rh_ws_store_of(struct rh_engine *engine)
{
    if (RH_LIKELY(engine->websockets != NULL)) {
        return engine->websockets;
    }
    struct rh_ws_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return NULL;
    }
    size_t windows = engine->config.websocket_windows_max;
    rh_list_init(&store->terms);
    store->bytes_max = engine->config.websocket_bytes_max;
    store->has_windows = windows > 0 && rh_slab_init(&store->windows, "websocket_windows",
                                                     RH_WS_CODEC_BYTES, windows) == 0;
    engine->websockets = store;
    return store;
}

void rh_ws_store_destroy(struct rh_ws_store *store)
{
    if (store == NULL) {
        return;
    }
    RH_ASSERT(rh_list_is_empty(&store->terms) && store->bytes == 0);
    if (store->has_windows) {
        rh_slab_fini(&store->windows);
    }
    free(store->codec_memory);
    free(store->scratch);
    free(store);
}

struct rh_ws_codec *rh_ws_store_codec(struct rh_ws_store *store)
{
    if (store->codec_memory == NULL) {
        store->codec_memory = malloc(RH_WS_CODEC_BYTES);
        store->scratch = malloc(RH_WS_SCRATCH_BYTES);
        if (store->codec_memory != NULL && store->scratch != NULL) {
            store->codec = rh_ws_codec_init(store->codec_memory, 15);
        }
        if (store->codec == NULL) {
            free(store->codec_memory);
            free(store->scratch);
            store->codec_memory = store->scratch = NULL;
        }
    }
    return store->codec;
}

/* --- Terms --------------------------------------------------------------------------------------
 */

static bool texts_are_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What differs from socket to socket, `data`, is no part of the terms. */
static bool is_equal(const struct rh_websocket_options *a, const struct rh_websocket_options *b)
{
    struct rh_websocket_options x = *a;
    struct rh_websocket_options y = *b;
    x.protocols = y.protocols = NULL;
    x.origins = y.origins = NULL;
    x.data = y.data = NULL;
    return memcmp(&x, &y, sizeof x) == 0 && texts_are_equal(a->protocols, b->protocols);
}

static struct rh_ws_terms *create(const struct rh_websocket_options *options)
{
    size_t len = options->protocols != NULL ? strlen(options->protocols) + 1 : 0;
    struct rh_ws_terms *terms = malloc(sizeof *terms + len);
    if (terms == NULL) {
        return NULL;
    }
    terms->references = 0;
    terms->options = *options;
    terms->options.origins = NULL; /* they were checked, and are not looked at again */
    if (len > 0) {
        terms->options.protocols = memcpy(terms + 1, options->protocols, len);
    }
    return terms;
}

struct rh_ws_terms *rh_ws_terms_ref(struct rh_ws_store *store,
                                    const struct rh_websocket_options *options)
{
    struct rh_ws_terms *terms = NULL;
    for (struct rh_link *link = store->terms.next; link != &store->terms; link = link->next) {
        terms = RH_CONTAINER_OF(link, struct rh_ws_terms, link);
        if (is_equal(&terms->options, options)) {
            terms->references++;
            return terms;
        }
    }
    terms = create(options);
    if (terms != NULL) {
        rh_list_push_back(&store->terms, &terms->link);
        terms->references = 1;
    }
    return terms;
}

void rh_ws_terms_unref(struct rh_ws_terms *terms)
{
    if (--terms->references == 0) {
        rh_list_remove(&terms->link);
        free(terms);
    }
}
