/* Several ranges of one file as a body of parts. A part is its head, which is made when its turn
 * comes, and its bytes, from memory or by a reader of the open file, one after the other; so it
 * takes the memory of one reader however many there are. The boundary is random: nobody can put it
 * into a file.
 *
 *     HEAD -> BYTES -> HEAD ... -> BYTES -> TAIL, the last boundary */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/files/files.h"
#include "util/digest.h"

enum { BOUNDARY_BYTES = 16, BOUNDARY_LEN = 2 * BOUNDARY_BYTES, TEXT_BYTES_MAX = 512 };

struct parts {
    struct rh_exchange *x;
    struct rh_files_home *home;
    struct rh_entry *entry; /* a reference */
    struct rh_range ranges[RH_RANGES_MAX];
    size_t ranges_n;
    size_t at;             /* the range whose turn it is; ranges_n: the tail's */
    bool in_bytes;         /* its head was given */
    uint64_t given;        /* bytes of the range */
    struct rh_source file; /* reads it; data NULL: not open */
    size_t text_at;        /* in `text` */
    size_t text_len;
    char text[TEXT_BYTES_MAX];
    char boundary[BOUNDARY_LEN + 1];
};

/* The head of a range, or the tail. Returns its length. */
static size_t make_text(struct parts *parts, size_t index)
{
    const struct rh_file_info *info = &parts->entry->info;
    int n;
    if (index == parts->ranges_n) {
        n = snprintf(parts->text, sizeof parts->text, "\r\n--%s--\r\n", parts->boundary);
    } else {
        const struct rh_range *range = &parts->ranges[index];
        n = snprintf(
            parts->text, sizeof parts->text,
            "\r\n--%s\r\nContent-Type: %.200s\r\nContent-Range: bytes %llu-%llu/%llu\r\n\r\n",
            parts->boundary, info->type, (unsigned long long)range->first,
            (unsigned long long)(range->first + range->len - 1), (unsigned long long)info->len);
    }
    return (size_t)n;
}

static ptrdiff_t pull_text(struct parts *parts, char *out, size_t room)
{
    size_t n = parts->text_len - parts->text_at;
    n = n < room ? n : room;
    memcpy(out, parts->text + parts->text_at, n);
    parts->text_at += n;
    if (parts->text_at == parts->text_len) {
        parts->in_bytes = parts->at < parts->ranges_n;
        parts->at += !parts->in_bytes; /* behind the tail */
    }
    return (ptrdiff_t)n;
}

static void close_file(struct parts *parts)
{
    if (parts->file.data != NULL) {
        parts->file.close(parts->file.data);
        parts->file.data = NULL;
    }
}

static ptrdiff_t pull_file(struct parts *parts, char *out, size_t room)
{
    const struct rh_range *range = &parts->ranges[parts->at];
    if (parts->file.data == NULL) {
        parts->file = rh_reader_open(parts->x, parts->home, parts->entry, range->first, range->len);
    }
    return parts->file.data != NULL ? parts->file.pull(parts->file.data, out, room) : RH_ENOROOM;
}

static ptrdiff_t pull_bytes(struct parts *parts, char *out, size_t room)
{
    const struct rh_range *range = &parts->ranges[parts->at];
    uint64_t left = range->len - parts->given;
    size_t step = left < room ? (size_t)left : room;
    ptrdiff_t n = (ptrdiff_t)step;
    if (parts->entry->fd < 0) {
        memcpy(out, parts->entry->content + range->first + parts->given, step);
    } else {
        n = pull_file(parts, out, step);
    }
    if (n > 0) {
        parts->given += (uint64_t)n;
    }
    if (parts->given == range->len) {
        close_file(parts);
        parts->given = 0;
        parts->in_bytes = false;
        parts->text_at = 0;
        parts->text_len = make_text(parts, ++parts->at);
    }
    return n;
}

static ptrdiff_t parts_pull(void *data, char *out, size_t room)
{
    struct parts *parts = data;
    size_t done = 0;
    while (done < room && parts->at <= parts->ranges_n) {
        ptrdiff_t n = parts->in_bytes ? pull_bytes(parts, out + done, room - done)
                                      : pull_text(parts, out + done, room - done);
        if (n <= 0) {
            return done > 0 ? (ptrdiff_t)done : n; /* what is wrong shows again at the next pull */
        }
        done += (size_t)n;
    }
    return (ptrdiff_t)done;
}

static void parts_close(void *data)
{
    struct parts *parts = data;
    close_file(parts);
    rh_entry_unref(parts->entry);
    free(parts);
}

static bool parts_init(struct parts *parts, struct rh_entry *entry, const struct rh_range *ranges,
                       size_t ranges_n)
{
    unsigned char random[BOUNDARY_BYTES];
    if (rh_random_bytes(random, sizeof random) != 0) {
        return false;
    }
    rh_hex_encode(random, sizeof random, parts->boundary);
    memcpy(parts->ranges, ranges, ranges_n * sizeof *ranges);
    parts->ranges_n = ranges_n;
    parts->entry = entry;
    return true;
}

void rh_parts_respond(struct rh_exchange *x, struct rh_files_home *home, struct rh_entry *entry,
                      const struct rh_range *ranges, size_t ranges_n)
{
    struct parts *parts = calloc(1, sizeof *parts);
    char *type = rh_exchange_alloc(x, BOUNDARY_LEN + 40);
    if (parts == NULL || type == NULL || !parts_init(parts, entry, ranges, ranges_n)) {
        free(parts);
        rh_respond_error(x, 503, NULL);
        return;
    }
    entry->references++;
    parts->x = x;
    parts->home = home;
    uint64_t len = make_text(parts, ranges_n);
    for (size_t i = ranges_n; i-- > 0;) {
        parts->text_len = make_text(parts, i);
        len += parts->text_len + ranges[i].len;
    }
    sprintf(type, "multipart/byteranges; boundary=%s", parts->boundary);
    struct rh_source source = {parts_pull, parts_close, parts, (int64_t)len};
    rh_respond_source(x, 206, type, &source);
}
