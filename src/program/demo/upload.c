/* Files out of a multipart body, straight to a folder: never a whole file in memory, never a wait
 * on the disk.
 *
 * The multipart machine takes the body apart; what belongs to a file is collected in one buffer. A
 * full buffer, or the end of a file, becomes a piece of work for the thread pool: it opens, hashes,
 * writes and closes. Meanwhile the body is paused, so a slow disk slows the client down and nothing
 * else; each loop has only a few of these pieces in the pool, which is not the uploads' alone. An
 * upload under way has a folder with a dot in front of its name, which gets its real name at the
 * end, when the answer lists what was stored. If the body breaks off, it is removed, and if the
 * process does, the next one removes it at its start: it knows them by a lock that went with the
 * process. All uploads together may fill the folder up to a bound: what would go beyond it is
 * refused with 507 (RFC 4918 §11.5), before its body is asked for where its length says so, and
 * nothing that is there is removed for it. */
#include "program/demo/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "program/kit/quota.h"

static const char uploads_folder[] = DEMO_UPLOADS_FOLDER;
static const char under_way[] = ".upload-"; /* in front of a folder's name */
static const uint64_t uploads_bytes_max = 1 << 30;

enum {
    PIECES_MAX = 2, /* of one loop, in the pool at a time */
    FILES_MAX = 64,
    UPLOADS_MAX = 64, /* under way at a time, in all loops */
    BUFFER_BYTES = 128 << 10,
    HELD_BACK =
        128, /* what the machine may give beyond a piece: a delimiter that turned out to be none */
};

struct stored_file {
    char name[RH_MULTIPART_FILENAME_BYTES + 8]; /* safe, and told apart from its namesakes */
    uint64_t bytes;
    uint64_t counted; /* against the bound */
    char sha256[2 * RH_SHA256_BYTES + 1];
};

struct upload {
    struct rh_exchange *x;
    const struct demo *demo;
    struct rh_multipart form;
    uv_work_t work;
    uint64_t announced;  /* length of the body; the pool may not ask the exchange */
    struct upload *next; /* in line for the pool */
    void (*run)(struct upload *upload);
    void (*done)(struct upload *upload);
    bool working; /* in line, or the pool has it: the loop touches neither buffer nor files */
    bool paused;  /* the body waits for rh_body_resume */
    bool body_ended;
    int body_error;   /* of the body, or RH_EFORM */
    unsigned refusal; /* status that refuses what came, 0: none */
    const char *why;
    int failure; /* errno of the disk, 0: none */

    bool in_file;   /* the part at hand is a file */
    bool file_ends; /* the work closes it */
    int fd;         /* -1: not open */
    struct rh_sha256 sha;
    size_t used;     /* bytes in the buffer */
    char folder[64]; /* of this upload, made by the first work; "" before */
    int lock;        /* its descriptor, with a lock on it; -1: none */
    struct stored_file files[FILES_MAX];
    size_t count; /* the last one is the one at hand, while in_file */
    char buffer[BUFFER_BYTES];
};

static atomic_uint uploads; /* under way, of all loops: each costs its buffer */

/* NULL if there are too many, or no memory. */
static struct upload *upload_create(void)
{
    struct upload *upload =
        atomic_fetch_add(&uploads, 1) < UPLOADS_MAX ? calloc(1, sizeof *upload) : NULL;
    if (upload == NULL) {
        atomic_fetch_sub(&uploads, 1);
    }
    return upload;
}

static void upload_destroy(struct upload *upload)
{
    free(upload);
    atomic_fetch_sub(&uploads, 1);
}

static void file_path(const struct upload *upload, const struct stored_file *file, char *ret_path,
                      size_t size)
{
    snprintf(ret_path, size, "%s/%s", upload->folder, file->name);
}

/* --- In the thread pool --------------------------------------------------------------------- */

/* Counts what is about to be stored, for a file or for the folder (NULL); false, with errno, where
 * it is too much. */
static bool count(struct stored_file *file, uint64_t bytes)
{
    if (!quota_take(uploads_folder, bytes, uploads_bytes_max)) {
        errno = EDQUOT;
        return false;
    }
    if (file != NULL)
        file->counted += bytes;
    return true;
}

