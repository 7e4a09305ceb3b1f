/* The log writer. Happy path: `add` copies into the batch and wakes the thread, which puts an empty
 * batch in its place, writes the full one in one call with the lock released, and sleeps again. It
 * fails by dropping lines (batch full) or by a failed write, which loses that batch and is told
 * once to another writer. It writes in pieces, so that the end can tell a slow reader, who still
 * takes bytes, from one who reads no more. */
#include "program/log/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_BYTES = 1 << 20, PIECE_BYTES = 16 << 10, GATHER_NS = 1000000, END_ROUNDS_MAX = 10 };

struct log_writer {
    pthread_mutex_t lock;
    pthread_cond_t filled; /* there is something to write, or to do */
    pthread_cond_t ended;  /* the thread has finished */
    pthread_t thread;
    char *batch;      /* lines that wait */
    size_t used;      /* bytes of them */
    uint64_t dropped; /* lines since the last count was written */
    bool started;     /* the thread was made */
    bool reopen, stop, done;
    char *path; /* NULL: the descriptor is the caller's */
    int descriptor;
    atomic_uint_fast64_t taken; /* bytes that the descriptor took: the end looks whether it moves */
    struct log_writer *other;   /* hears of failures; NULL: nobody does */
    bool failure_told;          /* the thread's own: one message for a series of failures */
};

static int open_log(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static void tell(struct log_writer *writer, const char *what)
{
    char line[1024];
    if (writer->failure_told) {
        return;
    }
    writer->failure_told = true;
    int length = snprintf(
        line, sizeof line, "rawhttp-uv: cannot %s %.900s: %s: lines are lost until that works\n",
        what, writer->path != NULL ? writer->path : "the access log", strerror(errno));
    pthread_mutex_lock(&writer->lock);
    if (writer->other != NULL) {
        log_writer_add(writer->other, line, (size_t)length, 1);
    }
    pthread_mutex_unlock(&writer->lock);
}

static void write_all(struct log_writer *writer, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t piece = length < PIECE_BYTES ? length : PIECE_BYTES;
        ssize_t written = write(writer->descriptor, bytes, piece);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN) {
            /* Somebody who shares the descriptor made it non-blocking: this thread may wait. */
            struct timespec pause = {0, 2000000};
            nanosleep(&pause, NULL);
            continue;
        }
        if (written < 0) {
            tell(writer, "write to");
            return;
        }
        writer->failure_told = false;
        atomic_fetch_add_explicit(&writer->taken, (uint64_t)written, memory_order_relaxed);
        bytes += written;
        length -= (size_t)written;
    }
}

static void reopen(struct log_writer *writer)
{
    int descriptor = open_log(writer->path);
    if (descriptor < 0) {
        tell(writer, "open");
        return;
    }
    close(writer->descriptor);
    writer->descriptor = descriptor;
    writer->failure_told = false;
}

/* Lets the rest of a busy turn's lines come, so that they leave in one write; the lock is held. */
static void gather(struct log_writer *writer)
{
    struct timespec pause = {0, GATHER_NS};
    pthread_mutex_unlock(&writer->lock);
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&writer->lock);
}

static void *run(void *argument)
{
    struct log_writer *writer = argument;
    char *other = malloc(BATCH_BYTES);
    pthread_mutex_lock(&writer->lock);
    while (other != NULL) {
        while (writer->used == 0 && writer->dropped == 0 && !writer->reopen && !writer->stop)
            pthread_cond_wait(&writer->filled, &writer->lock);
        if (writer->used == 0 && writer->dropped == 0 && !writer->reopen)
            break;
        if (!writer->stop)
            gather(writer);
        char *batch = writer->batch;
        size_t length = writer->used;
        writer->batch = other;
        writer->used = 0;
        uint64_t dropped = writer->dropped;
        bool again = writer->reopen;
        writer->dropped = 0;
        writer->reopen = false;
        pthread_mutex_unlock(&writer->lock);

        if (length > 0)
            write_all(writer, batch, length);
        if (dropped > 0) {
            char line[96];
            int size =
                snprintf(line, sizeof line, "[%llu log lines dropped: the log is too slow]\n",
                         (unsigned long long)dropped);
            write_all(writer, line, (size_t)size);
        }
        if (again)
            reopen(writer);
        other = batch;
        pthread_mutex_lock(&writer->lock);
    }
    writer->done = true;
    pthread_cond_signal(&writer->ended);
    pthread_mutex_unlock(&writer->lock);
    free(other);
    return NULL;
}

