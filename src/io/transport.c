/* Plain: libuv asks for memory (`room`), reads straight into it, and `ready` works on it. With TLS the read lands in
 * the loop's scratch memory, the engine decrypts into `room`, and whatever finds no room stays as ciphertext while
 * reading stops, so that back-pressure reaches the peer. Ciphertext in flight lives in a block that belongs to its
 * uv_write_t: it outlives the engine and the SSL. Ways to fail: the peer ends (`ended`), a write fails (`written` or
 * the return code), no block is left (the connection ends with UV_ENOBUFS). */
#include "io/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "io/sent.h"
#include "io/transport_cipher.h"
#include "rawhttp/error.h"

/* A peer that makes TLS answer (requests for new keys) and does not read is not read from either: CIPHER_BLOCKS_MAX
 * blocks in flight are what it can hold. */
enum { CIPHER_BLOCKS_MAX = 2 };

/* libuv reads up to 32 times from a socket whose bytes fill the room each time, before others have their turn; with us
 * it is so many times. */
enum { READS_MAX = 4 };

int rh_wire_init(struct rh_wire *wire, uv_loop_t *loop, const struct rh_transport_callbacks *callbacks, size_t tls_max,
                 size_t bulk_max)
{
    memset(wire, 0, sizeof *wire);
    wire->loop = loop;
    wire->callbacks = callbacks;
    if (tls_max == 0) {
        return 0;
    }
    if (rh_slab_init(&wire->engines, "tls_engines", sizeof(struct rh_transport_tls), tls_max) != 0) {
        return UV_ENOMEM;
    }
    if (rh_slab_init(&wire->cipher_blocks, "tls_ciphertext", RH_CIPHER_BLOCK_BYTES, tls_max) != 0) {
        goto fail_engines;
    }
    if (rh_slab_init(&wire->cipher_bulk, "tls_bulk", RH_CIPHER_BULK_BYTES, bulk_max) != 0) {
        goto fail_blocks;
    }
    return 0;

fail_blocks:
    rh_slab_fini(&wire->cipher_blocks);
fail_engines:
    rh_slab_fini(&wire->engines);
    return UV_ENOMEM;
}

/* The TLS part is made when the first TLS connection comes: a plain server never pays for it. */
static int prepare_tls(struct rh_wire *wire)
{
    if (wire->scratch != NULL) {
        return 0;
    }
    int err = rh_tls_loop_init(&wire->tls);
    if (err < 0) {
        return err;
    }
    wire->scratch = malloc(RH_CIPHER_READ_BYTES + RH_CIPHER_ROOM); /* lives as long as the server */
    if (wire->scratch == NULL) {
        rh_tls_loop_fini(&wire->tls);
        return UV_ENOMEM;
    }
    return 0;
}

void rh_wire_fini(struct rh_wire *wire)
{
    if (wire->scratch != NULL) {
        free(wire->scratch);
        rh_tls_loop_fini(&wire->tls);
    }
    if (wire->engines.objects_max > 0) {
        rh_slab_fini(&wire->engines);
        rh_slab_fini(&wire->cipher_blocks);
        rh_slab_fini(&wire->cipher_bulk);
    }
}

static uv_stream_t *stream_of(struct rh_transport *t)
{
    return (uv_stream_t *)&t->tcp;
}

bool rh_transport_finish_shutdown(struct rh_transport *t)
{
    uv_os_fd_t fd;
    if (t->shutdown_wanted && t->writes_open == 0 && !t->closing &&
        uv_fileno((uv_handle_t *)&t->tcp, &fd) == 0) {
        t->shutdown_wanted = false;
        t->shut = true;
        shutdown(fd, SHUT_WR); /* a peer that is gone already shows when reading ends */
        return true;
    }
    return false;
}

static void end_reading(struct rh_transport *t, int status)
{
    rh_transport_read_stop(t);
    rh_transport_wire(t)->callbacks->ended(t, status);
}

/* --- Writing ---------------------------------------------------------------------------------------- */

