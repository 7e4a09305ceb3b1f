/* A set of templates: loads a folder, compiles it whole, hands out renderings.
 *
 * What was compiled is one program, immutable and counted; the set holds a pointer to the newest.
 * Reloading builds another beside it, one thread at a time, and swaps the pointer under a mutex
 * that is held for the time of a pointer copy; whoever still renders from the old one keeps it
 * alive. A reload that fails changes nothing but the error. */
#include "rawhttp/template.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "template/program.h"
#include "util/ascii.h"
#include "util/assert.h"

enum {
    FOLDER_DEPTH_MAX = 8,
    FILE_BYTES_MAX = 1024 * 1024,
    FILES_MAX = 10000,
};

struct rh_templates {
    pthread_mutex_t change;     /* held through a reload: around `stamp` and `reload_error` */
    pthread_mutex_t mutex;      /* around `program`; never held for long */
    struct rh_program *program; /* the newest that compiled, or the first */
    char *dir;                  /* NULL: filled by add */
    unsigned flags;
    bool is_compiled;
    uint64_t stamp;     /* of the folder when it was last looked at */
    char *reload_error; /* why the last reload failed, or NULL */
    struct rh_render_limits limits;
};

/* --- a folder --- */

/* What a walk over a folder is for: a stamp of all names, sizes and times, and, where there is a
 * program, its sources. */
struct walk {
    struct rh_program *program; /* NULL: only the stamp */
    const char *dir;
    uint64_t stamp;
    size_t files;
};

/* The whole path, however long: a text that is cut off would end before its reason. */
static void fail(struct walk *walk, const char *path, const char *reason)
{
    if (walk->program != NULL) {
        const char *text = rh_pool_format(&walk->program->pool, "%s: %s", path, reason);
        rh_program_fail(walk->program, text != NULL ? text : "out of memory");
    }
}