struct log_writer *log_writer_create(const char *path, int descriptor)
{
    struct log_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return NULL;
    writer->descriptor = descriptor;
    writer->batch = malloc(BATCH_BYTES);
    if (writer->batch == NULL)
        goto fail_writer;
    if (path != NULL) {
        writer->path = strdup(path);
        writer->descriptor = writer->path != NULL ? open_log(path) : -1;
        if (writer->descriptor < 0)
            goto fail_path;
    }
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->filled, NULL);
    pthread_cond_init(&writer->ended, NULL);
    return writer;

fail_path:
    free(writer->path);
    free(writer->batch);
fail_writer:
    free(writer);
    return NULL;
}

void log_writer_complain_to(struct log_writer *writer, struct log_writer *other)
{
    writer->other = other;
}

/* The thread is made for the first line: a program that logs nothing stays single-threaded, and
 * every read and write of it is spared libc's point of cancellation. Called with the lock. Where no
 * thread can be made, lines are dropped. */
static bool has_thread(struct log_writer *writer)
{
    if (writer->started)
        return true;
    /* Signals belong to the loop's thread; a broken pipe is an error of write, not a signal. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    writer->started = pthread_create(&writer->thread, NULL, run, writer) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return writer->started;
}

void log_writer_add(struct log_writer *writer, const char *bytes, size_t length, unsigned lines)
{
    pthread_mutex_lock(&writer->lock);
    bool was_empty = writer->used == 0;
    if (!has_thread(writer) || length > BATCH_BYTES - writer->used) {
        writer->dropped += lines;
    } else {
        memcpy(writer->batch + writer->used, bytes, length);
        writer->used += length;
    }
    if (was_empty)
        pthread_cond_signal(&writer->filled);
    pthread_mutex_unlock(&writer->lock);
}

void log_writer_reopen(struct log_writer *writer)
{
    if (writer->path == NULL)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->reopen = has_thread(writer);
    pthread_cond_signal(&writer->filled);
    pthread_mutex_unlock(&writer->lock);
}

/* The time `ms` from now, as pthread_cond_timedwait wants it. */
static struct timespec after(unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

/* Waits for the thread's end while it gets bytes written, but not forever; the lock is held. */
static bool wait_end(struct log_writer *writer, unsigned ms)
{
    uint64_t before;
    unsigned rounds = 0;
    do {
        struct timespec until = after(ms);
        int waited = 0;
        before = atomic_load_explicit(&writer->taken, memory_order_relaxed);
        while (!writer->done && waited == 0) {
            waited = pthread_cond_timedwait(&writer->ended, &writer->lock, &until);
        }
        rounds++;
    } while (!writer->done && rounds < END_ROUNDS_MAX &&
             before != atomic_load_explicit(&writer->taken, memory_order_relaxed));
    return writer->done;
}

void log_writer_destroy(struct log_writer *writer, unsigned ms)
{
    if (writer == NULL) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->stop = true;
    pthread_cond_signal(&writer->filled);
    bool done = !writer->started || wait_end(writer, ms);
    if (!done) {
        writer->other = NULL;
    }
    pthread_mutex_unlock(&writer->lock);
    if (!done) {
        /* A reader that reads no more must not keep the program: the process ends with the thread
         * in it, which from here on complains to nobody. */
        pthread_detach(writer->thread);
        return;
    }
    if (writer->started) {
        pthread_join(writer->thread, NULL);
    }
    if (writer->path != NULL) {
        close(writer->descriptor);
    }
    pthread_cond_destroy(&writer->ended);
    pthread_cond_destroy(&writer->filled);
    pthread_mutex_destroy(&writer->lock);
    free(writer->path);
    free(writer->batch);
    free(writer);
}