static __attribute__((noinline)) ssize_t send_pieces(int fd, const uv_buf_t *bufs, unsigned count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)bufs, .msg_iovlen = count}; /* uv_buf_t is one */
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ptrdiff_t rh_transport_try(struct rh_transport *t, const uv_buf_t *bufs, unsigned count)
{
    uv_os_fd_t fd;
    ssize_t sent;
    if (t->writes_open > 0) { /* behind what libuv holds */
        return UV_EAGAIN;
    }
    int err = uv_fileno((uv_handle_t *)&t->tcp, &fd);
    if (err < 0) {
        return err;
    }
    do {
        sent = count == 1 ? send(fd, bufs[0].base, bufs[0].len, MSG_NOSIGNAL | MSG_DONTWAIT)
                          : send_pieces(fd, bufs, count);
    } while (sent < 0 && errno == EINTR);
    return rh_sent(sent);
}

int rh_transport_queue(struct rh_transport *t, uv_write_t *req, const uv_buf_t *bufs, unsigned count, uv_write_cb cb)
{
    struct rh_turn *turn = rh_transport_wire(t)->turn;
    struct rh_turn_block block = rh_turn_block(turn); /* it tries at once */
    int err = uv_write(req, stream_of(t), bufs, count, cb);
    rh_turn_unblock(block);
    if (err == 0) {
        t->writes_open++;
        rh_turn_guard(turn);
    }
    return err;
}

void rh_transport_dequeued(struct rh_transport *t)
{
    RH_ASSERT(t->writes_open > 0);
    t->writes_open--;
    rh_turn_unguard(rh_transport_wire(t)->turn);
}

static void on_written(uv_write_t *req, int status)
{
    struct rh_transport *t = req->data;
    rh_transport_dequeued(t);
    if (status == 0) {
        RH_IGNORE(rh_transport_finish_shutdown(t));
    }
    rh_transport_wire(t)->callbacks->written(t, status);
}

static uv_buf_t buf_of(struct rh_slice piece)
{
    return (uv_buf_t){.base = (char *)(uintptr_t)piece.base, .len = piece.len};
}

static int write_plain(struct rh_transport *t, struct rh_transport_write *write, struct rh_slice one,
                       struct rh_slice two)
{
    uv_buf_t bufs[2] = {buf_of(one), buf_of(two)};
    unsigned count = two.len > 0 ? 2 : 1; /* an empty first piece does no harm */
    size_t total = one.len + two.len;
    if (total == 0) {
        return 0;
    }
    ptrdiff_t sent = rh_transport_try(t, bufs, count);
    if (sent < 0 && sent != UV_EAGAIN) {
        return (int)sent;
    }
    size_t taken = sent > 0 ? (size_t)sent : 0;
    rh_counter_add(&rh_transport_wire(t)->bytes_out, total);
    if (taken == total) {
        return 0;
    }
    unsigned first = 0;
    while (taken >= bufs[first].len) {
        taken -= bufs[first++].len;
    }
    bufs[first].base += taken;
    bufs[first].len -= taken;
    write->left.file.range.len = 0; /* the pieces are libuv's now, and no file follows */
    write->req.data = t;
    int err = rh_transport_queue(t, &write->req, bufs + first, count - first, on_written);
    return err < 0 ? err : 1;
}

int rh_transport_write(struct rh_transport *t, struct rh_transport_write *write, struct rh_slice first,
                       struct rh_slice second)
{
    if (t->tls == NULL) {
        return write_plain(t, write, first, second);
    }
    write->left.pieces[0] = first;
    write->left.pieces[1] = second;
    RH_ASSERT(t->tls->write == NULL);
    if (t->writes_open > 0) { /* ciphertext of TLS itself is in flight: ours goes behind it */
        t->tls->write = write;
        return 1;
    }
    int state = rh_cipher_write(t, write);
    if (state == 1) {
        t->tls->write = write;
    }
    return state;
}

/* What the kernel holds for the peer: a queue of megabytes says that there is room again only when a third of it is
 * free, so without a look into it a slow peer is not told from a dead one. */
static uint64_t kernel_unsent(const struct rh_transport *t)
{
#ifdef SIOCOUTQ
    uv_os_fd_t fd;
    int queued;
    if (uv_fileno((const uv_handle_t *)&t->tcp, &fd) == 0 && ioctl(fd, SIOCOUTQ, &queued) == 0 && queued > 0) {
        return (uint64_t)queued;
    }
#endif
    return 0;
}

