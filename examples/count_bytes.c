/* A request body as a stream, of any size in no memory: each piece is looked at and let go.
 * Try: curl --data-binary @/bin/sh localhost:8080/count */
#include <inttypes.h>

#include <rawhttp.h>

struct counter {
    uint64_t bytes, lines;
};

/* Returns how much it took; less than everything would pause the peer until rh_body_resume. */
static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    struct counter *counter = data;
    (void)x;
    counter->bytes += piece.len;
    for (size_t i = 0; i < piece.len; i++)
        counter->lines += piece.base[i] == '\n';
    return piece.len;
}

/* Exactly once; never with error 0 where the body broke off. */
static void on_end(struct rh_exchange *x, int error, void *data)
{
    struct counter *counter = data;
    if (error != 0) {
        rh_respond_error(x, error == RH_EBODY_TOO_LARGE ? 413 : 400, rh_strerror(error));
        return;
    }
    const char *text = rh_exchange_format(x, "%" PRIu64 " bytes, %" PRIu64 " lines\n",
                                          counter->bytes, counter->lines);
    rh_respond_text(x, 200, text != NULL ? text : "no memory\n");
}

static void count(struct rh_exchange *x, void *data)
{
    (void)data;
    struct counter *counter =
        rh_exchange_alloc(x, sizeof *counter); /* lives as long as the exchange */
    if (counter == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    *counter = (struct counter){0, 0};
    rh_body_stream(x, on_data, on_end, counter);
}

int main(int argc, char **argv)
{
    struct rh_app *app = rh_app_create();
    rh_app_post(app, "/count", count, NULL);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
