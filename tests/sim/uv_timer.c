/* Timers, and the handles that run in each turn. Timers of one instant run in the order in which
 * they were started; idle, prepare and check handles run the last started first, as in libuv. */
#include "sim/uv.h"

#include "util/assert.h"

/* --- Timers ----------------------------------------------------------------------------------- */

struct uvs_timer {
    struct uvs_handle h;
    uv_timer_cb cb;
    uint64_t due_ms;
    uint64_t repeat_ms;
};

static struct uvs_timer *timer_of(const uv_timer_t *timer)
{
    return RH_CONTAINER_OF(uvs_of(timer), struct uvs_timer, h);
}

static void stop(struct uvs_handle *h)
{
    rh_list_remove(&h->link);
    uvs_stop(h);
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
    struct uvs_timer *t = sim_alloc(sizeof *t);
    *t = (struct uvs_timer){.h = {.close = stop}};
    uvs_init(&t->h, loop, (uv_handle_t *)timer, UV_TIMER, "timer");
    return 0;
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
    struct uvs_timer *t = timer_of(timer);
    struct uvs_loop *loop = uvs_loop(&t->h);
    if (t->h.closing || cb == NULL) {
        return UV_EINVAL;
    }
    stop(&t->h);
    t->cb = cb;
    t->due_ms = loop->now_ms + timeout < timeout ? UINT64_MAX : loop->now_ms + timeout;
    t->repeat_ms = repeat;
    struct rh_link *at = loop->timers.prev;
    while (at != &loop->timers &&
           RH_CONTAINER_OF(at, struct uvs_timer, h.link)->due_ms > t->due_ms) {
        at = at->prev;
    }
    rh_list_push_back(at->next, &t->h.link); /* behind `at` */
    uvs_start(&t->h);
    return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
    stop(&timer_of(timer)->h);
    return 0;
}

int64_t uvs_next_timeout(const struct uvs_loop *loop)
{
    if (rh_list_is_empty(&loop->timers)) {
        return -1;
    }
    const struct uvs_timer *t = RH_CONTAINER_OF(loop->timers.next, struct uvs_timer, h.link);
    return t->due_ms > loop->now_ms ? (int64_t)(t->due_ms - loop->now_ms) : 0;
}

void uvs_run_timers(struct uvs_loop *loop)
{
    while (uvs_next_timeout(loop) == 0) {
        struct uvs_timer *t = RH_CONTAINER_OF(loop->timers.next, struct uvs_timer, h.link);
        uv_timer_t *timer = (uv_timer_t *)t->h.handle;
        stop(&t->h);
        if (t->repeat_ms > 0) {
            RH_IGNORE(uv_timer_start(timer, t->cb, t->repeat_ms, t->repeat_ms));
        }
        uvs_enter(loop, "timer", t->h.number);
        t->cb(timer);
        uvs_leave(loop);
    }
}

/* --- Idle, prepare, check --------------------------------------------------------------------- */

struct watcher {
    struct uvs_handle h;
    void (*cb)(uv_handle_t *handle);
};

void uvs_run_watchers(struct rh_link *all)
{
    struct rh_link now;
    rh_list_init(&now);
    while (!rh_list_is_empty(all)) {
        struct rh_link *link = all->next;
        rh_list_remove(link);
        rh_list_push_back(&now, link);
    }
    while (!rh_list_is_empty(&now)) {
        struct rh_link *link = now.next;
        struct watcher *w = RH_CONTAINER_OF(link, struct watcher, h.link);
        rh_list_remove(link);
        rh_list_push_back(all, link);
        struct uvs_loop *loop = uvs_loop(&w->h);
        uvs_enter(loop, w->h.kind, w->h.number);
        w->cb(w->h.handle);
        uvs_leave(loop);
    }
}

static int watcher_init(uv_loop_t *loop, uv_handle_t *handle, uv_handle_type type, const char *kind)
{
    struct watcher *w = sim_alloc(sizeof *w);
    *w = (struct watcher){.h = {.close = stop}};
    uvs_init(&w->h, loop, handle, type, kind);
    return 0;
}

static int watcher_start(void *handle, struct rh_link *all, void (*cb)(uv_handle_t *handle))
{
    struct watcher *w = RH_CONTAINER_OF(uvs_of(handle), struct watcher, h);
    SIM_CHECK(!w->h.closing, "a %s handle is started while it closes", w->h.kind);
    if (!w->h.active) {
        w->cb = cb;
        rh_list_push_back(all->next, &w->h.link);
        uvs_start(&w->h);
    }
    return 0;
}

static int watcher_stop(void *handle)
{
    stop(uvs_of(handle));
    return 0;
}

/* The three kinds differ in nothing but their list. */
#define WATCHER(name, TYPE)                                                \
    int uv_##name##_init(uv_loop_t *loop, uv_##name##_t *handle)           \
    {                                                                      \
        return watcher_init(loop, (uv_handle_t *)handle, TYPE, #name);     \
    }                                                                      \
    int uv_##name##_start(uv_##name##_t *handle, uv_##name##_cb cb)        \
    {                                                                      \
        return watcher_start(handle, &uvs_loop_of(handle->loop)->name,     \
                             (void (*)(uv_handle_t *))(void (*)(void))cb); \
    }                                                                      \
    int uv_##name##_stop(uv_##name##_t *handle)                            \
    {                                                                      \
        return watcher_stop(handle);                                       \
    }

WATCHER(idle, UV_IDLE)
WATCHER(prepare, UV_PREPARE)
WATCHER(check, UV_CHECK)