uint64_t rh_transport_unsent(const struct rh_transport *t, const struct rh_transport_write *write)
{
    uint64_t queued = uv_stream_get_write_queue_size((const uv_stream_t *)&t->tcp) + kernel_unsent(t);
    if (t->tls == NULL) {
        return write->left.file.range.len + queued;
    }
    return t->tls->write != write ? queued : write->left.pieces[0].len + write->left.pieces[1].len + queued;
}

void rh_transport_shutdown(struct rh_transport *t)
{
    if (t->closing || t->shut) {
        return;
    }
    if (t->tls != NULL && t->secured) {
        char *cipher = rh_transport_wire(t)->scratch + RH_CIPHER_READ_BYTES;
        struct rh_tls_io io = {.cipher = cipher, .cipher_cap = RH_CIPHER_ROOM};
        if (rh_tls_engine_shutdown(&rh_transport_wire(t)->tls, &t->tls->engine, &io) >= 0 && io.cipher_len > 0) {
            RH_IGNORE(rh_cipher_send(t, cipher, io.cipher_len));
        }
    }
    t->shutdown_wanted = true;
    RH_IGNORE(rh_transport_finish_shutdown(t));
}

/* --- Reading ---------------------------------------------------------------------------------------- */

static bool has_had_its_turn(const struct rh_transport *t)
{
    const struct rh_wire *wire = rh_transport_wire(t);
    return wire->reads >= READS_MAX && wire->reader == t;
}

/* A read that left room was the last one of this turn. */
static void count_read(struct rh_transport *t, bool filled)
{
    struct rh_wire *wire = rh_transport_wire(t);
    wire->reads = !filled ? 0 : wire->reader == t ? wire->reads + 1 : 1;
    wire->reader = t;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct rh_transport *t = (struct rh_transport *)(void *)handle;
    (void)suggested;
    if (RH_UNLIKELY(has_had_its_turn(t))) {
        *buf = uv_buf_init(NULL, 0); /* on_read is told UV_ENOBUFS, and the next poll comes back to it */
        return;
    }
    if (t->tls != NULL) {
        *buf = uv_buf_init(rh_transport_wire(t)->scratch, RH_CIPHER_READ_BYTES);
        return;
    }
    size_t len;
    rh_transport_wire(t)->callbacks->room(t, &buf->base, &len);
    buf->len = len;
}

static void detach_tls(struct rh_transport *t)
{
    if (t->tls->unread != NULL) {
        rh_slab_release(t->tls->unread->pool, t->tls->unread);
    }
    rh_tls_engine_fini(&t->tls->engine);
    rh_slab_release(&rh_transport_wire(t)->engines, t->tls);
    t->tls = NULL;
}

/* `in` is all that has come. */
static void turn_plain(struct rh_transport *t, const char *in, size_t len)
{
    const struct rh_transport_callbacks *callbacks = rh_transport_wire(t)->callbacks;
    detach_tls(t);
    callbacks->plain(t);
    while (len > 0 && !t->closing) {
        char *room;
        size_t n;
        callbacks->room(t, &room, &n);
        if (n == 0) {
            end_reading(t, UV_ENOBUFS);
            return;
        }
        n = n < len ? n : len;
        memcpy(room, in, n);
        in += n;
        len -= n;
        callbacks->ready(t, n);
    }
}

static void fail_tls(struct rh_transport *t, const char *in, size_t len)
{
    if (!t->secured) {
        rh_counter_add(&rh_transport_wire(t)->tls_failures, 1);
    }
    if (t->tls->engine.failure == RH_TLS_PLAIN_HTTP) {
        turn_plain(t, in, len);
    } else {
        end_reading(t, RH_ETLS);
    }
}

static bool is_choked(struct rh_transport *t)
{
    if (t->tls == NULL || t->writes_open < CIPHER_BLOCKS_MAX) {
        return false;
    }
    t->tls->choked = true;
    return true;
}

