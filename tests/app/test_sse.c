/* Server-sent events through the driver: what a browser would read. */
#include <criterion/criterion.h>
#include <string.h>

#include <rawhttp.h>

static int (*say)(struct rh_exchange *x);

static void events(struct rh_exchange *x, void *data)
{
    int *ret_result = data;
    rh_sse_open(x, NULL, NULL);
    *ret_result = say(x);
    rh_stream_end(x);
}

/* The body that `fn` makes, in chunks as they are on the wire. */
static const char *body_of(int (*fn)(struct rh_exchange *x), const char *request, int *ret_result)
{
    static char text[65536];
    struct rh_app *app = rh_app_create();
    struct rh_driver *driver;
    say = fn;
    rh_app_get(app, "/events", events, ret_result);
    cr_assert_eq(rh_driver_create(&driver, app, NULL), 0);
    struct rh_slice answer = rh_driver_ask(driver, request);
    cr_assert_lt(answer.len, sizeof text);
    memcpy(text, answer.base, answer.len);
    text[answer.len] = '\0';
    rh_driver_destroy(driver);
    rh_app_unref(app);
    return text;
}

static const char request[] = "GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 41\r\n\r\n";

static int one_event(struct rh_exchange *x)
{
    return rh_sse_send(x, "counter", "42", rh_slice_from("one"));
}

Test(sse, an_event_has_its_three_lines_and_an_empty_one)
{
    int result = -1;
    const char *text = body_of(one_event, request, &result);
    cr_assert_eq(result, 0);
    cr_assert_not_null(strstr(text, "event: counter\nid: 42\ndata: one\n\n"), "%s", text);
    cr_assert_not_null(strstr(text, "Content-Type: text/event-stream\r\n"), "%s", text);
    cr_assert_not_null(strstr(text, "Cache-Control: no-store\r\n"), "%s", text);
}

static int line_breaks(struct rh_exchange *x)
{
    return rh_sse_send(x, NULL, NULL, rh_slice_from("a\nb\r\nc\rd\n"));
}

Test(sse, line_breaks_in_data_become_data_lines)
{
    int result = -1;
    const char *text = body_of(line_breaks, request, &result);
    cr_assert_eq(result, 0);
    cr_assert_not_null(strstr(text, "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"), "%s", text);
}

static int smuggled(struct rh_exchange *x)
{
    int by_event = rh_sse_send(x, "a\ndata: fake", NULL, rh_slice_from("x"));
    int by_id = rh_sse_send(x, NULL, "1\rdata: fake", rh_slice_from("x"));
    return by_event == RH_EFIELD && by_id == RH_EFIELD ? 0 : -1;
}

Test(sse, names_and_ids_can_not_smuggle_lines)
{
    int result = -1;
    const char *text = body_of(smuggled, request, &result);
    cr_assert_eq(result, 0);
    cr_assert_null(strstr(text, "fake"), "%s", text);
}

static int until_full(struct rh_exchange *x)
{
    static char big[3000];
    int sent = 0;
    memset(big, 'x', sizeof big);
    while (rh_sse_send(x, NULL, NULL, (struct rh_slice){big, sizeof big}) == 0)
        sent++;
    return sent;
}

Test(sse, what_does_not_fit_is_left_out_whole)
{
    int sent = 0;
    const char *text = body_of(until_full, request, &sent);
    int whole = 0;
    for (const char *at = strstr(text, "data: "); at != NULL; at = strstr(at + 1, "data: "))
        whole++;
    cr_assert_gt(sent, 0);
    cr_assert_lt(sent, 1000, "the buffer is bounded");
    cr_assert_eq(whole, sent);
}

static int others(struct rh_exchange *x)
{
    cr_assert(rh_slice_is(rh_sse_last_id(x), "41"));
    return rh_sse_retry(x, 1500) == 0 && rh_sse_heartbeat(x) == 0 ? 0 : -1;
}

Test(sse, retry_heartbeat_and_last_id)
{
    int result = -1;
    const char *text = body_of(others, request, &result);
    cr_assert_eq(result, 0);
    cr_assert_not_null(strstr(text, "retry: 1500\n\n"), "%s", text);
    cr_assert_not_null(strstr(text, ":\n\n"), "%s", text);
}
