/* Rules are GLOB, colon, field: "*.css: Cache-Control: max-age=3600". A glob with a slash is
 * compared to the whole path, another one to its last part; `*` goes over slashes as well. Types
 * come from the embedder, who knows better than the table, or from a file like /etc/mime.types,
 * which only adds to it: what a distribution thinks of .html or .js is no concern of a web
 * server's. */
#include "app/files/settings.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/field.h"
#include "rawhttp/exchange.h"
#include "util/ascii.h"
#include "util/assert.h"

enum { PATH_BYTES_MAX = 4096, LINE_BYTES_MAX = 1024, KNOWN_MAX = 10000, EXTENSION_BYTES_MAX = 15 };

static size_t count(const char *const *list)
{
    size_t n = 0;
    while (list != NULL && list[n] != NULL) {
        n++;
    }
    return n;
}

/* --- Rules --- */

static const char *keep(struct rh_files_settings *settings, struct rh_slice text)
{
    return rh_pool_copy(&settings->pool, text).base;
}

/* Cuts "GLOB: Name: value" at its first two colons that are followed by a space. */
static int take_rule(struct rh_files_settings *settings, const char *text)
{
    const char *first = strstr(text, ": ");
    const char *second = first != NULL ? strstr(first + 2, ":") : NULL;
    if (second == NULL || first == text) {
        return -EINVAL;
    }
    struct rh_slice glob = {text, (size_t)(first - text)};
    struct rh_slice name =
        rh_ascii_trim((struct rh_slice){first + 2, (size_t)(second - first - 2)});
    struct rh_slice value = rh_ascii_trim(rh_slice_from(second + 1));
    if (!rh_field_name_is_valid(name) || !rh_field_value_is_valid(value)) {
        return -EINVAL;
    }
    struct rh_files_rule *rule = &settings->rules[settings->rules_n++];
    *rule =
        (struct rh_files_rule){keep(settings, glob), keep(settings, name), keep(settings, value)};
    return rule->glob != NULL && rule->name != NULL && rule->value != NULL ? 0 : -ENOMEM;
}

void rh_settings_set_fields(const struct rh_files_settings *settings, struct rh_exchange *x,
                            struct rh_slice path)
{
    char whole[PATH_BYTES_MAX];
    if (settings->rules_n == 0 || path.len >= sizeof whole) {
        return;
    }
    memcpy(whole, path.base, path.len);
    whole[path.len] = '\0';
    const char *last = strrchr(whole, '/');
    last = last != NULL ? last + 1 : whole;
    for (size_t i = 0; i < settings->rules_n; i++) {
        const struct rh_files_rule *rule = &settings->rules[i];
        if (fnmatch(rule->glob, strchr(rule->glob, '/') != NULL ? whole : last, 0) == 0) {
            RH_IGNORE(rh_response_set(x, rule->name, rule->value));
        }
    }
}

/* --- Types --- */

static int fill_type(struct rh_files_settings *settings, struct rh_mime *mime,
                     struct rh_slice extension, struct rh_slice type)
{
    char *lower = rh_pool_alloc(&settings->pool, extension.len + 1);
    const char *copy = keep(settings, type);
    if (lower == NULL || copy == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < extension.len; i++) {
        lower[i] = rh_ascii_lower(extension.base[i]);
    }
    *mime = (struct rh_mime){.extension = lower,
                             .type = copy,
                             .is_compressible = rh_mime_is_compressible(rh_slice_from(copy))};
    return 0;
}

/* "ext=type/subtype" */
static int take_type(struct rh_files_settings *settings, const char *text)
{
    const char *equals = strchr(text, '=');
    const char *from = text[0] == '.' ? text + 1 : text;
    if (equals == NULL || equals <= from || strchr(equals, '/') == NULL ||
        !rh_field_value_is_valid(rh_slice_from(equals + 1))) {
        return -EINVAL;
    }
    return fill_type(settings, &settings->types[settings->types_n++],
                     (struct rh_slice){from, (size_t)(equals - from)}, rh_slice_from(equals + 1));
}

static int by_extension(const void *left, const void *right)
{
    const struct rh_mime *a = left;
    const struct rh_mime *b = right;
    return strcmp(a->extension, b->extension);
}

