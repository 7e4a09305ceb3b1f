/* Late calls: every public function that takes an exchange, made on one that is held, streams or
 * reads its body, after each thing that may happen to it, while its callbacks answer, give the hold
 * back or end the connection. Nobody touches an exchange after its duty has ended; what the library
 * touches, the slabs of an address sanitizer's build see. tests/house/check_late_calls compares the
 * calls with the headers. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rawhttp/app.h"
#include "rawhttp/auth.h"
#include "rawhttp/body.h"
#include "rawhttp/driver.h"
#include "rawhttp/exchange.h"
#include "rawhttp/files.h"
#include "rawhttp/form.h"
#include "rawhttp/login.h"
#include "rawhttp/method.h"
#include "rawhttp/middleware.h"
#include "rawhttp/respond.h"
#include "rawhttp/server.h"
#include "rawhttp/sse.h"
#include "rawhttp/stream.h"
#include "rawhttp/text.h"
#include "rawhttp/tls.h"
#include "rawhttp/value.h"
#include "rawhttp/websocket.h"
#include "server/door.h"

enum keep { HELD, STREAMS, READS, KEEPS };
enum happening { NOTHING, PEER_EOF, RESET, ANSWER_MS, OVERRULED, DRAIN, HAPPENINGS };
enum behaviour { QUIET, ANSWERS, RELEASES, ENDS_CONNECTION, BEHAVIOURS };
enum place { OUTSIDE, INSIDE_CALLBACK, INSIDE_HANDLER, INSIDE_POST, PLACES };

/* What a call does to the duty of whoever makes it. */
enum { ENDS = 1, ON_STREAM = 2, OPENS = 4, ASKS = 8, HOLDS = 16, FAILS = 32 };

struct call {
    const char *name;
    void (*fn)(struct rh_exchange *x);
    unsigned kind;
};

static struct rh_app *app;
static struct rh_driver *driver;
static struct rh_driver_conn *conn;
static struct rh_sse_hub *hub;
static struct rh_value *value;
static struct rh_files *files;

static char folder[] = "/tmp/rawhttp-late-XXXXXX";

static enum keep keep;
static enum happening happening;
static enum behaviour behaviour;
static enum place place;
static const struct call *call;

static struct rh_exchange *kept; /* the handler's, while `owned` */
static bool owned;               /* a hold or a stream is ours to end */
static bool streaming;           /* by rh_stream_end */
static bool called;
static int outcomes; /* hooks that have not run */

/* --- Whose duty it is ----------------------------------------------------------------------- */

static void end_by_answer(struct rh_exchange *x)
{
    owned = false;
    if (streaming) {
        rh_stream_end(x);
    } else {
        rh_respond_text(x, 200, "answered");
    }
}

static void end_connection(void)
{
    if (conn != NULL) {
        rh_driver_reset(conn);
    }
}

/* What every callback of the test does. The exchange may be gone after it. */
static void act(struct rh_exchange *x)
{
    if (place == INSIDE_CALLBACK && !called) {
        called = true;
        if (!(call->kind & (ENDS | ON_STREAM | OPENS | ASKS | HOLDS))) {
            call->fn(x);
        }
    }
    if (behaviour == ENDS_CONNECTION) {
        end_connection();
    } else if (owned && behaviour == ANSWERS) {
        end_by_answer(x);
    } else if (owned && behaviour == RELEASES) {
        owned = false;
        rh_exchange_release(x);
    }
}

static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)reason;
    (void)data;
    act(x);
}

static void on_event(struct rh_exchange *x, void *data)
{
    (void)data;
    act(x);
}

static void on_outcome(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    (void)outcome;
    (void)data;
    if (behaviour == ENDS_CONNECTION) {
        end_connection();
    }
    cr_assert_not_null(rh_request_target(x).base);
    outcomes--;
}

static void watch_outcome(struct rh_exchange *x)
{
    if (rh_exchange_on_outcome(x, on_outcome, NULL) == 0) { /* else it is known */
        outcomes++;
    }
}

