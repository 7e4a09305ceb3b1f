/* The peer's end of TLS: bytes in, bytes out. */
#ifndef TESTS_SIM_PEER_TLS_H
#define TESTS_SIM_PEER_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct peer_tls;

void peer_tls_open_all(const char *ca_file);
struct peer_tls *peer_tls_create(void);
void peer_tls_destroy(struct peer_tls *tls);
/* Takes what the server sent. */
void peer_tls_put(struct peer_tls *tls, const char *bytes, size_t len);
/* Plaintext of it; 0: none yet. Handshakes on the way. *ret_ended: a closure alert came, or TLS
 * failed. */
size_t peer_tls_read(struct peer_tls *tls, char *out, size_t room, bool *ret_ended);
/* True once the handshake is done: plaintext may be written. */
bool peer_tls_is_ready(const struct peer_tls *tls);
void peer_tls_write(struct peer_tls *tls, const char *bytes, size_t len);
/* A closure alert. */
void peer_tls_finish(struct peer_tls *tls);
/* New keys, asked for by the peer. */
void peer_tls_update_keys(struct peer_tls *tls);
/* Ciphertext for the server. */
size_t peer_tls_take(struct peer_tls *tls, char *out, size_t room);

#endif
