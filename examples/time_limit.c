/* A time limit for one route: the peer gets a 503 in time, and the handler, which knows nothing of
 * it, may be as late as it likes. Try: curl -i localhost:8080/slow (half a second, of which it gets
 * a tenth)
 */
#include <stdlib.h>

#include <rawhttp.h>
#include <uv.h>

struct job {
    uv_timer_t timer; /* something slow, in real life */
    struct rh_exchange *x;
};

static void free_job(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_timer(uv_timer_t *timer)
{
    struct job *job = timer->data;
    rh_respond_text(job->x, 200,
                    "at last\n"); /* does nothing but end the hold where the time was over */
    uv_close((uv_handle_t *)timer, free_job);
}

static void slow(struct rh_exchange *x, void *data)
{
    (void)data;
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    job->x = x;
    rh_exchange_hold(x);
    uv_timer_init(rh_exchange_loop(x), &job->timer);
    job->timer.data = job;
    uv_timer_start(&job->timer, on_timer, 500, 0);
}

int main(int argc, char **argv)
{
    struct rh_app *app = rh_app_create();
    rh_app_get(app, "/slow", slow, NULL);
    rh_use_timeout(app, rh_app_last(app), 100);
    rh_app_get(app, "/patient", slow, NULL);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