static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    (void)x;
    (void)data;
    return piece.len;
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    (void)error;
    (void)data;
    act(x);
}

static void on_whole(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)body;
    on_end(x, error, data);
}

/* In the exchange's arena, as a handler's state would be. */
struct state {
    unsigned closed;
    char bytes[32];
};

static ptrdiff_t pull(void *data, char *out, size_t room)
{
    struct state *state = data;
    (void)room;
    memcpy(out, state->bytes, sizeof state->bytes);
    return state->closed++ == 0 ? (ptrdiff_t)sizeof state->bytes : 0;
}

static void close_state(void *data)
{
    struct state *state = data;
    state->closed++;
    if (behaviour == ENDS_CONNECTION) {
        end_connection();
    }
}

static struct state *make_state(struct rh_exchange *x)
{
    struct state *state = rh_exchange_alloc(x, sizeof *state);
    cr_assert_not_null(state);
    memset(state, 'a', sizeof *state);
    state->closed = 0;
    return state;
}

/* --- The calls ------------------------------------------------------------------------------ */

static const char location[] = "/elsewhere";

#define CALL(name, ...)                            \
    static void call_##name(struct rh_exchange *x) \
    {                                              \
        __VA_ARGS__;                               \
    }

CALL(rh_next, rh_next(x))
CALL(rh_body_whole, rh_body_whole(x, on_whole, NULL))
CALL(rh_body_stream, rh_body_stream(x, on_data, on_end, NULL))
CALL(rh_body_resume, rh_body_resume(x))
CALL(rh_body_length, (void)rh_body_length(x))
CALL(rh_body_limit, rh_body_limit(x, 10))
CALL(rh_request_trailer, (void)rh_request_trailer(x, "T"))
CALL(rh_request_method, (void)rh_request_method(x))
CALL(rh_request_method_name, (void)rh_request_method_name(x))
CALL(rh_request_target, cr_assert(rh_slice_is(rh_request_target(x), "/held?a=b")))
CALL(rh_request_path, (void)rh_request_path(x))
CALL(rh_request_query, (void)rh_request_query(x))
CALL(rh_request_host, (void)rh_request_host(x))
CALL(rh_request_version_major, cr_assert_eq(rh_request_version_major(x), 1))
CALL(rh_request_version_minor, (void)rh_request_version_minor(x))
CALL(rh_request_is_tls, (void)rh_request_is_tls(x))
CALL(rh_request_peer, (void)rh_request_peer(x))
CALL(rh_request_peer_port, (void)rh_request_peer_port(x))
CALL(rh_request_field, (void)rh_request_field(x, "Host"))
CALL(rh_request_list, (void)rh_request_list(x, "Accept"))
CALL(rh_request_fields, (void)rh_request_fields(x))
CALL(rh_request_field_at, struct rh_slice name; struct rh_slice text;
     rh_request_field_at(x, 0, &name, &text))
CALL(rh_request_query_value, cr_assert(rh_slice_is(rh_request_query_value(x, "a"), "b")))
CALL(rh_request_param, (void)rh_request_param(x, "none"))
CALL(rh_request_rest, (void)rh_request_rest(x, 0))
CALL(rh_request_route, (void)rh_request_route(x))
CALL(rh_request_tls, struct rh_tls_peer peer; cr_assert(rh_request_tls(x, &peer) != 0))
CALL(rh_response_set, RH_IGNORE(rh_response_set(x, "X-Late", "1")))
CALL(rh_response_add, RH_IGNORE(rh_response_add(x, "X-Late", "2")))
CALL(rh_response_set_slice, RH_IGNORE(rh_response_set_slice(x, "X-Late", rh_slice_from("3"))))
CALL(rh_respond, rh_respond(x, 200, "text/plain", "late", 4))
CALL(rh_respond_text, rh_respond_text(x, 200, "late"))
CALL(rh_respond_html, rh_respond_html(x, 200, "late"))
CALL(rh_respond_empty, rh_respond_empty(x, 204))
CALL(rh_respond_static, rh_respond_static(x, 200, NULL, location, sizeof location))
CALL(rh_respond_owned, struct state *state = make_state(x);
     rh_respond_owned(x, 200, NULL, state->bytes, sizeof state->bytes, close_state, state))
