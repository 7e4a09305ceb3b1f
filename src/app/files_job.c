/* What may block, in the pool: a name becomes an open regular file, or the reason why not. Opened
 * once and looked at through the descriptor, so what was checked is what is read, whatever happens
 * to the name meanwhile. Devices, FIFOs and sockets are as if they were not there, and so is what
 * the embedder hides or calls private. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/files.h"
#include "app/gzip.h"
#include "app/mime.h"
#include "http/date.h"
#include "io/file.h"

bool rh_file_id_equal(const struct rh_file_id *a, const struct rh_file_id *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)((uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec);
}

struct rh_file_id rh_file_id_of(const struct stat *stat)
{
    return (struct rh_file_id){.device = stat->st_dev,
                               .inode = stat->st_ino,
                               .size = (uint64_t)stat->st_size,
                               .modified_ns = nanoseconds(stat->st_mtim),
                               .changed_ns = nanoseconds(stat->st_ctim)};
}

void rh_file_info_fill(struct rh_file_info *info, const struct stat *stat, const char *name,
                       const char *coding, bool varies)
{
    info->id = rh_file_id_of(stat);
    info->len = (uint64_t)stat->st_size;
    info->type = rh_mime_of(name)->type;
    info->coding = coding;
    info->varies = varies;
    /* Without the inode: machines that serve copies of one folder agree. Strong (RFC 9110 §8.8.3),
     * as ranges need. */
    snprintf(info->etag, sizeof info->etag, "\"%llx-%llx%s%s\"",
             (unsigned long long)info->id.modified_ns, (unsigned long long)info->id.size,
             coding == NULL ? "" : "-", coding == NULL ? "" : coding);
    rh_date_format(info->modified, stat->st_mtim.tv_sec);
    info->modified[RH_DATE_BYTES] = '\0';
}

static bool is_hidden(const struct rh_files *files, const char *name, const struct stat *stat)
{
    struct rh_hidden_look look;
    const char *slash = strrchr(name, '/');
    rh_hidden_look(&look, files, name);
    return rh_hidden_has(&look, slash != NULL ? slash + 1 : name, stat) ||
           (files->options.is_private != NULL &&
            files->options.is_private(files->options.data, stat->st_dev, stat->st_ino));
}

/* A descriptor of a file that may be served; -EISDIR for a folder; another -errno. */
static int open_regular(const struct rh_files *files, const char *name, struct stat *ret_stat)
{
    int fd = rh_file_open_below(files->folder, name, ret_stat);
    if (fd < 0) {
        return fd;
    }
    int err = 0;
    if (is_hidden(files, name, ret_stat)) {
        err = -ENOENT;
    } else if (!S_ISREG(ret_stat->st_mode)) {
        err = S_ISDIR(ret_stat->st_mode) ? -EISDIR : -ENOENT;
    }
    if (err != 0) {
        rh_file_close(fd);
        return err;
    }
    return fd;
}

/* Prefers "name.br", then "name.gz", where the peer takes them and they are not older than the file
 * itself. */