/* Decrypts from `in`; what finds no room is kept in t->tls->unread and reading stops. */
static void decrypt(struct rh_transport *t, const char *in, size_t len)
{
    bool offered = false; /* `ready` had its chance to make room since the last byte came out */
    for (;;) {
        struct rh_tls_io io = {.in = in, .in_len = len, .cipher = rh_transport_wire(t)->scratch + RH_CIPHER_READ_BYTES,
                               .cipher_cap = RH_CIPHER_ROOM};
        rh_transport_wire(t)->callbacks->room(t, &io.plain, &io.plain_cap);
        enum rh_tls_state state = rh_tls_engine_read(&rh_transport_wire(t)->tls, &t->tls->engine, &io);
        in += io.in_used;
        len -= io.in_used;
        rh_transport_wire(t)->callbacks->input(t, io.plain_len);
        if (io.cipher_len > 0) {
            int sent = rh_cipher_send(t, io.cipher, io.cipher_len);
            if (sent < 0) {
                end_reading(t, sent);
                return;
            }
        }
        /* The peer's last flight, its request and its closure alert may all come in one read. */
        if ((state == RH_TLS_OPEN || state == RH_TLS_CLEAN_END) && !t->secured) {
            t->secured = true;
            rh_counter_add(&rh_transport_wire(t)->handshakes, 1);
            rh_counter_add(&rh_transport_wire(t)->resumed, rh_tls_engine_is_resumed(&t->tls->engine) ? 1 : 0);
            rh_transport_wire(t)->callbacks->secured(t);
        }
        if (state == RH_TLS_FAILED) {
            fail_tls(t, in, len);
            return;
        }
        if (state == RH_TLS_CLEAN_END) {
            end_reading(t, UV_EOF);
            return;
        }
        if (rh_tls_engine_is_blocked(&t->tls->engine)) {
            continue; /* it has more to say than there was room for: a long chain, many names of authorities */
        }
        if (io.plain_len < io.plain_cap && len == 0) {
            break; /* all is decrypted */
        }
        if (io.plain_len > 0) {
            offered = false;
            if (io.plain_len < io.plain_cap) {
                continue;
            }
        }
        if (offered) { /* no room, and the owner had its chance */
            rh_transport_read_stop(t);
            break;
        }
        offered = true;
        rh_transport_wire(t)->callbacks->ready(t, 0);
        if (t->closing) {
            return;
        }
    }
    if (len > 0) {
        RH_ASSERT(t->tls->unread == NULL);
        t->tls->unread = rh_cipher_acquire(&rh_transport_wire(t)->cipher_blocks);
        if (t->tls->unread == NULL) {
            end_reading(t, UV_ENOBUFS);
            return;
        }
        memcpy(t->tls->unread->bytes, in, len);
        t->tls->unread->len = len;
    }
}

/* If bytes come with a hang-up behind them, libuv calls it an end without reading on: a reset is still
 * in the socket then, and only a peer that is gone is worth stopping work for. */