CALL(rh_respond_error, rh_respond_error(x, 500, "late"))
CALL(rh_respond_redirect, rh_respond_redirect(x, 302, location))
CALL(rh_respond_source, struct state *state = make_state(x);
     struct rh_source *source = rh_exchange_alloc(x, sizeof *source); cr_assert_not_null(source);
     *source = (struct rh_source){pull, close_state, state, RH_LENGTH_UNKNOWN};
     rh_respond_source(x, 200, NULL, source))
CALL(rh_respond_json, rh_respond_json(x, 200, value))
CALL(rh_respond_created, rh_respond_created(x, location, value))
CALL(rh_respond_no_content, rh_respond_no_content(x))
CALL(rh_respond_bad_request, rh_respond_bad_request(x, "late"))
CALL(rh_respond_unauthorized, rh_respond_unauthorized(x, "Basic", "late"))
CALL(rh_respond_forbidden, rh_respond_forbidden(x, "late"))
CALL(rh_respond_not_found, rh_respond_not_found(x, "late"))
CALL(rh_respond_method_not_allowed, rh_respond_method_not_allowed(x, "GET", "late"))
CALL(rh_respond_too_many_requests, rh_respond_too_many_requests(x, 1, "late"))
CALL(rh_respond_internal_error, rh_respond_internal_error(x, "late"))
CALL(rh_respond_bad_gateway, rh_respond_bad_gateway(x, "late"))
CALL(rh_respond_unavailable, rh_respond_unavailable(x, 1, "late"))
CALL(rh_exchange_hold, rh_exchange_hold(x))
CALL(rh_exchange_release, rh_exchange_release(x))
CALL(rh_exchange_on_abort, RH_IGNORE(rh_exchange_on_abort(x, on_abort, NULL)))
CALL(rh_exchange_forget_abort, rh_exchange_forget_abort(x, on_abort, NULL))
CALL(rh_exchange_is_cut, (void)rh_exchange_is_cut(x))
CALL(rh_exchange_on_drain, RH_IGNORE(rh_exchange_on_drain(x, on_event, NULL)))
CALL(rh_exchange_on_outcome, watch_outcome(x))
CALL(rh_exchange_alloc, memset(rh_exchange_alloc(x, 64), 0, 64))
CALL(rh_exchange_format, cr_assert_not_null(rh_exchange_format(x, "%d", 1)))
CALL(rh_exchange_loop, cr_assert_null(rh_exchange_loop(x)))
CALL(rh_exchange_now_ms, (void)rh_exchange_now_ms(x))
CALL(rh_exchange_log, rh_exchange_log(x, RH_LOG_DEBUG, "late"))
CALL(rh_exchange_set_user, rh_exchange_set_user(x, "late"))
CALL(rh_exchange_set_request_id, rh_exchange_set_request_id(x, "late"))
CALL(rh_exchange_post, RH_IGNORE(rh_exchange_post(x, on_event, NULL)))
CALL(rh_exchange_server, cr_assert_null(rh_exchange_server(x)))
CALL(rh_files_serve, rh_files_serve(x, files, 0))
CALL(rh_files_send, rh_files_send(x, files, "file.txt", 200))
CALL(rh_form_read, rh_form_read(x, on_end, NULL))
CALL(rh_form_field, (void)rh_form_field(x, "a"))
CALL(rh_form_field_nth, (void)rh_form_field_nth(x, "a", 1))
CALL(rh_form_count, cr_assert_eq(rh_form_count(x), 0))
CALL(rh_form_error, (void)rh_form_error(x))
CALL(rh_text_read, rh_text_read(x, on_whole, NULL))
CALL(rh_sse_open, rh_sse_open(x, on_event, NULL))
CALL(rh_sse_send, RH_IGNORE(rh_sse_send(x, "e", "1", rh_slice_from("late"))))
CALL(rh_sse_retry, RH_IGNORE(rh_sse_retry(x, 1000)))
CALL(rh_sse_heartbeat, RH_IGNORE(rh_sse_heartbeat(x)))
CALL(rh_sse_last_id, (void)rh_sse_last_id(x))
CALL(rh_sse_hub_subscribe, RH_IGNORE(rh_sse_hub_subscribe(hub, x)))
CALL(rh_websocket_accept, RH_IGNORE(rh_websocket_accept(x, NULL) == NULL))
CALL(rh_login_user, (void)rh_login_user(x))
CALL(rh_login_start, cr_assert(rh_login_start(x, rh_slice_from("late")) != 0))
CALL(rh_login_end, cr_assert(rh_login_end(x) != 0))
CALL(rh_login_next, (void)rh_login_next(x))
CALL(rh_bearer_accept, rh_bearer_accept(x, "late"))
CALL(rh_bearer_reject, rh_bearer_reject(x, "late"))
CALL(rh_bearer_forbid, rh_bearer_forbid(x, "late"))
CALL(rh_source_resume, rh_source_resume(x))
CALL(rh_stream_open, rh_stream_open(x, 200, NULL, RH_LENGTH_UNKNOWN, on_event, NULL))
CALL(rh_stream_write, rh_stream_write(x, "late", 4))
CALL(rh_stream_room, (void)rh_stream_room(x))
CALL(rh_stream_end, rh_stream_end(x))
CALL(rh_stream_fail, rh_stream_fail(x))

