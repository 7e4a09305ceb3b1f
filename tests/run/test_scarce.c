/* Memory runs out, at each allocation in turn: what was asked for is refused with an error, what
 * runs goes on, and nothing stays behind. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rawhttp.h"
#include "rh-build.h"
#include "server/tls_client.h"
#include "support/cert_folder.h"
#include "support/door.h"
#include "support/loop.h"
#include "support/scarce.h"

__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

static char folder[64];
static struct cert_folder certs;
static struct rh_config config;

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    rh_config_init(&config);
    config.connections_max = 4;
#if RH_SLAB_MALLOC /* who finds no buffer waits until one is given back, or its deadline */
    config.head_ms = config.body_ms = config.write_ms = config.idle_ms = 500;
#endif
    config.body_whole_budget = 4 << 20;
    snprintf(folder, sizeof folder, "/tmp/rh-scarce-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    write_file("index.html",
               "{{#list}}<p title=\"{{a}}\">{{b}}</p>{{/list}}{{>_part}}{{^none}}none{{/none}}");
    write_file("_part.html", "<i>{{a}}</i>\n  {{a}}\n");
    write_file("plain.txt", "{{a.b.c}} {{json a}}");
}

static void tear_down(void)
{
    char command[80];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    if (certs.ca != NULL) {
        cert_folder_fini(&certs);
        memset(&certs, 0, sizeof certs); /* a pointer to a freed key would hide a leak */
    }
    if (__lsan_do_recoverable_leak_check != NULL) { /* also what libuv and OpenSSL hold for us */
        cr_assert_eq(__lsan_do_recoverable_leak_check(), 0);
    }
}

TestSuite(scarce, .init = set_up, .fini = tear_down, .timeout = 120);

/* --- An app --------------------------------------------------------------------------------- */

static void pong(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

static void pass(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_next(x);
}

static void use_everything(struct rh_app *app, struct rh_group *group)
{
    static const char *const everybody[] = {"https://a.example", NULL};
    static const char *const proxies[] = {"10.0.0.0/8", "unix", NULL};
    struct rh_cors cors;
    struct rh_proxies trust;
    struct rh_security security;
    struct rh_rate rate;
    rh_cors_init(&cors);
    cors.origins = everybody;
    rh_proxies_init(&trust);
    trust.trusted = proxies;
    rh_security_init(&security);
    security.hsts_seconds = 1;
    rh_rate_init(&rate);
    rh_use_request_id(app, group, 1);
    rh_use_proxies(app, group, &trust);
    rh_use_security(app, group, &security);
    rh_use_cors(app, group, &cors);
    rh_use_rate_limit(app, group, &rate);
    rh_use_body_limit(app, group, 1000);
    rh_use_timeout(app, group, 1000);
}

static unsigned freed; /* by rh_app_own */

static void count_freed(void *data)
{
    (void)data;
    freed++;
}

static struct rh_app *make_app(void)
{
    struct rh_app *app = rh_app_create();
    freed = 0;
    rh_app_own(app, count_freed, &freed);
    use_everything(app, NULL);
    struct rh_group *api = rh_app_group(app, NULL, "/api");
    struct rh_group *inner = rh_app_group(app, api, "/v1");
    rh_group_use(api, pass, NULL);
    use_everything(app, inner);
    for (unsigned i = 0; i < 60; i++) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "/literal-%u/:param/%u", i, i);
        rh_app_get(app, pattern, pong, NULL);
        snprintf(pattern, sizeof pattern, "/plain/%u", i);
        rh_group_route(inner, "POST", pattern, pong, NULL);
        rh_app_use_last(app, pass, NULL);
    }
    rh_app_get(app, "/all/*rest", pong, NULL);
    rh_use_body_limit(app, rh_app_last(app), 10);
    rh_app_get(app, "/", pong, NULL);
    rh_app_not_found(app, pong, NULL);
    rh_app_error_page(app, 404, "<p>none</p>", 11);
    return app;
}

static int try_app(void)
{
    struct rh_app *app = make_app();
    int status = rh_app_status(app);
    scarce_end();
    if (status != 0) {
        cr_expect_eq(status, UV_ENOMEM);
        cr_expect(strstr(rh_app_error(app), "out of memory") != NULL, "%s", rh_app_error(app));
    }
    rh_app_unref(app);
    cr_expect_eq(freed, 1, "what the app was given is freed once");
    return status;
}

Test(scarce, memory_fails_an_app_with_its_text)
{
    scarce_at_each(try_app, true);
}

