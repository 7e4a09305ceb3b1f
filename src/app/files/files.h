/* Static files inside: one request's way from a path to bytes.
 *
 *   root.c         the folder behind a path                            (thread pool)
 *   files.c        the folder, the request's path                      (loop)
 *   look.c         from a name to what is there                        (loop)
 *   answer.c       from what is there to an answer                     (loop)
 *   job.c          open, stat, read, list                              (thread pool)
 *   hidden.c       what is never served                                (thread pool)
 *   cache.c        small files kept in memory, by server               (loop)
 *   parts.c        several ranges of a file at once                   (loop)
 *   reader.c       large files, read as the peer takes them            (both)
 *   listing.c      a folder as a list, a page or JSON                  (thread pool)
 */
#ifndef RH_APP_FILES_FILES_H
#define RH_APP_FILES_FILES_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "http/condition.h"
#include "app/files/settings.h"
#include "app/files/listing.h"
#include "http/mime.h"
#include "app/coding/pack.h"
#include "io/work.h"
#include "rawhttp/files.h"
#include "rawhttp/stream.h"
#include "server/door.h"
#include "util/list.h"
#include "util/slab.h"
#include "io/file_id.h"

enum {
    RH_FILES_NAME_MAX = PATH_MAX, /* bytes of a path below the folder; longer ones are not found */
    RH_FILES_SMALL_BYTES = 128 * 1024, /* files up to this are read whole and kept */
    RH_FILES_PACK_BYTES_MIN = 1024,    /* files from this size... */
    RH_FILES_PACK_BYTES_MAX =
        1 << 20, /* ...to this one are compressed where that helps, and the result is kept */
    RH_FILES_FRESH_MS = 1000,   /* how long what is kept is believed without a look at the disk */
    RH_FILES_LATE_MS = 100,     /* how long a peer waits for that look, then gets what is kept */
    RH_FILES_ENTRIES_MAX = 512, /* kept by one server, and */
    RH_FILES_CACHE_BYTES = 8 << 20, /* bytes of content together */
    RH_FILES_OPEN_MAX = 32,         /* large files that are kept open by one server, */
    RH_FILES_OPEN_MS = 5000,        /* for so long */
    RH_FILES_LENT_BYTES =
        32 << 20, /* dropped, and still needed by answers: above it no file is read whole */
    RH_FILES_FOLDERS_MAX =
        2, /* looks at folders at once by one server: a long list takes its time */
    RH_FILES_READERS_MAX = 16384, /* downloads of large files at once */
    RH_FILES_BUFFERS_MAX =
        128, /* of those, how many may have a disk read of 64 KiB under way or unsent */
    RH_FILES_BUFFER_BYTES = 64 * 1024,
    RH_FILES_WARM_BYTES = 512 * 1024,   /* fetched by the pool at once, for sendfile */
    RH_FILES_SAMPLE_BYTES = 256 * 1024, /* one byte of so many is asked for in the page cache */
};

/* The folder that a path meant when it was looked at: descriptor and identity. */
struct rh_root {
    atomic_uint references;
    int fd;
    uint64_t device;
    uint64_t inode;
};
/* 0 with one reference, or -errno. Blocks. */
int RH_MUST_CHECK rh_root_open(const char *path, struct rh_root **ret_root);
void rh_root_unref(struct rh_root *root); /* NULL accepted */

/* A served folder; shared by loops, unchanged after create but for the count and the root. */
struct rh_files {
    atomic_uint references;
    char *path;                      /* absolute, links unresolved */
    pthread_mutex_t mutex;           /* around `root` and `looked_ms` */
    struct rh_root *root;            /* a reference */
    uint64_t looked_ms;              /* when the path was last compared to it */
    struct rh_files_options options; /* not_found is a copy; lists and `types_file` are NULL */
    struct rh_files_settings settings;
    struct rh_hidden *hidden; /* NULL: nothing is */
};
void rh_files_ref(struct rh_files *files);
/* A reference to what the folder's path means now, looked at once in RH_FILES_FRESH_MS; what it
 * meant before if it means nothing now or cannot be opened. In the pool. */
struct rh_root *rh_files_root(struct rh_files *files);
/* `path` from the current folder as an absolute one, without slashes at its end, links unresolved
 * (they may be switched); to be freed. NULL with errno set. */
char *rh_files_absolute(const char *path);

/* What the head of an answer says about a file. */
struct rh_file_info {
    struct rh_file_id id;
    uint64_t len;       /* bytes of the representation: id.size but for what was compressed here */
    const char *type;   /* Content-Type */
    const char *coding; /* Content-Encoding, or NULL */
    bool varies;        /* by Accept-Encoding */
    bool is_young;      /* changed so recently that a further change may have left the same id */
    char etag[96];
    char modified[30]; /* Last-Modified */
};
/* The tag is made of the file's state: strong (RFC 9110 §8.8.3), as ranges need, or weak while the
 * file is young. In the pool. */
