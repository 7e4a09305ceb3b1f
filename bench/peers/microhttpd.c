/* libmicrohttpd as a peer: its fastest set-up on one core, epoll on one thread of its own. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request_data)
{
    struct MHD_Response *pong = data;

    (void)method;
    (void)version;
    (void)upload;
    (void)upload_size;
    if (strcmp(url, "/ping") != 0)
        return MHD_NO;
    /* An answer given in the first call, before the body, ends the connection: wait for the second.
     */
    if (*request_data == NULL) {
        *request_data = data;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, pong);
}

int main(int argc, char **argv)
{
    static char body[] = "pong";
    struct MHD_Response *pong;
    struct MHD_Daemon *daemon;

    if (argc != 2)
        return 2;
    pong = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(pong, "Content-Type", "text/plain");
    MHD_add_response_header(pong, "Server", "rawhttp-uv"); /* as many bytes as the others write */
    daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO,
                              (uint16_t)strtoul(argv[1], NULL, 10), NULL, NULL, on_request, pong,
                              MHD_OPTION_CONNECTION_LIMIT, 19000u, MHD_OPTION_LISTEN_BACKLOG_SIZE,
                              4096u, MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "microhttpd: cannot listen on port %s\n", argv[1]);
        return 1;
    }
    for (;;)
        pause();
}
