/* One connection's bytes: a uv stream, with TLS between where it was asked for. Above this line nobody knows
 * about TLS. Reads land in memory that the owner names at the moment that bytes are there; writes are tried at
 * once, and only what the socket did not take is left in flight. */
#ifndef RH_IO_TRANSPORT_H
#define RH_IO_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "io/file.h"
#include "tls/tls.h"
#include "io/turn.h"
#include "rawhttp/slice.h"
#include "util/counter.h"
#include "util/slab.h"

struct rh_transport;
struct rh_tls;

struct rh_transport_callbacks {
    /* Where plaintext may be put now; *ret_len 0 stops reading until rh_transport_read_start. */
    void (*room)(struct rh_transport *t, char **ret_base, size_t *ret_len);
    /* `len` bytes (perhaps 0) were put at the last room; `ready` or another `room` follows. */
    void (*input)(struct rh_transport *t, size_t len);
    /* All input of this read is there, its last `len` bytes (perhaps 0) at the last room: work on it. */
    void (*ready)(struct rh_transport *t, size_t len);
    /* Reading ended: UV_EOF, or the error that ended it. Not called after rh_transport_close. */
    void (*ended)(struct rh_transport *t, int status);
    /* The TLS handshake is complete. */
    void (*secured)(struct rh_transport *t);
    /* The first byte is plain HTTP: there is no TLS on this connection. Its bytes come as they are. */
    void (*plain)(struct rh_transport *t);
    /* The write that was in flight is done (0) or failed. Called also while closing. */
    void (*written)(struct rh_transport *t, int status);
    /* The handle is closed and nothing is in flight: the memory is the owner's again. */
    void (*closed)(struct rh_transport *t);
};

/* What the transports of one loop share. */
struct rh_wire {
    uv_loop_t *loop;
    struct rh_turn *turn; /* guards writes from SIGPIPE; NULL: the process ignores it */
    const struct rh_transport_callbacks *callbacks; /* the same owner for all */
    struct rh_transport *reader; /* whose reads filled their room without a pause... */
    unsigned reads;              /* ...and how many they were */
    struct rh_slab engines;       /* struct rh_transport_tls, one for each TLS connection */
    struct rh_slab cipher_blocks; /* ciphertext in flight, or received and not yet decrypted */
    struct rh_slab cipher_bulk;   /* the same for several records at once: a few, and who finds none has the others */
    struct rh_tls_loop tls;       /* lent BIOs */
    char *scratch;                /* ciphertext of the read and the write that happen now */
    rh_counter bytes_in;
    rh_counter bytes_out;
    rh_counter handshakes;
    rh_counter resumed;
    rh_counter tls_failures;
};

/* The owner's memory for one write in flight. */
struct rh_transport_write {
    uv_write_t req;
    union {
        struct rh_slice pieces[2]; /* with TLS: plaintext that is still to be encrypted */
        struct {
            struct rh_file_range range; /* plain: what is still to be sent of a file; `len` 0: none */
            char *spare;                /* RH_TRANSPORT_SPARE_BYTES of the owner's */
        } file;
    } left;
};

/* What only a TLS connection needs. */
struct rh_transport_tls {
    struct rh_tls_engine engine;
    struct rh_cipher_block *unread;   /* ciphertext that found no room for its plaintext */
    struct rh_transport_write *write; /* the owner's write, while plaintext of it is in flight or still to go */
    bool choked; /* reading waits for ciphertext in flight */
};

/* Every byte here is paid for by each idle connection. tcp.data is the wire. */
struct rh_transport {
    uv_tcp_t tcp; /* also for unix sockets: libuv only needs a stream descriptor */
    struct rh_transport_tls *tls; /* NULL: plain */
    uint16_t writes_open;         /* libuv writes whose callback is still to come */
    bool reading;
    bool closing;
    bool secured;
    bool shutdown_wanted;         /* FIN when the last write is done */
    bool shut;                    /* FIN was sent */
    bool in_read;                 /* inside a read callback */
};

/* How far the handshake is. */
enum rh_transport_state {
    RH_TRANSPORT_PLAIN,   /* there is none */
    RH_TRANSPORT_AWAITED, /* no byte of it has come */
    RH_TRANSPORT_SECURING,
    RH_TRANSPORT_SECURED
};

