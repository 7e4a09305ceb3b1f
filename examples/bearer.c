/* Bearer tokens: who asks is decided elsewhere, here by a timer that stands for a token service,
 * and the request goes on when the answer comes. Try: curl -i -H 'Authorization: Bearer ada'
 * localhost:8080/me, then 'eve', then nothing.
 */
#include <stdlib.h>

#include <rawhttp.h>
#include <uv.h>

struct question {
    uv_timer_t timer; /* a request to somewhere, in real life */
    struct rh_exchange *x;
    struct rh_slice token;
};

static void free_question(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_answer(uv_timer_t *timer)
{
    struct question *question = timer->data;
    if (rh_slice_is(question->token, "ada"))
        rh_bearer_accept(question->x, "ada");
    else
        rh_bearer_reject(question->x, "nobody knows this token");
    uv_close((uv_handle_t *)timer, free_question);
}

static void verify(struct rh_exchange *x, struct rh_slice token, void *data)
{
    (void)data;
    struct question *question = calloc(1, sizeof *question);
    if (question == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    question->x = x;
    question->token = token; /* as long as the exchange */
    rh_exchange_hold(x);
    uv_timer_init(rh_exchange_loop(x), &question->timer);
    question->timer.data = question;
    uv_timer_start(&question->timer, on_answer, 20, 0);
}

static void me(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "it is you\n");
}

static void robots(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "beep\n");
}

int main(int argc, char **argv)
{
    static const char *const tokens[] = {"r2d2-4711", "c3po-0815", NULL};
    struct rh_app *app = rh_app_create();
    rh_app_get(app, "/me", me, NULL);
    rh_use_bearer(app, rh_app_last(app), "people", verify, NULL);
    rh_app_get(app, "/robots", robots, NULL);
    rh_use_bearer_tokens(app, rh_app_last(app), "robots", tokens);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
