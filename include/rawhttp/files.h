/* Static files from a folder: traversal-proof (openat2 RESOLVE_BENEATH), off the loop unless cached. */
#ifndef RAWHTTP_FILES_H
#define RAWHTTP_FILES_H

#include <rawhttp/app.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_files; /* a served folder; reference-counted, usable by all loops */

/* Lists end with NULL. Everything is copied by rh_files_create. */
struct rh_files_options {
    size_t size;
    /* Lists folders that have no index: as a page, or as JSON if Accept prefers application/json;
     * ?sort=name, size or time, &order=desc, &page=N: 0 */
    int listing;
    int spa; /* index.html for unknown paths that look like pages: 0 */
    /* Sends a sibling (.br, .zst, .gz) that is not older than the file; without one, compressible
     * files of 1 KiB to 1 MiB are compressed off the loop, once, and kept, as far as this build has
     * brotli, zstd or gzip. The client's q decides: 1 */
    int compression;
    const char *not_found; /* file in the folder that is the body of a 404; NULL: none */
    /* Returns nonzero for a file that is never served or listed. Called off the loop with its device
     * and inode. NULL: all are served. */
    int (*is_private)(void *data, uint64_t device, uint64_t inode);
    void *data;
    /* Paths of files and folders that are never served or listed: keys, password files, logs. At most
     * RH_FILES_HIDDEN_MAX; relative ones start at the current folder of rh_files_create. What counts
     * is what a path means at the moment of each request: whatever has its name in its folder (also
     * with more after it, as "server.key.old" and "access.log.1"), what is found there under another
     * name, and, if that is a folder, all below it. Nothing need be there yet. NULL: none. */
    const char *const *hidden;
    int clean_urls; /* "/about" is "about.html" if there is no file or folder "about": 0 */
    const char *const *indexes; /* stands for a folder, the first that is there: {"index.html"} */
    /* "GLOB: Name: value": sets a field in each answer about such a path, errors, 304 and listings
     * included. A glob with a slash is compared to the whole path below the folder, another one to
     * its last part ("*.css"); a star also matches slashes. The last rule for a name wins. */
    const char *const *headers;
    const char *const *types; /* "ext=type/subtype": in place of what the library would say */
    const char *types_file;   /* as /etc/mime.types: for extensions that the library does not know */
};
enum { RH_FILES_HIDDEN_MAX = 64 };
RH_API void rh_files_options_init_sized(struct rh_files_options *options, size_t size);
#define rh_files_options_init(options) rh_files_options_init_sized((options), sizeof *(options))

/* Opens the folder, and finds it again by its path, at most once a second, if it is replaced. Reads the
 * disk: call it before the loop runs. Returns NULL with errno set if that fails; E2BIG: more hidden paths
 * than RH_FILES_HIDDEN_MAX; EINVAL: an entry of a list is not of its form. Names that begin with a dot
 * are never served or listed, except .well-known. docs/guide/files.md has the rules. */
RH_API struct rh_files *rh_files_create(const char *folder, const struct rh_files_options *options);
RH_API void rh_files_unref(struct rh_files *files);

/* Answers with the file that the request's path below `skip` segments names (GET and HEAD; 405 otherwise). */
RH_API void rh_files_serve(struct rh_exchange *x, struct rh_files *files, size_t skip);
/* Answers with this file of the folder ("index.html"), whatever the path. */
RH_API void rh_files_send(struct rh_exchange *x, struct rh_files *files, const char *name, unsigned status);

/* Registers the folder under `prefix` ("/" or "/assets") as PREFIX/ *rest of GET; the app takes over the
 * caller's reference. */
RH_API void rh_app_files(struct rh_app *app, const char *prefix, struct rh_files *files);

#ifdef __cplusplus
}
#endif
#endif
