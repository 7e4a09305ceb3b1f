/* Static files. The happy path: the request's path becomes a name below the folder, the name is in
 * the cache and was looked at within the last second, and the answer goes out without a system call
 * of this room. Otherwise the exchange is held, a job in the pool looks at the disk (job.c),
 * and the answer follows from what it found: a small file, which is kept; a large one, which is
 * streamed; a folder, which gets its slash; a listing; an error.
 *
 * Names are made of the segments of the canonical path, which were cut at '/' before they were
 * decoded, and the kernel keeps them below the folder (io/file.c). No name here is ever cleaned up
 * and then trusted. */
#include "app/files/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "rawhttp/method.h"
#include "server/door.h"
#include "util/options.h"

/* --- The folder --- */

void rh_files_options_init_sized(struct rh_files_options *options, size_t size)
{
    static const struct rh_files_options defaults = {.compression = 1};
    rh_options_fill(options, size, &defaults, sizeof defaults);
}

/* Fills what create takes from the caller. 0, or -errno. */
static int files_open(struct rh_files *files, const char *folder)
{
    struct rh_files_options given = files->options;
    struct rh_files_options *options = &files->options;
    options->not_found = options->types_file = NULL; /* nothing of the caller's stays */
    options->hidden = options->indexes = options->headers = options->types = NULL;
    files->path = rh_files_absolute(folder);
    if (given.not_found != NULL) {
        options->not_found = strdup(given.not_found);
    }
    if (files->path == NULL || (given.not_found != NULL && options->not_found == NULL)) {
        return -ENOMEM;
    }
    int err = rh_settings_init(&files->settings, &given);
    err = err == 0 ? rh_hidden_create(given.hidden, &files->hidden) : err;
    return err == 0 ? rh_root_open(files->path, &files->root) : err;
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
    rh_settings_fini(&files->settings);
    free((void *)(uintptr_t)files->options.not_found);
    pthread_mutex_destroy(&files->mutex);
    free(files->path);
    free(files);
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

/* The path without its first `skip` segments. */
static struct rh_slice path_below(struct rh_slice path, size_t skip)
{
    const char *at = path.base;
    const char *end = at + path.len;
    for (; skip > 0 && at < end; skip--) {
        const char *slash = memchr(at + 1, '/', (size_t)(end - at - 1));
        at = slash != NULL ? slash : end;
    }
    return (struct rh_slice){at, (size_t)(end - at)};
}

void rh_files_serve(struct rh_exchange *x, struct rh_files *files, size_t skip)
{
    char name[RH_FILES_NAME_MAX];
    int method = rh_request_method(x);
    rh_settings_set_fields(&files->settings, x, path_below(rh_request_path(x), skip));
    if (method != RH_GET && method != RH_HEAD) {
        RH_IGNORE(rh_response_set_own(x, rh_slice_from("Allow"), rh_slice_from("GET, HEAD")));
        rh_respond_error(x, 405, NULL);
        return;
    }
    enum name_kind kind = name_make(rh_request_path(x), skip, name);
    if (kind == NAME_BAD) {
        rh_files_answer_missing(x, files);
    } else if (kind == NAME_ROOT_WITHOUT_SLASH) {
        rh_files_redirect_to_folder(x);
    } else {
        const struct rh_lookup lookup = {name, 200, false, kind == NAME_FOLDER};
        rh_files_find(x, files, &lookup);
    }
}

void rh_files_send(struct rh_exchange *x, struct rh_files *files, const char *name, unsigned status)
{
    const struct rh_lookup lookup = {name, status, true, false};
    if (strlen(name) >= RH_FILES_NAME_MAX) {
        rh_respond_error(x, status == 200 ? 404 : status, NULL);
        return;
    }
    rh_files_find(x, files, &lookup);
}
