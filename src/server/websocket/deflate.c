/* A message on the wire is a deflate stream that ends with an empty stored block whose last four
 * bytes, 00 00 ff ff, are left out (RFC 7692 §7.2.1); the inflater puts them back. A sender may
 * also end its stream with a final block (§7.2.3.4): then what follows is a new stream, once in a
 * message, since each costs a copy of the window. Ways to fail: broken or truncated data. */
#include "server/websocket/deflate.h"

#include "rh-build.h"
#include "util/assert.h"

#if RH_HAVE_GZIP

#include <limits.h>
#include <string.h>
#include <zlib.h>

enum { MEMORY_LEVEL = 8, LEVEL = 4, BITS_MAX = 15, TAIL = 4 };
enum { INFLATE_BYTES = 48 << 10, AT_BLOCK_END = 128 };

/* zlib's memory: handed out from the front, taken back all at once. */
struct region {
    char *base;
    size_t used;
    size_t cap;
};

struct rh_ws_codec {
    z_stream deflate;
    z_stream inflate;
    struct region deflate_memory;
    struct region inflate_memory;
    uint8_t deflate_bits;
    bool keeps_window;
    bool ended;        /* the stream had its final block */
    bool restarted;    /* and another one follows in this message */
    bool is_last;      /* the message ends with the bytes that were given */
    bool at_block_end; /* no block is open */
};

static const char tail[TAIL] = "\x00\x00\xff\xff";

static voidpf region_alloc(voidpf opaque, uInt items, uInt size)
{
    struct region *region = opaque;
    size_t bytes = ((size_t)items * size + 15) & ~(size_t)15;
    if (bytes > region->cap - region->used) {
        return Z_NULL;
    }
    void *memory = region->base + region->used;
    region->used += bytes;
    return memory;
}

static void region_free(voidpf opaque, voidpf memory)
{
    (void)opaque;
    (void)memory;
}

static void use_region(z_stream *stream, struct region *region)
{
    memset(stream, 0, sizeof *stream);
    region->used = 0;
    stream->zalloc = region_alloc;
    stream->zfree = region_free;
    stream->opaque = region;
}

/* Negative bits: no frame of zlib's around the stream. */
static bool init_deflate(struct rh_ws_codec *codec, unsigned bits)
{
    use_region(&codec->deflate, &codec->deflate_memory);
    codec->deflate_bits = (uint8_t)bits;
    return deflateInit2(&codec->deflate, LEVEL, Z_DEFLATED, -(int)bits, MEMORY_LEVEL,
                        Z_DEFAULT_STRATEGY) == Z_OK;
}

struct rh_ws_codec *rh_ws_codec_init(void *memory, unsigned bits)
{
    struct rh_ws_codec *codec = memory;
    size_t head = (sizeof *codec + 63) & ~(size_t)63;
    memset(codec, 0, sizeof *codec);
    codec->inflate_memory = (struct region){(char *)memory + head, 0, INFLATE_BYTES};
    codec->deflate_memory = (struct region){(char *)memory + head + INFLATE_BYTES, 0,
                                            RH_WS_CODEC_BYTES - head - INFLATE_BYTES};
    use_region(&codec->inflate, &codec->inflate_memory);
    if (inflateInit2(&codec->inflate, -BITS_MAX) != Z_OK || !init_deflate(codec, bits)) {
        return NULL;
    }
    return codec;
}

/* --- Compressing --------------------------------------------------------------------------------
 */

size_t rh_ws_deflate_bound(size_t message_len)
{
    return message_len + message_len / 1000 + 128;
}

size_t rh_ws_deflate(struct rh_ws_codec *codec, bool keeps_window, unsigned bits,
                     struct rh_slice message, char *out, size_t out_max)
{
    z_stream *stream = &codec->deflate;
    RH_ASSERT(message.len <= UINT_MAX && out_max <= UINT_MAX);
    if (bits != codec->deflate_bits) {
        RH_ASSERT(!keeps_window);
        if (!init_deflate(codec, bits)) {
            return 0;
        }
    } else if (!keeps_window && deflateReset(stream) != Z_OK) {
        return 0;
    }
    stream->next_in = (Bytef *)(uintptr_t)message.base; /* zlib only reads it */
    stream->avail_in = (uInt)message.len;
    stream->next_out = (Bytef *)out;
    stream->avail_out = (uInt)out_max;
    /* Room that is left shows that all of it was written, flush included. */
    if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_in > 0 || stream->avail_out == 0) {
        return 0;
    }
    size_t len = out_max - stream->avail_out;
    RH_ASSERT(len > TAIL && memcmp(out + len - TAIL, tail, TAIL) == 0);
    return len - TAIL;
}

