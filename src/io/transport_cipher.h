/* The way out of a TLS connection's bytes: encrypted, offered to the socket, and what it does not take left in flight in
 * blocks that belong to the writes. Between io/transport and io/tls, and known to nobody else. */
#ifndef RH_IO_TRANSPORT_CIPHER_H
#define RH_IO_TRANSPORT_CIPHER_H

#include "io/transport.h"

enum {
    RH_CIPHER_READ_BYTES = 16 * 1024, /* scratch memory: one read... */
    RH_CIPHER_ROOM = 20 * 1024        /* ...and behind it what is encrypted at once, as much as a block holds */
};

/* Ciphertext in flight, or received and not yet decrypted. */
struct rh_cipher_block {
    uv_write_t req;
    struct rh_transport *transport;
    struct rh_slab *pool; /* that it goes back to */
    size_t len;           /* of unread ciphertext */
    char bytes[];
};

enum { RH_CIPHER_BLOCK_BYTES = sizeof(struct rh_cipher_block) + RH_CIPHER_ROOM };

/* A block of one of the wire's two pools, or NULL. */
struct rh_cipher_block *rh_cipher_acquire(struct rh_slab *pool);

/* Sends ciphertext that lies in scratch memory: what the socket does not take moves into a block of its own. 0, 1 (in
 * flight) or negative. */
int RH_MUST_CHECK rh_cipher_send(struct rh_transport *t, char *bytes, size_t len);

/* Encrypts and sends until all plaintext of this write is taken (0) or the socket is full (1); or negative. What is left
 * of it goes on by itself once that is through, where it is the connection's `write`, and `written` tells its end. */
int RH_MUST_CHECK rh_cipher_write(struct rh_transport *t, struct rh_transport_write *write);

#endif
