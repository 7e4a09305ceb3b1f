/* A stat of each file every few seconds, by libuv off the loop: it follows the symbolic links that
 * certbot swaps, which inotify on the file would miss. A change waits until all is calm for a
 * moment, so that a certificate is not read beside the key of its predecessor; should that happen
 * all the same, the old pair stays and the next change counts. */
#include "program/tls_watch.h"

enum { INTERVAL_MS = 2000, CALM_MS = 1000 };

static void on_calm(uv_timer_t *timer)
{
    struct tls_watch *watch = timer->data;
    tls_setup_reload(watch->setup, watch->color);
}

static void on_change(uv_fs_poll_t *poll, int status, const uv_stat_t *before, const uv_stat_t *now)
{
    struct tls_watch *watch = poll->data;
    (void)before;
    (void)now;
    if (status == 0)
        uv_timer_start(&watch->calm, on_calm, CALM_MS, 0);
}

void tls_watch_open(struct tls_watch *watch, uv_loop_t *loop, struct tls_setup *setup, bool color)
{
    *watch = (struct tls_watch){.setup = setup, .color = color};
    if (setup->tls == NULL || uv_timer_init(loop, &watch->calm) != 0)
        return;
    watch->open = true;
    watch->calm.data = watch;
    uv_unref((uv_handle_t *)&watch->calm);
    for (size_t i = 0; i < setup->loaded_count; i++) {
        uv_fs_poll_t *poll = &watch->polls[watch->count];
        if (uv_fs_poll_init(loop, poll) != 0)
            return;
        watch->count++;
        poll->data = watch;
        uv_fs_poll_start(poll, on_change, setup->loaded[i], INTERVAL_MS);
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
