/* Digests, codes that authenticate, random bytes: the one place that speaks to libcrypto outside
 * of TLS. */
#ifndef RH_UTIL_DIGEST_H
#define RH_UTIL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawhttp/sha256.h"
#include "rawhttp/slice.h"
#include "util/assert.h"

/* HMAC-SHA-256 (RFC 2104); 0, or -1 when memory ran out. */
int RH_MUST_CHECK rh_hmac_sha256(struct rh_slice key, struct rh_slice bytes,
                                 unsigned char ret_code[RH_SHA256_BYTES]);

/* SHA-1, for protocols that fix it (RFC 6455 §4.2.2); it protects nothing. */
enum { RH_SHA1_BYTES = 20 };
void rh_sha1(struct rh_slice bytes, unsigned char ret_digest[RH_SHA1_BYTES]);

/* True when both are the same; takes the same time wherever they differ. */
bool rh_digest_equal(const void *a, const void *b, size_t bytes);

/* Bytes that nobody can guess; 0, or -1 when the system has none. */
int RH_MUST_CHECK rh_random_bytes(void *ret_bytes, size_t count);

/* Lower-case hexadecimal, 2 * count characters without a NUL. */
void rh_hex_encode(const void *bytes, size_t count, char *out);

/* base64url without padding (RFC 4648 §5). How many characters `count` bytes take. */
static inline size_t rh_base64url_length(size_t count)
{
    return count / 3 * 4 + (count % 3 != 0 ? count % 3 + 1 : 0);
}

/* base64 with padding (RFC 4648 §4): writes four characters for each three bytes begun, no NUL. */
void rh_base64_encode(struct rh_slice bytes, char *out);

/* Writes rh_base64url_length(bytes.len) characters without a NUL. */
void rh_base64url_encode(struct rh_slice bytes, char *out);

/* Decodes to `out` (room for text.len * 3 / 4) and returns the length; -1 for any other character,
 * a length that no bytes have, or bits that must be zero and are not. */
ptrdiff_t rh_base64url_decode(struct rh_slice text, void *out);

#endif
