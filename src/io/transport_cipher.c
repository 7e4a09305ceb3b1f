/* Encrypted bytes on their way out. Small things are encrypted into the loop's scratch memory and offered to the socket;
 * only what it does not take is copied into a block. A long piece is encrypted into a larger block, several records at
 * once, so that it needs a quarter of the writes, and what the socket does not take stays where it lies. There are few
 * of these: who finds none sends a record at a time through scratch memory.
 *
 * A block belongs to its uv_write_t until that is done, whatever becomes of the connection meanwhile. Ways to fail: the
 * write (a negative code, or a status), no block (UV_ENOBUFS), an engine that carries nothing any more. */
#include "io/transport_cipher.h"

#include <string.h>

#include "rawhttp/error.h"

enum { BULK_ROOM = RH_CIPHER_BULK_BYTES - sizeof(struct rh_cipher_block) };

struct rh_cipher_block *rh_cipher_acquire(struct rh_slab *pool)
{
    struct rh_cipher_block *block = rh_slab_acquire(pool);
    if (block != NULL) {
        block->pool = pool;
    }
    return block;
}

static void write_cipher_rest(struct rh_transport *t)
{
    struct rh_transport_write *write = t->tls->write;
    int state = t->closing ? UV_ECANCELED : rh_cipher_write(t, write);
    if (state != 1) {
        t->tls->write = NULL;
        rh_transport_wire(t)->callbacks->written(t, state);
    }
}

static void on_cipher_written(uv_write_t *req, int status)
{
    struct rh_cipher_block *block = RH_CONTAINER_OF(req, struct rh_cipher_block, req);
    struct rh_transport *t = block->transport;
    rh_slab_release(block->pool, block);
    rh_transport_dequeued(t);
    if (status < 0) {
        if (t->tls->write != NULL) {
            t->tls->write = NULL;
            rh_transport_wire(t)->callbacks->written(t, status);
        } else if (!t->reading && !t->closing) {
            rh_transport_read_stop(t); /* nothing else would tell */
            rh_transport_wire(t)->callbacks->ended(t, status);
        }
        return;
    }
    if (t->writes_open > 0) {
        return;
    }
    if (t->tls->write != NULL) {
        write_cipher_rest(t);
    } else if ((rh_transport_finish_shutdown(t) || t->tls->choked) && !t->closing) {
        t->tls->choked = false;
        rh_transport_wire(t)->callbacks->ready(t, 0); /* its owner reads on, or closes */
    }
}

/* Leaves the rest of a block, which ends behind `bytes`, to libuv. 1 (in flight), or negative and the block is given
 * back. */
static int queue_block(struct rh_transport *t, struct rh_cipher_block *block, char *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init(bytes, (unsigned)len);
    block->transport = t;
    int err = rh_transport_queue(t, &block->req, &buf, 1, on_cipher_written);
    if (err < 0) {
        rh_slab_release(block->pool, block);
        return err;
    }
    return 1;
}

/* How much the socket takes at once, or negative. */
static ptrdiff_t try_cipher(struct rh_transport *t, char *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init(bytes, (unsigned)len);
    ptrdiff_t sent = rh_transport_try(t, &buf, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
        return sent;
    }
    rh_counter_add(&rh_transport_wire(t)->bytes_out, len);
    return sent > 0 ? sent : 0;
}

int rh_cipher_send(struct rh_transport *t, char *bytes, size_t len)
{
    ptrdiff_t taken = try_cipher(t, bytes, len);
    if (taken < 0 || (size_t)taken == len) {
        return taken < 0 ? (int)taken : 0;
    }
    struct rh_cipher_block *block = rh_cipher_acquire(&rh_transport_wire(t)->cipher_blocks);
    if (block == NULL) {
        return UV_ENOBUFS;
    }
    memcpy(block->bytes, bytes + taken, len - (size_t)taken);
    return queue_block(t, block, block->bytes, len - (size_t)taken);
}

/* The same for ciphertext that lies in a block already, which is given back where the socket takes all. */
static int send_block(struct rh_transport *t, struct rh_cipher_block *block, size_t len)
{
    ptrdiff_t taken = try_cipher(t, block->bytes, len);
    if (taken < 0 || (size_t)taken == len) {
        rh_slab_release(block->pool, block);
        return taken < 0 ? (int)taken : 0;
    }
    return queue_block(t, block, block->bytes + taken, len - (size_t)taken);
}

/* Encrypts as much of a piece as finds room: 0 or negative. */
static int encrypt(struct rh_transport *t, struct rh_slice *piece, struct rh_tls_io *io)
{
    ptrdiff_t taken =
        rh_tls_engine_write(&rh_transport_wire(t)->tls, &t->tls->engine, piece->base, piece->len, io);
    if (taken < 0 || (taken == 0 && io->cipher_len == 0)) {
        return taken < 0 ? (int)taken : UV_EPROTO;
    }
    piece->base += taken;
    piece->len -= (size_t)taken;
    return 0;
}

/* Encrypts and sends several records at once: 0, 1 or negative, as above. */
static int write_several(struct rh_transport *t, struct rh_slice *piece, struct rh_cipher_block *block)
{
    struct rh_tls_io io = {.cipher = block->bytes, .cipher_cap = BULK_ROOM};
    int err = encrypt(t, piece, &io);
    if (err < 0) {
        rh_slab_release(block->pool, block);
        return err;
    }
    return send_block(t, block, io.cipher_len);
}

static int write_some(struct rh_transport *t, struct rh_slice *piece)
{
    struct rh_wire *wire = rh_transport_wire(t);
    if (RH_UNLIKELY(piece->len > RH_CIPHER_ROOM)) {
        struct rh_cipher_block *block = rh_cipher_acquire(&wire->cipher_bulk);
        if (block != NULL) {
            return write_several(t, piece, block);
        }
    }
    struct rh_tls_io io = {.cipher = wire->scratch + RH_CIPHER_READ_BYTES, .cipher_cap = RH_CIPHER_ROOM};
    int err = encrypt(t, piece, &io);
    return err < 0 ? err : rh_cipher_send(t, io.cipher, io.cipher_len);
}

int rh_cipher_write(struct rh_transport *t, struct rh_transport_write *write)
{
    for (unsigned i = 0; i < 2; i++) {
        struct rh_slice *piece = &write->left.pieces[i];
        while (piece->len > 0) {
            int state = write_some(t, piece);
            if (state != 0) {
                return state;
            }
        }
    }
    return 0;
}
