/* A large file as a pulled source. The happy path: each pull reads from the page cache into the server's own buffer,
 * on the loop, without a copy in between. What the cache does not hold is read by the pool, 64 KiB at a time, into a
 * buffer that the reader has only while it is being filled and emptied; where all buffers are out, readers wait in
 * line for one. A file that became shorter is an error, and the server closes the connection: what was announced
 * is not there.
 *
 *   IDLE -> WAITING -> READING -> IDLE      close() ends it in IDLE and WAITING;
 *   IDLE ------------> READING              in READING the end of the read does
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/files.h"
#include "io/file.h"
#include "rawhttp/stream.h"

enum reader_state {
    READER_IDLE,
    READER_WAITING, /* in home->waiting */
    READER_READING, /* the pool has it */
};

struct reader {
    struct rh_work work;
    struct rh_link waiting;
    struct rh_files_home *home; /* a reference */
    struct rh_exchange *x;      /* valid until close */
    uint64_t at;                /* next byte of the file to be read */
    uint64_t end;               /* behind the last one */
    char *buffer;               /* of home->buffers, or NULL */
    size_t buffer_at;           /* its first byte that was not pulled yet */
    size_t buffer_len;
    int fd;
    int error;                  /* of the last disk read; 0: none */
    enum reader_state state;
    bool is_closed;
};

static void reader_read(struct reader *reader);

/* Gives the buffer back; the first reader in line gets it. */
static void buffer_release(struct reader *reader)
{
    struct rh_files_home *home = reader->home;
    if (reader->buffer == NULL) {
        return;
    }
    rh_slab_release(&home->buffers, reader->buffer);
    reader->buffer = NULL;
    if (!rh_list_is_empty(&home->waiting)) {
        struct reader *next = RH_CONTAINER_OF(home->waiting.next, struct reader, waiting);
        rh_list_remove(&next->waiting);
        next->state = READER_IDLE;
        reader_read(next);
        if (next->error != 0) { /* it waits for a call that tells it so */
            rh_source_resume(next->x);
        }
    }
}

static void reader_destroy(struct reader *reader)
{
    struct rh_files_home *home = reader->home;
    buffer_release(reader);
    rh_file_close(reader->fd);
    free(reader);
    home->readers--;
    rh_files_home_unref(home);
}

/* In the pool. */
static void on_read(struct rh_work *work)
{
    struct reader *reader = RH_CONTAINER_OF(work, struct reader, work);
    uint64_t left = reader->end - reader->at;
    size_t room = left < RH_FILES_BUFFER_BYTES ? (size_t)left : RH_FILES_BUFFER_BYTES;
    ptrdiff_t n = rh_file_read(reader->fd, reader->buffer, room, reader->at);
    reader->error = n == 0 ? -EIO : n < 0 ? (int)n : 0; /* 0: the file became shorter */
    reader->buffer_at = 0;
    reader->buffer_len = n > 0 ? (size_t)n : 0;
}

static void on_read_done(struct rh_work *work, bool was_run)
{
    struct reader *reader = RH_CONTAINER_OF(work, struct reader, work);
    reader->state = READER_IDLE;
    if (reader->is_closed) {
        reader_destroy(reader);
        return;
    }
    RH_ASSERT(was_run); /* only close cancels */
    reader->at += reader->buffer_len;
    rh_source_resume(reader->x);
}

/* Begins a disk read, or waits in line for a buffer; an error is for the next pull. */
static void reader_read(struct reader *reader)
{
    if (reader->buffer == NULL) {
        reader->buffer = rh_slab_acquire(&reader->home->buffers);
    }
    if (reader->buffer == NULL) {
        reader->state = READER_WAITING;
        rh_list_push_back(&reader->home->waiting, &reader->waiting);
        return;
    }
    uv_loop_t *loop = rh_exchange_loop(reader->x);
    if (loop == NULL) { /* the driver in memory: the read is done when this returns */
        on_read(&reader->work);
        reader->at += reader->buffer_len;
        return;
    }
    reader->state = READER_READING;
    int err = rh_work_start(&reader->work, loop, on_read, on_read_done);
    if (err != 0) {
        reader->state = READER_IDLE;
        reader->error = err;
    }
}

static ptrdiff_t pull_buffer(struct reader *reader, char *out, size_t room)
{
    size_t n = reader->buffer_len - reader->buffer_at;
    n = n < room ? n : room;
    memcpy(out, reader->buffer + reader->buffer_at, n);
    reader->buffer_at += n;
    if (reader->buffer_at == reader->buffer_len) {
        buffer_release(reader);
    }
    return (ptrdiff_t)n;
}

static ptrdiff_t reader_pull(void *data, char *out, size_t room)
{
    struct reader *reader = data;
    if (reader->state != READER_IDLE) {
        return RH_EAGAIN;
    }
    if (reader->error != 0) {
        return reader->error;
    }
    if (reader->buffer != NULL) {
        return pull_buffer(reader, out, room);
    }
    uint64_t left = reader->end - reader->at;
    if (left == 0) {
        return 0;
    }
    ptrdiff_t n = rh_file_read_cached(reader->fd, out, left < room ? (size_t)left : room, reader->at);
    if (n > 0) {
        reader->at += (uint64_t)n;
        return n;
    }
    if (n != -EAGAIN) {
        return n == 0 ? -EIO : n;
    }
    reader_read(reader);
    if (reader->error != 0) {
        return reader->error;
    }
    return reader->state == READER_IDLE ? pull_buffer(reader, out, room) : RH_EAGAIN;
}

static void reader_close(void *data)
{
    struct reader *reader = data;
    reader->is_closed = true;
    if (reader->state == READER_READING) {
        rh_work_cancel(&reader->work);
        return;
    }
    if (reader->state == READER_WAITING) {
        rh_list_remove(&reader->waiting);
    }
    reader_destroy(reader);
}

void rh_reader_respond(struct rh_exchange *x, struct rh_files_home *home, unsigned status, const char *type,
                       int fd, uint64_t first, uint64_t len)
{
    struct reader *reader = home->readers < RH_FILES_READERS_MAX ? calloc(1, sizeof *reader) : NULL;
    if (reader == NULL) {
        rh_file_close(fd);
        rh_respond_error(x, 503, NULL);
        return;
    }
    home->readers++;
    home->references++;
    reader->home = home;
    reader->x = x;
    reader->fd = fd;
    reader->at = first;
    reader->end = first + len;
    rh_list_init(&reader->waiting);
    struct rh_source source = {reader_pull, reader_close, reader, (int64_t)len};
    rh_respond_source(x, status, type, &source);
}