/* A folder for each upload: two uploads never meet. */
static int open_folder(struct upload *upload)
{
    if (mkdir(uploads_folder, 0750) != 0 && errno != EEXIST)
        return -1;
    if (!count(NULL, QUOTA_ENTRY_BYTES))
        return -1;
    snprintf(upload->folder, sizeof upload->folder, "%s/%sXXXXXX", uploads_folder, under_way);
    if (mkdtemp(upload->folder) == NULL) {
        quota_give(QUOTA_ENTRY_BYTES);
        upload->folder[0] = '\0';
        return -1;
    }
    upload->lock = open(upload->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return upload->lock >= 0 ? flock(upload->lock, LOCK_EX | LOCK_NB) : -1;
}

static int open_file(struct upload *upload, struct stored_file *file)
{
    char path[320], plain[RH_MULTIPART_FILENAME_BYTES];
    if (upload->folder[0] == '\0' && open_folder(upload) != 0)
        return -1;
    if (!count(file, QUOTA_ENTRY_BYTES))
        return -1;
    memcpy(plain, file->name, sizeof plain);
    for (unsigned i = 2; upload->fd < 0; i++) {
        file_path(upload, file, path, sizeof path);
        upload->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (upload->fd < 0 && (errno != EEXIST || i > FILES_MAX))
            return -1;
        if (upload->fd < 0) /* a namesake in the same form: "2-name", "3-name" */
            snprintf(file->name, sizeof file->name, "%u-%s", i, plain);
    }
    if (rh_sha256_init(&upload->sha) == 0)
        return 0;
    errno = ENOMEM;
    return -1;
}

static int write_buffer(struct upload *upload, struct stored_file *file)
{
    size_t done = 0;
    if (upload->used > 0 && !count(file, upload->used))
        return -1;
    rh_sha256_update(&upload->sha, (struct rh_slice){upload->buffer, upload->used});
    while (done < upload->used) {
        ssize_t written = write(upload->fd, upload->buffer + done, upload->used - done);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0)
            done += (size_t)written;
    }
    return 0;
}

static int close_file(struct upload *upload, struct stored_file *file)
{
    unsigned char digest[RH_SHA256_BYTES];
    rh_sha256_finish(&upload->sha, digest);
    rh_sha256_fini(&upload->sha);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(file->sha256 + 2 * i, 3, "%02x", digest[i]);
    int fd = upload->fd;
    upload->fd = -1;
    return close(fd);
}

static void store(struct upload *upload)
{
    struct stored_file *file = &upload->files[upload->count - 1];
    if ((upload->fd < 0 && open_file(upload, file) != 0) || write_buffer(upload, file) != 0 ||
        (upload->file_ends && close_file(upload, file) != 0))
        upload->failure = errno;
}

/* Removes what an upload that is refused had stored. */
static void remove_files(struct upload *upload)
{
    char path[320];
    if (upload->fd >= 0) {
        close(upload->fd);
        rh_sha256_fini(&upload->sha);
    }
    for (size_t i = 0; i < upload->count; i++) {
        file_path(upload, &upload->files[i], path, sizeof path);
        unlink(path);
        quota_give(upload->files[i].counted);
    }
    if (upload->folder[0] != '\0') {
        rmdir(upload->folder);
        quota_give(QUOTA_ENTRY_BYTES);
    }
}

/* The upload is whole: its folder gets the name without the dot. */
static int publish(struct upload *upload)
{
    char name[sizeof upload->folder];
    size_t at = sizeof uploads_folder; /* behind the slash */
    snprintf(name, sizeof name, "%s/%s", uploads_folder,
             upload->folder + at + sizeof under_way - 1);
    return upload->folder[0] == '\0' ? 0 : rename(upload->folder, name);
}

/* The last piece of work. */
static void settle(struct upload *upload)
{
    bool is_whole = upload->failure == 0 && upload->refusal == 0 && upload->body_error == 0;
    if (is_whole && publish(upload) != 0) {
        upload->failure = errno;
        is_whole = false;
    }
    if (!is_whole)
        remove_files(upload);
    if (upload->lock >= 0)
        close(upload->lock);
}

/* --- The line for the pool ------------------------------------------------------------------ */