#define ROW(name, kind)          \
    {                            \
#name, call_##name, kind \
    }

static const struct call calls[] = {
    ROW(rh_next, ENDS | HOLDS),
    ROW(rh_body_whole, ASKS),
    ROW(rh_body_stream, ASKS),
    ROW(rh_body_resume, 0),
    ROW(rh_body_length, 0),
    ROW(rh_body_limit, 0),
    ROW(rh_request_trailer, 0),
    ROW(rh_request_method, 0),
    ROW(rh_request_method_name, 0),
    ROW(rh_request_target, 0),
    ROW(rh_request_path, 0),
    ROW(rh_request_query, 0),
    ROW(rh_request_host, 0),
    ROW(rh_request_version_major, 0),
    ROW(rh_request_version_minor, 0),
    ROW(rh_request_is_tls, 0),
    ROW(rh_request_peer, 0),
    ROW(rh_request_peer_port, 0),
    ROW(rh_request_field, 0),
    ROW(rh_request_list, 0),
    ROW(rh_request_fields, 0),
    ROW(rh_request_field_at, 0),
    ROW(rh_request_query_value, 0),
    ROW(rh_request_param, 0),
    ROW(rh_request_rest, 0),
    ROW(rh_request_route, 0),
    ROW(rh_request_tls, 0),
    ROW(rh_response_set, 0),
    ROW(rh_response_add, 0),
    ROW(rh_response_set_slice, 0),
    ROW(rh_respond, ENDS),
    ROW(rh_respond_text, ENDS),
    ROW(rh_respond_html, ENDS),
    ROW(rh_respond_empty, ENDS),
    ROW(rh_respond_static, ENDS),
    ROW(rh_respond_owned, ENDS),
    ROW(rh_respond_error, ENDS),
    ROW(rh_respond_redirect, ENDS),
    ROW(rh_respond_source, ENDS),
    ROW(rh_respond_json, ENDS),
    ROW(rh_respond_created, ENDS),
    ROW(rh_respond_no_content, ENDS),
    ROW(rh_respond_bad_request, ENDS),
    ROW(rh_respond_unauthorized, ENDS),
    ROW(rh_respond_forbidden, ENDS),
    ROW(rh_respond_not_found, ENDS),
    ROW(rh_respond_method_not_allowed, ENDS),
    ROW(rh_respond_too_many_requests, ENDS),
    ROW(rh_respond_internal_error, ENDS),
    ROW(rh_respond_bad_gateway, ENDS),
    ROW(rh_respond_unavailable, ENDS),
    ROW(rh_exchange_hold, HOLDS),
    ROW(rh_exchange_release, ENDS | HOLDS | FAILS),
    ROW(rh_exchange_on_abort, 0),
    ROW(rh_exchange_forget_abort, 0),
    ROW(rh_exchange_is_cut, 0),
    ROW(rh_exchange_on_drain, 0),
    ROW(rh_exchange_on_outcome, 0),
    ROW(rh_exchange_alloc, 0),
    ROW(rh_exchange_format, 0),
    ROW(rh_exchange_loop, 0),
    ROW(rh_exchange_now_ms, 0),
    ROW(rh_exchange_log, 0),
    ROW(rh_exchange_set_user, 0),
    ROW(rh_exchange_set_request_id, 0),
    ROW(rh_exchange_post, 0),
    ROW(rh_exchange_server, 0),
    ROW(rh_files_serve, ENDS),
    ROW(rh_files_send, ENDS),
    ROW(rh_form_read, ASKS),
    ROW(rh_form_field, 0),
    ROW(rh_form_field_nth, 0),
    ROW(rh_form_count, 0),
    ROW(rh_form_error, 0),
    ROW(rh_text_read, ASKS),
    ROW(rh_sse_open, OPENS),
    ROW(rh_sse_send, ON_STREAM),
    ROW(rh_sse_retry, ON_STREAM),
    ROW(rh_sse_heartbeat, ON_STREAM),
    ROW(rh_sse_last_id, 0),
    ROW(rh_sse_hub_subscribe, ENDS | OPENS),
    ROW(rh_websocket_accept, ENDS),
    ROW(rh_login_user, 0),
    ROW(rh_login_start, 0),
    ROW(rh_login_end, 0),
    ROW(rh_login_next, 0),
    ROW(rh_bearer_accept, ENDS), /* there is no such middleware */
    ROW(rh_bearer_reject, ENDS),
    ROW(rh_bearer_forbid, ENDS),
    ROW(rh_source_resume, 0),
    ROW(rh_stream_open, OPENS),
    ROW(rh_stream_write, ON_STREAM),
    ROW(rh_stream_room, 0),
    ROW(rh_stream_end, ENDS | ON_STREAM),
    ROW(rh_stream_fail, ENDS | ON_STREAM),
};

