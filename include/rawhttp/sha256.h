/* SHA-256 (FIPS 180-4) of bytes that come in pieces: to name an upload, to compare a file. */
#ifndef RAWHTTP_SHA256_H
#define RAWHTTP_SHA256_H

#include <rawhttp/export.h>
#include <rawhttp/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { RH_SHA256_BYTES = 32 };

/* One digest that is being made; one thread at a time. */
struct rh_sha256 {
    void *context; /* the library's */
};

/* 0, or -1 when memory ran out. */
RH_API int rh_sha256_init(struct rh_sha256 *sha);
RH_API void rh_sha256_update(struct rh_sha256 *sha, struct rh_slice bytes);
/* The digest of everything so far; nothing may be added after it. */
RH_API void rh_sha256_finish(struct rh_sha256 *sha, unsigned char ret_digest[RH_SHA256_BYTES]);
RH_API void rh_sha256_fini(struct rh_sha256 *sha);

#ifdef __cplusplus
}
#endif
#endif
