/* Keys of session tickets (RFC 5077 §4, RFC 8446 §4.6.1): ours instead of OpenSSL's, which has a
 * set for each SSL_CTX, so that a ticket is good on every loop, under every certificate and after a
 * reload; and so that they change: who steals a key can read what was resumed with it. */
#ifndef RH_TLS_TICKETS_H
#define RH_TLS_TICKETS_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    RH_TLS_TICKET_ROTATE_S = 12 * 3600, /* a key seals so long, and opens twice as long */
    RH_TLS_TICKET_LIFE_S = 2 * 3600     /* a ticket or cached session is good for so long */
};

struct rh_tls_ticket_key {
    unsigned char name[16]; /* public: travels in the ticket */
    unsigned char cipher[32];
    unsigned char mac[32];
};

struct rh_tls_tickets {
    pthread_mutex_t lock;
    EVP_CIPHER
    *cipher; /* fetched once: OpenSSL 3 searches its providers in every init that names one */
    struct rh_tls_ticket_key keys[2]; /* the current one, the one before */
    unsigned keys_len;
    uint64_t born_s; /* when the current one was made */
};

/* Makes the first key; false when there are no random numbers. */
bool rh_tls_tickets_init(struct rh_tls_tickets *tickets, uint64_t now_s);

/* Wipes them. */
void rh_tls_tickets_fini(struct rh_tls_tickets *tickets);

/* The key to seal with at `now_s` (any clock that only goes forward); rotates when it is time. */
bool rh_tls_tickets_seal_key(struct rh_tls_tickets *tickets, uint64_t now_s,
                             struct rh_tls_ticket_key *ret_key);

/* The key of that name: 0 unknown or too old, 1 current, 2 the one before (renew the ticket). */
int rh_tls_tickets_open_key(struct rh_tls_tickets *tickets, uint64_t now_s,
                            const unsigned char name[16], struct rh_tls_ticket_key *ret_key);

/* OpenSSL's callback over these (SSL_CTX_set_tlsext_ticket_key_evp_cb). */
int rh_tls_ticket_choose(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int seal);

#endif
