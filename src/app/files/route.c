/* A folder as a route of an app: PREFIX and everything below it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "rawhttp/files.h"

struct mount {
    struct rh_files *files;
    size_t skip; /* segments of the prefix */
    char pattern[];
};

static void serve(struct rh_exchange *x, void *data)
{
    const struct mount *mount = data;
    rh_files_serve(x, mount->files, mount->skip);
}

static void unmount(void *data)
{
    struct mount *mount = data;
    rh_files_unref(mount->files);
    free(mount);
}

void rh_app_files(struct rh_app *app, const char *prefix, struct rh_files *files)
{
    static const char rest[] = "/*path";
    size_t len = strlen(prefix);
    while (len > 0 && prefix[len - 1] == '/') { /* "/" and "/assets/" are "" and "/assets" */
        len--;
    }
    if (files == NULL) {
        if (app != NULL) {
            rh_app_spoil(app, RH_ENOTFOUND, "files under %s: the folder could not be opened",
                         prefix);
        }
        return;
    }
    struct mount *mount = malloc(sizeof *mount + len + sizeof rest);
    if (mount == NULL) {
        rh_files_unref(files);
        if (app != NULL) {
            rh_app_spoil(app, -ENOMEM, "files under %s: out of memory", prefix);
        }
        return;
    }
    mount->files = files;
    mount->skip = 0;
    for (size_t i = 0; i < len; i++) {
        mount->skip += prefix[i] == '/';
    }
    memcpy(mount->pattern, prefix, len);
    memcpy(mount->pattern + len, rest, sizeof rest);
    rh_app_own(app, unmount, mount);
    if (rh_app_status(app) == 0) { /* else rh_app_own may have had no room and freed it */
        rh_app_get(app, mount->pattern, serve, mount);
    }
}