static ssize_t end_or_reset(uv_stream_t *stream)
{
    uv_os_fd_t fd;
    int error = 0;
    socklen_t len = sizeof error;
    if (uv_fileno((uv_handle_t *)stream, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        return UV_EOF;
    }
    return error != 0 ? -error : UV_EOF;
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct rh_transport *t = (struct rh_transport *)(void *)stream;
    if (nread == UV_EOF && buf->base == NULL) {
        nread = end_or_reset(stream);
    }
    if (nread > 0) {
        rh_counter_add(&rh_transport_wire(t)->bytes_in, (uint64_t)nread);
        count_read(t, (size_t)nread == buf->len);
        if (t->tls == NULL) {
            rh_transport_wire(t)->callbacks->ready(t, (size_t)nread);
            return;
        }
        t->in_read = true;
        decrypt(t, buf->base, (size_t)nread);
        t->in_read = false;
        if (is_choked(t)) {
            rh_transport_read_stop(t);
        }
        if (!t->closing) {
            rh_transport_wire(t)->callbacks->ready(t, 0);
        }
        return;
    }
    if (nread == UV_ENOBUFS && has_had_its_turn(t)) {
        rh_transport_wire(t)->reads = 0;
        return;
    }
    if (t->tls == NULL && nread != UV_EOF) {
        rh_transport_wire(t)->callbacks->input(t, 0); /* the room goes back */
    }
    if (nread == UV_ENOBUFS) {
        rh_transport_read_stop(t); /* never inside alloc: libuv would call a NULL callback */
    } else if (nread < 0) {
        if (t->tls == NULL && nread == UV_EOF) {
            rh_transport_wire(t)->callbacks->input(t, 0);
        }
        end_reading(t, (int)nread);
    }
}

void rh_transport_read_start(struct rh_transport *t)
{
    if (t->closing || is_choked(t)) {
        return;
    }
    if (t->tls != NULL && !t->in_read && (t->tls->unread != NULL || rh_tls_engine_has_plain(&t->tls->engine))) {
        struct rh_cipher_block *block = t->tls->unread;
        t->tls->unread = NULL;
        t->in_read = true;
        decrypt(t, block != NULL ? block->bytes : "", block != NULL ? block->len : 0);
        t->in_read = false;
        if (block != NULL) {
            rh_slab_release(block->pool, block);
        }
        if (t->closing) {
            return;
        }
        rh_transport_wire(t)->callbacks->ready(t, 0);
        if (t->closing) {
            return;
        }
    }
    if (!t->reading && (t->tls == NULL || t->tls->unread == NULL)) {
        t->reading = uv_read_start(stream_of(t), on_alloc, on_read) == 0;
    }
}

void rh_transport_read_stop(struct rh_transport *t)
{
    if (t->reading) {
        t->reading = false;
        uv_read_stop(stream_of(t));
    }
}

/* --- Life ------------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct rh_transport *t = (struct rh_transport *)(void *)handle;
    RH_ASSERT(t->writes_open == 0);
    if (t->tls != NULL) {
        detach_tls(t);
    }
    rh_transport_wire(t)->callbacks->closed(t);
}

static int attach_tls(struct rh_transport *t, struct rh_wire *wire, struct rh_tls *tls)
{
    int err = prepare_tls(wire);
    if (err < 0) {
        return err;
    }
    t->tls = rh_slab_acquire(&wire->engines);
    if (t->tls == NULL) {
        return UV_ENOBUFS;
    }
    t->tls->unread = NULL;
    t->tls->write = NULL;
    t->tls->choked = false;
    err = rh_tls_engine_init(&t->tls->engine, tls);
    if (err < 0) {
        rh_slab_release(&wire->engines, t->tls);
        t->tls = NULL;
    }
    return err;
}

int rh_transport_open(struct rh_transport *t, struct rh_wire *wire, int fd, struct rh_tls *tls, bool *ret_closing)
{
    t->tls = NULL;
    t->writes_open = 0;
    t->reading = t->closing = t->secured = t->shutdown_wanted = t->shut = t->in_read = false;
    t->tcp.data = wire;
    *ret_closing = false;
    int err = tls != NULL ? attach_tls(t, wire, tls) : 0;
    if (err == 0) {
        err = uv_tcp_init(wire->loop, &t->tcp);
    }
    if (err < 0) {
        close(fd);
        goto fail_tls;
    }
    err = uv_tcp_open(&t->tcp, fd);
    if (err < 0) {
        close(fd);
        goto fail_handle;
    }
    err = uv_read_start(stream_of(t), on_alloc, on_read);
    if (err < 0) {
        goto fail_handle;
    }
    t->reading = true;
    return 0;

fail_handle:
    *ret_closing = true;
    rh_transport_close(t);
    return err;
fail_tls:
    if (t->tls != NULL) {
        detach_tls(t);
    }
    return err;
}

enum rh_transport_state rh_transport_state(const struct rh_transport *t)
{
    if (t->tls == NULL) {
        return RH_TRANSPORT_PLAIN;
    }
    return t->secured               ? RH_TRANSPORT_SECURED
           : t->tls->engine.began ? RH_TRANSPORT_SECURING
                                  : RH_TRANSPORT_AWAITED;
}

struct rh_slice rh_transport_alpn(const struct rh_transport *t)
{
    return rh_tls_engine_alpn(&t->tls->engine);
}

void rh_transport_info(const struct rh_transport *t, struct rh_tls_info *ret_info)
{
    rh_tls_engine_info(&t->tls->engine, ret_info);
}

const char *rh_transport_failure(const struct rh_transport *t)
{
    return rh_tls_engine_error(&t->tls->engine);
}

void rh_transport_rest(struct rh_transport *t)
{
    if (t->tls != NULL && !t->closing && t->writes_open == 0) {
        rh_tls_engine_idle(&t->tls->engine);
    }
}

void rh_transport_close(struct rh_transport *t)
{
    if (!t->closing) {
        t->closing = true;
        t->reading = false;
        uv_close((uv_handle_t *)&t->tcp, on_closed);
    }
}
