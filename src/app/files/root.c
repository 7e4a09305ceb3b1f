/* The folder behind a path. A build that makes its output folder anew and a release that switches a
 * link leave the descriptor of the old folder behind: so the path is looked at again, at most once
 * a second and by one job, and the descriptor is replaced if the path means another folder. Jobs
 * that still work in the old one keep it open. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/files/files.h"
#include "io/file.h"

int rh_root_open(const char *path, struct rh_root **ret_root)
{
    struct stat stat;
    int fd = rh_file_open_folder(path);
    if (fd < 0) {
        return fd;
    }
    struct rh_root *root = fstat(fd, &stat) == 0 ? malloc(sizeof *root) : NULL;
    if (root == NULL) {
        rh_file_close(fd);
        return -ENOMEM;
    }
    *root = (struct rh_root){.fd = fd, .device = stat.st_dev, .inode = stat.st_ino};
    atomic_init(&root->references, 1);
    *ret_root = root;
    return 0;
}

static void root_ref(struct rh_root *root)
{
    atomic_fetch_add_explicit(&root->references, 1, memory_order_relaxed);
}

void rh_root_unref(struct rh_root *root)
{
    if (root != NULL &&
        atomic_fetch_sub_explicit(&root->references, 1, memory_order_acq_rel) == 1) {
        rh_file_close(root->fd);
        free(root);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* True for one caller in RH_FILES_FRESH_MS. */
static bool is_due(struct rh_files *files)
{
    uint64_t now = now_ms();
    bool is_due = now - files->looked_ms >= RH_FILES_FRESH_MS;
    if (is_due) {
        files->looked_ms = now;
    }
    return is_due;
}

struct rh_root *rh_files_root(struct rh_files *files)
{
    struct stat stat_now;
    struct rh_root *other;
    pthread_mutex_lock(&files->mutex);
    struct rh_root *root = files->root;
    bool must_look = is_due(files);
    root_ref(root);
    pthread_mutex_unlock(&files->mutex);
    if (!must_look || stat(files->path, &stat_now) != 0 ||
        (stat_now.st_dev == root->device && stat_now.st_ino == root->inode) ||
        rh_root_open(files->path, &other) != 0) {
        return root;
    }
    pthread_mutex_lock(&files->mutex);
    struct rh_root *old = files->root;
    files->root = other;
    root_ref(other);
    pthread_mutex_unlock(&files->mutex);
    rh_root_unref(old);
    rh_root_unref(root);
    return other;
}

char *rh_files_absolute(const char *path)
{
    char *start = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
    if (start == NULL) {
        return NULL;
    }
    size_t len = strlen(start);
    size_t path_len = strlen(path);
    char *whole = malloc(len + path_len + 2);
    if (whole != NULL) {
        memcpy(whole, start, len);
        whole[len] = '/';
        memcpy(whole + len + 1, path, path_len + 1);
        for (len += 1 + path_len; len > 1 && whole[len - 1] == '/'; len--) {
            whole[len - 1] = '\0';
        }
    }
    free(start);
    return whole;
}
