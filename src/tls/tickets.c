/* Ticket keys. Rotation is lazy: whoever seals a ticket looks at the clock first, so there is no
 * timer, and a store that nobody uses does nothing. Sealing is AES-256-CBC with HMAC-SHA256 as RFC
 * 5077 §4 recommends. A failure of the random numbers costs the ticket, not the connection. */
#include "tls/tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "tls/store.h"

static bool key_make(struct rh_tls_ticket_key *key)
{
    return RAND_bytes(key->name, sizeof key->name) == 1 &&
           RAND_priv_bytes(key->cipher, sizeof key->cipher) == 1 &&
           RAND_priv_bytes(key->mac, sizeof key->mac) == 1;
}

bool rh_tls_tickets_init(struct rh_tls_tickets *tickets, uint64_t now_s)
{
    tickets->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (tickets->cipher == NULL || !key_make(&tickets->keys[0])) {
        EVP_CIPHER_free(tickets->cipher);
        return false;
    }
    tickets->keys_len = 1;
    tickets->born_s = now_s;
    pthread_mutex_init(&tickets->lock, NULL);
    return true;
}

void rh_tls_tickets_fini(struct rh_tls_tickets *tickets)
{
    pthread_mutex_destroy(&tickets->lock);
    EVP_CIPHER_free(tickets->cipher);
    OPENSSL_cleanse(tickets->keys, sizeof tickets->keys);
}

/* Brings the keys up to date; called with the lock. After two periods without a ticket both are too
 * old: the new one stands alone. */
static bool rotate(struct rh_tls_tickets *tickets, uint64_t now_s)
{
    uint64_t age_s = now_s - tickets->born_s;
    if (age_s < RH_TLS_TICKET_ROTATE_S) {
        return true;
    }
    struct rh_tls_ticket_key key;
    if (!key_make(&key)) {
        return false;
    }
    tickets->keys[1] = tickets->keys[0];
    tickets->keys_len = 2;
    if (age_s >= 2 * RH_TLS_TICKET_ROTATE_S) {
        OPENSSL_cleanse(&tickets->keys[1], sizeof tickets->keys[1]);
        tickets->keys_len = 1;
    }
    tickets->keys[0] = key;
    tickets->born_s = now_s;
    OPENSSL_cleanse(&key, sizeof key);
    return true;
}

bool rh_tls_tickets_seal_key(struct rh_tls_tickets *tickets, uint64_t now_s,
                             struct rh_tls_ticket_key *ret_key)
{
    pthread_mutex_lock(&tickets->lock);
    bool ok = rotate(tickets, now_s);
    if (ok) {
        *ret_key = tickets->keys[0];
    }
    pthread_mutex_unlock(&tickets->lock);
    return ok;
}

int rh_tls_tickets_open_key(struct rh_tls_tickets *tickets, uint64_t now_s,
                            const unsigned char name[16], struct rh_tls_ticket_key *ret_key)
{
    int found = 0;
    pthread_mutex_lock(&tickets->lock);
    if (rotate(tickets, now_s)) {
        for (unsigned i = 0; i < tickets->keys_len && found == 0; i++) {
            if (memcmp(tickets->keys[i].name, name, 16) == 0) {
                *ret_key = tickets->keys[i];
                found = (int)i + 1;
            }
        }
    }
    pthread_mutex_unlock(&tickets->lock);
    return found;
}

static uint64_t clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

static bool mac_begin(EVP_MAC_CTX *mac, struct rh_tls_ticket_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[3];
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac);
    params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    params[2] = OSSL_PARAM_construct_end();
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int rh_tls_ticket_choose(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int seal)
{
    struct rh_tls_set *set = SSL_get_app_data(ssl);
    struct rh_tls_tickets *tickets = &set->tls->tickets;
    struct rh_tls_ticket_key key;
    int result;
    if (seal) {
        result = 0; /* no ticket this time */
        if (rh_tls_tickets_seal_key(tickets, clock_s(), &key) && RAND_bytes(iv, 16) == 1 &&
            EVP_EncryptInit_ex(cipher, tickets->cipher, NULL, key.cipher, iv) == 1 &&
            mac_begin(mac, &key)) {
            memcpy(name, key.name, sizeof key.name);
            result = 1;
        }
    } else {
        result = rh_tls_tickets_open_key(tickets, clock_s(), name, &key);
        if (result != 0 &&
            (!mac_begin(mac, &key) ||
             EVP_DecryptInit_ex(cipher, tickets->cipher, NULL, key.cipher, iv) != 1)) {
            result = 0; /* a full handshake instead */
        }
        if (result == 1 && SSL_version(ssl) >= TLS1_3_VERSION) {
            result = 2; /* a client should use a ticket once (RFC 8446 §C.4): it gets the next */
        }
    }
    OPENSSL_cleanse(&key, sizeof key);
    return result;
}
