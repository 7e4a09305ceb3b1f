/* Everything asserts: a folder that can not be made is a broken test machine. */
#include "support/cert_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/assert.h"

const char *cert_folder_path(const struct cert_folder *folder, const char *file)
{
    static char paths[8][384]; /* a folder and the longest file name */
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder->path, file);
    return path;
}

static FILE *file_open(const struct cert_folder *folder, const char *name, const char *suffix,
                       mode_t mode)
{
    char file[128];
    snprintf(file, sizeof file, "%s%s", name, suffix);
    int fd = open(cert_folder_path(folder, file), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    RH_ASSERT(fd >= 0);
    FILE *stream = fdopen(fd, "w");
    RH_ASSERT(stream != NULL);
    return stream;
}

static void extension_add(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    RH_ASSERT(extension != NULL);
    RH_ASSERT(X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static X509 *cert_make(const char *name, const char *alts, long valid_s, EVP_PKEY *key,
                       X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    RH_ASSERT(cert != NULL);
    long serial = 0;
    RH_ASSERT(RAND_bytes((unsigned char *)&serial, 4) == 1);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), valid_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_pubkey(cert, key);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer != NULL ? issuer : cert));
    extension_add(cert, issuer != NULL ? issuer : cert, NID_basic_constraints,
                  issuer != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (alts != NULL) {
        extension_add(cert, issuer, NID_subject_alt_name, alts);
    }
    RH_ASSERT(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
    return cert;
}

void cert_folder_init(struct cert_folder *folder)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder->path, sizeof folder->path, "%s/rh-certs-XXXXXX",
             base != NULL && strlen(base) < 40 ? base : "/tmp");
    RH_ASSERT(mkdtemp(folder->path) != NULL);
    folder->ca_key = EVP_EC_gen("P-256");
    folder->ca = cert_make("test authority", NULL, 86400, folder->ca_key, NULL, folder->ca_key);
    FILE *stream = file_open(folder, "ca", ".crt", 0644);
    RH_ASSERT(PEM_write_X509(stream, folder->ca) == 1);
    fclose(stream);
}

void cert_folder_fini(struct cert_folder *folder)
{
    DIR *dir = opendir(folder->path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        unlink(cert_folder_path(folder, entry->d_name));
    }
    closedir(dir);
    RH_ASSERT(rmdir(folder->path) == 0);
    X509_free(folder->ca);
    EVP_PKEY_free(folder->ca_key);
}

void cert_folder_add(const struct cert_folder *folder, const char *name, const char *alts,
                     long valid_s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = cert_make(name, alts, valid_s, key, folder->ca, folder->ca_key);
    FILE *stream = file_open(folder, name, ".crt", 0644);
    RH_ASSERT(PEM_write_X509(stream, cert) == 1);
    fclose(stream);
    stream = file_open(folder, name, ".key", 0600);
    RH_ASSERT(PEM_write_PrivateKey(stream, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(stream);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void cert_folder_encrypt(const struct cert_folder *folder, const char *name, const char *out)
{
    char file[128];
    snprintf(file, sizeof file, "%s.key", name);
    FILE *stream = fopen(cert_folder_path(folder, file), "r");
    RH_ASSERT(stream != NULL);
    EVP_PKEY *key = PEM_read_PrivateKey(stream, NULL, NULL, NULL);
    RH_ASSERT(key != NULL);
    fclose(stream);
    stream = file_open(folder, out, ".key", 0600);
    const unsigned char *password = (const unsigned char *)"secret";
    RH_ASSERT(PEM_write_PrivateKey(stream, key, EVP_aes_256_cbc(), password, 6, NULL, NULL) == 1);
    fclose(stream);
    EVP_PKEY_free(key);
}

void cert_folder_write(const struct cert_folder *folder, const char *file, const char *text)
{
    FILE *stream = file_open(folder, file, "", 0600);
    RH_ASSERT(fputs(text, stream) >= 0);
    fclose(stream);
}

void cert_folder_copy(const struct cert_folder *folder, const char *from, const char *to)
{
    char bytes[16384];
    FILE *stream = fopen(cert_folder_path(folder, from), "r");
    RH_ASSERT(stream != NULL);
    size_t len = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    stream = file_open(folder, to, "", 0600);
    RH_ASSERT(fwrite(bytes, 1, len, stream) == len);
    fclose(stream);
}
