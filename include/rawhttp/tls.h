/* Certificates and keys for HTTPS: loaded from PEM files, chosen by the name that the client asks
 * for (SNI), replaced while the server runs.
 *
 * A struct rh_tls is reference-counted and shared by any number of listeners and loops. Inside it
 * the loaded certificates stand behind one pointer that is swapped whole: a connection that began
 * with the old ones goes on with them.
 *
 * Threads: ref, unref, warning and holds_file may be called from any thread at any time. The calls
 * that change something (add_pair, client_auth, reload) may be called from any thread too, and
 * connections may begin meanwhile; but rh_tls_error belongs to whoever made the failed call, so an
 * embedder should make changes from one thread at a time. Nothing here may be called in a signal
 * handler. All of them read files and block for as long as the disk takes. */
#ifndef RAWHTTP_TLS_H
#define RAWHTTP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawhttp/export.h>
#include <rawhttp/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_tls;

/* Whether clients are asked for a certificate of their own (RFC 8446 §4.3.2). */
enum rh_tls_client_auth {
    RH_TLS_CLIENT_NONE,     /* they are not asked */
    RH_TLS_CLIENT_OPTIONAL, /* asked; one that comes must be valid, none is accepted too */
    RH_TLS_CLIENT_REQUIRED  /* no valid certificate, no connection */
};

/* An empty store, the caller's one reference; NULL when memory or random numbers ran out.
 * It needs at least one pair before a listener can use it. */
RH_API struct rh_tls *rh_tls_create(void);

/* One more reference; returns `tls`. */
RH_API struct rh_tls *rh_tls_ref(struct rh_tls *tls);

/* Gives a reference back; the last one frees everything and wipes the ticket keys. Connections
 * hold a reference of their own. NULL is accepted. */
RH_API void rh_tls_unref(struct rh_tls *tls);

/* Loads a certificate (PEM, the server's own first, then the intermediate ones) and its private
 * key (PEM, not encrypted; the same file may hold both). The first pair is the default: it answers
 * clients that name no host or an unknown one. Further pairs are chosen by the DNS names in their
 * subjectAltName (RFC 6066 §3, RFC 9525 §6.3: a wildcard stands for one whole label). Where two
 * pairs carry the same name, the one added first answers.
 * The strings are copied. Returns 0, RH_ETLS with rh_tls_error() saying what is wrong, or
 * UV_ENOMEM; a pair that fails changes nothing. */
RH_API int rh_tls_add_pair(struct rh_tls *tls, const char *cert_file, const char *key_file);

/* Asks clients for a certificate issued by one of the authorities in `ca_file` (PEM). Sessions that
 * were established under other rules are not resumed. RH_TLS_CLIENT_NONE ends the asking; its
 * `ca_file` is NULL. Returns 0, RH_ETLS with rh_tls_error(), or UV_ENOMEM; a failure changes
 * nothing. */
RH_API int rh_tls_client_auth(struct rh_tls *tls, const char *ca_file,
                              enum rh_tls_client_auth mode);

/* Reads all files again and swaps the whole set. If a single one of them is bad, the set that was
 * in use stays and the error says which file and why. Clients resume their sessions across a
 * reload by ticket. Returns 0, RH_ETLS with rh_tls_error(), or UV_ENOMEM. */
RH_API int rh_tls_reload(struct rh_tls *tls);

/* The text of the last call that failed: what was tried, on which file, why, what to do. Empty when
 * none failed. Valid until the next add_pair, client_auth or reload. */
RH_API const char *rh_tls_error(const struct rh_tls *tls);

/* Writes what is suspicious, though not fatal, about the loaded files into `text` (`text_bytes`
 * long, always NUL-terminated when that is not 0): a key that others may read, a certificate that
 * has expired or is not yet valid. Returns false, and writes nothing, when there is no warning
 * number `index`, counted from 0. */
RH_API bool rh_tls_warning(struct rh_tls *tls, size_t index, char *text, size_t text_bytes);

/* True where the file with this device and inode number is one of the certificate or key files in
 * use: a server of static files asks this before it serves one. A file that has replaced one of
 * them is known after the next reload. `tls` may be NULL. */
RH_API bool rh_tls_holds_file(struct rh_tls *tls, uint64_t device, uint64_t inode);

/* Makes a self-signed pair for development: ECDSA P-256, for localhost, 127.0.0.1 and ::1, valid
 * for a year. Both files must not exist yet; the key gets mode 0600. Returns 0, or RH_ETLS with a
 * text in `ret_error` (may be NULL; `error_bytes` long); nothing is left behind on failure. */
RH_API int rh_tls_write_dev_cert(const char *cert_file, const char *key_file, char *ret_error,
                                 size_t error_bytes);

/* What the handshake of a request's connection agreed on. The slices and strings live in the exchange's arena,
 * or are static. */
struct rh_exchange;
struct rh_tls_peer {
    const char *version;           /* "TLSv1.3" */
    const char *cipher;            /* "TLS_AES_128_GCM_SHA256" */
    struct rh_slice server_name;   /* as the client asked (SNI); absent when it did not */
    struct rh_slice alpn;          /* absent when the client offered none */
    struct rh_slice subject;       /* of its certificate, RFC 4514; absent without one */
    struct rh_slice fingerprint;   /* SHA-256 of its certificate in lower-case hexadecimal; absent without one */
    int verified;                  /* its certificate came and is valid */
    int resumed;                   /* by ticket or session cache */
};
/* Who is at the other end of this request's connection. Returns 0; RH_ENOTFOUND over plain HTTP (whatever a proxy says of
 * its client); RH_ECUT when the connection is gone; RH_ENOROOM. On the loop's thread. */
RH_API int rh_request_tls(struct rh_exchange *x, struct rh_tls_peer *ret_peer);

#ifdef __cplusplus
}
#endif
#endif
