/* What depends on data is refused and not asserted: names, statuses and addresses that cannot be
 * (docs/guide/aborts.md). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "rawhttp/app.h"
#include "rawhttp/body.h"
#include "rawhttp/driver.h"
#include "rawhttp/exchange.h"
#include "rawhttp/form.h"
#include "rawhttp/respond.h"
#include "rawhttp/server.h"
#include "rawhttp/stream.h"

static struct rh_app *app;
static struct rh_driver *driver;
static char text[4096];

static const char *ask(rh_handler_fn handler, void *data)
{
    app = rh_app_create();
    rh_app_get(app, "/", handler, data);
    cr_assert_eq(rh_driver_create(&driver, app, NULL), 0);
    struct rh_slice answer = rh_driver_ask(driver, "GET /?a=b HTTP/1.1\r\nHost: x\r\n\r\n");
    snprintf(text, sizeof text, "%.*s", (int)answer.len, answer.base);
    rh_driver_destroy(driver);
    rh_app_unref(app);
    return text;
}

/* --- Statuses ------------------------------------------------------------------------------- */

static unsigned frees;

static void count_free(void *data)
{
    (void)data;
    frees++;
}

static ptrdiff_t pull_nothing(void *data, char *out, size_t room)
{
    (void)data;
    (void)out;
    (void)room;
    return 0;
}

static void forward(struct rh_exchange *x, void *data)
{
    rh_respond(x, *(unsigned *)data, "text/plain", "backend", 7);
}

static void forward_owned(struct rh_exchange *x, void *data)
{
    rh_respond_owned(x, *(unsigned *)data, NULL, "backend", 7, count_free, NULL);
}

static void forward_source(struct rh_exchange *x, void *data)
{
    const struct rh_source source = {pull_nothing, count_free, NULL, RH_LENGTH_UNKNOWN};
    rh_respond_source(x, *(unsigned *)data, NULL, &source);
}

static void forward_stream(struct rh_exchange *x, void *data)
{
    rh_stream_open(x, *(unsigned *)data, NULL, RH_LENGTH_UNKNOWN, NULL, NULL);
    rh_stream_write(x, "backend", 7);
    rh_stream_end(x);
}

static void forward_error(struct rh_exchange *x, void *data)
{
    rh_respond_error(x, *(unsigned *)data, "backend");
}

static void forward_redirect(struct rh_exchange *x, void *data)
{
    rh_respond_redirect(x, *(unsigned *)data, "/backend");
}

Test(refused, statuses_that_no_answer_has_become_a_500)
{
    static const rh_handler_fn handlers[] = {forward,        forward_owned, forward_source,
                                             forward_stream, forward_error, forward_redirect};
    unsigned statuses[] = {0, 1, 99, 100, 101, 103, 199, 600, 999, 65736, 4294967295u};
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        for (size_t k = 0; k < sizeof statuses / sizeof statuses[0]; k++) {
            const char *answer = ask(handlers[i], &statuses[k]);
            cr_expect(strncmp(answer, "HTTP/1.1 500 ", 13) == 0, "%zu, %u: %s", i, statuses[k],
                      answer);
            cr_expect_null(strstr(answer, "backend"));
        }
    }
    cr_expect_eq(frees, 2 * sizeof statuses / sizeof statuses[0]);
}

/* --- Absent names and texts ----------------------------------------------------------------- */

static void without_names(struct rh_exchange *x, void *data)
{
    (void)data;
    cr_expect_null(rh_request_field(x, NULL).base);
    cr_expect_null(rh_request_trailer(x, NULL).base);
    cr_expect_null(rh_request_query_value(x, NULL).base);
    cr_expect_null(rh_request_param(x, NULL).base);
    cr_expect_null(rh_form_field(x, NULL).base);
    cr_expect_eq(rh_response_set(x, NULL, "value"), RH_EFIELD);
    cr_expect_eq(rh_response_add(x, NULL, "value"), RH_EFIELD);
    cr_expect_eq(rh_response_set_slice(x, NULL, rh_slice_from("value")), RH_EFIELD);
    cr_expect_eq(rh_response_set(x, "X-Empty", NULL), 0);
    rh_exchange_set_user(x, NULL);
    rh_exchange_set_request_id(x, NULL);
    rh_respond_text(x, 200, NULL);
}

