/* TLS as a pure byte engine: ciphertext in, plaintext out, and back. It does no I/O, knows no loop
 * and owns no buffer: every byte in flight lies in memory of the caller's, so that a write can not
 * outlive the object that holds its bytes. One engine is one connection; all engines of a loop
 * borrow that loop's pair of BIOs for the length of a call.
 *
 * How to drive it:
 *  - Bytes arrived: rh_tls_engine_read. What it did not take (in_used < in_len) stays the caller's
 *    and is given again: that happens when `plain` is full (back-pressure), or while the engine is
 *    blocked on room for ciphertext (rh_tls_engine_is_blocked). Everything else, partial records
 *    included, is taken. While plain_len == plain_cap came back, or the engine was blocked, call
 *    again with new room even when no new bytes came: the rest of a record may wait inside.
 *  - After every call: send the cipher_len bytes of `cipher`, also when the state is RH_TLS_FAILED
 *    (the alert that tells the peer why).
 *  - The engine never sees EOF. An EOF in any state but RH_TLS_CLEAN_END is a truncation
 *    (RFC 8446 §6.1): the caller knows it by asking the state.
 * in_used, plain_len and cipher_len are only ever added to: the caller sets them to begin with. */
#ifndef RH_TLS_TLS_H
#define RH_TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawhttp/slice.h"
#include "rawhttp/tls.h"
#include "util/assert.h"

struct rh_tls_set;

enum rh_tls_state {
    RH_TLS_HANDSHAKE, /* not yet agreed; no plaintext in either direction */
    RH_TLS_OPEN,      /* both directions carry plaintext */
    RH_TLS_CLEAN_END, /* the peer's close_notify was read: no plaintext follows; writing goes on */
    RH_TLS_FAILED     /* broken for good; `failure` and rh_tls_engine_error say why */
};

/* Why the state is RH_TLS_FAILED. */
enum rh_tls_failure {
    RH_TLS_NO_FAILURE,
    RH_TLS_PLAIN_HTTP,   /* the first byte is a letter: HTTP without TLS. Nothing was taken of `in`,
                            nothing written to `cipher`: the caller may answer in plain text */
    RH_TLS_NO_AGREEMENT, /* no version, cipher, signature or protocol in common */
    RH_TLS_CLIENT_CERT,  /* a required client certificate is missing, or one is not valid */
    RH_TLS_PEER_ALERT, /* the peer gave up with an alert (it does not trust the certificate, ...) */
    RH_TLS_PROTOCOL,   /* bytes that are not TLS, or a rule of it that was broken */
    RH_TLS_INTERNAL    /* memory ran out */
};

/* One connection. Lives in the caller's memory and must not move between init and fini. */
struct rh_tls_engine {
    struct ssl_st *ssl;
    struct rh_tls_set *set; /* the certificates it began with */
    uint32_t error;         /* OpenSSL's code of the failure, 0: none */
    uint8_t state;          /* enum rh_tls_state */
    uint8_t failure;        /* enum rh_tls_failure */
    uint8_t small_left;     /* records of a long answer that are still kept small */
    uint8_t barren;         /* records without plaintext, more than those with it */
    bool began;             /* the first byte was seen */
    bool flooded;           /* failed for its `barren` records */
    bool blocked;           /* the last call ran out of room in `cipher` */
};

/* The memory of one call; all of it is the caller's. Sizes are in bytes. */
struct rh_tls_io {
    const char *in; /* ciphertext from the peer */
    size_t in_len;
    size_t in_used;
    char *plain; /* room for plaintext */
    size_t plain_cap;
    size_t plain_len;
    char *cipher; /* room for ciphertext to the peer */
    size_t cipher_cap;
    size_t cipher_len;
    unsigned records; /* that were begun to be read; for the engine */
};

/* One loop: the pair of BIOs that is lent to the engine being driven. */
struct rh_tls_loop {
    struct bio_st *in;
    struct bio_st *out;
    struct rh_tls_io *io; /* what the pair stands over; NULL between calls */
};

/* What the handshake agreed on. The slices and strings belong to the engine and live as long. */
struct rh_tls_info {
    const char *version;         /* "TLSv1.3" */
    const char *cipher;          /* "TLS_AES_128_GCM_SHA256" */
    struct rh_slice alpn;        /* "http/1.1"; absent when the client offered none */
    struct rh_slice server_name; /* as the client asked (SNI); absent when it did not */
    bool resumed;                /* by ticket or session cache */
    bool client_verified;        /* a client certificate came and is valid */
    char client_subject[256];    /* its subject (RFC 2253), cut if longer; empty without one */
    char client_fingerprint[65]; /* its SHA-256 in lower-case hexadecimal; empty without one */
};