/* One line of the file: a type, and the extensions that have it. */
static int take_line(struct rh_files_settings *settings, char *line)
{
    char *rest = NULL;
    const char *type = strtok_r(line, " \t\r\n", &rest);
    if (type == NULL || type[0] == '#' || strchr(type, '/') == NULL ||
        !rh_field_value_is_valid(rh_slice_from(type))) {
        return 0;
    }
    for (const char *extension; (extension = strtok_r(NULL, " \t\r\n", &rest)) != NULL;) {
        if (extension[0] == '#') {
            break;
        }
        if (settings->known_n == KNOWN_MAX || strlen(extension) > EXTENSION_BYTES_MAX) {
            continue;
        }
        int err = fill_type(settings, &settings->known[settings->known_n++],
                            rh_slice_from(extension), rh_slice_from(type));
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

static int read_types(struct rh_files_settings *settings, const char *path)
{
    char line[LINE_BYTES_MAX];
    int err = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return -errno;
    }
    settings->known = calloc(KNOWN_MAX, sizeof *settings->known);
    err = settings->known != NULL ? 0 : -ENOMEM;
    while (err == 0 && fgets(line, sizeof line, file) != NULL) {
        err = take_line(settings, line);
    }
    fclose(file);
    if (err == 0) {
        qsort(settings->known, settings->known_n, sizeof *settings->known, by_extension);
    }
    return err;
}

const struct rh_mime *rh_settings_mime(const struct rh_files_settings *settings, const char *name)
{
    char extension[EXTENSION_BYTES_MAX + 1];
    const struct rh_mime *mime = rh_mime_of(name);
    bool is_in_table = mime->extension[0] != '\0';
    if ((settings->types_n == 0 && (settings->known_n == 0 || is_in_table)) ||
        !rh_mime_extension(name, extension)) {
        return mime;
    }
    for (size_t i = settings->types_n; i-- > 0;) { /* the last one wins */
        if (strcmp(settings->types[i].extension, extension) == 0) {
            return &settings->types[i];
        }
    }
    const struct rh_mime key = {.extension = extension};
    const struct rh_mime *found =
        is_in_table || settings->known_n == 0
            ? NULL
            : bsearch(&key, settings->known, settings->known_n, sizeof key, by_extension);
    return found != NULL ? found : mime;
}

/* --- All of them --- */

static int take_indexes(struct rh_files_settings *settings, const char *const *given)
{
    static const char *const standard[] = {"index.html", NULL};
    if (given == NULL) {
        settings->indexes = standard;
        return 0;
    }
    size_t n = count(given);
    const char **indexes = rh_pool_alloc(&settings->pool, (n + 1) * sizeof *indexes);
    for (size_t i = 0; indexes != NULL && i < n; i++) {
        if (given[i][0] == '\0' || strchr(given[i], '/') != NULL) {
            return -EINVAL;
        }
        indexes[i] = keep(settings, rh_slice_from(given[i]));
        if (indexes[i] == NULL) {
            return -ENOMEM;
        }
    }
    settings->indexes = indexes;
    return indexes != NULL ? 0 : -ENOMEM;
}

int rh_settings_init(struct rh_files_settings *settings, const struct rh_files_options *options)
{
    size_t rules = count(options->headers);
    size_t types = count(options->types);
    memset(settings, 0, sizeof *settings);
    rh_pool_init(&settings->pool);
    settings->rules = rh_pool_alloc(&settings->pool, (rules + 1) * sizeof *settings->rules);
    settings->types = rh_pool_alloc(&settings->pool, (types + 1) * sizeof *settings->types);
    int err = settings->rules != NULL && settings->types != NULL ? 0 : -ENOMEM;
    for (size_t i = 0; err == 0 && i < rules; i++) {
        err = take_rule(settings, options->headers[i]);
    }
    for (size_t i = 0; err == 0 && i < types; i++) {
        err = take_type(settings, options->types[i]);
    }
    if (err == 0) {
        err = take_indexes(settings, options->indexes);
    }
    if (err == 0 && options->types_file != NULL) {
        err = read_types(settings, options->types_file);
    }
    return err;
}

void rh_settings_fini(struct rh_files_settings *settings)
{
    rh_pool_fini(&settings->pool);
    free(settings->known);
}
