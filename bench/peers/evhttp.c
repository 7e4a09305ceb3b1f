/* libevent's evhttp as a peer: one base, one thread, a callback for /ping. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void on_ping(struct evhttp_request *request, void *data)
{
    struct evkeyvalq *fields = evhttp_request_get_output_headers(request);
    struct evbuffer *body = evbuffer_new();

    (void)data;
    evhttp_add_header(fields, "Content-Type", "text/plain");
    evhttp_add_header(fields, "Server", "rawhttp-uv"); /* as many bytes as the others write */
    evbuffer_add_reference(body, "pong", 4, NULL, NULL);
    evhttp_send_reply(request, 200, "OK", body);
    evbuffer_free(body);
}

int main(int argc, char **argv)
{
    struct event_base *base;
    struct evhttp *http;

    if (argc != 2)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    http = evhttp_new(base);
    evhttp_set_cb(http, "/ping", on_ping, NULL);
    if (evhttp_bind_socket(http, "127.0.0.1", (uint16_t)strtoul(argv[1], NULL, 10)) != 0) {
        fprintf(stderr, "evhttp: cannot listen on port %s\n", argv[1]);
        return 1;
    }
    return event_base_dispatch(base);
}