void rh_file_info_fill(struct rh_file_info *info, const struct stat *stat,
                       const struct rh_mime *mime, const char *coding, bool varies);

/* A small file in memory, or a large one that is open. Made in the pool, then the loop's; counted
 * by the cache and by each answer under way. */
struct rh_entry {
    unsigned references;
    struct rh_entry *hash_next;
    struct rh_link recent; /* the cache's list, least recently used first */
    bool is_cached;
    bool is_lent;               /* dropped, but answers need it: counted in home->lent_bytes */
    struct rh_files_home *home; /* that has it, or had it */
    bool is_checked_now;        /* some request looks at the disk already: the others need not */
    uint64_t checked_ms;        /* when its state was last compared to the disk */
    struct rh_files *files;     /* the key: folder (a reference while cached), codings and name */
    unsigned codings;
    uint32_t hash;
    char *name;
    struct rh_file_info info;
    char *content; /* NULL if it is not in memory */
    size_t len;
    int fd;           /* of a file that is not in memory; else -1 */
    uint64_t seen_ms; /* when all of that file was found in the page cache; 0: never */
};
/* A name that somebody looks for. */
struct rh_entry_key {
    struct rh_files *files;
    unsigned codings; /* what the peer would rather have than the file as it is, see below */
    const char *name;
};
/* Codings in an order of preference, the best in the lowest RH_CODING_BITS; 0 ends the list. */
enum { RH_CODING_BITS = 2 };
unsigned rh_codings_of(struct rh_slice accept_encoding);

struct rh_entry *
rh_entry_create(const char *name,
                size_t len); /* name copied, `len` bytes of content; one reference */
void rh_entry_unref(struct rh_entry *entry); /* NULL accepted */

/* What a server keeps for all folders. Counted: by the server's slot and by each reader. */
struct rh_files_home {
    unsigned references;
    struct rh_entry *buckets[RH_FILES_ENTRIES_MAX * 2];
    struct rh_link recent;
    size_t entries;
    size_t bytes;
    size_t lent_bytes; /* of content that is only kept for answers */
    size_t open;       /* entries with a descriptor */
    struct rh_alarm
        sweep;      /* while there are any: closes what nobody needs, deleted files perhaps */
    size_t readers; /* downloads of large files that are open */
    struct rh_slab buffers;
    bool is_closed;      /* the server is gone: nothing is kept any more */
    struct rh_link jobs; /* looks at the disk */
    unsigned folders_running;
    struct rh_link folders_waiting; /* looks at folders that have not begun */
    struct rh_link waiting;         /* readers that wait for a buffer */
    struct rh_link filled; /* readers with a buffer that is not being filled, the oldest first */
};
/* The home of this exchange's server, made at first use; NULL when memory ran out. */
struct rh_files_home *rh_files_home(struct rh_exchange *x);
void rh_files_home_unref(struct rh_files_home *home);

/* The entry for a key, marked as used just now; NULL: none. No reference is given. */
struct rh_entry *rh_cache_find(struct rh_files_home *home, const struct rh_entry_key *key);
/* Keeps an entry under `key`, in place of the one that is there, and drops others where the limits
 * ask for it. */
void rh_cache_put(struct rh_files_home *home, struct rh_exchange *x, const struct rh_entry_key *key,
                  struct rh_entry *entry);
/* Drops all entries with a descriptor: the process has none left, or they are old. */
void rh_cache_close_files(struct rh_files_home *home);
/* Drops the entry; nothing where it was dropped before. */
void rh_cache_drop(struct rh_files_home *home, struct rh_entry *entry);

/* Copies the list of paths, as given in the options. 0, or -errno. *ret_hidden is NULL for an empty
 * list. */
int RH_MUST_CHECK rh_hidden_create(const char *const *paths, struct rh_hidden **ret_hidden);
void rh_hidden_destroy(struct rh_hidden *hidden); /* NULL accepted */

/* A folder below the root, seen beside what is at the hidden paths now. */
struct rh_hidden_look {
    const struct rh_hidden *hidden; /* NULL: nothing is */
    bool is_hidden;                 /* the folder itself, and so all that is in it */
    uint64_t device;                /* of the folder */
    uint64_t inode;
    struct rh_hidden_place {
        bool has_folder; /* the path's folder is there; its identity: */
        bool is_there;   /* something is at the path; its identity: */
        bool is_folder;
        uint64_t folder_device;
        uint64_t folder_inode;
        uint64_t device;
        uint64_t inode;
    } places[RH_FILES_HIDDEN_MAX];
};
/* Looks at the folder of `name`: everything up to its last slash. In the pool, after the file was
 * opened: whoever replaces a hidden file in between is seen. */