static int open_sibling(const struct rh_job *job, const char *name, struct stat *stat,
                        const char **ret_coding)
{
    static const struct {
        unsigned bit;
        const char *suffix;
        const char *coding;
    } siblings[] = {{RH_CODING_BR, ".br", "br"}, {RH_CODING_GZIP, ".gz", "gzip"}};
    char path[RH_FILES_NAME_MAX + 32];
    for (size_t i = 0; i < sizeof siblings / sizeof *siblings; i++) {
        struct stat sibling;
        if ((job->key.codings & siblings[i].bit) == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s%s", name, siblings[i].suffix);
        int fd = open_regular(job->files, path, &sibling);
        if (fd >= 0 && sibling.st_mtime >= stat->st_mtime) {
            *stat = sibling;
            *ret_coding = siblings[i].coding;
            return fd;
        }
        rh_file_close(fd);
    }
    return -ENOENT;
}

static void fail(struct rh_job *job, int error)
{
    job->outcome = RH_JOB_FAILED;
    job->error = error;
}

/* A small file is read now; `fd` is taken over. */
static void read_small(struct rh_job *job, int fd, struct stat *stat, const char *name,
                       const char *coding, bool varies)
{
    struct rh_entry *entry = rh_entry_create(job->key.name, (size_t)stat->st_size);
    if (entry == NULL) {
        rh_file_close(fd);
        fail(job, -ENOMEM);
        return;
    }
    ptrdiff_t n = rh_file_read(fd, entry->content, entry->len, 0);
    rh_file_close(fd);
    if (n < 0) {
        rh_entry_unref(entry);
        fail(job, (int)n);
        return;
    }
    entry->len = (size_t)n; /* less where it became shorter just now: that is what it is, then */
    stat->st_size = n;
    rh_file_info_fill(&entry->info, stat, name, coding, varies);
    job->entry = entry;
    job->outcome = RH_JOB_SMALL;
}

/* Compresses the file at `fd`, which stays open, to an entry; false where it does not become a good
 * deal shorter, or memory ran out: then it is sent as it is. The tag is strong, as ranges need, so
 * it names all that these bytes follow from: the file's state, zlib's version and the level. */
static bool pack(struct rh_job *job, int fd, const struct stat *stat, const char *name)
{
    size_t len = (size_t)stat->st_size;
    size_t out_max = len - len / 8;
    struct rh_gzip *gzip = rh_gzip_create(RH_FILES_PACK_LEVEL);
    char *content = gzip != NULL ? malloc(len + out_max) : NULL;
    size_t packed = 0;
    if (content != NULL && rh_file_read(fd, content, len, 0) == (ptrdiff_t)len) {
        packed = rh_gzip_whole(gzip, (struct rh_slice){content, len}, content + len, out_max);
    }
    struct rh_entry *entry = packed > 0 ? rh_entry_create(job->key.name, packed) : NULL;
    if (entry != NULL) {
        char coding[RH_GZIP_NAME_MAX + 8];
        snprintf(coding, sizeof coding, "gzip-%s", rh_gzip_name(gzip));
        memcpy(entry->content, content + len, packed);
        rh_file_info_fill(&entry->info, stat, name, coding, true);
        entry->info.coding = "gzip";
        entry->info.len = packed;
        job->entry = entry;
        job->outcome = RH_JOB_SMALL;
    }
    free(content);
    rh_gzip_destroy(gzip);
    return entry != NULL;
}

static void take_file(struct rh_job *job, int fd, struct stat *stat, const char *name)
{
    const char *coding = NULL;
    bool varies = job->files->options.compression && rh_mime_of(name)->is_compressible;
    if (varies && job->key.codings != 0) {
        int sibling = open_sibling(job, name, stat, &coding);
        if (sibling >= 0) {
            rh_file_close(fd);
            fd = sibling;
        }
    }
    rh_file_info_fill(&job->info, stat, name, coding, varies);
    if (job->known != NULL && rh_file_id_equal(&job->known->info.id, &job->info.id)) {
        rh_file_close(fd);
        job->outcome = RH_JOB_UNCHANGED;
    } else if (varies && job->may_keep && coding == NULL &&
               (job->key.codings & RH_CODING_GZIP) != 0 &&
               stat->st_size >= RH_FILES_PACK_BYTES_MIN &&
               stat->st_size <= RH_FILES_PACK_BYTES_MAX && pack(job, fd, stat, name)) {
        rh_file_close(fd);
    } else if (stat->st_size <= RH_FILES_SMALL_BYTES && (job->may_keep || stat->st_size == 0)) {
        read_small(job, fd, stat, name, coding, varies);
    } else {
        job->fd = fd;
        job->outcome = RH_JOB_LARGE;
    }
}

static void take_folder(struct rh_job *job)
{
    char path[RH_FILES_NAME_MAX + 16];
    struct stat stat;
    snprintf(path, sizeof path, "%sindex.html", job->key.name);
    int fd = open_regular(job->files, path, &stat);
    if (fd >= 0) {
        take_file(job, fd, &stat, path);
        return;
    }
    if (fd != -ENOENT || !job->files->options.listing) {
        fail(job, fd == -EISDIR ? -ENOENT : fd);
        return;
    }
    fd = rh_file_open_below(job->files->folder, job->key.name, &stat);
    if (fd < 0) {
        fail(job, fd);
        return;
    }
    int err = rh_listing_make(job->files, fd, job->key.name, job->url_path, &job->listing,
                              &job->listing_len);
    job->outcome = RH_JOB_LISTING;
    if (err != 0) {
        fail(job, err);
    }
}

void rh_job_run(struct rh_job *job)
{
    struct stat stat;
    if (job->wants_folder) {
        take_folder(job);
        return;
    }
    int fd = open_regular(job->files, job->key.name, &stat);
    if (fd >= 0) {
        take_file(job, fd, &stat, job->key.name);
    } else if (fd == -EISDIR && !job->is_fallback) {
        job->outcome = RH_JOB_FOLDER;
    } else {
        fail(job, fd == -EISDIR ? -ENOENT : fd);
    }
}