static int try_files(void)
{
    struct rh_files_options options;
    struct rh_app *app = rh_app_create();
    rh_files_options_init(&options);
    options.not_found = "index.html";
    rh_app_files(app, "/assets/", rh_files_create(folder, &options));
    int status = rh_app_status(app);
    rh_app_unref(app);
    return status;
}

Test(scarce, memory_fails_a_folder_of_files)
{
    scarce_at_each(try_files, true);
}

/* --- A server and its loop ------------------------------------------------------------------ */

static uv_loop_t loop;
static struct rh_server *server;

static void set_flag(struct rh_server *s, void *data)
{
    (void)s;
    *(int *)data = 1;
}

static void close_server(uv_loop_t *on, struct rh_server *s, int err)
{
    static int closed;
    closed = 0;
    scarce_end();
    if (err == 0) {
        rh_server_close(s, set_flag, &closed);
        cr_assert(loop_until_flag(on, &closed, 2000));
    }
    rh_server_destroy(s);
    loop_close(on);
}

static int try_server(void)
{
    struct test_door door;
    test_door_init(&door, pong, NULL);
    cr_assert_eq(uv_loop_init(&loop), 0);
    int err = rh_server_create(&server, &loop, test_door_app(&door), &config);
    int outcome = err;
    if (err == 0) {
        outcome = rh_server_listen(server, "localhost:0", NULL);
    }
    if (outcome < 0) {
        cr_expect_eq(outcome, UV_ENOMEM);
        cr_expect_neq(rh_server_error(server)[0], '\0');
    }
    close_server(&loop, server, err);
    cr_expect_eq(door.references, 0);
    return outcome;
}

Test(scarce, memory_fails_a_server_or_its_listening)
{
    scarce_at_each(try_server, true);
}

static int try_runner(void)
{
    struct test_door door;
    struct rh_runner *runner;
    test_door_init(&door, pong, NULL);
    int err = rh_runner_create(&runner, test_door_app(&door), &config, 2);
    if (err == 0) {
        err = rh_runner_listen(runner, "127.0.0.1:0", NULL);
    }
    if (err < 0) {
        cr_expect_neq(rh_runner_error(runner)[0], '\0');
    }
    rh_runner_destroy(runner);
    cr_expect_eq(door.references, 0);
    return err;
}

Test(scarce, memory_fails_a_runner)
{
    scarce_at_each(try_runner, true);
}

/* --- TLS ------------------------------------------------------------------------------------ */

static void make_certs(void)
{
    cert_folder_init(&certs);
    cert_folder_add(&certs, "a", "DNS:a.example,DNS:*.b.example", 86400);
    cert_folder_add(&certs, "b", "DNS:c.example", 86400);
}

static int add_pair(struct rh_tls *tls, const char *name)
{
    char cert[32];
    char key[32];
    snprintf(cert, sizeof cert, "%s.crt", name);
    snprintf(key, sizeof key, "%s.key", name);
    return rh_tls_add_pair(tls, cert_folder_path(&certs, cert), cert_folder_path(&certs, key));
}

static int try_tls(void)
{
    struct rh_tls *tls = rh_tls_create();
    if (tls == NULL) {
        return UV_ENOMEM;
    }
    int err = add_pair(tls, "a");
    err = err == 0 ? add_pair(tls, "b") : err;
    err = err == 0
              ? rh_tls_client_auth(tls, cert_folder_path(&certs, "ca.crt"), RH_TLS_CLIENT_OPTIONAL)
              : err;
    err = err == 0 ? rh_tls_reload(tls) : err;
    if (err < 0) {
        cr_expect_eq(err, UV_ENOMEM);
        cr_expect(strstr(rh_tls_error(tls), "memory") != NULL, "%s", rh_tls_error(tls));
    }
    rh_tls_unref(tls);
    return err;
}

Test(scarce, memory_fails_the_loading_of_certificates)
{
    make_certs();
    scarce_at_each(try_tls, true);
}

/* --- While a server runs -------------------------------------------------------------------- */

static struct rh_tls *served;
static struct rh_templates *pages;
static struct rh_sse_hub *hub;
static void begin_server(struct rh_app *app)
{
    struct rh_listen how;
    scarce_pause();
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(rh_server_create(&server, &loop, app, &config), 0, "%s", rh_server_error(server));
    rh_listen_init(&how);
    cr_assert_eq(rh_server_listen(server, "127.0.0.1:0", &how), 0);
    how.tls = served;
    cr_assert(served == NULL || rh_server_listen(server, "127.0.0.1:0", &how) == 0);
}

