#include <criterion/criterion.h>
#include <string.h>

#include "util/digest.h"

/* The vectors of FIPS 180-4 and RFC 4231. */
static const char *hex_of(const unsigned char *digest)
{
    static char hex[2 * RH_SHA256_BYTES + 1];
    rh_hex_encode(digest, RH_SHA256_BYTES, hex);
    return hex;
}

Test(digest, sums_bytes_in_pieces)
{
    unsigned char digest[RH_SHA256_BYTES];
    struct rh_sha256 sha;
    cr_assert_eq(rh_sha256_init(&sha), 0);
    rh_sha256_update(&sha, rh_slice_from("a"));
    rh_sha256_update(&sha, rh_slice_from(""));
    rh_sha256_update(&sha, rh_slice_from("bc"));
    rh_sha256_finish(&sha, digest);
    rh_sha256_fini(&sha);
    cr_expect_str_eq(hex_of(digest),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

Test(digest, authenticates_as_rfc_4231_says)
{
    unsigned char code[RH_SHA256_BYTES];
    cr_assert_eq(
        rh_hmac_sha256(rh_slice_from("Jefe"), rh_slice_from("what do ya want for nothing?"), code),
        0);
    cr_expect_str_eq(hex_of(code),
                     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

Test(digest, compares_every_byte)
{
    cr_expect(rh_digest_equal("abcd", "abcd", 4));
    cr_expect_not(rh_digest_equal("abcd", "abce", 4));
    cr_expect_not(rh_digest_equal("xbcd", "abcd", 4));
}

Test(digest, gives_random_bytes)
{
    unsigned char a[16] = {0};
    unsigned char b[16] = {0};
    cr_assert_eq(rh_random_bytes(a, sizeof(a)), 0);
    cr_assert_eq(rh_random_bytes(b, sizeof(b)), 0);
    cr_expect(memcmp(a, b, sizeof(a)) != 0);
}

Test(digest, encodes_base64url_both_ways)
{
    static const char *const cases[][2] = {
        {"", ""},           {"f", "Zg"},         {"fo", "Zm8"},           {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"\xff\xfe", "__4"}, {"\xfb\xef\xbe", "----"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[16];
        char back[16];
        struct rh_slice bytes = rh_slice_from(cases[i][0]);
        size_t len = rh_base64url_length(bytes.len);
        rh_base64url_encode(bytes, text);
        cr_expect(rh_slice_is((struct rh_slice){text, len}, cases[i][1]), "%s", cases[i][1]);
        ptrdiff_t back_len = rh_base64url_decode(rh_slice_from(cases[i][1]), back);
        cr_assert_eq(back_len, (ptrdiff_t)bytes.len);
        cr_expect(memcmp(back, bytes.base, bytes.len) == 0);
    }
}

Test(digest, decodes_only_what_encode_writes)
{
    static const char *const bad[] = {"Z", "Zg==", "Zh", "Zm9", "Z+8_", "Zm8/", "Zm9v ", "Zm9vY"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char back[16];
        cr_expect_eq(rh_base64url_decode(rh_slice_from(bad[i]), back), -1, "%s", bad[i]);
    }
}

/* FIPS 180-4, and RFC 4648 §10. */
Test(digest, sha1_and_base64_of_known_texts)
{
    unsigned char digest[RH_SHA1_BYTES];
    char hex[2 * RH_SHA1_BYTES];
    char out[8];
    rh_sha1(rh_slice_from("abc"), digest);
    rh_hex_encode(digest, sizeof digest, hex);
    cr_expect_arr_eq(hex, "a9993e364706816aba3e25717850c26c9cd0d89d", sizeof hex);
    static const char *const pairs[][2] = {
        {"f", "Zg=="},         {"fo", "Zm8="},         {"foo", "Zm9v"},     {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "+/8="}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        rh_base64_encode(rh_slice_from(pairs[i][0]), out);
        cr_expect_arr_eq(out, pairs[i][1], strlen(pairs[i][1]), "%s", pairs[i][0]);
    }
}
