/* A large file as a source, by one of two ways, which the connection chooses.
 *
 * Plain: the reader names ranges of the file and the connection sends them with sendfile
 * (io/transport_file.c). That would hold up the loop where the disk must be asked, so a range is
 * named only when the page cache holds it, as far as samples tell: the kernel reads ahead and
 * throws out in large windows, so one byte of RH_FILES_SAMPLE_BYTES and the last one speak for the
 * rest, at less than a microsecond each. What is not there is fetched by the pool first, without
 * being kept by us. Pages may still be thrown out between the look and the sending; then the loop
 * waits once, as any other server's does always. (Sending in the pool would never wait, but costs
 * each cached piece two thread changes and the connection's descriptor a second owner; mincore
 * needs a mapping, and with it SIGBUS for files that shrink.)
 *
 * TLS, and the driver in memory: each pull reads from the page cache into the server's own buffer,
 * on the loop, without a copy in between. What the cache does not hold is read by the pool, 64 KiB
 * at a time, into a buffer that the reader has only while it is being filled and emptied. Where all
 * buffers are out, the one that was filled longest ago is taken from its reader, whose peer is
 * slow: what was in it is in the page cache now, and is read again when that peer wants it. Only
 * where all of them are being filled do readers wait in line. So peers that do not read can not
 * keep others from the disk.
 *
 * A file that became shorter is an error, and the server closes the connection: what was announced
 * is not there.
 *
 *   IDLE -> WAITING -> READING -> IDLE      close() ends it in IDLE and WAITING;
 *   IDLE ------------> READING              in READING the end of the read does
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/files/files.h"
#include "io/file.h"
#include "rawhttp/log.h"
#include "rawhttp/stream.h"
#include "server/door.h"

enum reader_state {
    READER_IDLE,    /* with a buffer: in home->filled; without: in no list */
    READER_WAITING, /* in home->waiting */
    READER_READING, /* the pool has it */
};

struct reader {
    struct rh_file_source source; /* first: see server/door.h */
    struct rh_work work;
    struct rh_link place;       /* in the list that its state names */
    struct rh_files_home *home; /* a reference */
    struct rh_entry *entry;     /* the file; a reference */
    struct rh_exchange *x;      /* valid until close */
    uint64_t at;                /* next byte of the file to be read */
    uint64_t end;               /* behind the last one */
    uint64_t warm_end;          /* the pool has just fetched what is before it */
    char *buffer;               /* of home->buffers, or NULL */
    size_t buffer_at;           /* its first byte that was not pulled yet */
    size_t buffer_len;
    bool was_all_cached; /* from the file's first byte on, as far as it was looked at */
    int error;           /* of the last disk read; 0: none. While READING the pool's */
    enum reader_state state;
    bool is_closed;
};

static int reader_read(struct reader *reader, char *buffer);

/* A buffer for the first reader in line; back to the pool where none waits. */
static void buffer_pass_on(struct rh_files_home *home, char *buffer)
{
    while (!rh_list_is_empty(&home->waiting)) {
        struct reader *next = RH_CONTAINER_OF(home->waiting.next, struct reader, place);
        rh_list_remove(&next->place);
        next->state = READER_IDLE;
        if (reader_read(next, buffer) == 0) {
            return;
        }
        next->buffer = NULL;
        rh_source_resume(next->x); /* its next pull tells the error */
    }
    rh_slab_release(&home->buffers, buffer);
}

static void buffer_release(struct reader *reader)
{
    char *buffer = reader->buffer;
    if (buffer != NULL) {
        reader->buffer = NULL;
        rh_list_remove(&reader->place);
        buffer_pass_on(reader->home, buffer);
    }
}

/* The buffer of the reader that has had it full for the longest time; NULL: all are being filled.
 */
static char *buffer_take(struct rh_files_home *home)
{
    if (rh_list_is_empty(&home->filled)) {
        return NULL;
    }
    struct reader *slow = RH_CONTAINER_OF(home->filled.next, struct reader, place);
    char *buffer = slow->buffer;
    rh_list_remove(&slow->place);
    slow->buffer = NULL;
    slow->at -= slow->buffer_len - slow->buffer_at;
    return buffer;
}

