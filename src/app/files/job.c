/* What may block, in the pool: a name becomes an open regular file, or the reason why not. Opened
 * once and looked at through the descriptor, so what was checked is what is read, whatever happens
 * to the name meanwhile. Devices, FIFOs and sockets are as if they were not there, and so is what
 * the embedder hides or calls private. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/files/files.h"
#include "http/mime.h"
#include "http/date.h"
#include "http/media.h"
#include "io/file.h"
#include "util/digest.h"

/* Clocks of file systems tick slower than programs write: some once in two seconds. */
enum { YOUNG_MS = 2000, TAG_BYTES = 15 };

static bool is_young(const struct rh_file_id *id)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return rh_file_ns(now) - id->changed_ns < (int64_t)YOUNG_MS * 1000000;
}

void rh_file_info_fill(struct rh_file_info *info, const struct stat *stat,
                       const struct rh_mime *mime, const char *coding, bool varies)
{
    info->id = rh_file_id_of(stat);
    info->len = (uint64_t)stat->st_size;
    info->type = mime->type;
    info->coding = coding != NULL ? coding : mime->coding;
    info->varies = varies;
    info->is_young = is_young(&info->id);
    /* The time of the last change of any kind is the kernel's own, and nobody can set it back: two
     * versions of one size differ in it or in the inode, unless they are of one tick of its clock.
     */
    snprintf(info->etag, sizeof info->etag, "%s\"%llx-%llx-%llx%s%s\"", info->is_young ? "W/" : "",
             (unsigned long long)info->id.inode, (unsigned long long)info->id.changed_ns,
             (unsigned long long)info->id.size, coding == NULL ? "" : "-",
             coding == NULL ? "" : coding);
    rh_date_format(info->modified, stat->st_mtim.tv_sec);
    info->modified[RH_DATE_BYTES] = '\0';
}

static const struct {
    const char *name;
    const char *suffix;
} codings[] = {[RH_CODING_BROTLI] = {"br", ".br"},
               [RH_CODING_GZIP] = {"gzip", ".gz"},
               [RH_CODING_ZSTD] = {"zstd", ".zst"}};

unsigned rh_codings_of(struct rh_slice accept_encoding)
{
    static const enum rh_coding ours[] = {RH_CODING_BROTLI, RH_CODING_ZSTD,
                                          RH_CODING_GZIP}; /* the best first */
    enum { OURS = sizeof ours / sizeof *ours };
    unsigned identity = rh_accept_quality(accept_encoding, "identity", 0);
    unsigned list = 0;
    unsigned used = 0;
    bool is_used[OURS] = {false};
    for (;;) {
        size_t best = OURS;
        unsigned best_quality = 0;
        for (size_t i = 0; i < OURS; i++) {
            unsigned quality = rh_accept_quality(accept_encoding, codings[ours[i]].name, 0);
            if (!is_used[i] && quality > best_quality && quality >= identity) {
                best = i;
                best_quality = quality;
            }
        }
        if (best == OURS) {
            return list;
        }
        is_used[best] = true;
        list |= (unsigned)ours[best] << used;
        used += RH_CODING_BITS;
    }
}

static bool is_hidden(const struct rh_job *job, const char *name, const struct stat *stat)
{
    const struct rh_files *files = job->files;
    struct rh_hidden_look look;
    const char *slash = strrchr(name, '/');
    rh_hidden_look(&look, files->hidden, job->root, name);
    return rh_hidden_has(&look, slash != NULL ? slash + 1 : name, stat) ||
           (files->options.is_private != NULL &&
            files->options.is_private(files->options.data, stat->st_dev, stat->st_ino));
}