/* --- One case ------------------------------------------------------------------------------- */

/* Would it be a mistake of the caller's, which may assert? */
static bool is_misuse(void)
{
    bool is_live = !rh_exchange_is_cut(kept);
    if ((call->kind & ON_STREAM) && !(owned && streaming)) {
        return true;
    }
    if ((call->kind & OPENS) && streaming) {
        return true;
    }
    if ((call->kind & HOLDS) && !owned) {
        return true; /* what was answered is not held again */
    }
    return (call->kind & ASKS) && (is_live || keep == READS); /* once asked, or answered */
}

/* Makes the call where its maker may still touch the exchange. */
static void make_call(void)
{
    if (called || is_misuse()) {
        return;
    }
    called = true;
    if (call->kind & OPENS) {
        streaming = true;
        owned = true;
    }
    if ((call->kind & ENDS) && (!streaming || (call->kind & (ON_STREAM | OPENS | FAILS)))) {
        owned = false;
    }
    call->fn(kept);
}

static void on_post(struct rh_exchange *x, void *data)
{
    (void)data;
    kept = x;
    make_call();
    if (owned) {
        end_by_answer(x);
    }
}

static void hold(struct rh_exchange *x, void *data)
{
    (void)data;
    kept = x;
    cr_assert_eq(rh_exchange_on_abort(x, on_abort, NULL), 0);
    watch_outcome(x);
    cr_assert_eq(rh_exchange_on_drain(x, on_event, NULL), 0);
    if (keep == READS) {
        rh_body_stream(x, on_data, on_end, NULL);
        return;
    }
    owned = true;
    streaming = keep == STREAMS;
    if (streaming) {
        rh_stream_open(x, 200, NULL, RH_LENGTH_UNKNOWN, on_event, NULL);
        rh_stream_write(x, "first", 5);
    } else {
        rh_exchange_hold(x);
    }
    if (place == INSIDE_HANDLER) {
        if (happening == RESET) {
            rh_driver_reset(conn);
        }
        if (owned) {
            make_call();
        }
    }
}