static void reader_destroy(struct reader *reader)
{
    struct rh_files_home *home = reader->home;
    buffer_release(reader);
    rh_entry_unref(reader->entry);
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
    ptrdiff_t n = rh_file_read(reader->entry->fd, reader->buffer, room, reader->at);
    reader->error = n == 0 ? UV_EOF : n < 0 ? (int)n : 0; /* 0: the file became shorter */
    reader->buffer_at = 0;
    reader->buffer_len = n > 0 ? (size_t)n : 0;
}

/* On the loop, behind on_read. */
static void take_read(struct reader *reader)
{
    reader->state = READER_IDLE;
    rh_list_push_back(&reader->home->filled, &reader->place);
    if (reader->error != 0) {
        buffer_release(reader);
    } else {
        reader->at += reader->buffer_len;
    }
}

static void on_read_done(struct rh_work *work, bool was_run)
{
    struct reader *reader = RH_CONTAINER_OF(work, struct reader, work);
    struct rh_files_home *home = reader->home;
    if (reader->is_closed) {
        reader->state = READER_IDLE;
        reader_destroy(reader);
        return;
    }
    RH_ASSERT(was_run); /* only close cancels */
    take_read(reader);
    rh_source_resume(reader->x);
    /* Somebody waits: not for this buffer, which is about to be pulled, but for that of a slower
     * peer. */
    if (!rh_list_is_empty(&home->waiting) && home->filled.next != home->filled.prev) {
        buffer_pass_on(home, buffer_take(home));
    }
}

/* Begins a disk read into `buffer`. 0, or an error, which is also kept for the next pull. */
static int reader_read(struct reader *reader, char *buffer)
{
    uv_loop_t *loop = rh_exchange_loop(reader->x);
    reader->buffer = buffer;
    if (loop == NULL) { /* the driver in memory: the read is done when this returns */
        on_read(&reader->work);
        take_read(reader);
        return 0;
    }
    reader->state = READER_READING;
    int err = rh_work_start(&reader->work, loop, on_read, on_read_done);
    if (err != 0) {
        reader->state = READER_IDLE;
        reader->error = err;
    }
    return err;
}

/* The page cache does not hold what comes next. RH_EAGAIN, or an error. */
static int reader_ask_disk(struct reader *reader)
{
    struct rh_files_home *home = reader->home;
    char *buffer = rh_slab_acquire(&home->buffers);
    if (buffer == NULL) {
        buffer = buffer_take(home);
    }
    if (buffer == NULL) {
        reader->state = READER_WAITING;
        rh_list_push_back(&home->waiting, &reader->place);
        return RH_EAGAIN;
    }
    int err = reader_read(reader, buffer);
    if (err != 0) {
        reader->buffer = NULL;
        rh_slab_release(&home->buffers, buffer);
        return err;
    }
    return RH_EAGAIN;
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
    ptrdiff_t n =
        rh_file_read_cached(reader->entry->fd, out, left < room ? (size_t)left : room, reader->at);
    if (n > 0) {
        reader->at += (uint64_t)n;
        return n;
    }
    if (n != -EAGAIN) {
        return n == 0 ? UV_EOF : n;
    }
    int err = reader_ask_disk(reader);
    if (err == RH_EAGAIN &&
        reader->state == READER_IDLE) { /* without a loop the read is done already */
        return reader->error != 0 ? reader->error : pull_buffer(reader, out, room);
    }
    return err;
}

/* --- Ranges --- */

/* In the pool. */
static void on_warm(struct rh_work *work)
{
    struct reader *reader = RH_CONTAINER_OF(work, struct reader, work);
    uint64_t left = reader->end - reader->at;
    uint64_t len = left < RH_FILES_WARM_BYTES ? left : RH_FILES_WARM_BYTES;
    reader->error = rh_file_warm(reader->entry->fd, reader->at, len);
    reader->warm_end = reader->at + len;
}

static void on_warm_done(struct rh_work *work, bool was_run)
{
    struct reader *reader = RH_CONTAINER_OF(work, struct reader, work);
    reader->state = READER_IDLE;
    if (reader->is_closed) {
        reader_destroy(reader);
        return;
    }
    RH_ASSERT(was_run); /* only close cancels */
    rh_source_resume(reader->x);
}

/* Another download of this file found all of it in memory: what is asked for so often stays there.
 */
static bool was_just_seen(const struct reader *reader)
{
    uint64_t seen_ms = reader->entry->seen_ms;
    return seen_ms != 0 && rh_exchange_now_ms(reader->x) - seen_ms < RH_FILES_FRESH_MS;
}

/* How much of the next `len` bytes can be sent without the disk: all of it, what was just fetched,
 * or 0. Or an error. */
