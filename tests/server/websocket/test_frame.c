/* Frames of RFC 6455 §5, whole and split at every byte. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/websocket/frame.h"

static const char mask[4] = {0x37, (char)0xfa, 0x21, 0x3d};

struct input {
    char bytes[512];
    size_t len;
};

/* Adds a masked frame whose length is written in `length_bytes` (0, 2 or 8). */
static void add_frame(struct input *input, unsigned first, const char *payload, size_t len,
                      unsigned length_bytes)
{
    char *at = input->bytes + input->len;
    *at++ = (char)first;
    *at++ = (char)(0x80 | (length_bytes == 0 ? len : length_bytes == 2 ? 126 : 127));
    for (unsigned i = length_bytes; i > 0; i--) {
        *at++ = (char)(len >> 8 * (i - 1));
    }
    memcpy(at, mask, 4);
    at += 4;
    for (size_t i = 0; i < len; i++) {
        *at++ = (char)(payload[i] ^ mask[i & 3]);
    }
    input->len = (size_t)(at - input->bytes);
}

/* What came out, as text: "T(" first piece of a text, ")" its end, and so on. */
struct seen {
    char text[1024];
    size_t used;
    enum rh_ws_rule rule;
};

static void note(struct seen *seen, const struct rh_ws_piece *piece)
{
    static const char names[] = "CTB?????XPO";
    char *at = seen->text + strlen(seen->text);
    if (piece->is_first) {
        *at++ = names[piece->opcode];
        *at++ = '(';
    }
    if (piece->is_first && piece->is_compressed) {
        *at++ = '~';
    }
    memcpy(at, piece->bytes.base, piece->bytes.len);
    at += piece->bytes.len;
    if (piece->is_last) {
        *at++ = ')';
    }
    *at = '\0';
}

/* Feeds the input in two parts, the first `split` bytes long. */
static struct seen read_split(const struct input *input, size_t split, bool allows_compression)
{
    struct seen seen = {.text = ""};
    struct rh_ws_reader reader;
    size_t used = 0;
    rh_ws_reader_init(&reader, allows_compression);
    for (size_t given = split;; given = input->len) {
        for (;;) {
            size_t n;
            struct rh_ws_piece piece;
            size_t len = given - used;
            char *copy = malloc(len > 0 ? len : 1); /* of its own: one byte too far is seen */
            memcpy(copy, input->bytes + used, len);
            enum rh_ws_read result = rh_ws_reader_feed(&reader, copy, len, &n, &piece);
            used += n;
            if (result == RH_WS_DATA) {
                rh_ws_unmask(copy + (piece.bytes.base - copy), piece.bytes.base, piece.bytes.len,
                             piece.mask);
            }
            if (result == RH_WS_DATA || result == RH_WS_CONTROL) {
                note(&seen, &piece);
            }
            free(copy);
            if (result == RH_WS_REJECT) {
                seen.rule = (enum rh_ws_rule)reader.rule;
                return seen;
            }
            if (result == RH_WS_MORE) {
                break;
            }
        }
        if (given == input->len) {
            seen.used = used;
            return seen;
        }
    }
}

static void expect(const struct input *input, bool allows_compression, const char *text,
                   enum rh_ws_rule rule)
{
    for (size_t split = 0; split <= input->len; split++) {
        struct seen seen = read_split(input, split, allows_compression);
        cr_expect_str_eq(seen.text, text, "split at %zu: %s", split, seen.text);
        cr_expect(rule != RH_WS_RULE_NONE || seen.used == input->len);
        cr_expect_eq(seen.rule, rule, "split at %zu: %s", split, rh_ws_rule_info(seen.rule)->id);
    }
}

static void expect_first_bytes(unsigned first, unsigned second, bool compression,
                               enum rh_ws_rule rule)
{
    struct input input = {{(char)first, (char)second}, 2};
    struct seen seen = read_split(&input, 0, compression);
    cr_expect_eq(seen.rule, rule, "%02x %02x: %s", first, second, rh_ws_rule_info(seen.rule)->id);
}