void rh_hidden_look(struct rh_hidden_look *look, const struct rh_hidden *hidden,
                    const struct rh_root *root, const char *name);
/* Returns true if the file or folder `stat`, found in the folder as `base`, must not be seen. */
bool rh_hidden_has(const struct rh_hidden_look *look, const char *base, const struct stat *stat);

/* What is looked for, for an exchange. */
struct rh_lookup {
    const char *name;
    unsigned status;   /* of the answer if it is found */
    bool is_fallback;  /* it stands for another name: nothing further is tried */
    bool wants_folder; /* the name ends with a slash, or is "" */
};
/* Answers with the file, or with what its absence means. */
void rh_files_find(struct rh_exchange *x, struct rh_files *files, const struct rh_lookup *lookup);
/* There is no such file: answers with the folder's page for that, else as the server does. */
void rh_files_answer_missing(struct rh_exchange *x, struct rh_files *files);
/* A folder was asked for without its slash: answers with the same path and a slash. */
void rh_files_redirect_to_folder(struct rh_exchange *x);
/* Answers with a file. `status` is 200, or that of an error page, to which conditions do not apply.
 */
void rh_file_respond(struct rh_exchange *x, unsigned status, struct rh_entry *entry);

/* Answers with several ranges of a file (multipart/byteranges, RFC 9110 §14.6). */
void rh_parts_respond(struct rh_exchange *x, struct rh_files_home *home, struct rh_entry *entry,
                      const struct rh_range *ranges, size_t ranges_n);

/* What a job found. */
enum rh_job_outcome {
    RH_JOB_FAILED,    /* `error` says why */
    RH_JOB_UNCHANGED, /* the known entry is as the disk is */
    RH_JOB_FILE,      /* `entry`, new */
    RH_JOB_FOLDER,    /* a folder, asked for without its slash */
    RH_JOB_LISTING,   /* `listing`, to be freed */
};

/* A listing as it is sent. */
struct rh_listing_text {
    char *base; /* of malloc */
    size_t len;
    const char *coding; /* Content-Encoding, or NULL */
};

/* One look at the disk for a held exchange. */
struct rh_job {
    struct rh_work work;
    struct rh_link link;        /* in home->jobs */
    struct rh_link line;        /* in home->folders_waiting */
    bool is_counted;            /* in home->folders_running */
    struct rh_files_home *home; /* a reference */
    struct rh_exchange *x;      /* NULL: it was answered, since this took too long */
    struct rh_alarm late;       /* set only if `known` can be the answer */
    uint64_t started_ms;
    struct rh_files *files;   /* a reference */
    struct rh_root *root;     /* the pool's, while the job runs */
    unsigned status;          /* of the answer: 200, or 404 where the file is the page for that */
    bool is_fallback;         /* it stands for another name: nothing further is tried */
    bool may_keep;            /* memory allows to read a file whole */
    bool wants_folder;        /* the name was asked for with a slash at its end */
    struct rh_slice url_path; /* for the title of a listing */
    struct rh_listing_view view; /* if it becomes one */
    struct rh_entry *known;      /* compared to the disk; a reference, or NULL */
    struct rh_entry_key key;     /* key.name is what is opened */

    enum rh_job_outcome outcome;
    int error; /* -errno */
    struct rh_entry *entry;
    struct rh_listing_text listing;
    char name[]; /* and url_path */
};
/* Fills the outcome. In the pool. */
void rh_job_run(struct rh_job *job);

/* Lists the folder `name` below the root, "" or ending with '/', as `view` says. 0 with a text to
 * be freed, or -errno. In the pool; takes over `fd`. */
int RH_MUST_CHECK rh_listing_make(const struct rh_files *files, const struct rh_root *root, int fd,
                                  const char *name, struct rh_slice url_path,
                                  const struct rh_listing_view *view,
                                  struct rh_listing_text *ret_text);

/* The source of `len` bytes from `first` of a file that is open; its data is NULL if there are too
 * many downloads or no memory. */
struct rh_source rh_reader_open(struct rh_exchange *x, struct rh_files_home *home,
                                struct rh_entry *entry, uint64_t first, uint64_t len);
/* Answers with such a source. */
void rh_reader_respond(struct rh_exchange *x, struct rh_files_home *home, unsigned status,
                       struct rh_entry *entry, uint64_t first, uint64_t len);

#endif
