/* Templates as they change: a timer on one loop, and a look in the thread pool. A set that does not
 * compile is told of once, and the one before it stays in use. */
#include "program/log/notes.h"
#include "program/demo/demo.h"

enum { INTERVAL_MS = 1000 };

static void look(uv_work_t *work)
{
    struct demo *demo = work->data;
    demo->watch.outcome = rh_templates_refresh(demo->templates);
}

static void on_looked(uv_work_t *work, int status)
{
    struct demo *demo = work->data;
    demo->watch.working = false;
    if (status == 0 && demo->watch.outcome == RH_ETEMPLATE) {
        notes_warn(demo->notes, "%s; the templates in use stay",
                   rh_templates_error(demo->templates));
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct demo *demo = timer->data;
    struct demo_watch *watch = &demo->watch;
    if (!watch->working) { /* else the disk is slow */
        watch->work.data = demo;
        watch->working = uv_queue_work(timer->loop, &watch->work, look, on_looked) == 0;
    }
}

void demo_watch_open(struct demo *demo, uv_loop_t *loop)
{
    struct demo_watch *watch = &demo->watch;
    if (demo->templates == NULL || uv_timer_init(loop, &watch->timer) != 0) {
        return;
    }
    watch->open = true;
    watch->timer.data = demo;
    uv_timer_start(&watch->timer, on_timer, INTERVAL_MS, INTERVAL_MS);
    uv_unref((uv_handle_t *)&watch->timer);
}

void demo_watch_close(struct demo *demo)
{
    struct demo_watch *watch = &demo->watch;
    if (!watch->open) {
        return;
    }
    watch->open = false;
    uv_close((uv_handle_t *)&watch->timer, NULL);
    while (watch->working) {
        uv_run(watch->timer.loop, UV_RUN_ONCE);
    }
}