static ptrdiff_t look_ahead(struct reader *reader, uint64_t len)
{
    if (reader->at < reader->warm_end) {
        uint64_t warm = reader->warm_end - reader->at;
        return (ptrdiff_t)(warm < len ? warm : len);
    }
    if (was_just_seen(reader)) {
        return (ptrdiff_t)len;
    }
    int is_cached = rh_file_is_cached(reader->entry->fd, reader->at + len - 1);
    for (uint64_t at = 0; is_cached == 1 && at < len - 1; at += RH_FILES_SAMPLE_BYTES) {
        is_cached = rh_file_is_cached(reader->entry->fd, reader->at + at);
    }
    if (is_cached != 1) {
        reader->was_all_cached = false;
    } else if (reader->was_all_cached && reader->at + len == reader->entry->info.id.size) {
        reader->entry->seen_ms = rh_exchange_now_ms(reader->x);
    }
    return is_cached == 1 ? (ptrdiff_t)len : is_cached;
}

static ptrdiff_t reader_range(void *data, uint64_t max, struct rh_file_range *ret_range)
{
    struct reader *reader = data;
    uint64_t left = reader->end - reader->at;
    if (reader->state != READER_IDLE) {
        return RH_EAGAIN;
    }
    if (reader->error != 0 || left == 0) {
        return reader->error;
    }
    ptrdiff_t n = look_ahead(reader, left < max ? left : max);
    if (n == 0) {
        int err = rh_work_start(&reader->work, rh_exchange_loop(reader->x), on_warm, on_warm_done);
        if (err != 0) {
            return err;
        }
        reader->state = READER_READING;
        return RH_EAGAIN;
    }
    if (n > 0) {
        *ret_range =
            (struct rh_file_range){.at = reader->at, .len = (uint64_t)n, .fd = reader->entry->fd};
        reader->at += (uint64_t)n;
    }
    return n;
}

/* --- Life --- */

/* The connection sends ranges by itself, and only sees that there is no more: why is said here. */
static void log_if_shorter(const struct reader *reader)
{
    struct stat stat;
    if (reader->error == 0 && rh_exchange_is_cut(reader->x) &&
        fstat(reader->entry->fd, &stat) == 0 && (uint64_t)stat.st_size < reader->end) {
        struct rh_slice target = rh_request_target(reader->x);
        const char *query = memchr(target.base, '?', target.len);
        target.len = query != NULL ? (size_t)(query - target.base) : target.len;
        rh_exchange_log(reader->x, RH_LOG_WARNING,
                        "%.*s was cut off: the file became shorter while it was sent: %llu bytes "
                        "instead of %llu",
                        (int)target.len, target.base, (unsigned long long)stat.st_size,
                        (unsigned long long)reader->end);
    }
}

static void reader_close(void *data)
{
    struct reader *reader = data;
    reader->is_closed = true;
    log_if_shorter(reader);
    if (reader->state == READER_READING) {
        rh_work_cancel(&reader->work);
        return;
    }
    if (reader->state == READER_WAITING) {
        rh_list_remove(&reader->place);
    }
    reader_destroy(reader);
}

struct rh_source rh_reader_open(struct rh_exchange *x, struct rh_files_home *home,
                                struct rh_entry *entry, uint64_t first, uint64_t len)
{
    bool may_read = home->readers < RH_FILES_READERS_MAX && !rh_exchange_is_cut(x);
    struct reader *reader = may_read ? calloc(1, sizeof *reader) : NULL;
    struct rh_source source = {reader_pull, reader_close, reader, (int64_t)len};
    if (reader == NULL) { /* of a cut exchange too: its answer gives it back before its source */
        return source;
    }
    home->readers++;
    home->references++;
    entry->references++;
    reader->source.range = reader_range;
    reader->home = home;
    reader->entry = entry;
    reader->x = x;
    reader->at = first;
    reader->end = first + len;
    reader->was_all_cached = first == 0;
    rh_list_init(&reader->place);
    return source;
}

void rh_reader_respond(struct rh_exchange *x, struct rh_files_home *home, unsigned status,
                       struct rh_entry *entry, uint64_t first, uint64_t len)
{
    struct rh_source source = rh_reader_open(x, home, entry, first, len);
    if (source.data == NULL) {
        rh_respond_error(x, 503, NULL);
    } else {
        rh_respond_file(x, status, entry->info.type, &source);
    }
}
