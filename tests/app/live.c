#include "live.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct call {
    struct live *live;
    const char *bytes;
    size_t len;
    uv_async_t done;
};

struct live *live_open(struct rh_app *app)
{
    struct live *live = calloc(1, sizeof *live);
    cr_assert_eq(uv_loop_init(&live->loop), 0);
    int err = rh_server_create(&live->server, &live->loop, app, NULL);
    cr_assert_eq(err, 0, "%s", rh_server_error(live->server));
    rh_app_unref(app);
    err = rh_server_listen(live->server, "127.0.0.1:0", NULL);
    cr_assert_eq(err, 0, "%s", rh_server_error(live->server));
    return live;
}

static void on_closed(struct rh_server *server, void *data)
{
    (void)server;
    *(int *)data = 1;
}

void live_close(struct live *live)
{
    int is_closed = 0;
    rh_server_close(live->server, on_closed, &is_closed);
    uv_run(&live->loop, UV_RUN_DEFAULT);
    cr_assert(is_closed);
    rh_server_destroy(live->server);
    cr_assert_eq(uv_loop_close(&live->loop), 0);
    free(live);
}

static void *client(void *data)
{
    struct call *call = data;
    struct live *live = call->live;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)rh_server_port(live->server, 0)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    live->raw_len = 0;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, call->bytes, call->len, MSG_NOSIGNAL) == (ssize_t)call->len) {
        ssize_t n;
        while (live->raw_len < sizeof live->raw - 1 &&
               (n = recv(fd, live->raw + live->raw_len, sizeof live->raw - 1 - live->raw_len, 0)) > 0) {
            live->raw_len += (size_t)n;
        }
    }
    live->raw[live->raw_len] = '\0';
    close(fd);
    uv_async_send(&call->done);
    return NULL;
}

static void on_done(uv_async_t *async)
{
    uv_close((uv_handle_t *)async, NULL);
    uv_stop(async->loop);
}

void live_send(struct live *live, const void *bytes, size_t len)
{
    pthread_t thread;
    struct call call = {.live = live, .bytes = bytes, .len = len};
    cr_assert_eq(uv_async_init(&live->loop, &call.done, on_done), 0);
    cr_assert_eq(pthread_create(&thread, NULL, client, &call), 0);
    uv_run(&live->loop, UV_RUN_DEFAULT);
    uv_run(&live->loop, UV_RUN_NOWAIT); /* the close of the handle */
    pthread_join(thread, NULL);
    live->status = 0;
    sscanf(live->raw, "HTTP/1.1 %u", &live->status);
    const char *end = strstr(live->raw, "\r\n\r\n");
    live->body = end == NULL ? live->raw + live->raw_len : end + 4;
    live->body_len = live->raw_len - (size_t)(live->body - live->raw);
}

void live_ask(struct live *live, const char *method, const char *target, const char *fields)
{
    char request[8192];
    int len = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
                       method, target, fields == NULL ? "" : fields);
    live_send(live, request, (size_t)len);
}

int live_has(const struct live *live, const char *line)
{
    char text[512];
    snprintf(text, sizeof text, "\r\n%s\r\n", line);
    const char *found = strstr(live->raw, text);
    return found != NULL && found < live->body;
}
