/* The request body as the answer, piece by piece and with back-pressure: where the client does not
 * read, the answer takes nothing, so the body takes nothing, so the client's sending stops. No size
 * needs more memory than one buffer.
 *
 * A browser's form sends text/plain without its charset (HTML §4.10.22.8), though the bytes are
 * those of the page's: the form of the home page names it in the query. */
#include "program/demo/demo.h"

struct echo {
    bool open; /* the answer has begun */
};

static void on_drained(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_resume(x);
}

/* Opens the answer late: a body that is refused at once can still get its 413. */
static void open_answer(struct rh_exchange *x, struct echo *echo)
{
    struct rh_slice type = rh_request_field(x, "Content-Type");
    if (echo->open)
        return;
    echo->open = true;
    if (rh_slice_is(type, "text/plain") &&
        rh_slice_is(rh_request_query_value(x, "charset"), "utf-8"))
        rh_response_set(x, "Content-Type", "text/plain; charset=utf-8");
    else if (type.base != NULL)
        rh_response_set_slice(x, "Content-Type", type);
    else
        rh_response_set(x, "Content-Type", "application/octet-stream");
    rh_stream_open(x, 200, NULL, rh_body_length(x), on_drained, NULL);
}

static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    open_answer(x, data);
    return rh_stream_write(x, piece.base, piece.len);
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    struct echo *echo = data;
    if (error != 0 && !echo->open) {
        rh_respond_error(x, demo_body_status(error), rh_strerror(error));
        return;
    }
    if (error != 0) {
        rh_stream_fail(x);
        return;
    }
    open_answer(x, echo);
    rh_stream_end(x);
}

static void echo_row(struct rh_exchange *x, void *data)
{
    (void)data;
    struct echo *echo = rh_exchange_alloc(x, sizeof *echo);
    if (echo == NULL) {
        rh_respond_error(x, 503, "no memory for this answer");
        return;
    }
    echo->open = false;
    rh_body_stream(x, on_data, on_end, echo);
}

void demo_echo_add(struct rh_app *app)
{
    rh_app_post(app, "/echo", echo_row, NULL);
}
