/* The store: references, changes and the swap. A change reads files and builds a whole new set
 * beside the old one, under a lock that only other changes wait for; then the pointer is exchanged
 * under a second lock, which connections take for an instant when they begin. A failure on the way
 * leaves everything as it was, with a text that says why. */
#include "tls/store.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

struct rh_tls *rh_tls_create(void)
{
    static const char *const protocols[] = {"http/1.1", "http/1.0"};
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct rh_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return NULL;
    }
    if (rh_tls_clients_init(&tls->clients, RH_TLS_CLIENT_NONE, NULL, &tls->problem) < 0) {
        goto fail_clients;
    }
    if (!rh_tls_tickets_init(&tls->tickets, (uint64_t)now.tv_sec)) {
        goto fail_tickets;
    }
    atomic_init(&tls->refs, 1);
    pthread_mutex_init(&tls->change, NULL);
    pthread_mutex_init(&tls->lock, NULL);
    RH_IGNORE(rh_tls_alpn_set(tls, protocols, 2));
    return tls;

fail_tickets:
    rh_tls_clients_fini(&tls->clients);
fail_clients:
    ERR_clear_error();
    free(tls);
    return NULL;
}

struct rh_tls *rh_tls_ref(struct rh_tls *tls)
{
    atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
    return tls;
}

static void set_unref(struct rh_tls_set *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < set->pairs_len; i++) {
        rh_tls_pair_unref(set->pairs[i]);
    }
    free(set->pairs);
    free(set->names);
    free(set);
}

