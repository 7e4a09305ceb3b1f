/* One datagram to the socket that NOTIFY_SOCKET names: a path, or "@name" in the abstract
 * namespace. What does not arrive is lost: a manager that does not read must not stop the loop. */
#include "program/supervisor.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void supervisor_tell(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = path != NULL ? strlen(path) : 0;
    if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    close(fd);
}

/* The period of the watchdog in milliseconds, if it is meant for this process; else 0. */
static uint64_t watchdog_ms(void)
{
    const char *period = getenv("WATCHDOG_USEC");
    const char *process = getenv("WATCHDOG_PID");
    if (period == NULL || (process != NULL && strtol(process, NULL, 10) != (long)getpid())) {
        return 0;
    }
    return strtoull(period, NULL, 10) / 1000;
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    supervisor_tell("WATCHDOG=1");
}

void supervisor_open(struct supervisor *supervisor, uv_loop_t *loop)
{
    uint64_t period_ms = watchdog_ms();
    char state[64];
    snprintf(state, sizeof state, "READY=1\nMAINPID=%ld", (long)getpid());
    supervisor_tell(state);
    if (period_ms < 2 || uv_timer_init(loop, &supervisor->watchdog) != 0) {
        return;
    }
    supervisor->open = true;
    uv_timer_start(&supervisor->watchdog, on_watchdog, 0, period_ms / 2);
    uv_unref((uv_handle_t *)&supervisor->watchdog);
}

void supervisor_close(struct supervisor *supervisor)
{
    if (supervisor->open) {
        supervisor->open = false;
        uv_close((uv_handle_t *)&supervisor->watchdog, NULL);
    }
}
