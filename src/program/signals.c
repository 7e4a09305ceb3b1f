/* SIGINT and SIGTERM drain and stop, and a second one stops at once. SIGHUP means that the terminal
 * is gone, and then it drains too; otherwise it asks for the certificates to be read again. SIGUSR1
 * reopens the log. */
#include "program/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "program/log/notes.h"
#include "program/supervisor.h"

/* A process that was started on a terminal can open it as /dev/tty for as long as it is there. */
static bool terminal_is_there(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static void stop(struct signals *signals)
{
    if (!signals->stopping) {
        supervisor_tell("STOPPING=1");
        notes_line(&signals->logs->notes, "Shutting down…");
    }
    signals->stopping = true;
    /* The second call cuts what is still in flight. */
    rh_runner_drain(signals->runner, signals->delay_ms, signals->grace_ms);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;
    switch (number) {
    case SIGINT:
    case SIGTERM:
        stop(signals);
        break;
    case SIGHUP:
        if (!signals->had_terminal || terminal_is_there())
            tls_watch_ask(signals->watch);
        else if (!signals->stopping)
            stop(signals);
        break;
    case SIGUSR1:
        logs_reopen(signals->logs);
        break;
    }
}

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int signals_open(struct signals *signals, struct rh_runner *runner, struct logs *logs,
                 struct tls_watch *watch, uint64_t delay_ms, uint64_t grace_ms)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    *signals = (struct signals){
        .runner = runner,
        .logs = logs,
        .watch = watch,
        .delay_ms = delay_ms,
        .grace_ms = grace_ms,
        .had_terminal = terminal_is_there(),
    };
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        /* Under nohup SIGHUP is ignored on purpose; uv_signal would undo that. */
        if (numbers[i] == SIGHUP && is_ignored(SIGHUP))
            continue;
        uv_signal_t *handle = &signals->handles[signals->open];
        int error = uv_signal_init(rh_runner_loop(runner), handle);
        if (error != 0)
            return error;
        signals->open++;
        handle->data = signals;
        error = uv_signal_start(handle, on_signal, numbers[i]);
        if (error != 0)
            return error;
        uv_unref((uv_handle_t *)handle);
    }
    return 0;
}

void signals_close(struct signals *signals)
{
    for (size_t i = 0; i < signals->open; i++)
        uv_close((uv_handle_t *)&signals->handles[i], NULL);
    signals->open = 0;
}
