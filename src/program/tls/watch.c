/* A stat of each file every few seconds, by libuv off the loop: it follows the symbolic links that
 * certbot swaps, which inotify on the file would miss. A change waits until all is calm for a
 * moment, so that a certificate is not read beside the key of its predecessor; should that happen
 * all the same, the old pair stays and the next change counts. */
#include "program/tls/watch.h"

#include <stdio.h>
#include <time.h>

#include "program/supervisor.h"

enum { INTERVAL_MS = 2000, CALM_MS = 1000, REST_MS = 1000 };

static void on_calm(uv_timer_t *timer)
{
    struct tls_watch *watch = timer->data;
    watch->last_ms = uv_now(timer->loop);
    char state[64];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    supervisor_tell(state);
    tls_setup_reload(watch->setup);
    supervisor_tell("READY=1");
}

void tls_watch_ask(struct tls_watch *watch)
{
    if (!watch->open || uv_is_active((uv_handle_t *)&watch->calm)) {
        return;
    }
    uint64_t now = uv_now(watch->calm.loop);
    uint64_t since = now - watch->last_ms;
    bool rested = watch->last_ms == 0 || since >= REST_MS;
    uv_timer_start(&watch->calm, on_calm, rested ? 0 : REST_MS - since, 0);
}

static void on_change(uv_fs_poll_t *poll, int status, const uv_stat_t *before, const uv_stat_t *now)
{
    struct tls_watch *watch = poll->data;
    (void)before;
    (void)now;
    if (status == 0)
        uv_timer_start(&watch->calm, on_calm, CALM_MS, 0);
}

void tls_watch_open(struct tls_watch *watch, uv_loop_t *loop, struct tls_setup *setup)
{
    *watch = (struct tls_watch){.setup = setup};
    if (setup->tls == NULL || uv_timer_init(loop, &watch->calm) != 0)
        return;
    watch->open = true;
    watch->calm.data = watch;
    uv_unref((uv_handle_t *)&watch->calm);
    for (size_t i = 0; i < 2 * setup->pairs_n; i++) {
        const struct tls_pair *pair = &setup->pairs[i / 2];
        uv_fs_poll_t *poll = &watch->polls[watch->count];
        if (uv_fs_poll_init(loop, poll) != 0)
            return;
        watch->count++;
        poll->data = watch;
        uv_fs_poll_start(poll, on_change, i % 2 == 0 ? pair->cert : pair->key, INTERVAL_MS);
        uv_unref((uv_handle_t *)poll);
    }
}

void tls_watch_close(struct tls_watch *watch)
{
    if (!watch->open)
        return;
    watch->open = false;
    uv_close((uv_handle_t *)&watch->calm, NULL);
    for (size_t i = 0; i < watch->count; i++)
        uv_close((uv_handle_t *)&watch->polls[i], NULL);
}