static void behind(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "behind");
}

static void happen(void)
{
    switch (happening) {
    case PEER_EOF:
        rh_driver_eof(conn);
        break;
    case RESET:
        rh_driver_reset(conn);
        break;
    case ANSWER_MS:
        rh_driver_advance(driver, 61000);
        break;
    case OVERRULED:
        if (owned) {
            rh_exchange_overrule(kept, 503, "late");
        }
        break;
    case DRAIN:
        rh_driver_drain(driver);
        break;
    default:
        break;
    }
}

static void settle(void)
{
    while (rh_driver_poll(driver)) {
    }
}

static void run_case(void)
{
    static const char request[] =
        "POST /held?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel";
    owned = streaming = called = false;
    conn = rh_driver_open(driver);
    cr_assert_not_null(conn);
    rh_driver_feed(conn, request, sizeof request - 1);
    if (place == INSIDE_POST && owned) {
        cr_assert_eq(rh_exchange_post(kept, on_post, NULL), 0);
        happen();
        if (owned && !streaming) {
            end_by_answer(kept);
        }
    } else {
        happen();
        if (place == OUTSIDE && owned) {
            make_call();
        }
    }
    settle();
    if (owned) {
        end_by_answer(kept);
    }
    settle();
    rh_driver_forget(conn);
    conn = NULL;
    settle();
    cr_assert_eq(rh_driver_exchanges(driver), 0, "%s: kept %d, happened %d, behaved %d, in %d",
                 call->name, keep, happening, behaviour, place);
    cr_assert_eq(outcomes, 0, "%s: an outcome's hook did not run", call->name);
}

static void begin(void)
{
    struct rh_config config;
    rh_config_init(&config);
    config.connections_max = 4;
    app = rh_app_create();
    hub = rh_sse_hub_create(NULL);
    rh_app_own(app, rh_sse_hub_destroy, hub);
    rh_app_use(app, hold, NULL);
    rh_app_post(app, "/held", behind, NULL);
    rh_app_files(app, "/files", files = rh_files_create(folder, NULL));
    cr_assert_eq(rh_driver_create(&driver, app, &config), 0);
}

static void end(void)
{
    rh_driver_destroy(driver);
    rh_app_unref(app);
}

static void run_calls(void)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        call = &calls[i];
        run_case();
    }
}

static void make_folder(void)
{
    char path[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file.txt", folder);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("late", file);
    fclose(file);
}

static void remove_folder(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/file.txt", folder);
    remove(path);
    rmdir(folder);
}

static void run_all(enum keep how)
{
    make_folder();
    value = rh_value_create();
    keep = how;
    for (happening = 0; happening < HAPPENINGS; happening++) {
        for (behaviour = 0; behaviour < BEHAVIOURS; behaviour++) {
            for (place = 0; place < PLACES; place++) {
                begin();
                run_calls();
                end();
            }
        }
    }
    rh_value_destroy(value);
    remove_folder();
}

Test(late, calls_on_a_held_exchange)
{
    run_all(HELD);
}

Test(late, calls_on_a_stream)
{
    run_all(STREAMS);
}

Test(late, calls_on_one_that_reads_its_body)
{
    run_all(READS);
}
