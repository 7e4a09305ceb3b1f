/* What the files of the engine share: the two steps around every call into OpenSSL. */
#ifndef RH_TLS_ENGINE_H
#define RH_TLS_ENGINE_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/tls.h"

/* Puts the loop's BIOs over `io` and under `ssl`; every call must be followed by take_back. */
void rh_tls_lend(struct rh_tls_loop *loop, SSL *ssl, struct rh_tls_io *io);

/* Takes them away again: the SSL keeps no pointer to memory of the caller's. */
void rh_tls_take_back(struct rh_tls_loop *loop, SSL *ssl);

#endif
