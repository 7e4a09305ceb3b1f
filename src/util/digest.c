#include "util/digest.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "util/ascii.h"

int rh_sha256_init(struct rh_sha256 *sha)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return -1;
    }
    sha->context = context;
    return 0;
}

void rh_sha256_update(struct rh_sha256 *sha, struct rh_slice bytes)
{
    int done = EVP_DigestUpdate(sha->context, bytes.base, bytes.len);
    RH_ASSERT(done == 1);
}

void rh_sha256_finish(struct rh_sha256 *sha, unsigned char ret_digest[RH_SHA256_BYTES])
{
    unsigned len = 0;
    int done = EVP_DigestFinal_ex(sha->context, ret_digest, &len);
    RH_ASSERT(done == 1 && len == RH_SHA256_BYTES);
}

void rh_sha256_fini(struct rh_sha256 *sha)
{
    EVP_MD_CTX_free(sha->context);
    sha->context = NULL;
}

int rh_hmac_sha256(struct rh_slice key, struct rh_slice bytes,
                   unsigned char ret_code[RH_SHA256_BYTES])
{
    unsigned len = 0;
    if (key.len > INT_MAX) {
        return -1;
    }
    const unsigned char *code = HMAC(EVP_sha256(), key.base, (int)key.len,
                                     (const unsigned char *)bytes.base, bytes.len, ret_code, &len);
    return code != NULL && len == RH_SHA256_BYTES ? 0 : -1;
}

bool rh_digest_equal(const void *a, const void *b, size_t bytes)
{
    return CRYPTO_memcmp(a, b, bytes) == 0;
}

int rh_random_bytes(void *ret_bytes, size_t count)
{
    return count <= INT_MAX && RAND_bytes(ret_bytes, (int)count) == 1 ? 0 : -1;
}

void rh_hex_encode(const void *bytes, size_t count, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) {
        *out++ = digits[at[i] >> 4];
        *out++ = digits[at[i] & 15];
    }
}

void rh_sha1(struct rh_slice bytes, unsigned char ret_digest[RH_SHA1_BYTES])
{
    unsigned len = 0;
    int done = EVP_Digest(bytes.base, bytes.len, ret_digest, &len, EVP_sha1(), NULL);
    RH_ASSERT(done == 1 && len == RH_SHA1_BYTES);
}

/* Returns the end of what it wrote. */
static char *encode_base64(struct rh_slice bytes, const char *marks, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (unsigned char)bytes.base[i];
        for (held += 8; held >= 6; held -= 6) {
            unsigned digit = bits >> (held - 6) & 63;
            *out++ = digit < 62 ? digits[digit] : marks[digit - 62];
        }
    }
    if (held > 0) {
        unsigned digit = bits << (6 - held) & 63;
        *out++ = digit < 62 ? digits[digit] : marks[digit - 62];
    }
    return out;
}

void rh_base64url_encode(struct rh_slice bytes, char *out)
{
    encode_base64(bytes, "-_", out);
}

void rh_base64_encode(struct rh_slice bytes, char *out)
{
    const char *begin = out;
    out = encode_base64(bytes, "+/", out);
    while ((out - begin) % 4 != 0) {
        *out++ = '=';
    }
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (rh_ascii_is_digit(c)) {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

ptrdiff_t rh_base64url_decode(struct rh_slice text, void *out)
{
    unsigned char *at = out;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.base[i]);
        if (digit < 0) {
            return -1;
        }
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *at++ = (unsigned char)(bits >> held);
        }
    }
    bool is_padded_by_zeros = (bits & ((1u << held) - 1)) == 0;
    return held < 6 && is_padded_by_zeros ? at - (unsigned char *)out : -1;
}