Test(frame, reads_the_example_of_the_rfc)
{
    struct input input = {"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11}; /* §5.7 */
    expect(&input, false, "T(Hello)", RH_WS_RULE_NONE);
}

Test(frame, reads_messages_in_fragments_with_control_frames_between)
{
    struct input input = {.len = 0};
    add_frame(&input, 0x01, "Hel", 3, 0);
    add_frame(&input, 0x89, "ping", 4, 0);
    add_frame(&input, 0x00, "", 0, 0);
    add_frame(&input, 0x80, "lo", 2, 0);
    add_frame(&input, 0x82, "\x01\x02", 2, 0);
    add_frame(&input, 0x88, "\x03\xe8", 2, 0);
    expect(&input, false, "T(HelP(ping)lo)B(\x01\x02)X(\x03\xe8)", RH_WS_RULE_NONE);
}

Test(frame, reads_lengths_of_16_and_64_bits)
{
    char payload[130];
    char text[140] = "B(";
    struct input input = {.len = 0};
    memset(payload, 'a', sizeof payload);
    add_frame(&input, 0x82, payload, sizeof payload, 2);
    memset(text + 2, 'a', sizeof payload);
    text[2 + sizeof payload] = ')';
    expect(&input, false, text, RH_WS_RULE_NONE);

    struct rh_ws_reader reader;
    struct rh_ws_piece piece;
    size_t used;
    char head[15] = "\x82\xff\0\0\0\0\0\1\0\0\0\0\0\0x";
    rh_ws_reader_init(&reader, false);
    cr_assert_eq(rh_ws_reader_feed(&reader, head, sizeof head, &used, &piece), RH_WS_DATA);
    cr_expect_eq(used, sizeof head);
    cr_expect_eq(reader.left, 65535);
    cr_expect_not(piece.is_last);
}

Test(frame, refuses_lengths_that_are_not_the_shortest)
{
    struct input short16 = {"\x82\xfe\x00\x7d", 8};
    struct input short64 = {"\x82\xff\0\0\0\0\0\0\xff\xff", 14};
    struct input sign = {"\x82\xff\x80\0\0\0\0\0\0\1", 14};
    expect(&short16, false, "", RH_WS_RULE_LENGTH);
    expect(&short64, false, "", RH_WS_RULE_LENGTH);
    expect(&sign, false, "", RH_WS_RULE_LENGTH_SIGN);
}

/* All 65,536 pairs of first bytes, against the rules as §5.2 and §5.5 say them. */
Test(frame, judges_every_pair_of_first_bytes)
{
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            unsigned opcode = first & 15;
            bool known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
            bool control = opcode >= 8;
            enum rh_ws_rule rule = RH_WS_RULE_NONE;
            if (!known) {
                rule = RH_WS_RULE_OPCODE;
            } else if ((first & 0x70) != 0) {
                rule = RH_WS_RULE_RESERVED_BIT;
            } else if ((second & 0x80) == 0) {
                rule = RH_WS_RULE_UNMASKED;
            } else if (control && (first & 0x80) == 0) {
                rule = RH_WS_RULE_CONTROL_FRAGMENT;
            } else if (control && (second & 0x7f) > 125) {
                rule = RH_WS_RULE_CONTROL_LONG;
            } else if (opcode == 0) {
                rule = RH_WS_RULE_CONTINUATION;
            }
            expect_first_bytes(first, second, false, rule);
        }
    }
}

