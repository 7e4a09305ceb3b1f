/* Bounded text and its escapes. */
#include <criterion/criterion.h>
#include <string.h>

#include "program/kit/text.h"

static char buffer[256];

static const char *json(const char *bytes)
{
    struct text text = {buffer, 0, sizeof buffer - 1};
    text_add_json(&text, rh_slice_from(bytes));
    buffer[text.used] = '\0';
    return buffer;
}

Test(text, never_writes_past_its_size)
{
    char small[8] = "aaaaaaa";
    struct text text = {small, 0, 4};
    text_puts(&text, "123456");
    text_printf(&text, "%d", 7);
    cr_assert_eq(text.used, 4);
    cr_assert_eq(memcmp(small, "1234aaa", 8), 0);
}

Test(text, json_escapes_what_a_string_can_not_hold)
{
    cr_assert_str_eq(json("a\"\\\n\x7f"), "a\\\"\\\\\\u000a\\u007f");
    cr_assert_str_eq(json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
                     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

Test(text, json_replaces_bytes_that_are_not_utf8)
{
    cr_assert_str_eq(json("\xff"), "\\ufffd");
    cr_assert_str_eq(json("\xc0\xaf"), "\\ufffd\\ufffd", "overlong");
    cr_assert_str_eq(json("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd", "a surrogate");
    cr_assert_str_eq(json("\xe2\x82"), "\\ufffd\\ufffd", "cut short");
    cr_assert_str_eq(json("\xf4\x90\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd", "past U+10FFFF");
}

Test(text, escaped_text_is_printable_and_bounded)
{
    struct text text = {buffer, 0, sizeof buffer - 1};
    text_add_escaped(&text, rh_slice_from("ab\tcd"), 4);
    buffer[text.used] = '\0';
    cr_assert_str_eq(buffer, "ab\\x09c...");
    text.used = 0;
    text_add_escaped(&text, (struct rh_slice){NULL, 0}, 4);
    cr_assert_eq(text.used, 1);
}
