/* The places are tried in order, and the first that has everything wins: a key from one folder is
 * never combined with a certificate from another. */
#include "program/kit/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

enum { PLACES = 4 };

/* Folder number `place` that is searched, "" where the executable's path is not known. */
static void place_path(int place, char ret_path[PATH_MAX])
{
    static const char *const below[PLACES] = {".", "", "/..", "/../share/rawhttp-uv"};
    char executable[PATH_MAX];
    size_t size = sizeof executable;
    ret_path[0] = '\0';
    if (place == 0) {
        snprintf(ret_path, PATH_MAX, "%s", below[0]);
        return;
    }
    if (uv_exepath(executable, &size) != 0)
        return;
    char *slash = strrchr(executable, '/');
    if (slash == NULL)
        return;
    *slash = '\0';
    int length = snprintf(ret_path, PATH_MAX, "%s%s", executable, below[place]);
    if (length < 0 || length >= PATH_MAX)
        ret_path[0] = '\0';
}

static bool join(const char *folder, const char *name, char ret_path[PATH_MAX])
{
    if (folder[0] == '\0')
        return false;
    int length = strcmp(folder, ".") == 0 ? snprintf(ret_path, PATH_MAX, "%s", name)
                                          : snprintf(ret_path, PATH_MAX, "%s/%s", folder, name);
    return length > 0 && length < PATH_MAX;
}

int locate_folder(const char *name, char ret_path[PATH_MAX])
{
    for (int place = 0; place < PLACES; place++) {
        char folder[PATH_MAX];
        struct stat info;
        place_path(place, folder);
        if (!join(folder, name, ret_path) || stat(ret_path, &info) != 0 || !S_ISDIR(info.st_mode))
            continue;
        /* The banner shows the path: without "build/.." in it. A link at its end stays one: it may
         * be switched while the program runs. */
        char resolved[PATH_MAX];
        if (place > 0 && realpath(folder, resolved) != NULL) {
            join(resolved, name, ret_path);
        }
        return 0;
    }
    return -1;
}

int locate_name(const char *name, int place, char ret_path[PATH_MAX])
{
    char folder[PATH_MAX];
    place_path(place, folder);
    return join(folder, name, ret_path) ? 0 : -1;
}

int locate_pair(const char *first, const char *second, char ret_first[PATH_MAX],
                char ret_second[PATH_MAX])
{
    for (int place = 0; place < LOCATE_PAIR_PLACES; place++) {
        struct stat info;
        if (locate_name(first, place, ret_first) == 0 &&
            locate_name(second, place, ret_second) == 0 && stat(ret_first, &info) == 0 &&
            stat(ret_second, &info) == 0)
            return 0;
    }
    return -1;
}
