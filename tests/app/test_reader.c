/* Readers of large files on a real thread pool, with files that are never in the page cache: order, errors, and every
 * moment at which a download may be given up. The server and the disk are played by this file. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/files/files.h"
#include "leaks.h"
#include "io/file.h"
#include "rawhttp/stream.h"
#include "server/door.h"

enum { FILE_BYTES = 200000 };

struct rh_exchange {
    struct rh_source source;
    unsigned status;
    unsigned resumed;
    bool is_closed;
};

static uv_loop_t loop;
static void *slot;
static void (*slot_free)(void *value);
static uint64_t file_bytes;  /* what the disk has; less than was announced: it became shorter */
static int read_error;
static bool is_cached;
static uint64_t cached_bytes; /* or only so many */
static unsigned looks;        /* at the page cache */
static pthread_t loop_thread;
static bool has_no_loop;
static int open_descriptors;

/* --- The server -------------------------------------------------------------------------------------- */

uv_loop_t *rh_exchange_loop(const struct rh_exchange *x)
{
    (void)x;
    return has_no_loop ? NULL : &loop;
}

void **rh_exchange_server_slot(struct rh_exchange *x, unsigned index, void (*free_fn)(void *value))
{
    (void)x;
    cr_assert_eq(index, RH_SLOT_FILES);
    slot_free = free_fn;
    return &slot;
}

void rh_respond_file(struct rh_exchange *x, unsigned status, const char *type, const struct rh_source *source)
{
    (void)type;
    x->status = status;
    x->source = *source;
}

void rh_respond_error(struct rh_exchange *x, unsigned status, const char *detail)
{
    (void)detail;
    x->status = status;
}

int rh_exchange_is_cut(const struct rh_exchange *x)
{
    (void)x;
    return 0;
}

struct rh_slice rh_request_target(const struct rh_exchange *x)
{
    (void)x;
    return rh_slice_from("/file");
}

void rh_exchange_log(struct rh_exchange *x, int level, const char *format, ...)
{
    (void)x;
    (void)level;
    (void)format;
}

uint64_t rh_exchange_now_ms(const struct rh_exchange *x)
{
    (void)x;
    return 5000;
}

void rh_exchange_alarm(struct rh_exchange *x, struct rh_alarm *alarm, uint32_t ms)
{
    (void)x;
    (void)alarm;
    (void)ms;
}

void rh_source_resume(struct rh_exchange *x)
{
    cr_assert(!x->is_closed, "resumed behind its close");
    x->resumed++;
}

void rh_files_ref(struct rh_files *files)
{
    (void)files;
}

void rh_files_unref(struct rh_files *files)
{
    (void)files;
}

/* --- The disk ----------------------------------------------------------------------------------------- */

static char byte_at(uint64_t at)
{
    return (char)(at * 31 + at / 1000);
}

ptrdiff_t rh_file_read(int fd, void *out, size_t room, uint64_t offset)
{
    (void)fd;
    size_t n = 0;
    while (n < room && offset + n < file_bytes) {
        ((char *)out)[n] = byte_at(offset + n);
        n++;
    }
    return read_error != 0 ? read_error : (ptrdiff_t)n;
}

ptrdiff_t rh_file_read_cached(int fd, void *out, size_t room, uint64_t offset)
{
    return is_cached ? rh_file_read(fd, out, room, offset) : -EAGAIN;
}

int rh_file_is_cached(int fd, uint64_t offset)
{
    (void)fd;
    looks++;
    return offset >= file_bytes ? UV_EOF : is_cached || offset < cached_bytes;
}

int rh_file_warm(int fd, uint64_t offset, uint64_t len)
{
    (void)fd;
    cr_assert(!pthread_equal(pthread_self(), loop_thread), "the disk is asked on the loop");
    if (read_error == 0 && offset + len > file_bytes) {
        return UV_EOF;
    }
    cached_bytes = offset + len;
    return read_error;
}

void rh_file_close(int fd)
{
    open_descriptors -= fd >= 0;
}

/* --- The tests ----------------------------------------------------------------------------------------- */

static void setup(void)
{
    cr_assert_eq(uv_loop_init(&loop), 0);
    file_bytes = FILE_BYTES;
    loop_thread = pthread_self();
}

