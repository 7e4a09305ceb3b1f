/* The certificate store behind rawhttp/tls.h.
 *
 *   struct rh_tls ──current──> struct rh_tls_set ──> struct rh_tls_pair (one SSL_CTX each) ...
 *
 * Everything below the arrow is immutable once it is current, counted by references, and replaced
 * as a whole. A connection holds its set, a set its pairs; a pair that did not change may be in two
 * sets. Ticket keys hang at the top: they outlive every set. */
#ifndef RH_TLS_STORE_H
#define RH_TLS_STORE_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "tls/tls.h"
#include "tls/tickets.h"
#include "rawhttp/error.h"

enum { RH_TLS_WARNINGS_MAX = 2 };

/* A failure on its way up: the text goes to rh_tls_error. */
struct rh_tls_problem {
    int code;
    char text[512];
};

/* Writes code and text; returns the code. A second one, met while cleaning up, is dropped. */
int rh_tls_problem_set(struct rh_tls_problem *problem, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* OpenSSL's last reason in words; empties its queue. */
const char *rh_tls_reason(void);

/* A file as it was when it was read. */
struct rh_tls_file {
    dev_t device;
    ino_t inode;
    mode_t mode;
    char *bytes; /* NULL after release */
    size_t len;
};

/* Reads a regular file of up to 1 MiB whole. `what` names its role in the message. */
int rh_tls_file_read(struct rh_tls_file *file, const char *what, const char *path,
                     struct rh_tls_problem *problem);

/* Wipes and frees the bytes; the identity stays. */
void rh_tls_file_release(struct rh_tls_file *file);

/* The rules for client certificates. */
struct rh_tls_clients {
    enum rh_tls_client_auth mode;
    char *ca_file;
    X509_STORE *authorities;        /* NULL without a CA file */
    STACK_OF(X509_NAME) * names;    /* sent to the client as a hint */
    unsigned char session_rule[32]; /* digest of these rules: sessions made under others are void */
};

int rh_tls_clients_init(struct rh_tls_clients *clients, enum rh_tls_client_auth mode,
                        const char *ca_file, struct rh_tls_problem *problem);
void rh_tls_clients_fini(struct rh_tls_clients *clients);

/* A context with every setting of ours but without certificate; NULL: out of memory. */
SSL_CTX *rh_tls_context_create(const struct rh_tls_clients *clients);

/* Whose names a pair can answer. */
struct rh_tls_pair {
    atomic_uint refs;
    SSL_CTX *context;
    char *cert_file;
    char *key_file;
    struct rh_tls_file files[2]; /* identities of both, no bytes */
    char **names;                /* lower case; "*.example.org" for a wildcard */
    size_t names_len;
    char *warnings[RH_TLS_WARNINGS_MAX];
    size_t warnings_len;
};

struct rh_tls_pair *rh_tls_pair_load(const char *cert_file, const char *key_file,
                                     const struct rh_tls_clients *clients,
                                     struct rh_tls_problem *problem);
struct rh_tls_pair *rh_tls_pair_ref(struct rh_tls_pair *pair);
void rh_tls_pair_unref(struct rh_tls_pair *pair);

/* A name of a set: sorted by text, then by the order of the pairs. */
struct rh_tls_name {
    const char *text; /* in the pair */
    size_t pair;
};

struct rh_tls_set {
    atomic_uint refs;
    struct rh_tls *tls; /* outlives the set */
    struct rh_tls_pair **pairs;
    size_t pairs_len;
    struct rh_tls_name *names;
    size_t names_len;
};

/* Fills the table of names from the pairs; false: out of memory. */
bool rh_tls_names_init(struct rh_tls_set *set);

/* The pair for a host name: exact, then wildcard; NULL: nobody has it. */
struct rh_tls_pair *rh_tls_names_find(const struct rh_tls_set *set, const char *host);

/* Chooses the context by SNI (SSL_CTX_set_tlsext_servername_callback). */
int rh_tls_sni_choose(SSL *ssl, int *ret_alert, void *data);

/* Chooses the protocol by ALPN (SSL_CTX_set_alpn_select_cb). */
int rh_tls_alpn_choose(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
                       const unsigned char *offered, unsigned offered_len, void *data);

/* The current set with a reference on it and on its store; NULL when it has no pair. */
struct rh_tls_set *rh_tls_set_acquire(struct rh_tls *tls);
void rh_tls_set_release(struct rh_tls_set *set);

/* The context that a connection begins with. */
SSL_CTX *rh_tls_set_default(const struct rh_tls_set *set);

struct rh_tls {
    atomic_uint refs;
    pthread_mutex_t change; /* held through a whole change, file reading included */
    pthread_mutex_t lock;   /* guards `current` only: never held for long */
    struct rh_tls_set *current;
    struct rh_tls_clients clients;
    struct rh_tls_tickets tickets;
    unsigned char alpn[64]; /* length-prefixed names, best first */
    unsigned alpn_len;
    struct rh_tls_problem problem;
};

#endif
