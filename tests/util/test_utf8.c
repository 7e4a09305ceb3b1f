/* UTF-8 against the table of well-formed sequences (RFC 3629 §4), and in pieces as in one. */
#include <criterion/criterion.h>
#include <string.h>

#include "util/utf8.h"

/* Encodes a code point, surrogates too; returns the length. */
static size_t encode(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = len; i > 1; i--) {
        out[i - 1] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (char)((0xf00u >> len & 0xff) | point);
    return len;
}

Test(utf8, knows_every_character)
{
    for (uint32_t point = 0; point < 0x120000; point++) {
        char bytes[8];
        uint32_t read = 0;
        size_t len = encode(point, bytes);
        bool valid = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        cr_assert_eq(rh_utf8_is_valid((struct rh_slice){bytes, len}), valid, "U+%04X", point);
        cr_assert_eq(rh_utf8_next(bytes, bytes + len, &read), valid ? len : 0, "U+%04X", point);
        cr_assert(!valid || read == point);
    }
}

/* All sequences of three bytes: a sequence is well-formed if it is what its characters encode to.
 */
Test(utf8, refuses_every_other_sequence)
{
    for (uint32_t all = 0; all < 1 << 24; all += all % 3 == 0 ? 1 : 2) {
        char bytes[8] = {(char)(all >> 16), (char)(all >> 8), (char)all};
        char again[4];
        const char *at = bytes;
        const char *end = bytes + 3;
        uint32_t point;
        size_t len;
        while (at < end && (len = rh_utf8_next(at, end, &point)) > 0) {
            cr_assert(encode(point, again) == len && memcmp(at, again, len) == 0);
            at += len;
        }
        cr_assert_eq(rh_utf8_is_valid((struct rh_slice){bytes, 3}), at == end, "%06x", all);
    }
}

Test(utf8, is_checked_in_pieces_as_in_one)
{
    static const char *const texts[] = {"plain text of more than eight bytes",
                                        "gr\xc3\xbc\xc3\x9f an alle",
                                        "\xe2\x98\x83 and \xf0\x9f\x98\x80",
                                        "broken \xc3(",
                                        "\xed\xa0\x80",
                                        "unfinished \xf0\x9f\x98"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t len = strlen(texts[i]);
        uint8_t whole = rh_utf8_scan(RH_UTF8_START, texts[i], len);
        for (size_t split = 0; split <= len; split++) {
            uint8_t state = rh_utf8_scan(RH_UTF8_START, texts[i], split);
            cr_expect_eq(rh_utf8_scan(state, texts[i] + split, len - split), whole);
        }
    }
}

Test(utf8, is_broken_at_the_first_byte_that_is_wrong)
{
    cr_expect_eq(rh_utf8_scan(RH_UTF8_START, "\xe0\x80", 2), RH_UTF8_BROKEN);
    cr_expect_eq(rh_utf8_scan(RH_UTF8_START, "\xf4\x90", 2), RH_UTF8_BROKEN);
    cr_expect_eq(rh_utf8_scan(RH_UTF8_START, "\xc0", 1), RH_UTF8_BROKEN);
    cr_expect_eq(rh_utf8_scan(RH_UTF8_BROKEN, "fine", 4), RH_UTF8_BROKEN);
}
