/* Names, sizes and times of a folder, and nothing that could not also be served: no dot names,
 * nothing hidden or private, no link that leads out. All of it is read and sorted before anything
 * is cut into pages, so a page is the same part of the same order whatever the folder's own is. */
#include "app/files/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "app/files/files.h"
#include "io/file.h"
#include "util/ascii.h"

/* --- Order --- */

/* Compares two runs of digits by value, and takes them off. */
static int compare_numbers(const char **a, const char **b)
{
    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    size_t a_len = strspn(*a, "0123456789");
    size_t b_len = strspn(*b, "0123456789");
    int order = a_len != b_len ? (a_len < b_len ? -1 : 1) : memcmp(*a, *b, a_len);
    *a += a_len;
    *b += b_len;
    return order;
}

int rh_listing_compare(const char *left, const char *right)
{
    const char *a = left;
    const char *b = right;
    while (*a != '\0' && *b != '\0') {
        int order = rh_ascii_is_digit(*a) && rh_ascii_is_digit(*b)
                        ? compare_numbers(&a, &b)
                        : (unsigned char)rh_ascii_lower(*a++) - (unsigned char)rh_ascii_lower(*b++);
        if (order != 0) {
            return order;
        }
    }
    return *a != *b ? (*a == '\0' ? -1 : 1) : strcmp(left, right);
}

static int row_order(const void *left, const void *right, void *data)
{
    const struct rh_listing_row *a = left;
    const struct rh_listing_row *b = right;
    const struct rh_listing_view *view = data;
    int order = 0;
    if (a->is_folder != b->is_folder) {
        return a->is_folder ? -1 : 1;
    }
    if (view->sort == RH_SORT_SIZE && !a->is_folder) {
        order = a->size < b->size ? -1 : a->size > b->size;
    } else if (view->sort == RH_SORT_TIME) {
        order = a->modified < b->modified ? -1 : a->modified > b->modified;
    }
    order = order != 0 ? order : rh_listing_compare(a->name, b->name);
    return view->is_descending ? -order : order;
}

/* --- Reading --- */

struct place {
    const struct rh_files *files;
    const struct rh_root *root;
    const char *folder; /* below the root, with its slash, or "" */
    struct rh_hidden_look hidden;
};

/* Returns true if the name may be shown, with its state. What is not below the root is not there.
 */
static bool look_at(const struct place *place, int fd, const char *name, struct stat *ret_stat)
{
    if (name[0] == '.' && strcmp(name, ".well-known") != 0) {
        return false;
    }
    if (fstatat(fd, name, ret_stat, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    if (S_ISLNK(ret_stat->st_mode)) {
        char path[RH_FILES_NAME_MAX + 256 + 2];
        snprintf(path, sizeof path, "%s%s", place->folder, name);
        if (rh_file_stat_below(place->root->fd, path, ret_stat) != 0) {
            return false;
        }
    }
    const struct rh_files_options *options = &place->files->options;
    return (S_ISDIR(ret_stat->st_mode) || S_ISREG(ret_stat->st_mode)) &&
           !rh_hidden_has(&place->hidden, name, ret_stat) &&
           (options->is_private == NULL ||
            !options->is_private(options->data, ret_stat->st_dev, ret_stat->st_ino));
}

static int add_row(struct rh_listing *listing, const char *name, const struct stat *stat)
{
    if (listing->count == listing->room) {
        size_t room = listing->room == 0 ? 64 : listing->room * 2;
        struct rh_listing_row *rows = realloc(listing->rows, room * sizeof *rows);
        if (rows == NULL) {
            return -ENOMEM;
        }
        listing->rows = rows;
        listing->room = room;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        return -ENOMEM;
    }
    bool is_folder = S_ISDIR(stat->st_mode);
    listing->rows[listing->count++] =
        (struct rh_listing_row){copy, is_folder, (uint64_t)stat->st_size, stat->st_mtime};
    listing->folders += is_folder;
    listing->bytes += is_folder ? 0 : (uint64_t)stat->st_size;
    return 0;
}

static int read_rows(struct rh_listing *listing, const struct place *place, DIR *dir)
{
    int err = 0;
    const struct dirent *found;
    while (err == 0 && !listing->is_cut && (found = readdir(dir)) != NULL) {
        struct stat stat;
        if (listing->count == RH_LISTING_NAMES_MAX) {
            listing->is_cut = true;
        } else if (look_at(place, dirfd(dir), found->d_name, &stat)) {
            err = add_row(listing, found->d_name, &stat);
        }
    }
    return err;
}

/* --- The whole --- */

/* Puts the text's bytes, compressed, in its place, if that makes it shorter. */
static const char *pack(char **text, size_t *len)
{
    char maker[RH_PACK_NAME_MAX];
    char *packed = malloc(*len);
    size_t packed_len = packed != NULL ? rh_pack(RH_CODING_GZIP, (struct rh_slice){*text, *len},
                                                 packed, *len, maker)
                                       : 0;
    if (packed_len == 0) {
        free(packed);
        return NULL;
    }
    free(*text);
    *text = packed;
    *len = packed_len;
    return "gzip";
}

static int print(const struct rh_listing *listing, const struct rh_listing_view *view,
                 struct rh_listing_text *ret_text)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        return -ENOMEM;
    }
    if (view->is_json) {
        rh_listing_put_json(out, listing);
    } else {
        rh_listing_put_page(out, listing, view);
    }
    bool is_whole = !ferror(out);
    if (fclose(out) != 0 || !is_whole) {
        free(text);
        return -ENOMEM;
    }
    const char *coding =
        view->may_pack && len >= RH_FILES_PACK_BYTES_MIN ? pack(&text, &len) : NULL;
    *ret_text = (struct rh_listing_text){text, len, coding};
    return 0;
}

static size_t depth_of(const char *folder)
{
    size_t depth = 0;
    for (; *folder != '\0'; folder++) {
        depth += *folder == '/';
    }
    return depth;
}

int rh_listing_make(const struct rh_files *files, const struct rh_root *root, int fd,
                    const char *name, struct rh_slice url_path, const struct rh_listing_view *view,
                    struct rh_listing_text *ret_text)
{
    struct place place = {.files = files, .root = root, .folder = name};
    struct rh_listing listing = {.depth = depth_of(name), .url_path = url_path};
    rh_hidden_look(&place.hidden, files->hidden, root, name);
    DIR *dir = place.hidden.is_hidden ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int err = place.hidden.is_hidden ? -ENOENT : -errno;
        rh_file_close(fd);
        return err;
    }
    int err = read_rows(&listing, &place, dir);
    closedir(dir);
    if (err == 0 && listing.count > 0) {
        qsort_r(listing.rows, listing.count, sizeof *listing.rows, row_order,
                (void *)(uintptr_t)view);
    }
    if (err == 0) {
        err = print(&listing, view, ret_text);
    }
    for (size_t i = 0; i < listing.count; i++) {
        free(listing.rows[i].name);
    }
    free(listing.rows);
    return err;
}