/* A descriptor of a file that may be served; -EISDIR for a folder; another -errno. */
static int open_regular(const struct rh_job *job, const char *name, struct stat *ret_stat)
{
    int fd = rh_file_open_below(job->root->fd, name, ret_stat);
    if (fd < 0) {
        return fd;
    }
    int err = 0;
    if (is_hidden(job, name, ret_stat)) {
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

/* Opens "name.br", "name.zst" or "name.gz" if it is not older than the file itself. */
static int open_sibling(const struct rh_job *job, const char *name, enum rh_coding coding,
                        struct stat *stat)
{
    char path[RH_FILES_NAME_MAX + 32];
    struct stat sibling;
    snprintf(path, sizeof path, "%s%s", name, codings[coding].suffix);
    int fd = open_regular(job, path, &sibling);
    if (fd >= 0 && sibling.st_mtime >= stat->st_mtime) {
        *stat = sibling;
        return fd;
    }
    rh_file_close(fd);
    return -ENOENT;
}

/* A tag made of the bytes themselves, where all of them are at hand: strong however young the file
 * is, and the same on all machines that have copies of it. If no digest can be had, the tag of the
 * file's state stays. `coding` says what was done to the bytes. */
static void tag_content(struct rh_file_info *info, struct rh_slice content, const char *coding)
{
    struct rh_sha256 sha;
    unsigned char digest[RH_SHA256_BYTES];
    char text[TAG_BYTES * 4 / 3 + 1] = "";
    if (rh_sha256_init(&sha) != 0) {
        return;
    }
    rh_sha256_update(&sha, content);
    rh_sha256_finish(&sha, digest);
    rh_sha256_fini(&sha);
    rh_base64url_encode((struct rh_slice){(char *)digest, TAG_BYTES}, text);
    snprintf(info->etag, sizeof info->etag, "\"%s%s%s\"", text, coding == NULL ? "" : "-",
             coding == NULL ? "" : coding);
}

static void fail(struct rh_job *job, int error)
{
    job->outcome = RH_JOB_FAILED;
    job->error = error;
}

/* A small file is read now; `fd` is taken over. */
static void read_small(struct rh_job *job, int fd, struct stat *stat, const struct rh_mime *mime,
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
    rh_file_info_fill(&entry->info, stat, mime, coding, varies);
    tag_content(&entry->info, (struct rh_slice){entry->content, entry->len}, coding);
    job->entry = entry;
    job->outcome = RH_JOB_FILE;
}

/* Compresses the file at `fd`, which stays open, to an entry; false where it does not become a good
 * deal shorter, or memory ran out: then it is sent as it is. */
static bool pack(struct rh_job *job, int fd, const struct stat *stat, const struct rh_mime *mime,
                 enum rh_coding coding)
{
    size_t len = (size_t)stat->st_size;
    size_t out_max = len - len / 8;
    char maker[RH_PACK_NAME_MAX] = "";
    char *content = malloc(len + out_max);
    size_t packed = 0;
    if (content != NULL && rh_file_read(fd, content, len, 0) == (ptrdiff_t)len) {
        packed = rh_pack(coding, (struct rh_slice){content, len}, content + len, out_max, maker);
    }
    struct rh_entry *entry = packed > 0 ? rh_entry_create(job->key.name, packed) : NULL;
    if (entry != NULL) {
        memcpy(entry->content, content + len, packed);
        rh_file_info_fill(&entry->info, stat, mime, maker, true);
        tag_content(&entry->info, (struct rh_slice){entry->content, packed}, maker);
        entry->info.coding = codings[coding].name;
        entry->info.len = packed;
        job->entry = entry;
        job->outcome = RH_JOB_FILE;
    }
    free(content);
    return entry != NULL;
}

static bool may_pack(const struct rh_job *job, enum rh_coding coding, const struct stat *stat)
{
    return rh_pack_has(coding) && job->may_keep && stat->st_size >= RH_FILES_PACK_BYTES_MIN &&
           stat->st_size <= RH_FILES_PACK_BYTES_MAX;
}

static bool is_known(struct rh_job *job, const struct stat *stat)
{
    const struct rh_entry *known = job->known;
    struct rh_file_id id = rh_file_id_of(stat);
    if (known == NULL || known->info.is_young || !rh_file_id_equal(&known->info.id, &id)) {
        return false;
    }
    job->outcome = RH_JOB_UNCHANGED;
    return true;
}

static void take_whole(struct rh_job *job, int fd, struct stat *stat, const struct rh_mime *mime,
                       const char *coding, bool varies)
{
    if (stat->st_size <= RH_FILES_SMALL_BYTES && (job->may_keep || stat->st_size == 0)) {
        read_small(job, fd, stat, mime, coding, varies);
        return;
    }
    struct rh_entry *entry = rh_entry_create(job->key.name, 0);
    if (entry == NULL) {
        rh_file_close(fd);
        fail(job, -ENOMEM);
        return;
    }
    rh_file_info_fill(&entry->info, stat, mime, coding, varies);
    entry->fd = fd;
    job->entry = entry;
    job->outcome = RH_JOB_FILE;
}

/* By the name, and where that says little by the first bytes. */
static const struct rh_mime *mime_of(const struct rh_job *job, int fd, const struct stat *stat,
                                     const char *name)
{
    const struct rh_mime *mime = rh_settings_mime(&job->files->settings, name);
    char bytes[RH_MIME_LOOK_BYTES];
    ptrdiff_t n = mime->is_doubtful ? rh_file_read(fd, bytes, sizeof bytes, 0) : -1;
    if (n < 0) {
        return mime;
    }
    return rh_mime_judge(mime, (struct rh_slice){bytes, (size_t)n}, n >= stat->st_size);
}

/* `fd` is taken over. The codings are tried in the peer's order: a sibling that has it, else, for
 * gzip, what is made of the file here. */
static void take_file(struct rh_job *job, int fd, struct stat *stat, const char *name)
{
    const struct rh_mime *mime = mime_of(job, fd, stat, name);
    bool varies = job->files->options.compression && mime->is_compressible;
    for (unsigned left = varies ? job->key.codings : 0; left != 0; left >>= RH_CODING_BITS) {
        enum rh_coding coding = left & ((1 << RH_CODING_BITS) - 1);
        struct stat found = *stat;
        int sibling = open_sibling(job, name, coding, &found);
        if (sibling >= 0) {
            rh_file_close(fd);
            if (is_known(job, &found)) {
                rh_file_close(sibling);
            } else {
                take_whole(job, sibling, &found, mime, codings[coding].name, true);
            }
            return;
        }
        if (may_pack(job, coding, stat)) {
            if (is_known(job, stat) || pack(job, fd, stat, mime, coding)) {
                rh_file_close(fd);
                return;
            }
            break;
        }
    }
    if (is_known(job, stat)) {
        rh_file_close(fd);
    } else {
        take_whole(job, fd, stat, mime, NULL, varies);
    }
}

static void take_folder(struct rh_job *job)
{
    char path[RH_FILES_NAME_MAX + 16];
    struct stat stat;
    int fd = -ENOENT;
    for (const char *const *index = job->files->settings.indexes; *index != NULL; index++) {
        size_t len = (size_t)snprintf(path, sizeof path, "%s%s", job->key.name, *index);
        fd = len < sizeof path ? open_regular(job, path, &stat) : -ENAMETOOLONG;
        if (fd >= 0) {
            take_file(job, fd, &stat, path);
            return;
        }
        if (fd != -ENOENT) {
            break;
        }
    }
    if (fd != -ENOENT || !job->files->options.listing) {
        fail(job, fd == -EISDIR ? -ENOENT : fd);
        return;
    }
    fd = rh_file_open_below(job->root->fd, job->key.name, &stat);
    if (fd < 0) {
        fail(job, fd);
        return;
    }
    int err = rh_listing_make(job->files, job->root, fd, job->key.name, job->url_path, &job->view,
                              &job->listing);
    job->outcome = RH_JOB_LISTING;
    if (err != 0) {
        fail(job, err);
    }
}

/* There is no such name: perhaps one that ends in .html. */
static void take_page(struct rh_job *job)
{
    char path[RH_FILES_NAME_MAX + 16];
    struct stat stat;
    snprintf(path, sizeof path, "%s.html", job->key.name);
    int fd = open_regular(job, path, &stat);
    if (fd >= 0) {
        take_file(job, fd, &stat, path);
    } else {
        fail(job, fd == -EISDIR ? -ENOENT : fd);
    }
}

static void look_up(struct rh_job *job)
{
    struct stat stat;
    if (job->wants_folder) {
        take_folder(job);
        return;
    }
    int fd = open_regular(job, job->key.name, &stat);
    if (fd >= 0) {
        take_file(job, fd, &stat, job->key.name);
    } else if (fd == -ENOENT && job->files->options.clean_urls && !job->is_fallback) {
        take_page(job);
    } else if (fd == -EISDIR && !job->is_fallback) {
        job->outcome = RH_JOB_FOLDER;
    } else {
        fail(job, fd == -EISDIR ? -ENOENT : fd);
    }
}

void rh_job_run(struct rh_job *job)
{
    job->root = rh_files_root(job->files);
    look_up(job);
    rh_root_unref(job->root);
}