static void close_server(void)
{
    if (slot != NULL) {
        slot_free(slot);
        slot = NULL;
    }
}

static void teardown(void)
{
    close_server();
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0);
    cr_assert_eq(open_descriptors, 0);
    assert_no_leaks();
}

TestSuite(reader, .init = setup, .fini = teardown, .timeout = 30);

static void open_reader(struct rh_exchange *x, uint64_t first, uint64_t len)
{
    memset(x, 0, sizeof *x);
    struct rh_entry *entry = rh_entry_create("file", 0);
    open_descriptors++;
    entry->fd = 7;
    entry->info.id.size = first + len;
    entry->info.type = "text/plain";
    rh_reader_respond(x, rh_files_home(x), 200, entry, first, len);
    rh_entry_unref(entry);
}

static void close_reader(struct rh_exchange *x)
{
    x->is_closed = true;
    x->source.close(x->source.data);
}

/* Pulls by `room` bytes until the source ends, running the loop where it has nothing; checks every byte. */
static ptrdiff_t pull_all(struct rh_exchange *x, uint64_t first, size_t room, uint64_t *ret_len)
{
    char *out = malloc(room);
    uint64_t at = first;
    for (;;) {
        ptrdiff_t n = x->source.pull(x->source.data, out, room);
        if (n == RH_EAGAIN) {
            unsigned before = x->resumed;
            while (x->resumed == before) {
                int is_alive = uv_run(&loop, UV_RUN_ONCE);
                cr_assert(is_alive || x->resumed != before, "nothing under way that could resume it");
            }
            continue;
        }
        if (n <= 0) {
            free(out);
            *ret_len = at - first;
            return n;
        }
        for (ptrdiff_t i = 0; i < n; i++, at++) {
            cr_assert_eq(out[i], byte_at(at), "byte %lu", at);
        }
    }
}

Test(reader, gives_all_bytes_in_order)
{
    static const size_t rooms[] = {4096, 16384, 65536, 100000};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        for (int cached = 0; cached < 2; cached++) {
            struct rh_exchange x;
            uint64_t len;
            is_cached = cached;
            open_reader(&x, 1000, FILE_BYTES - 3000);
            cr_assert_eq(x.source.length, FILE_BYTES - 3000);
            cr_assert_eq(pull_all(&x, 1000, rooms[i], &len), 0);
            cr_assert_eq(len, FILE_BYTES - 3000);
            close_reader(&x);
        }
    }
}

Test(reader, fails_where_the_file_became_shorter)
{
    for (int cached = 0; cached < 2; cached++) {
        struct rh_exchange x;
        uint64_t len;
        is_cached = cached;
        file_bytes = 100000;
        open_reader(&x, 0, FILE_BYTES);
        cr_assert_lt(pull_all(&x, 0, 16384, &len), 0);
        cr_assert_eq(len, 100000);
        close_reader(&x);
    }
}

Test(reader, fails_where_the_disk_does)
{
    struct rh_exchange x;
    uint64_t len;
    read_error = -EIO;
    open_reader(&x, 0, FILE_BYTES);
    cr_assert_eq(pull_all(&x, 0, 16384, &len), -EIO);
    close_reader(&x);
}

Test(reader, may_be_closed_at_any_moment)
{
    char out[16384];
    for (int pulls = 0; pulls < 12; pulls++) {
        for (int turns = 0; turns < 2; turns++) {
            struct rh_exchange x;
            open_reader(&x, 0, FILE_BYTES);
            for (int i = 0; i < pulls; i++) {
                if (x.source.pull(x.source.data, out, sizeof out) == RH_EAGAIN && (turns == 1 || i + 1 < pulls)) {
                    uv_run(&loop, UV_RUN_ONCE);
                }
            }
            close_reader(&x);
        }
    }
}

Test(reader, may_outlive_its_server_by_one_read)
{
    struct rh_exchange x;
    char out[4096];
    open_reader(&x, 0, FILE_BYTES);
    cr_assert_eq(x.source.pull(x.source.data, out, sizeof out), RH_EAGAIN);
    close_reader(&x);
    close_server();
}