void rh_tls_unref(struct rh_tls *tls)
{
    if (tls == NULL || atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    set_unref(tls->current);
    rh_tls_clients_fini(&tls->clients);
    rh_tls_tickets_fini(&tls->tickets);
    pthread_mutex_destroy(&tls->change);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

/* An empty set with room for `pairs_max`. */
static struct rh_tls_set *set_create(struct rh_tls *tls, size_t pairs_max)
{
    struct rh_tls_set *set = calloc(1, sizeof *set);
    if (set == NULL) {
        return NULL;
    }
    atomic_init(&set->refs, 1);
    set->tls = tls;
    set->pairs = calloc(pairs_max + 1, sizeof(struct rh_tls_pair *));
    if (set->pairs == NULL) {
        free(set);
        return NULL;
    }
    return set;
}

/* The set that is current, referenced; NULL without one. */
static struct rh_tls_set *current_ref(struct rh_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    struct rh_tls_set *set = tls->current;
    if (set != NULL) {
        atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&tls->lock);
    return set;
}

struct rh_tls_set *rh_tls_set_acquire(struct rh_tls *tls)
{
    struct rh_tls_set *set = current_ref(tls);
    if (set != NULL) {
        rh_tls_ref(tls);
    }
    return set;
}

bool rh_tls_has_pair(struct rh_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    bool has_pair = tls->current != NULL;
    pthread_mutex_unlock(&tls->lock);
    return has_pair;
}

void rh_tls_set_release(struct rh_tls_set *set)
{
    struct rh_tls *tls = set->tls;
    set_unref(set);
    rh_tls_unref(tls);
}

SSL_CTX *rh_tls_set_default(const struct rh_tls_set *set)
{
    return set->pairs[0]->context;
}

/* Makes `set` (its pairs are filled in) current, or frees it. Called with the change lock. */
static int set_swap(struct rh_tls *tls, struct rh_tls_set *set)
{
    if (!rh_tls_names_init(set)) {
        set_unref(set);
        return rh_tls_problem_set(&tls->problem, UV_ENOMEM, "out of memory");
    }
    pthread_mutex_lock(&tls->lock);
    struct rh_tls_set *old = tls->current;
    tls->current = set;
    pthread_mutex_unlock(&tls->lock);
    set_unref(old);
    return 0;
}

static void change_begin(struct rh_tls *tls)
{
    pthread_mutex_lock(&tls->change);
    tls->problem.code = 0;
    tls->problem.text[0] = '\0';
}

static int change_end(struct rh_tls *tls, int result)
{
    pthread_mutex_unlock(&tls->change);
    return result;
}

int rh_tls_add_pair(struct rh_tls *tls, const char *cert_file, const char *key_file)
{
    change_begin(tls);
    size_t count = tls->current != NULL ? tls->current->pairs_len : 0;
    struct rh_tls_pair *pair = rh_tls_pair_load(cert_file, key_file, &tls->clients, &tls->problem);
    if (pair == NULL) {
        return change_end(tls, tls->problem.code);
    }
    struct rh_tls_set *set = set_create(tls, count + 1);
    if (set == NULL) {
        rh_tls_pair_unref(pair);
        return change_end(tls, rh_tls_problem_set(&tls->problem, UV_ENOMEM, "out of memory"));
    }
    for (size_t i = 0; i < count; i++) {
        set->pairs[set->pairs_len++] = rh_tls_pair_ref(tls->current->pairs[i]);
    }
    set->pairs[set->pairs_len++] = pair;
    return change_end(tls, set_swap(tls, set));
}

/* Reads every file of the current set again, under the given rules. Called with the change lock. */
static int load_again(struct rh_tls *tls, const struct rh_tls_clients *clients)
{
    size_t count = tls->current != NULL ? tls->current->pairs_len : 0;
    if (count == 0) {
        return 0;
    }
    struct rh_tls_set *set = set_create(tls, count);
    if (set == NULL) {
        return rh_tls_problem_set(&tls->problem, UV_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        const struct rh_tls_pair *old = tls->current->pairs[i];
        struct rh_tls_pair *pair =
            rh_tls_pair_load(old->cert_file, old->key_file, clients, &tls->problem);
        if (pair == NULL) {
            set_unref(set);
            return tls->problem.code;
        }
        set->pairs[set->pairs_len++] = pair;
    }
    return set_swap(tls, set);
}

/* The rules and everything that was loaded under them, replaced together or not at all. */
static int change_rules(struct rh_tls *tls, enum rh_tls_client_auth mode, const char *ca_file)
{
    struct rh_tls_clients clients;
    int result = rh_tls_clients_init(&clients, mode, ca_file, &tls->problem);
    if (result < 0) {
        return rh_tls_problem_set(&tls->problem, result, "out of memory");
    }
    result = load_again(tls, &clients);
    if (result < 0) {
        rh_tls_clients_fini(&clients);
        return result;
    }
    rh_tls_clients_fini(&tls->clients);
    tls->clients = clients;
    return 0;
}

int rh_tls_client_auth(struct rh_tls *tls, const char *ca_file, enum rh_tls_client_auth mode)
{
    change_begin(tls);
    return change_end(tls, change_rules(tls, mode, ca_file));
}

int rh_tls_reload(struct rh_tls *tls)
{
    change_begin(tls);
    return change_end(tls, change_rules(tls, tls->clients.mode, tls->clients.ca_file));
}

const char *rh_tls_error(const struct rh_tls *tls)
{
    return tls->problem.text;
}

bool rh_tls_warning(struct rh_tls *tls, size_t index, char *text, size_t text_bytes)
{
    struct rh_tls_set *set = current_ref(tls);
    bool found = false;
    for (size_t i = 0; set != NULL && i < set->pairs_len && !found; i++) {
        const struct rh_tls_pair *pair = set->pairs[i];
        if (index < pair->warnings_len) {
            snprintf(text, text_bytes, "%s", pair->warnings[index]);
            found = true;
        } else {
            index -= pair->warnings_len;
        }
    }
    set_unref(set);
    return found;
}

bool rh_tls_holds_file(struct rh_tls *tls, uint64_t device, uint64_t inode)
{
    struct rh_tls_set *set = tls != NULL ? current_ref(tls) : NULL;
    bool held = false;
    for (size_t i = 0; set != NULL && i < 2 * set->pairs_len && !held; i++) {
        const struct rh_tls_file *file = &set->pairs[i / 2]->files[i % 2];
        held = (uint64_t)file->device == device && (uint64_t)file->inode == inode;
    }
    set_unref(set);
    return held;
}
