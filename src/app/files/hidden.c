/* Paths whose files are never served, whatever is there. A key is renewed by a rename, a log is
 * rotated by one: who remembers the old file serves the new one. So nothing is remembered. Each
 * look compares by the identity of what is at the path at that moment (a link or another name for
 * the key is the key), and by name and folder (a file that replaced the key between our opening and
 * our looking has the key's name). What is loaded from such a file and has lost its path since is
 * for the embedder's is_private.
 *
 * Names that go on after the hidden one ("server.key.old", "access.log.1.gz", "server.key~") are
 * what renewals, rotations and editors leave beside it, and hidden as well. Letters are compared
 * without case, since some file systems do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/files/files.h"
#include "io/file.h"
#include "util/ascii.h"

struct rh_hidden {
    size_t count;
    struct hidden_path {
        char *folder;     /* absolute */
        char *whole;      /* absolute */
        const char *name; /* in `whole`: the last part; "" for the root */
    } paths[RH_FILES_HIDDEN_MAX];
};

static int path_init(struct hidden_path *path, const char *given)
{
    path->whole = rh_files_absolute(given);
    if (path->whole == NULL) {
        return errno != 0 ? -errno : -ENOMEM;
    }
    char *slash = strrchr(path->whole, '/');
    path->name = slash != NULL ? slash + 1 : path->whole;
    path->folder = strndup(path->whole, (size_t)(path->name - path->whole));
    return path->folder != NULL ? 0 : -ENOMEM;
}

int rh_hidden_create(const char *const *paths, struct rh_hidden **ret_hidden)
{
    int err = 0;
    *ret_hidden = NULL;
    if (paths == NULL || *paths == NULL) {
        return 0;
    }
    struct rh_hidden *hidden = calloc(1, sizeof *hidden);
    if (hidden == NULL) {
        return -ENOMEM;
    }
    for (; *paths != NULL && err == 0; paths++) {
        err = hidden->count < RH_FILES_HIDDEN_MAX
                  ? path_init(&hidden->paths[hidden->count++], *paths)
                  : -E2BIG;
    }
    if (err != 0) {
        rh_hidden_destroy(hidden);
        return err;
    }
    *ret_hidden = hidden;
    return 0;
}

void rh_hidden_destroy(struct rh_hidden *hidden)
{
    for (size_t i = 0; hidden != NULL && i < hidden->count; i++) {
        free(hidden->paths[i].folder);
        free(hidden->paths[i].whole);
    }
    free(hidden);
}

static void look_at_path(struct rh_hidden_place *place, const struct hidden_path *path)
{
    struct stat info;
    *place = (struct rh_hidden_place){.has_folder = stat(path->folder, &info) == 0};
    if (!place->has_folder) {
        return;
    }
    place->folder_device = info.st_dev;
    place->folder_inode = info.st_ino;
    place->is_there = stat(path->whole, &info) == 0;
    if (place->is_there) {
        place->is_folder = S_ISDIR(info.st_mode);
        place->device = info.st_dev;
        place->inode = info.st_ino;
    }
}

static bool is_a_hidden_folder(const struct rh_hidden_look *look, const struct stat *stat)
{
    for (size_t i = 0; i < look->hidden->count; i++) {
        const struct rh_hidden_place *place = &look->places[i];
        if (place->is_folder && place->device == stat->st_dev && place->inode == stat->st_ino) {
            return true;
        }
    }
    return false;
}

/* Goes up from the folder to the root. True as well if the way cannot be seen to its end. */
static bool is_below_a_hidden_folder(const struct rh_hidden_look *look, const struct rh_root *root,
                                     const char *folder)
{
    struct stat stat;
    bool is_hidden = false;
    bool is_root = false;
    int at = rh_file_open_place(root->fd, folder, &stat);
    while (at >= 0 && !is_hidden && !is_root) {
        is_hidden = is_a_hidden_folder(look, &stat);
        is_root = stat.st_dev == root->device && stat.st_ino == root->inode;
        struct stat above;
        int next = is_hidden || is_root ? -1 : rh_file_open_above(at, &above);
        if (next >= 0 && above.st_dev == stat.st_dev && above.st_ino == stat.st_ino) {
            rh_file_close(next); /* "/": the folder was moved out of the root meanwhile */
            next = -1;
        }
        rh_file_close(at);
        at = next;
        stat = above;
    }
    return is_hidden || !is_root;
}

/* What comes before the last slash. */
static int stat_folder_of(const struct rh_root *root, const char *name, char ret_folder[PATH_MAX],
                          struct stat *ret_stat)
{
    const char *slash = strrchr(name, '/');
    size_t len = slash != NULL ? (size_t)(slash - name) : 0;
    if (len >= PATH_MAX) {
        return -ENAMETOOLONG;
    }
    memcpy(ret_folder, name, len);
    ret_folder[len] = '\0';
    return rh_file_stat_below(root->fd, ret_folder, ret_stat);
}

void rh_hidden_look(struct rh_hidden_look *look, const struct rh_hidden *hidden,
                    const struct rh_root *root, const char *name)
{
    char folder[PATH_MAX];
    struct stat stat;
    bool has_folders = false;
    look->hidden = hidden;
    look->is_hidden = false;
    if (hidden == NULL) {
        return;
    }
    if (stat_folder_of(root, name, folder, &stat) != 0) { /* it was there a moment ago */
        look->is_hidden = true;
        return;
    }
    look->device = stat.st_dev;
    look->inode = stat.st_ino;
    for (size_t i = 0; i < hidden->count; i++) {
        look_at_path(&look->places[i], &hidden->paths[i]);
        has_folders = has_folders || look->places[i].is_folder;
    }
    look->is_hidden = has_folders && is_below_a_hidden_folder(look, root, folder);
}

/* "server.key" hides itself and "server.key.old", not "server.keys". */
static bool name_matches(const char *base, const char *hidden)
{
    size_t len = strlen(hidden);
    if (len == 0 || strlen(base) < len ||
        !rh_ascii_equal((struct rh_slice){base, len}, (struct rh_slice){hidden, len})) {
        return false;
    }
    unsigned char next = (unsigned char)base[len];
    return next == '\0' || strchr(".~-_#,", next) != NULL;
}

bool rh_hidden_has(const struct rh_hidden_look *look, const char *base, const struct stat *stat)
{
    if (look->hidden == NULL || look->is_hidden) {
        return look->is_hidden;
    }
    for (size_t i = 0; i < look->hidden->count; i++) {
        const struct rh_hidden_place *place = &look->places[i];
        bool is_in_folder = place->has_folder && place->folder_device == look->device &&
                            place->folder_inode == look->inode;
        if ((is_in_folder && name_matches(base, look->hidden->paths[i].name)) ||
            (place->is_there && place->device == stat->st_dev && place->inode == stat->st_ino)) {
            return true;
        }
    }
    return false;
}