enum { MANY = RH_FILES_BUFFERS_MAX + 6 };

static struct rh_exchange xs[MANY];

static void open_and_pull(int count)
{
    char out[4096];
    for (int i = 0; i < count; i++) {
        open_reader(&xs[i], 0, FILE_BYTES);
        cr_assert_eq(xs[i].source.pull(xs[i].source.data, out, sizeof out), RH_EAGAIN);
    }
}

static void close_rest(int count)
{
    for (int i = 0; i < count; i++) {
        if (!xs[i].is_closed) {
            close_reader(&xs[i]);
        }
    }
}

Test(reader, serves_all_where_peers_do_not_read)
{
    uint64_t len;
    open_and_pull(MANY);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(xs[i].resumed, 1, "reader %d: %u", i, xs[i].resumed);
    }
    /* Nobody reads on, and yet one that does gets everything; those that lost their buffer get theirs again. */
    for (int i = 0; i < MANY; i += 40) {
        cr_assert_eq(pull_all(&xs[i], 0, 16384, &len), 0);
        cr_assert_eq(len, FILE_BYTES);
    }
    close_rest(MANY);
}

Test(reader, may_give_up_its_place_in_line)
{
    open_and_pull(MANY);
    close_reader(&xs[MANY - 2]);
    close_reader(&xs[0]);
    close_reader(&xs[RH_FILES_BUFFERS_MAX]);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(xs[MANY - 1].resumed, 1);
    cr_assert_eq(xs[MANY - 2].resumed, 0);
    close_rest(MANY);
}

Test(reader, tells_those_in_line_about_an_error)
{
    char out[4096];
    read_error = -EIO;
    open_and_pull(MANY);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(xs[i].resumed, 1, "reader %d: %u", i, xs[i].resumed);
        cr_assert_eq(xs[i].source.pull(xs[i].source.data, out, sizeof out), -EIO);
    }
    close_rest(MANY);
}

Test(reader, works_without_a_loop)
{
    struct rh_exchange x;
    uint64_t len;
    has_no_loop = true;
    open_reader(&x, 0, FILE_BYTES);
    cr_assert_eq(pull_all(&x, 0, 4096, &len), 0);
    cr_assert_eq(len, FILE_BYTES);
    close_reader(&x);
    read_error = -EIO;
    open_reader(&x, 0, FILE_BYTES);
    cr_assert_eq(pull_all(&x, 0, 4096, &len), -EIO);
    close_reader(&x);
}

/* --- Ranges ------------------------------------------------------------------------------------------- */

static ptrdiff_t next_range(struct rh_exchange *x, uint64_t max, struct rh_file_range *ret_range)
{
    const struct rh_file_source *source = x->source.data;
    return source->range(x->source.data, max, ret_range);
}

/* Takes ranges of up to `max` until the source ends; returns its last word and how many ranges and bytes it gave. */
static ptrdiff_t take_ranges(struct rh_exchange *x, uint64_t first, uint64_t max, unsigned *ret_ranges, uint64_t *ret_len)
{
    struct rh_file_range range;
    uint64_t at = first;
    for (unsigned ranges = 0;;) {
        ptrdiff_t n = next_range(x, max, &range);
        if (n == RH_EAGAIN) {
            unsigned before = x->resumed;
            while (x->resumed == before) {
                cr_assert(uv_run(&loop, UV_RUN_ONCE) || x->resumed != before, "nothing under way that could resume it");
            }
            continue;
        }
        if (n <= 0) {
            *ret_ranges = ranges;
            *ret_len = at - first;
            return n;
        }
        cr_assert_eq(range.fd, 7);
        cr_assert_eq(range.at, at);
        cr_assert_eq(range.len, (uint64_t)n);
        cr_assert_leq(range.len, max);
        at += range.len;
        ranges++;
    }
}

