/* The options of a folder in the form in which requests use them; unchanged after create. */
#ifndef RH_APP_FILES_SETTINGS_H
#define RH_APP_FILES_SETTINGS_H

#include "http/mime.h"
#include "util/pool.h"
#include "rawhttp/files.h"
#include "util/assert.h"

struct rh_exchange;

struct rh_files_rule {
    const char *glob;
    const char *name;
    const char *value;
};

struct rh_files_settings {
    struct rh_pool pool;        /* everything below lives here, but for `known` */
    const char *const *indexes; /* NULL at the end */
    struct rh_files_rule *rules;
    size_t rules_n;
    struct rh_mime *types; /* in place of the table */
    size_t types_n;
    struct rh_mime *known; /* beside the table, sorted by extension */
    size_t known_n;
};

/* Copies and checks. 0, or -errno: -EINVAL for a rule or a type that is none. Reads a file. */
int RH_MUST_CHECK rh_settings_init(struct rh_files_settings *settings,
                                   const struct rh_files_options *options);
void rh_settings_fini(struct rh_files_settings *settings);

/* The type of a file by its name. */
const struct rh_mime *rh_settings_mime(const struct rh_files_settings *settings, const char *name);

/* Sets the fields that the rules have for a path below the folder; `path` begins with a slash. */
void rh_settings_set_fields(const struct rh_files_settings *settings, struct rh_exchange *x,
                            struct rh_slice path);

#endif
