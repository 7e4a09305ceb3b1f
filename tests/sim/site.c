#include "sim/site.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "sim/deal.h"
#include "sim/net.h"
#include "sim/peer.h"
#include "sim/request.h"

enum state { SITE_NONE, SITE_OPEN, SITE_DRAINING, SITE_CLOSING, SITE_CLOSED };

static struct rh_server *server;
static struct rh_tls *tls;
static struct rh_sse_hub *hub;
static struct rh_files *files;
static enum state state;
static unsigned posts; /* to the server that have not run */
static bool drain_owed;
static char folder[256];
static char certificate[300];
static char key[300];

struct rh_sse_hub *sim_hub(void)
{
    return hub;
}

struct rh_files *sim_files(void)
{
    return files;
}

/* --- What all runs share ---------------------------------------------------------------------- */

static void write_file(const char *name, size_t len)
{
    char path[400];
    snprintf(path, sizeof path, "%s/site/%s", folder, name);
    FILE *file = fopen(path, "w");
    SIM_CHECK(file != NULL, "cannot write %s", path);
    for (size_t i = 0; i < len; i++) {
        fputc(deal_byte(1, i), file);
    }
    fclose(file);
}

void site_prepare(const char *where)
{
    char path[400];
    snprintf(folder, sizeof folder, "%s", where);
    snprintf(certificate, sizeof certificate, "%s/server.crt", where);
    snprintf(key, sizeof key, "%s/server.key", where);
    snprintf(path, sizeof path, "%s/site", where);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/site/folder", where);
    mkdir(path, 0700);
    write_file("small.txt", 100);
    write_file("page.html", 3000);
    write_file("large.txt", 300000);
    SIM_CHECK(rh_tls_write_dev_cert(certificate, key, NULL, 0) == 0,
              "cannot make a certificate in %s", where);
    tls = rh_tls_create();
    SIM_CHECK(tls != NULL && rh_tls_add_pair(tls, certificate, key) == 0,
              "cannot load the certificate");
}

const char *site_certificate(void)
{
    return certificate;
}

void site_end(void)
{
    rh_tls_unref(tls);
    tls = NULL;
}

/* --- Handlers --------------------------------------------------------------------------------- */

static void handle(struct rh_exchange *x, void *data)
{
    struct rh_slice name = rh_request_param(x, "id");
    struct deal *d = name.base != NULL ? deal_find(request_id_of(name.base, name.len)) : NULL;
    (void)data;
    if (d == NULL || (d->handled && d->hostile)) {
        rh_respond_text(x, 404, "no such deal");
        return;
    }
    SIM_CHECK(!d->handled, "deal %u is handled twice", d->id);
    sim_trace("deal %u: handler", d->id);
    d->x = x;
    d->handled = true;
    d->calls++;
    deal_move(d, PLACE_HANDLER);
    if (!sim_percent(sim.plan.wild) && !d->answered && !d->held && !d->stream_open && !d->asked) {
        deal_answer(d);
    }
    deal_settle(d, PLACE_HANDLER);
    d->calls--;
}

/* NULL: memory or descriptors ran out. */
static struct rh_app *make_app(void)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"};
    struct rh_app *app = rh_app_create();
    struct rh_group *timed = rh_app_group(app, NULL, "/t");
    rh_use_timeout(app, timed, 200);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        rh_app_route(app, methods[i], "/d/:id", handle, NULL);
        rh_group_route(timed, methods[i], "/:id", handle, NULL);
    }
    hub = rh_sse_hub_create(NULL);
    rh_app_own(app, rh_sse_hub_destroy, hub);
    char path[400];
    snprintf(path, sizeof path, "%s/site", folder);
    files = rh_files_create(path, NULL);
    if (files != NULL) {
        rh_app_files(app, "/files", files);
    }
    if (files == NULL || hub == NULL || rh_app_status(app) != 0) {
        rh_app_unref(app);
        return NULL;
    }
    return app;
}

/* --- The server ------------------------------------------------------------------------------- */

static void on_log(void *data, enum rh_log_level level, const char *line)
{
    (void)data;
    sim_trace("log %d: %s", level, line);
}

static void on_access(void *data, const struct rh_access *access)
{
    (void)data;
    sim_trace("access %u %llu", access->status, (unsigned long long)access->bytes_out);
}

static void limit(struct rh_config *config)
{
    config->connections_max = 1 + (uint32_t)sim_pick(12);
    config->head_bytes_max = 2048 + (uint32_t)sim_pick(4000);
    config->target_bytes_max = 1024;
    config->fields_max = 8 + (uint32_t)sim_pick(20);
    config->body_bytes_max = 20000;
    config->body_whole_bytes_max = 8000 + (uint32_t)sim_pick(20000);
    config->body_whole_budget = 60000;
    config->arena_blocks_max = (uint32_t)sim_pick(6);
    config->discard_bytes_max = (uint32_t)sim_pick(20000);
    config->requests_max = (uint32_t)sim_pick(5);
}

static void configure(struct rh_config *config)
{
    rh_config_init(config);
    config->connections_max = 100;
    config->head_ms = 500 + (uint32_t)sim_pick(3000);
    config->body_ms = 500 + (uint32_t)sim_pick(3000);
    config->write_ms = 500 + (uint32_t)sim_pick(3000);
    config->idle_ms = 500 + (uint32_t)sim_pick(10000);
    config->answer_ms = 500 + (uint32_t)sim_pick(5000);
    config->tls_ms = 500 + (uint32_t)sim_pick(3000);
    config->linger_ms = 200 + (uint32_t)sim_pick(2000);
    config->rate_grace_ms = 500 + (uint32_t)sim_pick(3000);
    config->keep_alive = sim_percent(95);
    config->log = sim_percent(50) ? on_log : NULL;
    config->log_level = RH_LOG_DEBUG;
    config->access = sim_percent(30) ? on_access : NULL;
    if (sim.plan.small > 0) {
        limit(config);
    }
}

