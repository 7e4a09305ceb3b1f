/* A password file as Apache's htpasswd writes it: "user:hash" in each line. The hashes that are
 * taken are those which still cost an attacker something: bcrypt, SHA-512-crypt, SHA-256-crypt,
 * yescrypt. One line with another makes the whole file unusable, so that nobody wonders later why
 * one user can not get in.
 *
 * A user that is not there costs what a wrong password costs: his password is hashed with the salt
 * of a user that is, chosen by a keyed digest of the name, so that the same name always takes the
 * same time, as a real one would. */
#include "app/middleware/password_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/pool.h"
#include "io/file.h"
#include "io/file_id.h"
#include "rawhttp/error.h"
#include "rh-build.h"
#include "util/digest.h"

#if RH_HAVE_CRYPT
#include <crypt.h>
#endif

enum { FILE_BYTES_MAX = 1 << 20, HASH_BYTES_MAX = 256, USER_BYTES_MAX = 255, KEY_BYTES = 32 };

struct entry {
    struct entry *next;
    struct rh_slice user;
    struct rh_slice hash; /* NUL-terminated */
};

/* What one reading of the file gave. */
struct table {
    struct rh_pool pool;
    struct entry *entries;
    size_t count;
};

struct rh_htpasswd_file {
    char *path;
    unsigned char key[KEY_BYTES]; /* chooses the salt for users that are not there */
    atomic_uint generation;
    pthread_mutex_t mutex; /* for what follows */
    struct table table;
    struct rh_file_id seen; /* the file that was looked at last, good or not */
};

/* --- Reading --- */

static bool is_strong(struct rh_slice hash)
{
    static const char *const prefixes[] = {"$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i]);
        if (hash.len > len + 16 && hash.len < HASH_BYTES_MAX &&
            memcmp(hash.base, prefixes[i], len) == 0) {
            return true;
        }
    }
    return false;
}

/* One line without its end; false where it can not be used. */
static bool take_line(struct table *table, struct rh_slice line, const char *path, unsigned number,
                      char note[RH_HTPASSWD_NOTE_BYTES])
{
    while (line.len > 0 && (line.base[line.len - 1] == '\r' || line.base[line.len - 1] == ' ')) {
        line.len--;
    }
    if (line.len == 0 || line.base[0] == '#') {
        return true;
    }
    const char *colon = memchr(line.base, ':', line.len);
    struct rh_slice user = {line.base, colon != NULL ? (size_t)(colon - line.base) : 0};
    if (user.len == 0 || user.len > USER_BYTES_MAX || memchr(line.base, '\0', line.len) != NULL) {
        snprintf(note, RH_HTPASSWD_NOTE_BYTES, "%.200s, line %u: not 'user:hash'", path, number);
        return false;
    }
    struct rh_slice hash = {colon + 1, line.len - user.len - 1};
    const char *second = hash.len > 0 ? memchr(hash.base, ':', hash.len) : NULL;
    hash.len = second != NULL ? (size_t)(second - hash.base) : hash.len;
    if (!is_strong(hash)) {
        bool is_apache_md5 = hash.len > 6 && memcmp(hash.base, "$apr1$", 6) == 0;
        snprintf(note, RH_HTPASSWD_NOTE_BYTES,
                 "%.200s, line %u: %s; make it anew with 'htpasswd -B'", path, number,
                 is_apache_md5
                     ? "Apache's MD5 ($apr1$) protects nobody any more"
                     : "the hash is not of bcrypt, SHA-512-crypt, SHA-256-crypt or yescrypt");
        return false;
    }
    struct entry *entry = rh_pool_alloc(&table->pool, sizeof *entry);
    struct rh_slice user_copy = rh_pool_copy(&table->pool, user);
    struct rh_slice hash_copy = rh_pool_copy(&table->pool, hash);
    if (entry == NULL || user_copy.base == NULL || hash_copy.base == NULL) {
        snprintf(note, RH_HTPASSWD_NOTE_BYTES, "%.200s: out of memory", path);
        return false;
    }
    *entry = (struct entry){table->entries, user_copy, hash_copy};
    table->entries = entry;
    table->count++;
    return true;
}

static bool take_lines(struct table *table, struct rh_slice text, const char *path,
                       char note[RH_HTPASSWD_NOTE_BYTES])
{
    for (unsigned number = 1; text.len > 0; number++) {
        const char *end = memchr(text.base, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.base) : text.len;
        if (!take_line(table, (struct rh_slice){text.base, len}, path, number, note)) {
            return false;
        }
        len += end != NULL;
        text.base += len;
        text.len -= len;
    }
    return true;
}

/* The whole of a regular file, and which it was. Its length, or -errno; the memory is the caller's.
 */