static inline struct rh_wire *rh_transport_wire(const struct rh_transport *t)
{
    return t->tcp.data;
}

/* A larger block of ciphertext: 64 KiB of plaintext in full records, or in small ones at first. */
enum { RH_CIPHER_BULK_BYTES = 66 * 1024 };

/* `tls_max` connections may use TLS at once, and `bulk_max` of them have a larger block. 0 or a negative code. */
int RH_MUST_CHECK rh_wire_init(struct rh_wire *wire, uv_loop_t *loop, const struct rh_transport_callbacks *callbacks,
                               size_t tls_max, size_t bulk_max);
void rh_wire_fini(struct rh_wire *wire);

/* Takes over the connected, non-blocking descriptor and starts to read. On failure the descriptor is closed and, where
 * the code is returned, `closed` will still be called if *ret_closing was set. */
int RH_MUST_CHECK rh_transport_open(struct rh_transport *t, struct rh_wire *wire, int fd, struct rh_tls *tls,
                                    bool *ret_closing);

void rh_transport_read_start(struct rh_transport *t);
void rh_transport_read_stop(struct rh_transport *t);

/* Hands on up to two pieces. 0: the socket took all. 1: in flight, `write` and the pieces must stay until `written`;
 * one at a time. Negative: failed. */
int RH_MUST_CHECK rh_transport_write(struct rh_transport *t, struct rh_transport_write *write,
                                     struct rh_slice first, struct rh_slice second);

/* Plain connections only: `head`, and behind it bytes of a file, which go to the socket without passing through our
 * memory. `spare` may be the head's own memory; it and the file stay until `written`, as above. A file that ends
 * before the range does is UV_EOF: the peer has been promised more. The caller sees to it that the page cache holds
 * the range: a disk that is asked here holds up the loop. */
enum { RH_TRANSPORT_SPARE_BYTES = 4096 };
int RH_MUST_CHECK rh_transport_write_file(struct rh_transport *t, struct rh_transport_write *write,
                                          struct rh_slice head, struct rh_file_range range, char *spare);

/* Bytes that the peer has not acknowledged, where the system tells, that libuv still holds for the socket, that wait to
 * be encrypted, or, of this write in flight, that are still in the file: shrinks while the peer reads. */
uint64_t rh_transport_unsent(const struct rh_transport *t, const struct rh_transport_write *write);

/* Ends our side: close_notify with TLS, then FIN, behind what is in flight. Idempotent. */
void rh_transport_shutdown(struct rh_transport *t);
/* For transport_file.c and transport_cipher.c: sends the FIN that was wanted, if no write is in flight any more; true
 * where it did. */
bool rh_transport_finish_shutdown(struct rh_transport *t);
/* For the same: how much the socket takes at once, UV_EAGAIN or another negative code. No SIGPIPE. */
ptrdiff_t rh_transport_try(struct rh_transport *t, const uv_buf_t *bufs, unsigned count);
/* And: leaves bytes to libuv. `cb` calls rh_transport_dequeued first. 0 or a negative code. */
int rh_transport_queue(struct rh_transport *t, uv_write_t *req, const uv_buf_t *bufs, unsigned count, uv_write_cb cb);
void rh_transport_dequeued(struct rh_transport *t);
enum rh_transport_state rh_transport_state(const struct rh_transport *t);
/* With TLS: what the handshake agreed on; absent if the client offered no protocol. */
struct rh_slice rh_transport_alpn(const struct rh_transport *t);
void rh_transport_info(const struct rh_transport *t, struct rh_tls_info *ret_info);
/* Why TLS failed, in words. */
const char *rh_transport_failure(const struct rh_transport *t);
/* How many bytes are worth giving to one write of a longer piece, as a divisor: a record. 1: it makes no difference. */
static inline size_t rh_transport_piece(bool secure)
{
    return secure ? RH_TLS_RECORD_MAX : 1;
}
/* The connection goes to rest: gives back what TLS keeps between records. */
void rh_transport_rest(struct rh_transport *t);
/* Ends it all; `closed` follows. Idempotent. */
void rh_transport_close(struct rh_transport *t);

#endif
