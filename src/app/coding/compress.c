/* Which answers are compressed, and what their heads then say. The app's door has one more verb
 * when this is switched on: the server calls it when an answer was given and before its head is
 * made. An answer that is too short, and most are, is not even told of.
 *
 * The answer's bytes go through the server's one compressor into the server's one buffer, and from
 * there to where copied answers live. Where memory is short the answer goes out as it was:
 * compression is never a reason to fail. */
#include "rawhttp/compress.h"

#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/coding/gzip.h"
#include "http/mime.h"
#include "http/media.h"
#include "util/ascii.h"
#include "util/options.h"

struct home {
    struct rh_gzip *gzip; /* NULL: there is none, so it is not tried again */
    char *buffer;
};

static void home_close(void *value)
{
    struct home *home = value;
    rh_gzip_destroy(home->gzip);
    free(home->buffer);
    free(home);
}

/* That of this exchange's server, made at first use; NULL where nothing can be compressed. */
static struct home *home_of(struct rh_exchange *x, const struct rh_compression *options)
{
    void **slot = rh_exchange_server_slot(x, RH_SLOT_GZIP, home_close);
    struct home *home = *slot;
    if (home == NULL) {
        *slot = home = calloc(1, sizeof *home);
        if (home == NULL) {
            return NULL;
        }
        home->gzip = rh_gzip_create(options->level);
        home->buffer = malloc(options->bytes_max);
    }
    return home->gzip != NULL && home->buffer != NULL ? home : NULL;
}

/* True where a field of that name, in any of its lines, lists the token (or has no token to be
 * asked for). */
static bool answer_lists(const struct rh_exchange *x, const char *name, const char *token)
{
    for (size_t i = 0;; i++) {
        struct rh_slice list = rh_response_field(x, name, i);
        struct rh_slice element;
        if (list.base == NULL) {
            return false;
        }
        while (rh_ascii_list_next(&list, &element)) {
            if (rh_ascii_is(element, token) || rh_slice_is(element, "*")) {
                return true;
            }
        }
    }
}

static bool is_wanted(struct rh_exchange *x)
{
    struct rh_slice accept = rh_request_list(x, "accept-encoding");
    if (accept.base == NULL) {
        return false;
    }
    unsigned gzip = rh_accept_quality(accept, "gzip", 0);
    return gzip > 0 && gzip >= rh_accept_quality(accept, "identity", 0);
}

/* Other bytes are another representation: a tag that promised these very ones promises only the
 * meaning from now on. */
static void weaken_etag(struct rh_exchange *x)
{
    struct rh_slice etag = rh_response_field(x, "etag", 0);
    if (etag.base == NULL || etag.len < 2 || etag.base[0] != '"') {
        return;
    }
    char *weak = rh_exchange_format(x, "W/%.*s", (int)etag.len, etag.base);
    if (weak != NULL) {
        RH_IGNORE(rh_response_set(x, "ETag", weak));
    }
}

static void compress_answer(struct rh_exchange *x, struct rh_door *door)
{
    const struct rh_app *app = RH_CONTAINER_OF(door, struct rh_app, door);
    const struct rh_compression *options = &app->compression;
    struct rh_given given;
    rh_exchange_given(x, &given);
    if (given.content.len > options->bytes_max || given.status == 206 ||
        !rh_mime_is_compressible(given.type) ||
        rh_response_field(x, "content-encoding", 0).base != NULL ||
        rh_response_field(x, "content-range", 0).base != NULL ||
        answer_lists(x, "cache-control", "no-transform")) {
        return;
    }
    if (!answer_lists(x, "vary", "accept-encoding") &&
        rh_response_add(x, "Vary", "Accept-Encoding") != 0) {
        return; /* without it a cache would give one peer's coding to another */
    }
    struct home *home = is_wanted(x) ? home_of(x, options) : NULL;
    if (home == NULL) {
        return;
    }
    size_t len = rh_gzip_whole(home->gzip, given.content, home->buffer,
                               given.content.len - given.content.len / 8);
    if (len > 0 &&
        rh_exchange_replace_content(x, (struct rh_slice){home->buffer, len}, "gzip") == 0) {
        weaken_etag(x);
    }
}

void rh_compression_init_sized(struct rh_compression *compression, size_t size)
{
    static const struct rh_compression defaults = {
        .level = 4, .bytes_min = 1024, .bytes_max = 128 << 10};
    rh_options_fill(compression, size, &defaults, sizeof defaults);
}

void rh_app_compress(struct rh_app *app, const struct rh_compression *compression)
{
    if (!rh_app_is_open(app, "switch", "compression")) {
        return;
    }
    struct rh_compression *options = &app->compression;
    rh_compression_init(options);
    rh_options_take(options, sizeof *options, compression);
    if (options->level < 1 || options->level > 9 || options->bytes_max == 0 ||
        options->bytes_max > 1 << 30) {
        rh_app_spoil(app, RH_ECONFIG, "compression: level 1 to 9, bytes_max up to 1 GiB");
        return;
    }
    app->door.finish = compress_answer;
    app->door.finish_bytes_min = options->bytes_min;
}