/* --- Inflating ----------------------------------------------------------------------------------
 */

void rh_ws_inflate_begin(struct rh_ws_codec *codec, bool keeps_window)
{
    codec->keeps_window = keeps_window;
    codec->ended = codec->restarted = codec->is_last = false;
    if (!keeps_window) {
        RH_IGNORE(inflateReset(&codec->inflate)); /* fails for no stream that was initialised */
    }
}

void rh_ws_inflate_give(struct rh_ws_codec *codec, struct rh_slice bytes, bool is_last)
{
    RH_ASSERT(bytes.len <= UINT_MAX);
    codec->inflate.next_in = (Bytef *)(uintptr_t)bytes.base;
    codec->inflate.avail_in = (uInt)bytes.len;
    codec->is_last = is_last;
}

/* After a final block: a new stream, which may still refer to what came before. */
static bool restart(struct rh_ws_codec *codec)
{
    Bytef window[1 << BITS_MAX];
    uInt len = 0;
    if (codec->restarted) {
        return false;
    }
    codec->ended = false;
    codec->restarted = true;
    if (!codec->keeps_window) {
        return inflateReset(&codec->inflate) == Z_OK;
    }
    return inflateGetDictionary(&codec->inflate, window, &len) == Z_OK &&
           inflateReset(&codec->inflate) == Z_OK &&
           inflateSetDictionary(&codec->inflate, window, len) == Z_OK;
}

/* One call of zlib. It forgets that it stands at the end of a block when it is called again with
 * nothing to do. */
static int inflate_some(struct rh_ws_codec *codec)
{
    z_stream *stream = &codec->inflate;
    uInt in = stream->avail_in;
    uInt out = stream->avail_out;
    int result = inflate(stream, Z_SYNC_FLUSH);
    if (in != stream->avail_in || out != stream->avail_out) {
        codec->at_block_end = (stream->data_type & AT_BLOCK_END) != 0;
    }
    return result;
}

/* All that was given is used up. At the end of a message the tail closes the block that the sender
 * left open; where it does anything else, the message was cut short. */
static ptrdiff_t end_of_input(struct rh_ws_codec *codec)
{
    z_stream *stream = &codec->inflate;
    uInt room = stream->avail_out;
    if (!codec->is_last) {
        return 0;
    }
    codec->is_last = false;
    if (codec->ended) { /* the next message begins a stream of its own */
        return restart(codec) ? 0 : -1;
    }
    stream->next_in = (Bytef *)(uintptr_t)tail;
    stream->avail_in = TAIL;
    bool is_closed = inflate_some(codec) == Z_OK && stream->avail_in == 0 &&
                     stream->avail_out == room && codec->at_block_end;
    return is_closed ? 0 : -1;
}

ptrdiff_t rh_ws_inflate_take(struct rh_ws_codec *codec, char *out, size_t room)
{
    z_stream *stream = &codec->inflate;
    RH_ASSERT(room > 0 && room <= UINT_MAX);
    stream->next_out = (Bytef *)out;
    stream->avail_out = (uInt)room;
    do { /* also without input: there may be output that had no room before */
        if (codec->ended && stream->avail_in > 0 && !restart(codec)) {
            return -1;
        }
        int result = codec->ended ? Z_BUF_ERROR : inflate_some(codec);
        if (result == Z_STREAM_END) {
            codec->ended = true;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            return -1;
        }
    } while (stream->avail_in > 0 && stream->avail_out > 0);
    ptrdiff_t n = (ptrdiff_t)(room - stream->avail_out);
    return n > 0 ? n : end_of_input(codec);
}

#else

struct rh_ws_codec *rh_ws_codec_init(void *memory, unsigned bits)
{
    (void)memory;
    (void)bits;
    return NULL;
}

size_t rh_ws_deflate_bound(size_t message_len)
{
    return message_len;
}

size_t rh_ws_deflate(struct rh_ws_codec *codec, bool keeps_window, unsigned bits,
                     struct rh_slice message, char *out, size_t out_max)
{
    (void)codec;
    (void)keeps_window;
    (void)bits;
    (void)message;
    (void)out;
    (void)out_max;
    return 0;
}

void rh_ws_inflate_begin(struct rh_ws_codec *codec, bool keeps_window)
{
    (void)codec;
    (void)keeps_window;
}

void rh_ws_inflate_give(struct rh_ws_codec *codec, struct rh_slice bytes, bool is_last)
{
    (void)codec;
    (void)bytes;
    (void)is_last;
}

ptrdiff_t rh_ws_inflate_take(struct rh_ws_codec *codec, char *out, size_t room)
{
    (void)codec;
    (void)out;
    (void)room;
    return -1;
}

#endif
