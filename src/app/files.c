/* Static files. The happy path: the request's path becomes a name below the folder, the name is in
 * the cache and was looked at within the last second, and the answer goes out without a system call
 * of this room. Otherwise the exchange is held, a job in the pool looks at the disk (files_job.c),
 * and the answer follows from what it found: a small file, which is kept; a large one, which is
 * streamed; a folder, which gets its slash; a listing; an error.
 *
 * Names are made of the segments of the canonical path, which were cut at '/' before they were
 * decoded, and the kernel keeps them below the folder (io/file.c). No name here is ever cleaned up
 * and then trusted. */
#include "app/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/condition.h"
#include "http/date.h"
#include "io/file.h"
#include "rawhttp/log.h"
#include "rawhttp/method.h"
#include "server/door.h"
#include "util/ascii.h"
#include "util/options.h"

/* Bodies up to this are copied, so that answers of one burst share a write; larger ones are lent.
 */
enum { COPY_BYTES_MAX = 2048 };

/* --- The folder --- */

void rh_files_options_init_sized(struct rh_files_options *options, size_t size)
{
    static const struct rh_files_options defaults = {.compression = 1};
    rh_options_fill(options, size, &defaults, sizeof defaults);
}

/* Fills what create takes from the caller. 0, or -errno. */
static int files_open(struct rh_files *files, const char *folder)
{
    const char *not_found = files->options.not_found;
    const char *const *hidden = files->options.hidden;
    files->options.not_found = NULL; /* none of our own yet, should this fail */
    files->options.hidden = NULL;
    files->path = rh_files_absolute(folder);
    if (not_found != NULL) {
        files->options.not_found = strdup(not_found);
    }
    if (files->path == NULL || (not_found != NULL && files->options.not_found == NULL)) {
        return -ENOMEM;
    }
    int err = rh_hidden_create(hidden, &files->hidden);
    return err != 0 ? err : rh_root_open(files->path, &files->root);
}

struct rh_files *rh_files_create(const char *folder, const struct rh_files_options *options)
{
    struct rh_files *files = calloc(1, sizeof *files);
    int err = files != NULL ? pthread_mutex_init(&files->mutex, NULL) : ENOMEM;
    if (err != 0) {
        free(files);
        errno = err;
        return NULL;
    }
    atomic_init(&files->references, 1);
    rh_files_options_init(&files->options);
    rh_options_take(&files->options, sizeof files->options, options);
    err = files_open(files, folder);
    if (err != 0) {
        rh_files_unref(files);
        errno = -err;
        return NULL;
    }
    return files;
}

void rh_files_ref(struct rh_files *files)
{
    atomic_fetch_add_explicit(&files->references, 1, memory_order_relaxed);
}

