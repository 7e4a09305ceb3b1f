/* From a name to an answer: the cache, else a job in the pool, and what its outcome means. Where
 * something is kept and only its check is late, the peer is not made to wait for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/files/files.h"
#include "http/field.h"
#include "http/media.h"
#include "rawhttp/log.h"
#include "server/door.h"
#include "util/ascii.h"
#include "util/assert.h"

/* There is no such file: the folder's page for that, else the server's answer. */
void rh_files_answer_missing(struct rh_exchange *x, struct rh_files *files)
{
    if (files->options.not_found != NULL) {
        const struct rh_lookup page = {files->options.not_found, 404, true, false};
        rh_files_find(x, files, &page);
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
            const struct rh_lookup page = {"index.html", 200, true, false};
            rh_files_find(x, job->files, &page);
        } else {
            rh_files_answer_missing(x, job->files);
        }
        return;
    case EACCES:
    case EPERM:
        rh_respond_error(x, 403, NULL);
        return;
    case EMFILE:
    case ENFILE:
        rh_cache_close_files(job->home); /* for the next one */
        RH_FALLTHROUGH;
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

static void respond_listing(struct rh_exchange *x, struct rh_job *job)
{
    struct rh_listing_text text = job->listing;
    job->listing.base = NULL;
    rh_exchange_send_as_is(x);
    RH_IGNORE(rh_response_add(x, "Vary", "Accept, Accept-Encoding"));
    RH_IGNORE(rh_response_set(x, "X-Content-Type-Options", "nosniff"));
    if (text.coding != NULL && rh_response_set(x, "Content-Encoding", text.coding) != 0) {
        free(text.base);
        rh_respond_error(x, 503, NULL);
        return;
    }
    if (!job->view.is_json) {
        RH_IGNORE(rh_response_set(x, "Content-Security-Policy", rh_listing_policy));
    }
    rh_respond_owned(x, 200, job->view.is_json ? "application/json" : "text/html; charset=utf-8",
                     text.base, text.len, free, text.base);
}

/* Answers by what the job found. The exchange, and the job's slices of it, may be gone after it. */
static void answer(struct rh_job *job)
{
    struct rh_exchange *x = job->x;
    switch (job->outcome) {
    case RH_JOB_FAILED:
        answer_failed(job);
        break;
    case RH_JOB_UNCHANGED:
        rh_file_respond(x, job->status, job->known);
        break;
    case RH_JOB_FILE:
        rh_file_respond(x, job->status, job->entry);
        break;
    case RH_JOB_FOLDER:
        rh_files_redirect_to_folder(x);
        break;
    case RH_JOB_LISTING:
        respond_listing(x, job);
        break;
    }
}

/* What the job found goes to the cache. It holds as of the job's start. */
static void keep(struct rh_job *job)
{
    if (job->known != NULL) {
        job->known->is_checked_now = false;
        if (job->outcome == RH_JOB_UNCHANGED) {
            job->known->checked_ms = job->started_ms;
        } else if (job->outcome != RH_JOB_FILE) {
            rh_cache_drop(job->home, job->known);
        }
    }
    if (job->outcome == RH_JOB_FILE && !job->home->is_closed &&
        (job->x != NULL || job->entry->fd < 0)) { /* a descriptor needs a clock to be closed by */
        job->entry->checked_ms = job->started_ms;
        rh_cache_put(job->home, job->x, &job->key, job->entry);
    } else if (job->outcome == RH_JOB_FILE && job->known != NULL) {
        rh_cache_drop(job->home, job->known);
    }
}

static void job_destroy(struct rh_job *job)
{
    struct rh_files_home *home = job->home;
    rh_list_remove(&job->link);
    rh_entry_unref(job->known);
    rh_entry_unref(job->entry);
    rh_files_unref(job->files);
    free(job->listing.base);
    free(job);
    rh_files_home_unref(home);
}

static void begin(struct rh_job *job);

/* A look at a folder has ended: the next one in line has its turn. One whose peer has left is not
 * worth it. */
static void next_folder(struct rh_files_home *home)
{
    home->folders_running--;
    while (!rh_list_is_empty(&home->folders_waiting) &&
           home->folders_running < RH_FILES_FOLDERS_MAX) {
        struct rh_job *job = RH_CONTAINER_OF(home->folders_waiting.next, struct rh_job, line);
        rh_list_remove(&job->line);
        begin(job);
    }
}

/* Back on the loop: the cache first, then the answer, if it was not given meanwhile. */
static void on_job_done(struct rh_work *work, bool was_run)
{
    struct rh_job *job = RH_CONTAINER_OF(work, struct rh_job, work);
    if (!was_run) {
        job->outcome = RH_JOB_FAILED;
        job->error = -ECANCELED;
    }
    keep(job);
    if (job->x != NULL) {
        rh_list_remove(&job->late.due.link);
        answer(job);
    }
    if (job->is_counted) {
        next_folder(job->home);
    }
    job_destroy(job);
}

static void on_job_run(struct rh_work *work)
{
    rh_job_run(RH_CONTAINER_OF(work, struct rh_job, work));
}

static void begin(struct rh_job *job)
{
    if (job->wants_folder) {
        job->is_counted = true;
        job->home->folders_running++;
    }
    if (rh_exchange_is_cut(job->x) ||
        rh_work_start(&job->work, rh_exchange_loop(job->x), on_job_run, on_job_done) != 0) {
        on_job_done(&job->work, false);
    } else if (job->known != NULL) {
        rh_exchange_alarm(job->x, &job->late, RH_FILES_LATE_MS);
    }
}

/* The pool is busy, or the disk slow: the peer gets what was right a moment ago, and the look goes
 * on for those who come later. */
static void on_late(struct rh_alarm *late)
{
    struct rh_job *job = RH_CONTAINER_OF(late, struct rh_job, late);
    struct rh_exchange *x = job->x;
    job->x = NULL;
    rh_file_respond(x, job->status, job->known);
}

/* ?sort=name, size or time, ?order=desc, ?page=2; what is none of these says nothing. */
static struct rh_listing_view view_of(struct rh_exchange *x, unsigned codings)
{
    static const char *const types[] = {"text/html", "application/json"};
    struct rh_listing_view view = {.sort = RH_SORT_NAME};
    struct rh_slice sort = rh_request_query_value(x, "sort");
    uint64_t page = 0;
    if (rh_slice_is(sort, "size")) {
        view.sort = RH_SORT_SIZE;
    } else if (rh_slice_is(sort, "time")) {
        view.sort = RH_SORT_TIME;
    }
    view.is_descending = rh_slice_is(rh_request_query_value(x, "order"), "desc");
    if (rh_ascii_to_u64(rh_request_query_value(x, "page"), &page) && page > 0 &&
        page <= RH_LISTING_NAMES_MAX) {
        view.page = page - 1;
    }
    view.is_json = rh_media_choose(rh_request_list(x, "accept"), types, 2) == 1;
    for (; codings != 0; codings >>= RH_CODING_BITS) {
        view.may_pack = view.may_pack || (codings & ((1 << RH_CODING_BITS) - 1)) == RH_CODING_GZIP;
    }
    return view;
}

static struct rh_job *job_create(struct rh_exchange *x, const struct rh_entry_key *key,
                                 const struct rh_lookup *lookup, struct rh_files_home *home)
{
    size_t name_bytes = strlen(key->name) + 1;
    struct rh_slice url_path = rh_request_path(x);
    struct rh_job *job = calloc(1, sizeof *job + name_bytes + url_path.len);
    if (job == NULL) {
        return NULL;
    }
    memcpy(job->name, key->name, name_bytes);
    memcpy(job->name + name_bytes, url_path.base, url_path.len);
    job->x = x;
    job->files = key->files;
    job->status = lookup->status;
    job->is_fallback = lookup->is_fallback;
    job->wants_folder = lookup->wants_folder;
    job->url_path = (struct rh_slice){job->name + name_bytes, url_path.len};
    job->key = *key;
    job->key.name = job->name;
    if (lookup->wants_folder && key->files->options.listing) {
        job->view = view_of(x, key->codings);
    }
    job->home = home;
    job->may_keep = home->lent_bytes <= RH_FILES_LENT_BYTES;
    job->started_ms = rh_exchange_now_ms(x);
    job->late.fn = on_late;
    rh_list_init(&job->late.due.link);
    rh_list_init(&job->line);
    rh_list_push_back(&home->jobs, &job->link);
    home->references++;
    rh_files_ref(job->files);
    return job;
}

/* Asks the disk; `known` is compared to it, or NULL. */
static void start_job(struct rh_exchange *x, const struct rh_entry_key *key,
                      const struct rh_lookup *lookup, struct rh_files_home *home,
                      struct rh_entry *known)
{
    struct rh_job *job = job_create(x, key, lookup, home);
    if (job == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    rh_exchange_hold(x);
    if (known != NULL) {
        job->known = known;
        known->references++;
        known->is_checked_now = true;
    }
    if (rh_exchange_loop(x) == NULL) { /* the driver in memory: no other connection would wait */
        rh_job_run(job);
        on_job_done(&job->work, true);
    } else if (job->wants_folder && known == NULL &&
               home->folders_running >= RH_FILES_FOLDERS_MAX) {
        rh_list_push_back(&home->folders_waiting, &job->line);
    } else {
        begin(job);
    }
}

void rh_files_find(struct rh_exchange *x, struct rh_files *files, const struct rh_lookup *lookup)
{
    struct rh_files_home *home = rh_files_home(x);
    struct rh_entry_key key = {files, 0, lookup->name};
    if (home == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    if (files->options.compression &&
        rh_request_has_any(x, UINT64_C(1) << RH_FIELD_ACCEPT_ENCODING)) {
        struct rh_slice accept = rh_request_list(x, "accept-encoding");
        key.codings = accept.base != NULL ? rh_codings_of(accept) : 0;
    }
    struct rh_entry *entry = rh_cache_find(home, &key);
    if (entry != NULL &&
        (entry->is_checked_now || rh_exchange_now_ms(x) - entry->checked_ms < RH_FILES_FRESH_MS)) {
        rh_file_respond(x, lookup->status, entry);
        return;
    }
    start_job(x, &key, lookup, home, entry);
}