/* Each loop is a thread of its own, and has its own line. */
static _Thread_local struct {
    unsigned running;
    struct upload *first, **last;
} line;

static void start_next(void);

static void on_run(uv_work_t *work)
{
    struct upload *upload = work->data;
    upload->run(upload);
}

static void on_done(uv_work_t *work, int status)
{
    struct upload *upload = work->data;
    (void)status; /* nobody cancels it */
    line.running--;
    upload->working = false;
    start_next();
    upload->done(upload);
}

static void start_next(void)
{
    while (line.first != NULL && line.running < PIECES_MAX) {
        struct upload *upload = line.first;
        line.first = upload->next;
        upload->work.data = upload;
        line.running++;
        if (uv_queue_work(rh_exchange_loop(upload->x), &upload->work, on_run, on_done) != 0) {
            upload->failure = ENOMEM;
            on_done(&upload->work, 0);
        }
    }
}

/* Runs `run` in the pool, then `done` on the loop. */
static void start_work(struct upload *upload, void (*run)(struct upload *upload),
                       void (*done)(struct upload *upload))
{
    upload->working = true;
    upload->run = run;
    upload->done = done;
    upload->next = NULL;
    if (line.first == NULL)
        line.last = &line.first;
    *line.last = upload;
    line.last = &upload->next;
    start_next();
}

/* --- On the loop ---------------------------------------------------------------------------- */

static void answer_list(struct upload *upload)
{
    struct rh_value *list = rh_value_create_list();
    for (size_t i = 0; i < upload->count; i++) {
        struct rh_value *entry = rh_value_add_map(list);
        rh_value_set_text(entry, "name", upload->files[i].name);
        rh_value_set_int(entry, "size", (int64_t)upload->files[i].bytes);
        rh_value_set_text(entry, "sha256", upload->files[i].sha256);
    }
    demo_respond_value(upload->x, upload->demo, 200, list);
}

static void on_settled(struct upload *upload)
{
    struct rh_exchange *x = upload->x;
    if (upload->failure == EDQUOT) {
        rh_exchange_log(x, RH_LOG_WARNING, "%s/ holds as much as it may; an upload was refused",
                        uploads_folder);
        rh_respond_error(x, 507, "the folder for uploads is full");
    } else if (upload->failure != 0) {
        rh_exchange_log(x, RH_LOG_ERROR, "storing an upload in %s/: %s", uploads_folder,
                        strerror(upload->failure));
        rh_respond_error(x, upload->failure == ENOSPC ? 507 : 500, NULL);
    } else if (upload->refusal != 0) {
        rh_exchange_log(x, RH_LOG_DEBUG, "upload refused with %u: %s", upload->refusal,
                        upload->why);
        rh_respond_error(x, upload->refusal, upload->why);
    } else if (upload->body_error != 0) {
        rh_respond_error(x, demo_body_status(upload->body_error), rh_strerror(upload->body_error));
    } else {
        answer_list(upload);
    }
    upload_destroy(upload);
}

/* Once the body has ended and the pool is done. */
static void finish(struct upload *upload)
{
    if (upload->folder[0] != '\0')
        start_work(upload, settle, on_settled);
    else
        on_settled(upload);
}

static void on_stored(struct upload *upload)
{
    upload->used = 0;
    if (upload->body_ended) {
        finish(upload);
    } else if (upload->paused) {
        upload->paused = false;
        rh_body_resume(upload->x);
    }
}

static void start_store(struct upload *upload, bool file_ends)
{
    upload->file_ends = file_ends;
    start_work(upload, store, on_stored);
}

static void refuse(struct upload *upload, unsigned status, const char *why)
{
    upload->refusal = status;
    upload->why = why;
}

static void begin_part(struct upload *upload)
{
    upload->in_file = upload->form.filename.len > 0; /* empty: no file was chosen */
    if (!upload->in_file)
        return;
    if (upload->count == FILES_MAX) {
        upload->in_file = false;
        refuse(upload, 413, "too many files at once");
        return;
    }
    struct stored_file *file = &upload->files[upload->count++];
    rh_multipart_filename(upload->form.filename, file->name);
}

/* Takes the body until the pool has to do something; what was refused is read to its end and
 * dropped. */