static bool is_template(const char *name)
{
    static const char *const endings[] = {".html", ".mustache", ".txt"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t ending = strlen(endings[i]);
        if (len > ending && strcmp(name + len - ending, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void load_file(struct walk *walk, const char *path, const char *name, size_t size)
{
    FILE *file = fopen(path, "rbe");
    char *text = file != NULL && size <= FILE_BYTES_MAX ? malloc(size + 1) : NULL;
    if (text == NULL) {
        fail(walk, path,
             file == NULL            ? strerror(errno)
             : size > FILE_BYTES_MAX ? "larger than 1 MiB"
                                     : "out of memory");
    } else {
        size_t len = fread(text, 1, size, file);
        if (ferror(file)) {
            fail(walk, path, "can not be read");
        } else if (rh_program_add(walk->program, rh_slice_from(name), rh_slice_from(path),
                                  (struct rh_slice){text, len}) == NULL) {
            fail(walk, path, "out of memory");
        }
    }
    free(text);
    if (file != NULL) {
        fclose(file);
    }
}

static uint64_t mix(uint64_t stamp, uint64_t value)
{
    return (stamp ^ value) * 1099511628211u;
}

static void walk_folder(struct walk *walk, const char *path, const char *name, unsigned depth);

static void walk_entry(struct walk *walk, const char *path, const char *name, unsigned depth)
{
    struct stat status;
    if (stat(path, &status) != 0 || walk->files >= FILES_MAX) {
        return; /* gone since it was listed: an editor that saves */
    }
    if (S_ISDIR(status.st_mode) && depth < FOLDER_DEPTH_MAX) {
        walk_folder(walk, path, name, depth + 1);
    } else if (S_ISREG(status.st_mode) && is_template(name)) {
        walk->files++;
        /* A sum, because a folder lists its files in no order that stays. */
        uint64_t stamp = mix(14695981039346656037u, (uint64_t)status.st_ino);
        stamp = mix(stamp, (uint64_t)status.st_size);
        stamp = mix(stamp, (uint64_t)status.st_mtim.tv_sec);
        stamp = mix(stamp, (uint64_t)status.st_mtim.tv_nsec);
        walk->stamp += stamp;
        if (walk->program != NULL) {
            load_file(walk, path, name, (size_t)status.st_size);
        }
    }
}

/* `name` is what the folder is called within the set, empty for the set's own. */
static void walk_folder(struct walk *walk, const char *path, const char *name, unsigned depth)
{
    char entry_path[4096];
    char entry_name[1024];
    DIR *folder = opendir(path);
    if (folder == NULL) {
        fail(walk, path, strerror(errno));
        return;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        int path_len = snprintf(entry_path, sizeof(entry_path), "%s/%s", path, entry->d_name);
        int name_len = snprintf(entry_name, sizeof(entry_name), "%s%s%s", name,
                                *name != '\0' ? "/" : "", entry->d_name);
        if (path_len >= (int)sizeof(entry_path) || name_len >= (int)sizeof(entry_name)) {
            fail(walk, entry_path, "its name within the folder is longer than 1023 bytes");
            walk->stamp++; /* so that a reload sees it too */
            continue;
        }
        walk_entry(walk, entry_path, entry_name, depth);
    }
    closedir(folder);
}

static struct rh_program *load(const struct rh_templates *templates, uint64_t *ret_stamp)
{
    struct rh_program *program = rh_program_create();
    if (program != NULL) {
        struct walk walk = {program, templates->dir, 0, 0};
        walk_folder(&walk, templates->dir, "", 0);
        rh_program_compile(program, (templates->flags & RH_TEMPLATES_MISSING) != 0);
        *ret_stamp = walk.stamp;
    }
    return program;
}

/* --- life --- */

struct rh_templates *rh_templates_create(const char *dir, unsigned flags)
{
    struct rh_templates *templates = calloc(1, sizeof(*templates));
    if (templates == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&templates->mutex, NULL) != 0) {
        free(templates);
        return NULL;
    }
    if (pthread_mutex_init(&templates->change, NULL) != 0) {
        pthread_mutex_destroy(&templates->mutex);
        free(templates);
        return NULL;
    }
    templates->flags = flags;
    templates->limits = (struct rh_render_limits){(size_t)16 << 20, 64, 10000000};
    if (dir != NULL) {
        templates->dir = strdup(dir);
        templates->is_compiled = true;
    }
    if (dir == NULL) {
        templates->program = rh_program_create();
    } else if (templates->dir != NULL) {
        templates->program = load(templates, &templates->stamp);
    }
    if (templates->program == NULL) {
        rh_templates_destroy(templates);
        return NULL;
    }
    return templates;
}

void rh_templates_destroy(struct rh_templates *templates)
{
    if (templates == NULL) {
        return;
    }
    rh_program_unref(templates->program);
    pthread_mutex_destroy(&templates->change);
    pthread_mutex_destroy(&templates->mutex);
    free(templates->reload_error);
    free(templates->dir);
    free(templates);
}

int rh_templates_add(struct rh_templates *templates, const char *name, struct rh_slice text)
{
    if (templates->is_compiled) {
        return RH_ESTATE;
    }
    struct rh_slice slice = rh_slice_from(name);
    return rh_program_add(templates->program, slice, slice, text) != NULL ? 0 : RH_ENOROOM;
}

int rh_templates_compile(struct rh_templates *templates)
{
    if (!templates->is_compiled) {
        templates->is_compiled = true;
        rh_program_compile(templates->program, (templates->flags & RH_TEMPLATES_MISSING) != 0);
    }
    return templates->program->error == NULL ? 0 : RH_ETEMPLATE;
}

const char *rh_templates_error(const struct rh_templates *templates)
{
    return templates->reload_error != NULL ? templates->reload_error : templates->program->error;
}

const char *rh_templates_error_of(const struct rh_templates *templates, const char *name)
{
    const struct rh_source *source = rh_program_find(templates->program, rh_slice_from(name));
    return source != NULL ? source->error : NULL;
}

void rh_templates_limit(struct rh_templates *templates, size_t output_bytes_max, unsigned depth_max,
                        size_t steps_max)
{
    templates->limits = (struct rh_render_limits){output_bytes_max, depth_max, steps_max};
}

/* --- rendering --- */

/* Looks whether the folder changed, and takes it whole or not at all. Called with `change` held. 1
 * if it took it, 0, or RH_ETEMPLATE. */
static int reload(struct rh_templates *templates)
{
    struct walk walk = {NULL, templates->dir, 0, 0};
    walk_folder(&walk, templates->dir, "", 0);
    if (walk.stamp == templates->stamp) {
        return 0;
    }
    struct rh_program *program = load(templates, &templates->stamp);
    free(templates->reload_error);
    templates->reload_error = NULL;
    if (program == NULL || program->error != NULL) {
        templates->reload_error = strdup(program != NULL ? program->error : "out of memory");
        rh_program_unref(program);
        return RH_ETEMPLATE;
    }
    pthread_mutex_lock(&templates->mutex);
    struct rh_program *old = templates->program;
    templates->program = program;
    pthread_mutex_unlock(&templates->mutex);
    rh_program_unref(old);
    return 1;
}

/* Without reloading the program is never swapped, and needs no count that all threads would fight
 * for. */
static bool is_swapped(const struct rh_templates *templates)
{
    return (templates->flags & (RH_TEMPLATES_RELOAD | RH_TEMPLATES_REFRESH)) != 0 &&
           templates->dir != NULL;
}

int rh_templates_refresh(struct rh_templates *templates)
{
    if (!is_swapped(templates)) {
        return RH_ESTATE;
    }
    pthread_mutex_lock(&templates->change);
    int outcome = reload(templates);
    pthread_mutex_unlock(&templates->change);
    return outcome;
}

static struct rh_program *acquire(struct rh_templates *templates)
{
    if (!is_swapped(templates)) {
        return templates->program;
    }
    if ((templates->flags & RH_TEMPLATES_RELOAD) != 0) {
        RH_IGNORE(rh_templates_refresh(templates));
    }
    pthread_mutex_lock(&templates->mutex);
    struct rh_program *program = rh_program_ref(templates->program);
    pthread_mutex_unlock(&templates->mutex);
    return program;
}

int rh_templates_render(struct rh_templates *templates, const char *name,
                        const struct rh_value *data, rh_sink_fn sink, void *sink_data)
{
    struct rh_program *program = acquire(templates);
    const struct rh_source *source = rh_program_find(program, rh_slice_from(name));
    int result = RH_ENOTFOUND;
    if (source != NULL) {
        bool is_usable =
            templates->is_compiled && source->error == NULL && !source->is_partial_only;
        result = is_usable
                     ? rh_program_render(program, source, data, &templates->limits, sink, sink_data)
                     : RH_ETEMPLATE;
    }
    if (is_swapped(templates)) {
        rh_program_unref(program);
    }
    return result;
}

struct target {
    char *out;
    size_t size;
    size_t len;
};

static int copy_to_target(void *data, const char *bytes, size_t len)
{
    struct target *target = data;
    if (len > target->size - target->len) {
        return RH_ENOROOM;
    }
    memcpy(target->out + target->len, bytes, len);
    target->len += len;
    return 0;
}

int rh_templates_render_to(struct rh_templates *templates, const char *name,
                           const struct rh_value *data, char *out, size_t size, size_t *ret_len)
{
    struct target target = {out, size, 0};
    int result = rh_templates_render(templates, name, data, copy_to_target, &target);
    if (result == 0) {
        *ret_len = target.len;
    }
    return result;
}
