/* What a service manager hears: the protocol of sd_notify(3) without its library. */
#ifndef RH_PROGRAM_SUPERVISOR_H
#define RH_PROGRAM_SUPERVISOR_H

#include <stdbool.h>
#include <uv.h>

struct supervisor {
    uv_timer_t watchdog;
    bool open;
};

/* Tells that the server is ready, and, if the manager has a watchdog, that its loop turns, twice in
 * each of its periods. Without NOTIFY_SOCKET these calls do nothing. */
void supervisor_open(struct supervisor *supervisor, uv_loop_t *loop);
/* Closes the timer; its loop must be run once more before it is closed. */
void supervisor_close(struct supervisor *supervisor);

/* Sends "STOPPING=1", "READY=1" or what else the protocol knows. Never blocks. */
void supervisor_tell(const char *state);

#endif
