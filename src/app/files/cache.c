/* Small files in memory, and the descriptors of large ones, by server and so without a lock. A kept
 * file is served without asking the disk for up to a second; then one request looks (in the pool)
 * while the others still get what is kept, and what changed is replaced. So a change shows within a
 * second and the time of one look.
 *
 * A descriptor keeps a file on its disk, deleted or not, so it is kept for some seconds only; a
 * file that is asked for all the time is opened again then.
 *
 * Memory: at most RH_FILES_CACHE_BYTES of content, least recently used out first; an entry that an
 * answer still needs is freed when that is through. Peers that ask for one file after the other and
 * do not read could gather such entries without end: above RH_FILES_LENT_BYTES of them, files are
 * not read whole but sent from the disk. */
#include <stdlib.h>
#include <string.h>

#include "app/files/files.h"
#include "io/file.h"
#include "server/door.h"

struct rh_entry *rh_entry_create(const char *name, size_t len)
{
    size_t name_bytes = strlen(name) + 1;
    struct rh_entry *entry = calloc(1, sizeof *entry + len + name_bytes);
    if (entry == NULL) {
        return NULL;
    }
    entry->references = 1;
    entry->fd = -1;
    entry->content = (char *)(entry + 1);
    entry->len = len;
    entry->name = entry->content + len;
    memcpy(entry->name, name, name_bytes);
    rh_list_init(&entry->recent);
    return entry;
}

void rh_entry_unref(struct rh_entry *entry)
{
    if (entry != NULL && --entry->references == 0) {
        RH_ASSERT(!entry->is_cached);
        if (entry->is_lent) {
            entry->home->lent_bytes -= entry->len;
        }
        rh_file_close(entry->fd);
        free(entry);
    }
}

/* --- The home --- */

static void on_sweep(struct rh_alarm *sweep);

static struct rh_files_home *home_create(void)
{
    struct rh_files_home *home = calloc(1, sizeof *home);
    if (home == NULL) {
        return NULL;
    }
    if (rh_slab_init(&home->buffers, "file buffers", RH_FILES_BUFFER_BYTES, RH_FILES_BUFFERS_MAX) !=
        0) {
        free(home);
        return NULL;
    }
    home->references = 1;
    rh_list_init(&home->recent);
    rh_list_init(&home->jobs);
    rh_list_init(&home->folders_waiting);
    rh_list_init(&home->sweep.due.link);
    home->sweep.fn = on_sweep;
    rh_list_init(&home->waiting);
    rh_list_init(&home->filled);
    return home;
}

void rh_files_home_unref(struct rh_files_home *home)
{
    if (--home->references > 0) {
        return;
    }
    rh_slab_fini(&home->buffers);
    free(home);
}

/* The server goes. Looks and reads that still run keep the rest of the home; what has not begun is
 * not worth the wait. */
static void home_close(void *value)
{
    struct rh_files_home *home = value;
    home->is_closed = true;
    rh_list_remove(&home->sweep.due.link);
    for (struct rh_link *link = home->jobs.next; link != &home->jobs; link = link->next) {
        rh_work_cancel(&RH_CONTAINER_OF(link, struct rh_job, link)->work);
    }
    while (!rh_list_is_empty(&home->recent)) {
        rh_cache_drop(home, RH_CONTAINER_OF(home->recent.next, struct rh_entry, recent));
    }
    rh_files_home_unref(home);
}

struct rh_files_home *rh_files_home(struct rh_exchange *x)
{
    void **slot = rh_exchange_server_slot(x, RH_SLOT_FILES, home_close);
    if (*slot == NULL) {
        *slot = home_create();
    }
    return *slot;
}

/* --- The cache --- */

static uint32_t key_hash(const struct rh_entry_key *key)
{
    uint64_t hash = (uint64_t)(uintptr_t)key->files ^ key->codings;
    for (const char *at = key->name; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
    }
    return (uint32_t)(hash ^ (hash >> 32));
}

static struct rh_entry **bucket_of(struct rh_files_home *home, uint32_t hash)
{
    return &home->buckets[hash % (RH_FILES_ENTRIES_MAX * 2)];
}

struct rh_entry *rh_cache_find(struct rh_files_home *home, const struct rh_entry_key *key)
{
    uint32_t hash = key_hash(key);
    for (struct rh_entry *entry = *bucket_of(home, hash); entry != NULL; entry = entry->hash_next) {
        if (entry->hash == hash && entry->files == key->files && entry->codings == key->codings &&
            strcmp(entry->name, key->name) == 0) {
            rh_list_remove(&entry->recent);
            rh_list_push_back(&home->recent, &entry->recent);
            return entry;
        }
    }
    return NULL;
}

void rh_cache_drop(struct rh_files_home *home, struct rh_entry *entry)
{
    if (!entry->is_cached) {
        return;
    }
    struct rh_entry **place = bucket_of(home, entry->hash);
    while (*place != entry) {
        place = &(*place)->hash_next;
    }
    *place = entry->hash_next;
    rh_list_remove(&entry->recent);
    home->entries--;
    home->bytes -= entry->len;
    home->open -= entry->fd >= 0;
    entry->is_cached = false;
    if (entry->references > 1) {
        entry->is_lent = true;
        home->lent_bytes += entry->len;
    }
    rh_files_unref(entry->files);
    rh_entry_unref(entry);
}

/* The least recently used entry with a descriptor, or NULL. */
static struct rh_entry *oldest_open(struct rh_files_home *home)
{
    for (struct rh_link *link = home->recent.next; link != &home->recent; link = link->next) {
        struct rh_entry *entry = RH_CONTAINER_OF(link, struct rh_entry, recent);
        if (entry->fd >= 0) {
            return entry;
        }
    }
    return NULL;
}

void rh_cache_close_files(struct rh_files_home *home)
{
    for (struct rh_entry *entry; (entry = oldest_open(home)) != NULL;) {
        rh_cache_drop(home, entry);
    }
}

static void on_sweep(struct rh_alarm *sweep)
{
    rh_cache_close_files(RH_CONTAINER_OF(sweep, struct rh_files_home, sweep));
}

void rh_cache_put(struct rh_files_home *home, struct rh_exchange *x, const struct rh_entry_key *key,
                  struct rh_entry *entry)
{
    struct rh_entry *old = rh_cache_find(home, key);
    if (old != NULL) {
        rh_cache_drop(home, old);
    }
    while (home->entries == RH_FILES_ENTRIES_MAX ||
           home->bytes + entry->len > RH_FILES_CACHE_BYTES) {
        rh_cache_drop(home, RH_CONTAINER_OF(home->recent.next, struct rh_entry, recent));
    }
    if (entry->fd >= 0) {
        if (home->open == RH_FILES_OPEN_MAX) {
            rh_cache_drop(home, oldest_open(home));
        }
        if (home->open++ == 0 && rh_list_is_empty(&home->sweep.due.link)) {
            rh_exchange_alarm(x, &home->sweep, RH_FILES_OPEN_MS);
        }
    }
    rh_files_ref(key->files);
    entry->files = key->files;
    entry->codings = key->codings;
    entry->hash = key_hash(key);
    entry->references++;
    entry->home = home;
    entry->is_cached = true;
    struct rh_entry **bucket = bucket_of(home, entry->hash);
    entry->hash_next = *bucket;
    *bucket = entry;
    rh_list_push_back(&home->recent, &entry->recent);
    home->entries++;
    home->bytes += entry->len;
}