Test(reader, names_ranges_that_are_in_memory)
{
    struct rh_exchange x;
    unsigned ranges;
    uint64_t len;
    is_cached = true;
    file_bytes = 1 << 20;
    open_reader(&x, 1000, (1 << 20) - 3000);
    cr_assert_eq(take_ranges(&x, 1000, 1 << 20, &ranges, &len), 0);
    cr_assert_eq(ranges, 1);
    cr_assert_eq(len, (1 << 20) - 3000);
    cr_assert_eq(x.resumed, 0, "the pool was asked");
    cr_assert_eq(looks, 5, "one for each 256 KiB, and the last byte: %u", looks);
    close_reader(&x);
}

Test(reader, fetches_ranges_off_the_loop)
{
    struct rh_exchange x;
    unsigned ranges;
    uint64_t len;
    file_bytes = 3 << 20;
    open_reader(&x, 5, (3 << 20) - 10);
    cr_assert_eq(take_ranges(&x, 5, 1 << 20, &ranges, &len), 0);
    cr_assert_eq(len, (3 << 20) - 10);
    cr_assert_eq(x.resumed, 6, "half a MiB at a time: %u", x.resumed);
    cr_assert_eq(ranges, 6);
    close_reader(&x);
}

Test(reader, fetches_where_only_the_end_is_missing)
{
    struct rh_exchange x;
    unsigned ranges;
    uint64_t len;
    cached_bytes = FILE_BYTES - 1;
    open_reader(&x, 0, FILE_BYTES);
    cr_assert_eq(take_ranges(&x, 0, 1 << 20, &ranges, &len), 0);
    cr_assert_eq(len, FILE_BYTES);
    cr_assert_eq(x.resumed, 1);
    close_reader(&x);
}

Test(reader, names_no_range_behind_the_end)
{
    for (int cached = 0; cached < 2; cached++) {
        struct rh_exchange x;
        unsigned ranges;
        uint64_t len;
        is_cached = cached;
        cached_bytes = 0;
        file_bytes = 100000;
        open_reader(&x, 0, FILE_BYTES);
        cr_assert_eq(take_ranges(&x, 0, 1 << 20, &ranges, &len), UV_EOF);
        cr_assert_eq(len, 0);
        close_reader(&x);
    }
}

Test(reader, keeps_the_error_of_a_fetch)
{
    struct rh_exchange x;
    unsigned ranges;
    uint64_t len;
    read_error = -EIO;
    open_reader(&x, 0, FILE_BYTES);
    cr_assert_eq(take_ranges(&x, 0, 1 << 20, &ranges, &len), -EIO);
    cr_assert_eq(take_ranges(&x, 0, 1 << 20, &ranges, &len), -EIO);
    close_reader(&x);
}

Test(reader, may_be_closed_while_it_fetches)
{
    for (int turns = 0; turns < 2; turns++) {
        struct rh_exchange x;
        struct rh_file_range range;
        cached_bytes = 0;
        open_reader(&x, 0, FILE_BYTES);
        cr_assert_eq(next_range(&x, 4096, &range), RH_EAGAIN);
        cr_assert_eq(next_range(&x, 4096, &range), RH_EAGAIN, "asked while it fetches");
        if (turns == 1) {
            uv_run(&loop, UV_RUN_ONCE);
        }
        close_reader(&x);
    }
}

/* --- The cache's memory --------------------------------------------------------------------------------- */

Test(reader, counts_what_answers_keep_of_a_cache_that_let_it_go)
{
    enum { ANSWERS = 12, BYTES = 1 << 20 };
    struct rh_exchange x = {0};
    struct rh_files_home *home = rh_files_home(&x);
    struct rh_entry *entries[ANSWERS];
    for (int i = 0; i < ANSWERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "file-%d", i);
        struct rh_entry_key key = {NULL, 0, name};
        entries[i] = rh_entry_create(name, BYTES);
        rh_cache_put(home, &x, &key, entries[i]); /* the first reference stands for an answer under way */
    }
    cr_assert_eq(home->bytes, RH_FILES_CACHE_BYTES);
    cr_assert_eq(home->lent_bytes, (size_t)ANSWERS * BYTES - RH_FILES_CACHE_BYTES);
    for (int i = 0; i < ANSWERS; i++) {
        rh_entry_unref(entries[i]);
    }
    cr_assert_eq(home->lent_bytes, 0);
    cr_assert_eq(home->bytes, RH_FILES_CACHE_BYTES);
}
