/* Certificates made at test time in a temporary folder: no private key lives in the repository. */
#ifndef RH_TESTS_CERT_FOLDER_H
#define RH_TESTS_CERT_FOLDER_H

#include <stddef.h>

struct cert_folder {
    char path[64];
    struct evp_pkey_st *ca_key; /* signs everything made here; its certificate is ca.crt */
    struct x509_st *ca;
};

/* Makes the folder and ca.crt in it. */
void cert_folder_init(struct cert_folder *folder);

/* Removes it with everything inside. */
void cert_folder_fini(struct cert_folder *folder);

/* Writes NAME.crt and NAME.key (mode 0600): ECDSA P-256, signed by the CA. `alts` is a
 * subjectAltName ("DNS:a.example,DNS:*.b.example") or NULL; valid from now - 1 h for `valid_s`. */
void cert_folder_add(const struct cert_folder *folder, const char *name, const char *alts,
                     long valid_s);

/* Encrypts NAME.key into OUT.key with a password. */
void cert_folder_encrypt(const struct cert_folder *folder, const char *name, const char *out);

/* "FOLDER/FILE" in one of eight static buffers, used in turn. */
const char *cert_folder_path(const struct cert_folder *folder, const char *file);

/* Replaces the file's content. */
void cert_folder_write(const struct cert_folder *folder, const char *file, const char *text);

/* Makes file `to` a copy of `from`. */
void cert_folder_copy(const struct cert_folder *folder, const char *from, const char *to);

#endif
