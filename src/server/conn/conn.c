/* The transport's callbacks tell the drive what came and went; the drive's carrier is the
 * transport. The connection's memory goes back in on_closed, when libuv holds nothing of it any
 * more. Ways to fail: no memory for it, and what uv_tcp_open says; the descriptor is closed then.
 */
#include "server/conn/conn.h"

#include <string.h>
#include <unistd.h>

#if UINTPTR_MAX > UINT32_MAX
_Static_assert(sizeof(struct rh_conn) - sizeof(uv_tcp_t) <= 152,
               "each idle connection pays for it");
#endif

static struct rh_conn *conn_of(struct rh_transport *t)
{
    return RH_CONTAINER_OF(t, struct rh_conn, transport);
}

static struct rh_transport *transport_of(const struct rh_drive *d)
{
    return &RH_CONTAINER_OF(d, struct rh_conn, drive)->transport;
}

/* --- What the transport tells --------------------------------------------------------------- */

static void on_room(struct rh_transport *t, char **ret_base, size_t *ret_len)
{
    rh_drive_room(&conn_of(t)->drive, ret_base, ret_len);
}

static void on_input(struct rh_transport *t, size_t len)
{
    rh_drive_input(&conn_of(t)->drive, len);
}

static void on_ready(struct rh_transport *t, size_t len)
{
    struct rh_drive *d = &conn_of(t)->drive;
    d->in_len += (uint32_t)len;
    rh_drive_run(d);
}

/* Nobody else says why: the peer has an alert at most. */
static void log_failed_handshake(struct rh_transport *t)
{
    struct rh_drive *d = &conn_of(t)->drive;
    char peer[RH_PEER_TEXT_MAX];
    if (rh_engine_logs(d->host.engine, RH_LOG_DEBUG)) {
        rh_peer_text(&d->host.peer, peer);
        rh_engine_log(d->host.engine, RH_LOG_DEBUG, "TLS handshake with %s failed: %s", peer,
                      rh_transport_failure(t));
    }
}

static void on_ended(struct rh_transport *t, int status)
{
    struct rh_drive *d = &conn_of(t)->drive;
    if (status == RH_ETLS && d->life == RH_LIFE_SECURING) {
        log_failed_handshake(t);
    }
    rh_drive_ended(d, status);
}

static void on_plain(struct rh_transport *t)
{
    rh_drive_plain(&conn_of(t)->drive);
}

static void on_secured(struct rh_transport *t)
{
    struct rh_drive *d = &conn_of(t)->drive;
    struct rh_slice alpn = {NULL, 0};
    if (d->host.engine->kinds_n > 1) {
        alpn = rh_transport_alpn(t);
    }
    rh_drive_secured(d, alpn);
}

static void on_written(struct rh_transport *t, int status)
{
    rh_drive_written(&conn_of(t)->drive, status);
}

static void on_closed(struct rh_transport *t)
{
    struct rh_conn *c = conn_of(t);
    struct rh_conns *conns = rh_drive_conns(&c->drive);
    rh_drive_closed(&c->drive);
    rh_addresses_remove(&conns->addresses, &c->drive.host.peer);
    rh_slab_release(&conns->engine->pools.connections, c);
    conns->released(conns);
}

const struct rh_transport_callbacks rh_conn_callbacks = {
    .room = on_room,
    .input = on_input,
    .ready = on_ready,
    .ended = on_ended,
    .secured = on_secured,
    .plain = on_plain,
    .written = on_written,
    .closed = on_closed,
};

/* --- What carries the drive ----------------------------------------------------------------- */

static int carry_write(struct rh_drive *d)
{
    struct rh_output *out = d->out;
    struct rh_slice copied = {out->bytes, out->used};
    return RH_UNLIKELY(out->file.len > 0)
               ? rh_transport_write_file(transport_of(d), &out->write, copied, out->file,
                                         out->bytes)
               : rh_transport_write(transport_of(d), &out->write, copied, out->ref);
}

static uint64_t carry_unsent(const struct rh_drive *d)
{
    return rh_transport_unsent(transport_of(d), &d->out->write);
}

static void carry_read(struct rh_drive *d, bool on)
{
    struct rh_transport *t = transport_of(d);
    if (!on) {
        rh_transport_read_stop(t);
    } else if (!t->reading) {
        rh_transport_read_start(t);
    }
}

static void carry_shut(struct rh_drive *d)
{
    rh_transport_shutdown(transport_of(d));
}

static bool carry_is_busy(const struct rh_drive *d)
{
    return transport_of(d)->writes_open > 0;
}

static bool carry_has_begun(const struct rh_drive *d)
{
    return rh_transport_state(transport_of(d)) != RH_TRANSPORT_AWAITED;
}

static void carry_rest(struct rh_drive *d)
{
    rh_transport_rest(transport_of(d));
}

static void carry_close(struct rh_drive *d)
{
    rh_transport_close(transport_of(d));
}

const struct rh_carrier rh_conn_carrier = {
    .write = carry_write,
    .unsent = carry_unsent,
    .read = carry_read,
    .shut = carry_shut,
    .is_busy = carry_is_busy,
    .has_begun = carry_has_begun,
    .rest = carry_rest,
    .close = carry_close,
};

void rh_conn_tls_info(struct rh_host *host, struct rh_tls_info *ret_info)
{
    const struct rh_drive *d = RH_CONTAINER_OF(host, struct rh_drive, host);
    rh_transport_info(transport_of(d), ret_info);
}

/* --- Life ----------------------------------------------------------------------------------- */

bool rh_conn_open(struct rh_conns *conns, struct rh_wire *wire, int fd,
                  const struct sockaddr_storage *peer, struct rh_tls *tls)
{
    struct rh_engine *engine = conns->engine;
    struct rh_conn *c = rh_slab_acquire(&engine->pools.connections);
    bool closing;
    if (c == NULL) { /* the listener pauses before the pool is empty: pools on malloc, and that has
                        no memory */
        close(fd);
        return false;
    }
    memset(c, 0, sizeof *c);
    rh_engine_read_clock(engine);
    c->drive.host.engine = engine;
    c->drive.host.secure = tls != NULL;
    c->drive.host.takes_files = tls == NULL;
    c->drive.life = tls != NULL ? RH_LIFE_SECURING : RH_LIFE_OPEN;
    rh_peer_from(&c->drive.host.peer, peer);
    int err = rh_transport_open(&c->transport, wire, fd, tls, &closing);
    if (err < 0 && !closing) {
        rh_slab_release(&engine->pools.connections, c);
        return false;
    }
    rh_drive_open(&c->drive);
    rh_addresses_add(&conns->addresses, &c->drive.host.peer);
    if (err < 0) { /* `closed` follows */
        rh_drive_close(&c->drive, RH_CLOSED);
    }
    return err == 0;
}