/* A start may fail when memory or descriptors run out; the next one is calm. */
static bool try_open(uv_loop_t *loop)
{
    struct rh_config config;
    configure(&config);
    struct rh_app *app = make_app(); /* a server says so if there is none */
    int err = rh_server_create(&server, loop, app, &config);
    rh_app_unref(app);
    struct rh_listen secure;
    rh_listen_init(&secure);
    secure.tls = tls;
    if (err == 0) {
        err = rh_server_listen(server, "127.0.0.1:80", NULL);
        err = err == 0 ? rh_server_listen(server, "127.0.0.1:443", &secure) : err;
        if (err != 0) {
            sim_trace("cannot listen: %d", err);
            state = SITE_OPEN;
            site_close();
            return true;
        }
    }
    if (err != 0) {
        sim_trace("cannot create a server: %d", err);
        rh_server_destroy(server);
        server = NULL;
        return false;
    }
    state = SITE_OPEN;
    drain_owed = false;
    return true;
}

void site_open(uv_loop_t *loop)
{
    if (!try_open(loop)) {
        sim.outside++;
        SIM_CHECK(try_open(loop), "a server cannot be created although nothing fails");
        sim.outside--;
    }
}

bool site_listens(void)
{
    return state == SITE_OPEN;
}

static void on_closed(struct rh_server *which, void *data)
{
    (void)data;
    sim_trace("server closed");
    SIM_CHECK(which == server && state == SITE_CLOSING, "a server is closed that was not closing");
    SIM_CHECK(!drain_owed, "the end of a drain was not told before that of the server");
    state = SITE_CLOSED;
}

void site_close(void)
{
    if (state == SITE_OPEN || state == SITE_DRAINING) {
        sim_trace("server closes");
        state = SITE_CLOSING;
        rh_server_close(server, on_closed, NULL);
    }
}

static void on_drained(struct rh_server *which, void *data)
{
    (void)which;
    (void)data;
    sim_trace("server drained");
    SIM_CHECK(drain_owed, "the end of a drain is told twice");
    drain_owed = false;
}

static void on_post(struct rh_server *which, void *data)
{
    (void)data;
    sim_trace("server post");
    SIM_CHECK(which == server && posts > 0, "a post to the server runs twice");
    posts--;
}

static void post(void)
{
    posts++;
    int err = rh_server_post(server, on_post, NULL);
    SIM_CHECK(err == 0 || err == UV_ENOMEM || (err == UV_ECANCELED && state >= SITE_CLOSING),
              "a post to the server is refused: %d", err);
    posts -= err != 0 ? 1 : 0;
}

static void drain(void)
{
    if (state == SITE_OPEN || state == SITE_DRAINING) {
        sim_trace("server drains");
        state = SITE_DRAINING;
        drain_owed = true;
        rh_server_drain(server, sim_pick(3000), on_drained, NULL);
    }
}

void sim_server_move(void)
{
    char text[64];
    if (server == NULL || state == SITE_CLOSED) {
        return;
    }
    switch (sim_pick(12)) {
    case 0:
        site_close();
        break;
    case 1:
        drain();
        break;
    case 2:
        rh_server_lame(server);
        break;
    case 3:
    case 4:
        post();
        break;
    case 5:
        sim.outside++;
        RH_IGNORE(rh_tls_reload(tls));
        sim.outside--;
        break;
    default:
        snprintf(text, sizeof text, "event %llu", (unsigned long long)sim.steps);
        RH_IGNORE(rh_sse_hub_publish(hub, "e", NULL, rh_slice_from(text)));
    }
}

bool site_turn(void)
{
    if (state == SITE_CLOSED) {
        SIM_CHECK(posts == 0, "a post to the server never ran");
        rh_server_destroy(server);
        server = NULL;
        state = SITE_NONE;
    }
    return state != SITE_NONE;
}

void site_check(void)
{
    struct rh_pool_stats pool;
    struct rh_stats stats;
    if (server == NULL || state == SITE_CLOSED) {
        return;
    }
    for (size_t i = 0; rh_server_pool_stats(server, i, &pool) == 0; i++) {
        SIM_CHECK(pool.in_use <= pool.max, "the pool %s holds more than it may", pool.name);
    }
    rh_server_stats(server, &stats);
    SIM_CHECK(net_open_count() <= stats.connections_open + 2,
              "%zu descriptors for %llu connections", net_open_count(),
              (unsigned long long)stats.connections_open);
}

void site_tell(void)
{
    struct rh_pool_stats pool;
    for (size_t i = 0; server != NULL && rh_server_pool_stats(server, i, &pool) == 0; i++) {
        if (pool.in_use > 0) {
            sim_trace("in use: %llu of %s", (unsigned long long)pool.in_use, pool.name);
        }
    }
    for (unsigned i = 0; i < deal_count(); i++) {
        const struct deal *d = deal_find(i);
        if (deal_is_usable(d) || d->threads > 0 || d->posts > 0) {
            sim_trace(
                "deal %u: held %d, stream %d, asked %d, over %d, answered %d, threads %u, posts %u",
                i, d->held, d->stream_open, d->asked, d->over, d->answered, d->threads, d->posts);
        }
    }
}
