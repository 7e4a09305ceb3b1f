/* An OpenSSL client in memory, and the wire between it and an engine. The engine gets its bytes in
 * buffers that are exactly as long as they claim, so a sanitizer sees every byte too far. */
#ifndef RH_TESTS_TLS_PEER_H
#define RH_TESTS_TLS_PEER_H

#include <openssl/ssl.h>

#include "tls/tls.h"

/* Bytes that grow. */
struct tls_bytes {
    char *base;
    size_t len;
    size_t cap;
};

struct tls_peer {
    /* What the client is; set before tls_peer_connect. */
    SSL_CTX *context;
    SSL *ssl;
    /* The engine's end. */
    struct rh_tls_loop *loop;
    struct rh_tls_engine engine;
    enum rh_tls_state state;
    /* How the wire behaves; 0: no limit. */
    size_t feed_max;   /* at most so many bytes reach the engine in one call */
    size_t first_feed; /* the next call gets exactly so many, if there are as many */
    size_t cipher_cap; /* room for ciphertext in each call (default 32 KiB) */
    size_t plain_cap;  /* room for plaintext (default 32 KiB) */
    /* What went over it. */
    struct tls_bytes to_server;   /* ciphertext that the engine has not taken yet */
    struct tls_bytes server_got;  /* plaintext at the engine */
    struct tls_bytes client_got;  /* plaintext at the client */
    struct tls_bytes from_server; /* all ciphertext that the engine sent */
    int client_error;             /* SSL_get_error of the client: its end or first failure */
    size_t calls;
};

/* A client for `version` (TLS1_2_VERSION, TLS1_3_VERSION, 0: any) and an engine on `tls`. */
void tls_peer_init(struct tls_peer *peer, struct rh_tls_loop *loop, struct rh_tls *tls,
                   int version);

/* As init, with a context that the caller keeps (for sessions, client certificates). */
void tls_peer_init_with(struct tls_peer *peer, struct rh_tls_loop *loop, struct rh_tls *tls,
                        SSL_CTX *context);
void tls_peer_fini(struct tls_peer *peer);

/* The name that the client asks for (SNI). */
void tls_peer_host(struct tls_peer *peer, const char *host);

/* Moves bytes both ways until nothing moves any more; returns the engine's state. */
enum rh_tls_state tls_peer_run(struct tls_peer *peer);

/* One direction each: what the client has to say into to_server; to_server into the engine. */
void tls_peer_collect(struct tls_peer *peer);
bool tls_peer_feed(struct tls_peer *peer);

/* Ciphertext for the client, as if the engine had sent it. */
void tls_peer_deliver(struct tls_peer *peer, const char *bytes, size_t len);

/* The client says something; the server says something (all of it, room by room, and delivers). */
void tls_peer_say(struct tls_peer *peer, const char *bytes, size_t len);
void tls_peer_answer(struct tls_peer *peer, const char *bytes, size_t len, size_t room);

/* The engine's close_notify. */
void tls_peer_shutdown(struct tls_peer *peer);

void tls_bytes_add(struct tls_bytes *bytes, const char *base, size_t len);
void tls_bytes_drop(struct tls_bytes *bytes, size_t len);

#endif
