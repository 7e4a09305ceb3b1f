/* Who hears that an exchange is aborted: a list, newest first, since a middleware that holds
 * registers before the handler behind it. Whoever is told may register others, take some away, or
 * itself, end its hold, and even close the server, whose cut comes after the hint was told to all.
 * So places never leave the list: one that was taken away is free for the next who comes, and after
 * each call the walk begins anew with those who were not told. Ways to fail: the arena's cap. */
#include "server/exchange/exchange.h"

enum { HINTED = 1, CUT = 2 };

static void tell(struct rh_exchange *x, struct rh_abort_hook *hook, enum rh_abort reason)
{
    hook->told = reason == RH_PEER_EOF ? HINTED : CUT;
    hook->fn(x, reason, hook->data);
}

void rh_exchange_tell_abort(struct rh_exchange *x, enum rh_abort reason)
{
    uint8_t stage = reason == RH_PEER_EOF ? HINTED : CUT;
    struct rh_abort_hook *hook = x->aborts;
    while (hook != NULL) {
        if (hook->fn == NULL || hook->told >= stage) {
            hook = hook->next;
        } else {
            tell(x, hook, reason);
            hook = x->aborts;
        }
    }
}

/* A place that is in no list. */
static struct rh_abort_hook *find_place(struct rh_exchange *x)
{
    for (struct rh_abort_hook **at = &x->aborts; *at != NULL; at = &(*at)->next) {
        struct rh_abort_hook *hook = *at;
        if (hook->fn == NULL) {
            *at = hook->next;
            return hook;
        }
    }
    return rh_arena_alloc(&x->arena, sizeof *x->aborts);
}

/* Any, where `fn` is NULL. */
static void forget(struct rh_exchange *x, rh_abort_fn fn, const void *data)
{
    for (struct rh_abort_hook *hook = x->aborts; hook != NULL; hook = hook->next) {
        if (hook->fn != NULL && (fn == NULL || (hook->fn == fn && hook->data == data))) {
            hook->fn = NULL;
            return;
        }
    }
}

int rh_exchange_on_abort(struct rh_exchange *x, rh_abort_fn fn, void *data)
{
    rh_exchange_assert_thread(x);
    if (fn == NULL) {
        forget(x, NULL, NULL);
        return 0;
    }
    struct rh_abort_hook *hook = find_place(x);
    if (hook == NULL) {
        return RH_ENOROOM;
    }
    *hook = (struct rh_abort_hook){.next = x->aborts, .fn = fn, .data = data};
    x->aborts = hook;
    if (x->cut != 0 || x->peer_eof) {
        rh_exchange_enter(x);
        tell(x, hook, x->cut != 0 ? (enum rh_abort)x->cut : RH_PEER_EOF);
        rh_exchange_leave(x);
    }
    return 0;
}

void rh_exchange_forget_abort(struct rh_exchange *x, rh_abort_fn fn, void *data)
{
    rh_exchange_assert_thread(x);
    forget(x, fn, data);
}
