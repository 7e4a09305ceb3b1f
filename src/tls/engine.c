/* The engine: one TLS connection as a machine over bytes.
 *
 *     HANDSHAKE ──> OPEN ──> CLEAN_END        (the peer's close_notify)
 *         │           │
 *         └───────────┴────> FAILED           (never left again)
 *
 * The happy path of a read: BIOs lent, handshake until it is done, plaintext until `in` is used up
 * or `plain` is full, BIOs taken back. Ways to stop early: no input left (the usual one; nothing
 * is lost, OpenSSL keeps a partial record), no room for ciphertext (blocked: the same call again
 * with room goes on), no room for plaintext (the rest of `in` is not taken), an end, a failure.
 *
 * OpenSSL reads without read-ahead, first the five bytes of a record's head, then its body: so
 * `in_used` is exact, a record is copied once, and no bytes of the peer's hide in its buffers. */
#include "tls/engine.h"

#include <string.h>
#include <uv.h>

#include "tls/store.h"

enum {
    SMALL_RECORD = 1370,   /* with its framing one TCP segment of a 1,500 byte link, also by IPv6 */
    SMALL_RECORDS = 10,    /* as many as the usual initial congestion window (RFC 6928) */
    ONE_RECORD_MAX = 4096, /* answers up to here are one record: splitting them gains nothing */
    RECORD_OVERHEAD = 32,  /* head 5, nonce 8 (1.2) or content type 1 (1.3), tag 16; rounded up */
    ROOM_RESERVE = 96,     /* an alert and a key update that may leave ahead of a record */
    BARREN_MAX = 64,       /* records without plaintext in a row */
    PIECE_MIN = 512        /* no record smaller than this only because room is short */
};
_Static_assert(ROOM_RESERVE + RECORD_OVERHEAD <= RH_TLS_ROOM_MIN, "one byte must fit");

int rh_tls_engine_init(struct rh_tls_engine *e, struct rh_tls *tls)
{
    memset(e, 0, sizeof *e);
    e->set = rh_tls_set_acquire(tls);
    if (e->set == NULL) {
        return RH_ETLS;
    }
    e->ssl = SSL_new(rh_tls_set_default(e->set));
    if (e->ssl == NULL || SSL_set_app_data(e->ssl, e->set) != 1) {
        rh_tls_engine_fini(e);
        ERR_clear_error();
        return UV_ENOMEM;
    }
    SSL_set_accept_state(e->ssl);
    e->state = RH_TLS_HANDSHAKE;
    e->small_left = SMALL_RECORDS;
    return 0;
}

void rh_tls_engine_fini(struct rh_tls_engine *e)
{
    if (e->ssl != NULL && e->state != RH_TLS_HANDSHAKE && e->state != RH_TLS_FAILED) {
        /* A connection that was cut without close_notify may still be resumed (RFC 8446 §6.1 has
         * nothing against it); OpenSSL would drop the session from its cache. */
        SSL_set_shutdown(e->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(e->ssl);
    e->ssl = NULL;
    if (e->set != NULL) {
        rh_tls_set_release(e->set);
        e->set = NULL;
    }
}

/* Whose fault it was, from OpenSSL's reason: for statistics and logs, never for a decision. */
static enum rh_tls_failure failure_of(unsigned long error)
{
    int reason = ERR_GET_REASON(error);
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
        return reason == ERR_R_MALLOC_FAILURE ? RH_TLS_INTERNAL : RH_TLS_PROTOCOL;
    }
    if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) {
        return RH_TLS_PEER_ALERT;
    }
    switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return RH_TLS_CLIENT_CERT;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_INAPPROPRIATE_FALLBACK:
        return RH_TLS_NO_AGREEMENT;
    case ERR_R_MALLOC_FAILURE:
        return RH_TLS_INTERNAL;
    default:
        return RH_TLS_PROTOCOL;
    }
}

static void fail(struct rh_tls_engine *e)
{
    unsigned long error = ERR_peek_last_error(); /* the outermost: TLS's view of a cause below */
    e->state = RH_TLS_FAILED;
    e->error = (uint32_t)error;
    e->failure = (uint8_t)failure_of(error);
    ERR_clear_error();
}