static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    struct upload *upload = data;
    struct rh_slice rest = piece;
    (void)x;
    while (upload->refusal == 0 && upload->failure == 0) {
        bool full = upload->used > 0 && upload->used + rest.len + HELD_BACK > BUFFER_BYTES;
        if (!upload->working && full)
            start_store(upload, false);
        if (upload->working) {
            upload->paused = true;
            return piece.len - rest.len;
        }
        /* A piece that is larger than the whole buffer is taken in parts. */
        struct rh_slice part = rest;
        if (part.len > BUFFER_BYTES - HELD_BACK)
            part.len = BUFFER_BYTES - HELD_BACK;
        size_t offered = part.len;
        enum rh_multipart_event event = rh_multipart_next(&upload->form, &part);
        rest.base += offered - part.len;
        rest.len -= offered - part.len;
        switch (event) {
        case RH_MULTIPART_MORE:
            if (rest.len == 0)
                return piece.len;
            break;
        case RH_MULTIPART_ERROR:
            refuse(upload, (unsigned)upload->form.status, upload->form.rule);
            break;
        case RH_MULTIPART_PART:
            begin_part(upload);
            break;
        case RH_MULTIPART_DATA:
            if (upload->in_file) {
                memcpy(upload->buffer + upload->used, upload->form.data.base,
                       upload->form.data.len);
                upload->used += upload->form.data.len;
                upload->files[upload->count - 1].bytes += upload->form.data.len;
            }
            break;
        case RH_MULTIPART_PART_END:
            if (upload->in_file)
                start_store(upload, true);
            upload->in_file = false;
            break;
        }
    }
    return piece.len;
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    struct upload *upload = data;
    (void)x;
    upload->body_ended = true;
    upload->body_error = error;
    if (error == 0 && upload->refusal == 0 && rh_multipart_end(&upload->form) != 0)
        refuse(upload, (unsigned)upload->form.status, upload->form.rule);
    if (!upload->working)
        finish(upload);
}

/* In the pool, which may have to walk through the folder. A length counts what frames the files as
 * well, but the files' entries are counted on top of them when they are stored. */
static void look_for_room(struct upload *upload)
{
    if (!quota_fits(uploads_folder, upload->announced, uploads_bytes_max))
        upload->failure = EDQUOT;
}

static void on_looked(struct upload *upload)
{
    if (upload->failure != 0)
        finish(upload); /* a client that waits for 100 (Continue) sends nothing in vain */
    else
        rh_body_stream(upload->x, on_data, on_end, upload);
}

static void upload_row(struct rh_exchange *x, void *data)
{
    struct upload *upload = upload_create();
    if (upload == NULL) {
        rh_respond_error(x, 503, "too many uploads are under way: try again in a moment");
        return;
    }
    int error = rh_multipart_init(&upload->form, rh_request_field(x, "Content-Type"), NULL);
    if (error != 0) {
        upload_destroy(upload);
        rh_respond_error(x, demo_body_status(error), "send multipart/form-data with a boundary");
        return;
    }
    upload->x = x;
    upload->demo = data;
    upload->fd = upload->lock = -1;
    rh_exchange_hold(x); /* the pool may still work when the body has broken off */
    if (rh_body_length(x) > 0) {
        upload->announced = (uint64_t)rh_body_length(x);
        start_work(upload, look_for_room, on_looked);
    } else { /* of no length that could be known: it is seen on the way */
        rh_body_stream(x, on_data, on_end, upload);
    }
}

/* --- At the start --------------------------------------------------------------------------- */

/* Removes the folder of an upload whose process is gone, and with it the lock. */
static void sweep_one(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        unlinkat(fd, entry->d_name, 0);
    unlinkat(folder, name, AT_REMOVEDIR);
    closedir(dir);
}

/* What earlier processes left when they were killed in the middle of an upload. */
static void sweep(void)
{
    DIR *dir = opendir(uploads_folder);
    if (dir == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strncmp(entry->d_name, under_way, sizeof under_way - 1) == 0)
            sweep_one(dirfd(dir), entry->d_name);
    closedir(dir);
}

void demo_upload_add(struct rh_app *app, struct demo *demo)
{
    sweep();
    quota_open(uploads_folder);
    rh_app_post(app, "/upload", upload_row, demo);
}