Test(refused, names_that_are_absent_name_nothing)
{
    const char *answer = ask(without_names, NULL);
    cr_expect(strncmp(answer, "HTTP/1.1 200 ", 13) == 0, "%s", answer);
    cr_expect_not_null(strstr(answer, "\r\nX-Empty: \r\n"), "%s", answer);
    cr_expect_not_null(strstr(answer, "\r\nContent-Length: 0\r\n"), "%s", answer);
}

static void to_nowhere(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_redirect(x, 302, NULL);
}

Test(refused, redirects_to_nowhere_become_a_500)
{
    const char *answer = ask(to_nowhere, NULL);
    cr_expect(strncmp(answer, "HTTP/1.1 500 ", 13) == 0, "%s", answer);
}

static void answer_nothing(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_empty(x, 204);
}

static void spoil_pattern(void)
{
    rh_app_get(app, NULL, answer_nothing, NULL);
}

static void spoil_handler(void)
{
    rh_app_get(app, "/", NULL, NULL);
}

static void spoil_method(void)
{
    rh_app_route(app, NULL, "/", answer_nothing, NULL);
}

static void spoil_group(void)
{
    cr_expect_null(rh_app_group(app, NULL, NULL));
}

static void spoil_middleware(void)
{
    rh_app_use(app, NULL, NULL);
}

Test(refused, routes_without_a_pattern_a_handler_or_a_method_spoil_the_app)
{
    static void (*const spoils[])(void) = {spoil_pattern, spoil_handler, spoil_method, spoil_group,
                                           spoil_middleware};
    for (size_t i = 0; i < sizeof spoils / sizeof spoils[0]; i++) {
        app = rh_app_create();
        spoils[i]();
        cr_expect_lt(rh_driver_create(&driver, app, NULL), 0, "%zu", i);
        cr_expect_null(driver);
        rh_app_unref(app);
    }
}

/* --- Servers -------------------------------------------------------------------------------- */

static void on_closed(struct rh_server *server, void *data)
{
    (void)server;
    *(bool *)data = true;
}

Test(refused, servers_without_a_loop_an_address_or_a_time_to_listen)
{
    uv_loop_t loop;
    struct rh_server *server;
    bool closed = false;
    cr_assert_eq(uv_loop_init(&loop), 0);
    app = rh_app_create();
    cr_expect_eq(rh_server_create(&server, NULL, app, NULL), UV_EINVAL);
    cr_expect_not_null(strstr(rh_server_error(server), "without a loop"));
    cr_expect_eq(rh_server_listen(server, "127.0.0.1:0", NULL), RH_ESTATE);
    rh_server_destroy(server);
    cr_assert_eq(rh_server_create(&server, &loop, app, NULL), 0);
    cr_expect_eq(rh_server_listen(server, NULL, NULL), UV_EINVAL);
    cr_expect_eq(rh_server_listen(server, "127.0.0.1:0", NULL), 0);
    rh_server_drain(server, 0, NULL, NULL);
    cr_expect_eq(rh_server_listen(server, "127.0.0.1:0", NULL), RH_ESTATE);
    cr_expect_not_null(strstr(rh_server_error(server), "127.0.0.1:0"), "%s",
                       rh_server_error(server));
    rh_server_close(server, on_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect(closed);
    rh_server_destroy(server);
    rh_app_unref(app);
    cr_expect_eq(uv_loop_close(&loop), 0);
}

Test(refused, nothing_creates_no_app_no_server_and_no_driver)
{
    uv_loop_t loop;
    struct rh_server *server;
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_expect_lt(rh_driver_create(&driver, NULL, NULL), 0);
    cr_expect_lt(rh_server_create(&server, &loop, NULL, NULL), 0);
    rh_server_destroy(server);
    cr_expect_eq(uv_loop_close(&loop), 0);
}

/* --- What aborts ---------------------------------------------------------------------------- */

static char last_line[512];

static void note(void *data, enum rh_log_level level, const char *line)
{
    (void)data;
    (void)level;
    snprintf(last_line, sizeof last_line, "%s", line);
    if (strstr(line, "assertion failed: ") != NULL && strstr(line, "RH_STREAM_OPEN") != NULL) {
        _exit(42);
    }
}

static void write_without_a_stream(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_stream_write(x, "a", 1);
}

Test(refused, not_a_mistake_whose_line_reaches_the_log, .exit_code = 42)
{
    struct rh_config config;
    rh_config_init(&config);
    config.log = note;
    app = rh_app_create();
    rh_app_get(app, "/", write_without_a_stream, NULL);
    cr_assert_eq(rh_driver_create(&driver, app, &config), 0);
    rh_driver_ask(driver, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
}