static ptrdiff_t read_all(const char *path, char **ret_text, struct rh_file_id *ret_id)
{
    struct stat stat;
    char *text = NULL;
    int fd = open(path,
                  O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would hold the thread up for ever */
    if (fd < 0) {
        return -errno;
    }
    ptrdiff_t len = 0;
    if (fstat(fd, &stat) != 0) {
        len = -errno;
    } else if (!S_ISREG(stat.st_mode) || stat.st_size > FILE_BYTES_MAX) {
        len = -EFBIG;
    } else if ((text = malloc((size_t)stat.st_size + 1)) == NULL) {
        len = -ENOMEM;
    } else {
        *ret_id = rh_file_id_of(&stat);
        len = rh_file_read(fd, text, (size_t)stat.st_size, 0);
    }
    close(fd);
    if (len < 0) {
        free(text);
        return len;
    }
    *ret_text = text;
    return len;
}

static int table_read(struct table *table, const char *path, struct rh_file_id *ret_id,
                      char note[RH_HTPASSWD_NOTE_BYTES])
{
    char *text = NULL;
    ptrdiff_t len = read_all(path, &text, ret_id);
    if (len < 0) {
        snprintf(note, RH_HTPASSWD_NOTE_BYTES, "%.200s: %s", path, strerror((int)-len));
        return (int)len;
    }
    rh_pool_init(&table->pool);
    table->entries = NULL;
    table->count = 0;
    bool is_good = take_lines(table, (struct rh_slice){text, (size_t)len}, path, note);
    RH_ASSERT(text != NULL); /* for compilers that follow the sanitizers' own questions */
    explicit_bzero(text, (size_t)len);
    free(text);
    if (!is_good) {
        rh_pool_fini(&table->pool);
        return RH_ECONFIG;
    }
    return 0;
}

/* --- Life --- */

int rh_htpasswd_open(struct rh_htpasswd_file **ret_file, const char *path,
                     char note[RH_HTPASSWD_NOTE_BYTES])
{
    if (!RH_HAVE_CRYPT) {
        snprintf(note, RH_HTPASSWD_NOTE_BYTES, "%.200s: this library was built without libcrypt",
                 path);
        return RH_ECONFIG;
    }
    struct rh_htpasswd_file *file = calloc(1, sizeof *file);
    if (file == NULL || (file->path = strdup(path)) == NULL ||
        rh_random_bytes(file->key, sizeof file->key) != 0) {
        snprintf(note, RH_HTPASSWD_NOTE_BYTES, "%.200s: out of memory", path);
        free(file != NULL ? file->path : NULL);
        free(file);
        return -ENOMEM;
    }
    int err = table_read(&file->table, path, &file->seen, note);
    if (err != 0) {
        free(file->path);
        free(file);
        return err;
    }
    RH_ASSERT(pthread_mutex_init(&file->mutex, NULL) == 0);
    atomic_init(&file->generation, 1);
    *ret_file = file;
    return 0;
}

void rh_htpasswd_close(struct rh_htpasswd_file *file)
{
    pthread_mutex_destroy(&file->mutex);
    rh_pool_fini(&file->table.pool);
    free(file->path);
    free(file);
}

unsigned rh_htpasswd_generation(const struct rh_htpasswd_file *file)
{
    return atomic_load_explicit(&file->generation, memory_order_acquire);
}

void rh_htpasswd_look(struct rh_htpasswd_file *file, char note[RH_HTPASSWD_NOTE_BYTES])
{
    struct stat status;
    struct rh_file_id now = {0}; /* gone: a state of its own */
    note[0] = '\0';
    if (stat(file->path, &status) == 0) {
        now = rh_file_id_of(&status);
    }
    pthread_mutex_lock(&file->mutex);
    if (!rh_file_id_equal(&now, &file->seen)) {
        struct table table;
        file->seen = now;
        if (table_read(&table, file->path, &now, note) == 0) {
            file->seen = now; /* of what was read, which may be newer still */
            rh_pool_fini(&file->table.pool);
            file->table = table;
            atomic_fetch_add_explicit(&file->generation, 1, memory_order_release);
        }
    }
    pthread_mutex_unlock(&file->mutex);
}

/* --- Asking --- */

/* The hash that the password is tried against: the user's, or, for one that is not there,
 * another's. */
static bool find_hash(struct rh_htpasswd_file *file, struct rh_slice user,
                      char hash[HASH_BYTES_MAX])
{
    static const char nobodys[] = "$2y$10$......................0000000000000000000000000000000";
    unsigned char code[RH_SHA256_BYTES] = {0};
    const struct entry *found = NULL;
    const struct entry *other = NULL;
    RH_IGNORE(
        rh_hmac_sha256((struct rh_slice){(const char *)file->key, sizeof file->key}, user, code));
    uint32_t number =
        (uint32_t)code[0] << 24 | (uint32_t)code[1] << 16 | (uint32_t)code[2] << 8 | code[3];
    pthread_mutex_lock(&file->mutex);
    size_t place = file->table.count > 0 ? number % file->table.count : 0;
    for (const struct entry *entry = file->table.entries; entry != NULL; entry = entry->next) {
        if (entry->user.len == user.len && memcmp(entry->user.base, user.base, user.len) == 0) {
            found = entry; /* the list is reversed: of two, the file's first */
        }
        if (place-- == 0) {
            other = entry;
        }
    }
    const struct entry *taken = found != NULL ? found : other;
    snprintf(hash, HASH_BYTES_MAX, "%s", taken != NULL ? taken->hash.base : nobodys);
    pthread_mutex_unlock(&file->mutex);
    return found != NULL;
}

#if RH_HAVE_CRYPT
static bool fits(const char *password, const char *hash)
{
    struct crypt_data *data = calloc(1, sizeof *data);
    if (data == NULL) {
        return false;
    }
    const char *made = crypt_rn(password, hash, data, (int)sizeof *data);
    bool is_good = made != NULL && made[0] != '*' && strlen(made) == strlen(hash) &&
                   rh_digest_equal(made, hash, strlen(hash));
    explicit_bzero(data, sizeof *data);
    free(data);
    return is_good;
}
#else
static bool fits(const char *password, const char *hash)
{
    (void)password;
    (void)hash;
    return false;
}
#endif

bool rh_htpasswd_verify(struct rh_htpasswd_file *file, struct rh_slice user, const char *password)
{
    char hash[HASH_BYTES_MAX];
    bool is_known = find_hash(file, user, hash);
    bool is_good = fits(password, hash);
    return is_known & is_good;
}