/* After a call that did not succeed: out of input, out of room, at the end, or broken. */
static void stopped(struct rh_tls_engine *e, int result)
{
    switch (SSL_get_error(e->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        break;
    case SSL_ERROR_WANT_WRITE:
        e->blocked = true;
        break;
    case SSL_ERROR_ZERO_RETURN:
        e->state = RH_TLS_CLEAN_END;
        break;
    default:
        fail(e);
    }
}

/* Key updates and empty records cost work and move nothing: whoever sends them without end is cut
 * off. A record with plaintext makes up for one of them. */
static void count_barren(struct rh_tls_engine *e, unsigned records, unsigned fruitful)
{
    unsigned barren = e->barren + records;
    unsigned paid = 2 * fruitful; /* for itself and for another */
    barren -= paid < barren ? paid : barren;
    e->barren = barren < BARREN_MAX ? (uint8_t)barren : BARREN_MAX;
    if (barren >= BARREN_MAX && e->state == RH_TLS_OPEN) {
        e->state = RH_TLS_FAILED;
        e->failure = RH_TLS_PROTOCOL;
        e->flooded = true;
    }
}

/* Plaintext until the input is used up or `plain` is full. The last call would only find that no
 * input is left, unless something waits inside: it is spared. */
static void read_plain(struct rh_tls_engine *e, struct rh_tls_io *io, bool retry)
{
    unsigned records = io->records;
    unsigned fruitful = 0;
    while (io->plain_len < io->plain_cap) {
        if (io->in_used == io->in_len && !retry && SSL_pending(e->ssl) == 0) {
            break;
        }
        size_t n = 0;
        int result =
            SSL_read_ex(e->ssl, io->plain + io->plain_len, io->plain_cap - io->plain_len, &n);
        if (result != 1) {
            stopped(e, result);
            break;
        }
        io->plain_len += n;
        fruitful++;
        retry = false;
    }
    count_barren(e, io->records - records, fruitful);
}

/* A TLS record begins with its type, 20 to 24, and the hello of SSL 2 with a high bit: a letter as
 * the very first byte is the method of an HTTP request. Decided here and not by OpenSSL, which
 * knows four methods, wants to see them whole, and would answer with an alert. */
static bool is_plain_http(const struct rh_tls_io *io)
{
    char c = (char)(io->in[io->in_used] | 0x20);
    return c >= 'a' && c <= 'z';
}

enum rh_tls_state rh_tls_engine_read(struct rh_tls_loop *loop, struct rh_tls_engine *e,
                                     struct rh_tls_io *io)
{
    if (e->state == RH_TLS_FAILED) {
        return RH_TLS_FAILED;
    }
    if (e->state == RH_TLS_CLEAN_END) {
        io->in_used = io->in_len; /* what follows a closure alert is ignored (RFC 8446 §6.1) */
        return RH_TLS_CLEAN_END;
    }
    if (!e->began && io->in_used < io->in_len) {
        e->began = true;
        if (is_plain_http(io)) {
            e->state = RH_TLS_FAILED;
            e->failure = RH_TLS_PLAIN_HTTP;
            return RH_TLS_FAILED;
        }
    }
    bool retry = e->blocked;
    e->blocked = false;
    rh_tls_lend(loop, e->ssl, io);
    if (e->state == RH_TLS_HANDSHAKE) {
        int result = SSL_do_handshake(e->ssl);
        if (result == 1) {
            e->state = RH_TLS_OPEN;
            retry = false;
        } else {
            stopped(e, result);
        }
    }
    if (e->state == RH_TLS_OPEN) {
        read_plain(e, io, retry);
    }
    rh_tls_take_back(loop, e->ssl);
    if (e->state == RH_TLS_CLEAN_END) {
        io->in_used = io->in_len;
    }
    return (enum rh_tls_state)e->state;
}

/* How much plaintext the next record carries, 0: it must wait for room. */
static size_t next_record(const struct rh_tls_engine *e, size_t total, size_t left, size_t room)
{
    size_t record = total > ONE_RECORD_MAX && e->small_left > 0 ? SMALL_RECORD : RH_TLS_RECORD_MAX;
    if (record > left) {
        record = left;
    }
    if (room <= ROOM_RESERVE + RECORD_OVERHEAD) {
        return 0;
    }
    room -= ROOM_RESERVE + RECORD_OVERHEAD;
    if (record > room) {
        record = room < PIECE_MIN && left < total ? 0 : room;
    }
    return record;
}

/* Each record is one SSL_write that is known to fit: so OpenSSL never keeps half of a record back
 * and never has to be given the same bytes a second time. */
ptrdiff_t rh_tls_engine_write(struct rh_tls_loop *loop, struct rh_tls_engine *e, const char *plain,
                              size_t len, struct rh_tls_io *io)
{
    if (e->state == RH_TLS_FAILED || (SSL_get_shutdown(e->ssl) & SSL_SENT_SHUTDOWN) != 0) {
        return RH_ETLS;
    }
    if (e->state == RH_TLS_HANDSHAKE || len == 0) {
        return 0;
    }
    size_t taken = 0;
    rh_tls_lend(loop, e->ssl, io);
    while (taken < len) {
        size_t record = next_record(e, len, len - taken, io->cipher_cap - io->cipher_len);
        if (record == 0) {
            break;
        }
        size_t n = 0;
        if (SSL_write_ex(e->ssl, plain + taken, record, &n) != 1) {
            fail(e);
            break;
        }
        taken += n;
        if (len > ONE_RECORD_MAX && e->small_left > 0) {
            e->small_left--;
        }
    }
    rh_tls_take_back(loop, e->ssl);
    return taken > 0 || e->state != RH_TLS_FAILED ? (ptrdiff_t)taken : RH_ETLS;
}

int rh_tls_engine_shutdown(struct rh_tls_loop *loop, struct rh_tls_engine *e, struct rh_tls_io *io)
{
    if (e->state == RH_TLS_HANDSHAKE || e->state == RH_TLS_FAILED ||
        (SSL_get_shutdown(e->ssl) & SSL_SENT_SHUTDOWN) != 0) {
        return 0;
    }
    if (io->cipher_cap - io->cipher_len < RH_TLS_ROOM_MIN) {
        return RH_ETLS;
    }
    rh_tls_lend(loop, e->ssl, io);
    int result = SSL_shutdown(e->ssl);
    if (result < 0 && SSL_get_error(e->ssl, result) == SSL_ERROR_SSL) {
        fail(e);
    }
    rh_tls_take_back(loop, e->ssl);
    return 0;
}

void rh_tls_engine_idle(struct rh_tls_engine *e)
{
    e->small_left = SMALL_RECORDS;
    /* Not while a record is half read. SSL_free_buffers refuses that itself, but before OpenSSL
     * 3.0.14 it overlooked the moment between head and body (CVE-2024-4741): "RH" is that the next
     * thing to be read is the head of a record. */
    if (e->state == RH_TLS_OPEN && SSL_pending(e->ssl) == 0 &&
        strcmp(SSL_rstate_string(e->ssl), "RH") == 0) {
        SSL_free_buffers(e->ssl);
    }
}

bool rh_tls_engine_is_blocked(const struct rh_tls_engine *e)
{
    return e->blocked;
}

bool rh_tls_engine_has_plain(const struct rh_tls_engine *e)
{
    return e->state == RH_TLS_OPEN && SSL_pending(e->ssl) > 0;
}

const char *rh_tls_engine_error(const struct rh_tls_engine *e)
{
    if (e->failure == RH_TLS_PLAIN_HTTP) {
        return "plain HTTP was sent to a TLS port";
    }
    if (e->flooded) {
        return "too many records without data";
    }
    if (e->error == 0) {
        return e->state == RH_TLS_FAILED ? "unknown TLS failure" : "";
    }
    const char *text = ERR_reason_error_string(e->error);
    return text != NULL ? text : "unknown TLS failure";
}

size_t rh_tls_cipher_bound(size_t plain_len)
{
    size_t records = SMALL_RECORDS + plain_len / RH_TLS_RECORD_MAX + 1;
    return plain_len + records * RECORD_OVERHEAD + ROOM_RESERVE;
}