/* Whether a new client is answered, where memory is scarce while the server takes it and its first
 * bytes. */
static bool greets(bool is_scarce)
{
    struct tls_client client;
    tls_client_open(&client, NULL, rh_server_port(server, 1), 0, 0);
    tls_client_pump(&client);
    if (is_scarce) {
        scarce_resume();
    }
    loop_run_ms(&loop, 5);
    scarce_pause();
    bool open = tls_client_shake(&client, &loop);
    if (open) {
        tls_client_say(&client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        open = tls_client_until(&client, &loop, "pong", 2000);
    }
    cr_assert(open || client.end != 0, "it is neither served nor ended");
    tls_client_free(&client);
    return open;
}

static int try_connection(void)
{
    struct test_door door;
    scarce_pause();
    test_door_init(&door, pong, NULL);
    begin_server(test_door_app(&door));
    bool open = greets(true);
    cr_expect(greets(false), "the next one is served");
    close_server(&loop, server, 0);
    return open ? 0 : UV_ENOMEM;
}

Test(scarce, memory_ends_a_connection_and_not_the_server)
{
    make_certs();
    served = rh_tls_create();
    cr_assert_eq(add_pair(served, "a"), 0);
    scarce_at_each(try_connection,
                   RH_SLAB_MALLOC == 0); /* pools on malloc: a buffer that fails is waited for */
    rh_tls_unref(served);
}

static void long_text(struct rh_exchange *x, void *data)
{
    static char text[8000];
    (void)data;
    memset(text, 'x', sizeof text - 1);
    rh_respond_text(x, 200, text);
}

static void on_json(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    struct rh_json_error what;
    (void)data;
    struct rh_value *value = error < 0 ? NULL : rh_json_parse(body, NULL, &what);
    if (value == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    rh_respond_json(x, 200, value);
    rh_value_destroy(value);
}

static void json(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_body_whole(x, on_json, NULL);
}

static int append(void *data, const char *bytes, size_t len)
{
    char *text = data;
    size_t at = strlen(text);
    if (at + len >= 4096) {
        return -1;
    }
    memcpy(text + at, bytes, len);
    text[at + len] = '\0';
    return 0;
}

static void page(struct rh_exchange *x, void *data)
{
    char text[4096] = "";
    (void)data;
    struct rh_value *value = rh_value_create();
    struct rh_value *list = rh_value_set_list(value, "list");
    for (unsigned i = 0; i < 100; i++) {
        rh_value_set_text(rh_value_add_map(list), "a", "b");
    }
    int err = rh_value_is_whole(value)
                  ? rh_templates_render(pages, "plain.txt", value, append, text)
                  : -1;
    rh_value_destroy(value);
    if (err < 0) {
        rh_respond_error(x, 503, NULL);
    } else {
        rh_respond_text(x, 200, text);
    }
}

static void events(struct rh_exchange *x, void *data)
{
    (void)data;
    if (rh_sse_hub_subscribe(hub, x) < 0) {
        return;
    }
    (void)rh_sse_hub_publish(hub, "news", NULL, rh_slice_from("something"));
}

#define ASK(line, fields) line " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" fields "\r\n"

struct request {
    const char *text;
    const char *ending; /* of the answer where it does not end the connection */
};

static const struct request requests[] = {
    {ASK("GET /pong", "Origin: https://a.example\r\n"), NULL},
    {ASK("GET /long", "Accept-Encoding: gzip\r\n"), NULL},
    {ASK("GET /page", ""), NULL},
    {ASK("GET /none", "Accept: application/json\r\n"), NULL},
    {ASK("GET /assets/page.html", "Accept-Encoding: gzip\r\n"), NULL},
    {ASK("GET /assets/", ""), NULL},
    {ASK("GET /assets/none", ""), NULL},
    {ASK("POST /json", "Content-Length: 13\r\n") "{\"a\":[1,\"b\"]}", NULL},
    {ASK("GET /events", ""), "data: something\n\n\r\n"},
};

static const struct request *request; /* the one that is tried */

static struct rh_app *site(void)
{
    struct rh_files_options options;
    struct rh_app *app = rh_app_create();
    rh_files_options_init(&options);
    options.listing = 1;
    use_everything(app, NULL);
    rh_app_compress(app, NULL);
    rh_app_get(app, "/pong", pong, NULL);
    rh_app_get(app, "/long", long_text, NULL);
    rh_app_get(app, "/page", page, NULL);
    rh_app_post(app, "/json", json, NULL);
    rh_app_get(app, "/events", events, NULL);
    rh_app_files(app, "/assets", rh_files_create(folder, &options));
    cr_assert_eq(rh_app_status(app), 0, "%s", rh_app_error(app));
    return app;
}

/* The status, or 0 where the connection ended without an answer. */
static int asks(bool is_scarce)
{
    static char text[65536];
    int end;
    int fd = peer_connect(rh_server_port(server, 0));
    cr_assert_eq(send(fd, request->text, strlen(request->text), MSG_NOSIGNAL),
                 (ssize_t)strlen(request->text));
    if (is_scarce) {
        scarce_resume();
    }
    size_t len = peer_receive(&loop, fd, text, sizeof text, request->ending,
                              is_scarce && request->ending != NULL ? 100 : 3000, &end);
    scarce_pause();
    cr_assert(end != 0 || request->ending != NULL, "no end: %s", request->text);
    peer_reset(fd);
    loop_run_ms(&loop, 2);
    return len > 12 ? atoi(text + 9) : 0;
}

static int try_request(void)
{
    scarce_pause();
    struct rh_app *app = site();
    hub = rh_sse_hub_create(NULL);
    begin_server(app);
    int scarce = asks(true);
    int again = asks(false);
    cr_expect(scarce == again || scarce == 0 || scarce >= 500, "%d and not %d: %s", scarce, again,
              request->text);
    cr_expect(again == 200 || again == 404, "%d with enough memory: %s", again, request->text);
    close_server(&loop, server, 0);
    rh_app_unref(app);
    rh_sse_hub_destroy(hub);
    return 0;
}

Test(scarce, memory_ends_a_request_and_not_the_server)
{
    static char html[20000];
    memset(html, 'x', sizeof html - 1);
    write_file("page.html", html);
    pages = rh_templates_create(NULL, 0);
    cr_assert_eq(rh_templates_add(pages, "plain.txt", rh_slice_from("{{#list}}{{a}}{{/list}}")), 0);
    cr_assert_eq(rh_templates_compile(pages), 0);
    for (unsigned i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        request = &requests[i];
        scarce_at_each(try_request, false);
    }
    rh_templates_destroy(pages);
}

/* The server ends without a second request: what was never made is not destroyed. */
static int try_only_request(void)
{
    scarce_pause();
    struct rh_app *app = site();
    hub = rh_sse_hub_create(NULL);
    begin_server(app);
    asks(true);
    close_server(&loop, server, 0);
    rh_app_unref(app);
    rh_sse_hub_destroy(hub);
    return 0;
}

Test(scarce, memory_for_what_a_server_keeps_may_never_come)
{
    static const struct request only[] = {
        {ASK("GET /assets/index.html", ""), NULL},
        {ASK("GET /long", "Accept-Encoding: gzip\r\n"), NULL},
        {ASK("GET /pong", "Origin: https://a.example\r\n"), NULL},
    };
    for (unsigned i = 0; i < sizeof only / sizeof only[0]; i++) {
        request = &only[i];
        scarce_at_each(try_only_request, false);
    }
}

/* --- Templates and values ------------------------------------------------------------------- */

static int try_templates(void)
{
    struct rh_templates *set = rh_templates_create(folder, 0);
    if (set == NULL) {
        return UV_ENOMEM;
    }
    const char *error = rh_templates_error(set);
    scarce_end();
    cr_expect(error == NULL || strstr(error, "out of memory") != NULL, "%s", error);
    int outcome = error != NULL ? UV_ENOMEM : 0;
    rh_templates_destroy(set);
    return outcome;
}

Test(scarce, memory_fails_the_loading_of_templates)
{
    scarce_at_each(try_templates, true);
}

static int try_value(void)
{
    struct rh_value *value = rh_value_create();
    struct rh_value *list = rh_value_set_list(value, "list");
    for (unsigned i = 0; i < 300; i++) {
        rh_value_add_text(list, "a text that takes some room");
        rh_value_set_int(rh_value_add_map(list), "number", i);
    }
    int outcome = rh_value_is_whole(value) ? 0 : UV_ENOMEM;
    rh_value_destroy(value);
    return outcome;
}

Test(scarce, memory_makes_a_value_that_says_that_it_is_not_whole)
{
    scarce_at_each(try_value, true);
}