Test(frame, takes_rsv1_only_where_it_was_negotiated)
{
    struct input input = {.len = 0};
    expect_first_bytes(0xc1, 0x80, false, RH_WS_RULE_RESERVED_BIT);
    expect_first_bytes(0xc9, 0x80, true, RH_WS_RULE_RESERVED_BIT);
    expect_first_bytes(0xa1, 0x80, true, RH_WS_RULE_RESERVED_BIT);
    add_frame(&input, 0x41, "ab", 2, 0);
    add_frame(&input, 0x80, "cd", 2, 0);
    expect(&input, true, "T(~abcd)", RH_WS_RULE_NONE);
    add_frame(&input, 0x41, "ab", 2, 0);
    add_frame(&input, 0xc0, "cd", 2, 0); /* RFC 7692 §6.1: only the first frame has it */
    expect(&input, true, "T(~abcd)T(~ab", RH_WS_RULE_RESERVED_BIT);
}

Test(frame, keeps_the_order_of_fragments)
{
    struct input alone = {.len = 0};
    struct input inside = {.len = 0};
    add_frame(&alone, 0x81, "a", 1, 0);
    add_frame(&alone, 0x80, "b", 1, 0);
    expect(&alone, false, "T(a)", RH_WS_RULE_CONTINUATION);
    add_frame(&inside, 0x01, "a", 1, 0);
    add_frame(&inside, 0x82, "b", 1, 0);
    expect(&inside, false, "T(a", RH_WS_RULE_INTERLEAVED);
}

Test(frame, unmasks_every_length_in_place_and_apart)
{
    char bytes[64] = {0};
    char apart[64];
    uint32_t word;
    memcpy(&word, mask, sizeof word);
    for (size_t len = 0; len < 40; len++) {
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (char)((int)i ^ mask[i & 3]);
        }
        rh_ws_unmask(apart, bytes, len, word);
        rh_ws_unmask(bytes, bytes, len, word);
        for (size_t i = 0; i < len; i++) {
            cr_assert(bytes[i] == (char)i && apart[i] == (char)i, "%zu of %zu", i, len);
        }
    }
}

Test(frame, writes_the_shortest_head)
{
    static const struct {
        uint64_t payload;
        const char *head;
        size_t len;
    } cases[] = {{0, "\x81\x00", 2},
                 {125, "\x81\x7d", 2},
                 {126, "\x81\x7e\x00\x7e", 4},
                 {65535, "\x81\x7e\xff\xff", 4},
                 {65536, "\x81\x7f\0\0\0\0\0\1\0\0", 10}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[RH_WS_HEAD_BYTES_MAX];
        size_t len = rh_ws_write_head(out, RH_WS_TEXT, true, false, cases[i].payload);
        cr_assert_eq(len, cases[i].len);
        cr_expect_eq(len, rh_ws_head_bytes(cases[i].payload));
        cr_expect_arr_eq(out, cases[i].head, len);
    }
    char out[RH_WS_HEAD_BYTES_MAX];
    cr_assert_eq(rh_ws_write_head(out, RH_WS_CONTINUATION, false, false, 1), 2);
    cr_expect_eq(out[0], 0);
    rh_ws_write_head(out, RH_WS_BINARY, true, true, 1);
    cr_expect_eq(out[0], (char)0xc2);
}

/* RFC 6455 §7.4.1, §7.4.2 and the IANA registry. */
Test(rule, knows_the_close_codes_that_may_be_sent)
{
    for (unsigned code = 0; code <= 65535; code++) {
        bool valid = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                     (code >= 3000 && code <= 4999);
        cr_assert_eq(rh_ws_close_code_is_valid(code), valid, "%u", code);
    }
}

Test(rule, every_rule_has_a_code_a_text_that_fits_a_close_and_a_section)
{
    for (int rule = 1; rule < RH_WS_RULES; rule++) {
        const struct rh_ws_rule_info *info = rh_ws_rule_info((enum rh_ws_rule)rule);
        cr_expect(rh_ws_close_code_is_valid(info->code));
        cr_expect_leq(strlen(info->text), RH_WS_CONTROL_BYTES_MAX - 2);
        cr_expect(strncmp(info->section, "RFC ", 4) == 0);
    }
}