enum {
    /* Room that every call needs in `cipher` to make progress for certain: the largest thing that
     * TLS says on its own after the handshake, with some air. A handshake gets along with less. */
    RH_TLS_ROOM_MIN = 128,
    RH_TLS_RECORD_MAX = 16384, /* plaintext of one record at most (RFC 8446 §5.1) */
};

/* Makes the pair of BIOs; 0 or UV_ENOMEM. */
int RH_MUST_CHECK rh_tls_loop_init(struct rh_tls_loop *loop);
void rh_tls_loop_fini(struct rh_tls_loop *loop);

/* A server's end on the certificates that are current now; takes a reference on `tls`.
 * 0, UV_ENOMEM, or RH_ETLS when no pair was ever added. */
int RH_MUST_CHECK rh_tls_engine_init(struct rh_tls_engine *e, struct rh_tls *tls);

/* True if there is a pair to serve with. */
bool rh_tls_has_pair(struct rh_tls *tls);

/* One handshake in memory, with a client of our own: what OpenSSL makes once for a process is made,
 * and a lack of memory shows before the first visitor comes. 0, UV_ENOMEM, or RH_ETLS without a
 * pair. */
int RH_MUST_CHECK rh_tls_rehearse(struct rh_tls *tls);

/* In any state, from any call depth outside of the engine. */
void rh_tls_engine_fini(struct rh_tls_engine *e);

/* Takes ciphertext, gives plaintext and what TLS itself has to say. */
enum rh_tls_state rh_tls_engine_read(struct rh_tls_loop *loop, struct rh_tls_engine *e,
                                     struct rh_tls_io *io);

/* Encrypts as much of `plain` as finds room in `cipher`: returns how many bytes were taken (0 in
 * the handshake, or without room) or RH_ETLS when the connection can not carry any (failed, or shut
 * down). Up to 4 KiB leave as one record. A longer answer begins with records that fill one TCP
 * segment each, so that the peer can use the first as it arrives, then goes on with 16 KiB. */
ptrdiff_t RH_MUST_CHECK rh_tls_engine_write(struct rh_tls_loop *loop, struct rh_tls_engine *e,
                                            const char *plain, size_t len, struct rh_tls_io *io);

/* Says close_notify: no plaintext will follow; reading goes on. Needs RH_TLS_ROOM_MIN of room. 0
 * also where there is nothing to say (in the handshake, after a failure, a second time); RH_ETLS
 * when there was no room. */
int rh_tls_engine_shutdown(struct rh_tls_loop *loop, struct rh_tls_engine *e, struct rh_tls_io *io);

/* The connection goes idle: gives the record buffers back (33 KiB; the next record allocates them
 * anew) unless a record is half read, and lets the next long answer begin with small records
 * again. */
void rh_tls_engine_idle(struct rh_tls_engine *e);

/* True when the last call stopped for want of room in `cipher`: call read again with room. */
bool rh_tls_engine_is_blocked(const struct rh_tls_engine *e);

/* True when plaintext waits inside that the last read had no room for. */
bool rh_tls_engine_has_plain(const struct rh_tls_engine *e);

/* The last failure in words, for a debug log; empty without one. Static memory. */
const char *rh_tls_engine_error(const struct rh_tls_engine *e);

/* Room that ciphertext of so many bytes of plaintext needs at most, written at once. A client that
 * asked for short records (RFC 6066 §4) needs more: then a write takes only a part. */
size_t rh_tls_cipher_bound(size_t plain_len);

/* True when the handshake that is complete resumed a session. */
bool rh_tls_engine_is_resumed(const struct rh_tls_engine *e);

/* The protocol that ALPN chose; absent if the client offered none. As long as the engine lives. */
struct rh_slice rh_tls_engine_alpn(const struct rh_tls_engine *e);

/* What was agreed; all fields empty before the handshake is complete. */
void rh_tls_engine_info(const struct rh_tls_engine *e, struct rh_tls_info *ret_info);

/* The protocols that ALPN may choose from, best first (RFC 7301), instead of "http/1.1" and
 * "http/1.0": for the session that speaks "h2". Before the first connection. False when the list
 * is longer than there is room for. */
bool rh_tls_alpn_set(struct rh_tls *tls, const char *const *protocols, size_t count);

#endif
