/* An answer that comes from another thread: the handler holds the exchange, the thread posts back
 * to the loop, and only there the exchange is touched. Where the client has left meanwhile,
 * answering is a defined no-op. Try: curl localhost:8080/think */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <rawhttp.h>

struct thought {
    struct rh_exchange *x;
    char result[32];
};

/* On the loop's thread again. */
static void on_ready(struct rh_exchange *x, void *data)
{
    struct thought *thought = data;
    rh_respond_text(x, 200, thought->result);
    free(thought);
}

static void *think(void *argument)
{
    struct thought *thought = argument;
    nanosleep(&(struct timespec){0, 100000000}, NULL);
    for (size_t i = 0; i < sizeof thought->result - 1; i++)
        thought->result[i] = "forty-two\n"[i < 10 ? i : 10];
    /* Not 0: the server was closed, on_ready will never run and the thought is still ours. */
    if (rh_exchange_post(thought->x, on_ready, thought) != 0)
        free(thought);
    return NULL;
}

static void handler(struct rh_exchange *x, void *data)
{
    pthread_t thread;
    struct thought *thought = calloc(1, sizeof *thought);
    (void)data;
    if (thought == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    thought->x = x;
    rh_exchange_hold(x);
    if (pthread_create(&thread, NULL, think, thought) == 0) {
        pthread_detach(thread);
        return;
    }
    free(thought);
    rh_respond_error(x, 503, NULL); /* the final answer ends the hold */
}

int main(int argc, char **argv)
{
    struct rh_app *app = rh_app_create();
    rh_app_get(app, "/think", handler, NULL);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
