/* A socket of a service manager is descriptor 3 and on; its name in LISTEN_FDNAMES says what it
 * speaks: "https" and "tls" are HTTPS. */
#include "program/listens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/options/listen.h"

enum { FIRST_INHERITED = 3, INHERITED_MAX = 64 };

static const char *listen_advice(int error)
{
    switch (error) {
    case -EADDRINUSE:
        return "stop the program that has it, or choose another one";
    case -EACCES:
        return "ports below 1024 and folders of others need privileges";
    case -ENOENT:
        return "make the folder of the socket first";
    case -EBADF:
    case -EINVAL:
        return "the descriptor is no listening socket";
    default:
        return "choose another --listen";
    }
}

static int listen_one(struct rh_runner *runner, const char *text, bool wants_tls,
                      struct rh_tls *tls, char *ret_error, size_t error_size)
{
    struct listen_value value;
    struct rh_listen listen;
    rh_listen_init(&listen);
    if (!listen_value_read(text, &value)) {
        snprintf(ret_error, error_size, "--listen: '%.200s' is not an address", text);
        return -1;
    }
    value.is_tls = value.is_tls || wants_tls;
    if (value.is_tls && tls == NULL) {
        snprintf(ret_error, error_size,
                 "cannot listen on %.200s: no certificate is usable: give --cert and --key", text);
        return -1;
    }
    listen.tls = value.is_tls ? tls : NULL;
    if (value.mode >= 0) {
        listen.unix_mode = (unsigned)value.mode;
    }
    int error = rh_runner_listen(runner, value.address, &listen);
    if (error != 0) {
        snprintf(ret_error, error_size, "cannot listen on %.200s: %s: %s", text, rh_strerror(error),
                 listen_advice(error));
    }
    return error != 0 ? -1 : 0;
}

size_t listens_inherited(void)
{
    const char *process = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    if (process == NULL || count == NULL || strtol(process, NULL, 10) != (long)getpid()) {
        return 0;
    }
    long value = strtol(count, NULL, 10);
    return value > 0 && value <= INHERITED_MAX ? (size_t)value : 0;
}

/* True if name number `index` of LISTEN_FDNAMES says HTTPS. */
static bool is_named_tls(size_t index)
{
    const char *name = getenv("LISTEN_FDNAMES");
    for (size_t i = 0; name != NULL && i < index; i++) {
        name = strchr(name, ':');
        name = name != NULL ? name + 1 : NULL;
    }
    size_t length = name != NULL ? strcspn(name, ":") : 0;
    return (length == 5 && strncmp(name, "https", 5) == 0) ||
           (length == 3 && strncmp(name, "tls", 3) == 0);
}

int listens_open(struct rh_runner *runner, const struct options *options, struct rh_tls *tls,
                 char *ret_error, size_t error_size)
{
    size_t inherited = listens_inherited();
    for (size_t i = 0; i < inherited; i++) {
        char text[32];
        snprintf(text, sizeof text, "fd:%zu", FIRST_INHERITED + i);
        if (listen_one(runner, text, is_named_tls(i), tls, ret_error, error_size) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < options->listens.count; i++) {
        if (listen_one(runner, options->listens.items[i], false, tls, ret_error, error_size) != 0) {
            return -1;
        }
    }
    return 0;
}