void rh_files_unref(struct rh_files *files)
{
    if (files == NULL ||
        atomic_fetch_sub_explicit(&files->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    rh_root_unref(files->root);
    rh_hidden_destroy(files->hidden);
    free((void *)(uintptr_t)files->options.not_found);
    pthread_mutex_destroy(&files->mutex);
    free(files->path);
    free(files);
}

/* --- The answer --- */

static void set_field(struct rh_exchange *x, const char *name, const char *value)
{
    RH_IGNORE(rh_response_set_own(x, rh_slice_from(name), rh_slice_from(value)));
}

/* When the file was changed, in seconds since 1970, but never later than the answer's Date: clients
 * would take that for an error (RFC 9110 §8.8.2.1). */
static int64_t modified_s(const struct rh_exchange *x, const struct rh_file_info *info)
{
    int64_t now = rh_exchange_wall_s(x);
    int64_t seconds = info->id.modified_ns / 1000000000;
    seconds -= info->id.modified_ns < 0 && info->id.modified_ns % 1000000000 != 0;
    return seconds < now ? seconds : now;
}

static void set_modified(struct rh_exchange *x, const struct rh_file_info *info)
{
    int64_t now = rh_exchange_wall_s(x);
    char text[RH_DATE_BYTES + 1] = "";
    if (info->id.modified_ns / 1000000000 < now) {
        set_field(x, "Last-Modified", info->modified);
    } else {
        rh_date_format(text, now);
        set_field(x, "Last-Modified", text);
    }
}

static struct rh_verdict judge(struct rh_exchange *x, const struct rh_file_info *info)
{
    struct rh_conditions conditions = {
        .if_match = rh_request_field(x, "if-match"),
        .if_none_match = rh_request_field(x, "if-none-match"),
        .if_modified_since = rh_request_field(x, "if-modified-since"),
        .if_unmodified_since = rh_request_field(x, "if-unmodified-since"),
        .if_range = rh_request_field(x, "if-range"),
        .range = rh_request_field(x, "range"),
    };
    struct rh_validators validators = {rh_slice_from(info->etag), modified_s(x, info), info->len};
    return rh_condition_check(&conditions, &validators, rh_request_method(x) == RH_GET);
}

static void entry_done(void *data)
{
    rh_entry_unref(data);
}

/* Sends a file that is in memory (`entry`) or open (`fd`, taken over). `status` is 200, or that of
 * an error page, to which conditions do not apply. */
static void send_file(struct rh_exchange *x, unsigned status, const struct rh_file_info *info,
                      struct rh_entry *entry, int fd)
{
    struct rh_verdict verdict = {status, 0, info->len};
    rh_exchange_send_as_is(x);
    if (status == 200) {
        verdict = judge(x, info);
        set_field(x, "ETag", info->etag);
        set_modified(x, info);
        set_field(x, "Accept-Ranges", "bytes");
    }
    if (info->varies) {
        RH_IGNORE(rh_response_add(x, "Vary", "Accept-Encoding"));
    }
    if (verdict.status == 304 || verdict.status == 412 || verdict.status == 416) {
        rh_file_close(fd);
        if (verdict.status == 416) { /* RFC 9110 §14.4: how long it is */
            char *range = rh_exchange_format(x, "bytes */%llu", (unsigned long long)info->len);
            set_field(x, "Content-Range", range != NULL ? range : "bytes */*");
        }
        if (verdict.status == 304) {
            rh_respond_empty(x, 304);
        } else {
            rh_respond_error(x, verdict.status, NULL);
        }
        return;
    }
    if (info->coding != NULL) {
        set_field(x, "Content-Encoding", info->coding);
    }
    if (verdict.status == 206) {
        char *range = rh_exchange_format(
            x, "bytes %llu-%llu/%llu", (unsigned long long)verdict.first,
            (unsigned long long)(verdict.first + verdict.len - 1), (unsigned long long)info->len);
        if (range == NULL) { /* without it a part would be taken for the whole */
            rh_file_close(fd);
            rh_respond_error(x, 503, NULL);
            return;
        }
        set_field(x, "Content-Range", range);
    }
    if (entry == NULL) {
        rh_reader_respond(x, rh_files_home(x), verdict.status, info->type, fd, verdict.first,
                          verdict.len);
    } else if (verdict.len <= COPY_BYTES_MAX) {
        rh_respond(x, verdict.status, info->type, entry->content + verdict.first, verdict.len);
    } else {
        entry->references++;
        rh_respond_owned(x, verdict.status, info->type, entry->content + verdict.first, verdict.len,
                         entry_done, entry);
    }
}

/* Where a folder was asked for without its slash: the same path with it, as a path only. A Location
 * that began with two slashes would name another host (RFC 3986 §4.2); such a path does not get
 * here, and would not leave here. */
static void redirect_to_folder(struct rh_exchange *x)
{
    struct rh_slice path = rh_request_path(x);
    struct rh_slice query = rh_request_query(x);
    char *location = rh_exchange_alloc(x, path.len * 3 + query.len + 3);
    if (location == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    size_t at = rh_ascii_percent_encode(location, path, "/-._~!$'()*+,;=:@");
    location[at++] = '/';
    if (query.base != NULL) {
        location[at++] = '?';
        memcpy(location + at, query.base, query.len);
        at += query.len;
    }
    location[at] = '\0';
    if (location[0] != '/' || location[1] == '/') {
        rh_respond_error(x, 404, NULL);
        return;
    }
    rh_respond_redirect(x, 301, location);
}

/* --- Looking up --- */

struct lookup {
    const char *name;
    unsigned status;
    bool is_fallback;
    bool wants_folder;
};

static void find(struct rh_exchange *x, struct rh_files *files, const struct lookup *lookup);

/* There is no such file: the folder's page for that, else the server's answer. */
static void answer_missing(struct rh_exchange *x, struct rh_files *files)
{
    if (files->options.not_found != NULL) {
        const struct lookup page = {files->options.not_found, 404, true, false};
        find(x, files, &page);
    } else {
        rh_respond_error(x, 404, NULL);
    }
}

/* A path without a file that may be one of the pages that a script in index.html makes. */
static bool looks_like_a_page(struct rh_exchange *x)
{
    struct rh_slice path = rh_request_path(x);
    const char *slash = memrchr(path.base, '/', path.len);
    size_t last = slash == NULL ? 0 : (size_t)(slash - path.base);
    return memchr(path.base + last, '.', path.len - last) == NULL;
}

static void answer_failed(const struct rh_job *job)
{
    struct rh_exchange *x = job->x;
    switch (-job->error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV:  /* a link that leads out of the folder */
    case ENXIO:  /* a socket */
    case EINVAL: /* bytes that this file system has no names for */
        if (job->is_fallback) {
            rh_respond_error(x, job->status == 200 ? 404 : job->status, NULL);
        } else if (job->files->options.spa && looks_like_a_page(x)) {
            const struct lookup page = {"index.html", 200, true, false};
            find(x, job->files, &page);
        } else {
            answer_missing(x, job->files);
        }
        return;
    case EACCES:
    case EPERM:
        rh_respond_error(x, 403, NULL);
        return;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case ECANCELED:
        rh_exchange_log(x, RH_LOG_WARNING, "file %s: %s", job->key.name, strerror(-job->error));
        rh_respond_error(x, 503, NULL);
        return;
    default:
        rh_exchange_log(x, RH_LOG_ERROR, "file %s: %s", job->key.name, strerror(-job->error));
        rh_respond_error(x, 500, NULL);
        return;
    }
}

/* Back on the loop: the cache first, then the answer. Nothing of the exchange, the job included, is
 * touched behind an answer. */
static void on_job_done(struct rh_work *work, bool was_run)
{
    struct rh_job *job = RH_CONTAINER_OF(work, struct rh_job, work);
    struct rh_exchange *x = job->x;
    struct rh_files *files = job->files;
    struct rh_entry *known = job->known;
    struct rh_files_home *home = rh_files_home(x);
    if (!was_run) {
        job->outcome = RH_JOB_FAILED;
        job->error = -ECANCELED;
    }
    if (known != NULL) {
        known->is_checked_now = false;
        if (job->outcome == RH_JOB_UNCHANGED) {
            known->checked_ms = rh_exchange_now_ms(x);
        } else if (job->outcome != RH_JOB_SMALL) {
            rh_cache_drop(home, known);
        }
    }
    switch (job->outcome) {
    case RH_JOB_FAILED:
        answer_failed(job);
        break;
    case RH_JOB_UNCHANGED:
        send_file(x, job->status, &known->info, known, -1);
        break;
    case RH_JOB_SMALL: {
        struct rh_entry *entry = job->entry;
        entry->checked_ms = rh_exchange_now_ms(x);
        rh_cache_put(home, &job->key, entry);
        send_file(x, job->status, &entry->info, entry, -1);
        rh_entry_unref(entry);
        break;
    }
    case RH_JOB_LARGE:
        send_file(x, job->status, &job->info, NULL, job->fd);
        break;
    case RH_JOB_FOLDER:
        redirect_to_folder(x);
        break;
    case RH_JOB_LISTING:
        rh_respond_owned(x, 200, "text/html; charset=utf-8", job->listing, job->listing_len, free,
                         job->listing);
        break;
    }
    rh_entry_unref(known);
    rh_files_unref(files);
}

static void on_job_run(struct rh_work *work)
{
    rh_job_run(RH_CONTAINER_OF(work, struct rh_job, work));
}

/* Asks the disk; `known` is compared to it, or NULL. */
static void start_job(struct rh_exchange *x, const struct rh_entry_key *key,
                      const struct lookup *lookup, struct rh_entry *known)
{
    size_t name_bytes = strlen(key->name) + 1;
    struct rh_job *job = rh_exchange_alloc(x, sizeof *job + name_bytes);
    if (job == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    memset(job, 0, sizeof *job);
    memcpy(job->name, key->name, name_bytes);
    job->x = x;
    job->files = key->files;
    job->status = lookup->status;
    job->is_fallback = lookup->is_fallback;
    job->wants_folder = lookup->wants_folder;
    job->url_path = rh_request_path(x);
    job->key = *key;
    job->key.name = job->name;
    job->fd = -1;
    job->known = known;
    job->may_keep = rh_files_home(x)->lent_bytes <= RH_FILES_LENT_BYTES; /* `find` had a home */
    rh_exchange_hold(x);
    rh_files_ref(job->files);
    if (known != NULL) {
        known->references++;
        known->is_checked_now = true;
    }
    uv_loop_t *loop = rh_exchange_loop(x);
    if (loop == NULL) { /* the driver in memory has none, and no other connection that would wait */
        rh_job_run(job);
        on_job_done(&job->work, true);
    } else if (rh_work_start(&job->work, loop, on_job_run, on_job_done) != 0) {
        on_job_done(&job->work, false);
    }
}

static void find(struct rh_exchange *x, struct rh_files *files, const struct lookup *lookup)
{
    struct rh_files_home *home = rh_files_home(x);
    struct rh_entry_key key = {files, 0, lookup->name};
    if (home == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    if (files->options.compression) {
        struct rh_slice accept = rh_request_field(x, "accept-encoding");
        key.codings = accept.base != NULL ? rh_codings_of(accept) : 0;
    }
    struct rh_entry *entry = rh_cache_find(home, &key);
    if (entry != NULL &&
        (entry->is_checked_now || rh_exchange_now_ms(x) - entry->checked_ms < RH_FILES_FRESH_MS)) {
        send_file(x, lookup->status, &entry->info, entry, -1);
        return;
    }
    start_job(x, &key, lookup, entry);
}

/* --- The request's path --- */

enum name_kind { NAME_BAD, NAME_FILE, NAME_FOLDER, NAME_ROOT_WITHOUT_SLASH };

/* The name below the folder that the segments of `path` behind the first `skip` make. An empty
 * segment means a folder at the end and nothing elsewhere; a decoded slash (NUL here) is in no
 * file's name; what begins with a dot is not for the web, except .well-known (RFC 8615). */
static enum name_kind name_make(struct rh_slice path, size_t skip, char out[RH_FILES_NAME_MAX])
{
    const char *at = path.base;
    const char *end = at + path.len;
    size_t len = 0;
    bool is_folder = true;
    if (at == end || *at != '/') {
        return NAME_BAD;
    }
    for (; skip > 0; skip--) { /* to the slash behind one more segment */
        at = memchr(at + 1, '/', (size_t)(end - at - 1));
        if (at == NULL) {
            return skip == 1 ? NAME_ROOT_WITHOUT_SLASH : NAME_BAD;
        }
    }
    while (at != end) {
        const char *begin = at + 1;
        at = memchr(begin, '/', (size_t)(end - begin));
        at = at == NULL ? end : at;
        size_t segment = (size_t)(at - begin);
        is_folder = segment == 0;
        if (is_folder && at != end) {
            return NAME_BAD;
        }
        if (memchr(begin, '\0', segment) != NULL ||
            (segment > 0 && *begin == '.' &&
             !rh_slice_is((struct rh_slice){begin, segment}, ".well-known"))) {
            return NAME_BAD;
        }
        if (len + segment + 2 > RH_FILES_NAME_MAX) {
            return NAME_BAD;
        }
        memcpy(out + len, begin, segment);
        len += segment;
        if (at != end) {
            out[len++] = '/';
        }
    }
    out[len] = '\0';
    return is_folder ? NAME_FOLDER : NAME_FILE;
}

void rh_files_serve(struct rh_exchange *x, struct rh_files *files, size_t skip)
{
    char name[RH_FILES_NAME_MAX];
    int method = rh_request_method(x);
    if (method != RH_GET && method != RH_HEAD) {
        set_field(x, "Allow", "GET, HEAD");
        rh_respond_error(x, 405, NULL);
        return;
    }
    enum name_kind kind = name_make(rh_request_path(x), skip, name);
    if (kind == NAME_BAD) {
        answer_missing(x, files);
    } else if (kind == NAME_ROOT_WITHOUT_SLASH) {
        redirect_to_folder(x);
    } else {
        const struct lookup lookup = {name, 200, false, kind == NAME_FOLDER};
        find(x, files, &lookup);
    }
}

void rh_files_send(struct rh_exchange *x, struct rh_files *files, const char *name, unsigned status)
{
    const struct lookup lookup = {name, status, true, false};
    if (strlen(name) >= RH_FILES_NAME_MAX) {
        rh_respond_error(x, status == 200 ? 404 : status, NULL);
        return;
    }
    find(x, files, &lookup);
}
