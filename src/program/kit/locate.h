/* Where the program's own files are: the pages, the certificate and its key. */
#ifndef RH_PROGRAM_KIT_LOCATE_H
#define RH_PROGRAM_KIT_LOCATE_H

#include <limits.h>
#include <stdbool.h>

/* Looks for the folder `name`: in the current folder, beside the executable, one above it, and in
 * the installed share/rawhttp-uv. Returns 0 with its path, or -1. */
int locate_folder(const char *name, char ret_path[PATH_MAX]);

enum { LOCATE_PAIR_PLACES = 3 };

/* The path that `name` has in the place of that number, from 0, whether or not it is there. Returns
 * 0, or -1 if there is no such path. */
int locate_name(const char *name, int place, char ret_path[PATH_MAX]);

/* Looks for two files that belong together: in the current folder, beside the executable, one above
 * it. Returns 0 with both paths, or -1. */
int locate_pair(const char *first, const char *second, char ret_first[PATH_MAX],
                char ret_second[PATH_MAX]);

#endif
