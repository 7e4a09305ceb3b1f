#include <criterion/criterion.h>
#include <stdio.h>

#include "http/form.h"

/* All pairs, decoded, as "name=value;". */
static const char *pairs(const char *text)
{
    static char out[400];
    char *at = out;
    struct rh_slice rest = rh_slice_from(text);
    struct rh_slice name;
    struct rh_slice value;
    while (rh_form_next(&rest, &name, &value)) {
        ptrdiff_t n = rh_form_decode(name, at);
        at += n >= 0 ? n : sprintf(at, "!");
        *at++ = '=';
        n = rh_form_decode(value, at);
        at += n >= 0 ? n : sprintf(at, "!");
        *at++ = ';';
    }
    *at = '\0';
    return out;
}

Test(form, cuts_and_decodes)
{
    cr_expect_str_eq(pairs("a=b"), "a=b;");
    cr_expect_str_eq(pairs("a=b&c=d"), "a=b;c=d;");
    cr_expect_str_eq(pairs("a=1&a=2&a=3"), "a=1;a=2;a=3;");
    cr_expect_str_eq(pairs("q=two+words%21"), "q=two words!;");
    cr_expect_str_eq(pairs("%61%3D=%26"), "a==&;");
    cr_expect_str_eq(pairs("a=b=c"), "a=b=c;");
    cr_expect_str_eq(pairs("a%2bb=%2B"), "a+b=+;");
}

Test(form, empty_pieces_are_skipped_and_empty_parts_kept)
{
    cr_expect_str_eq(pairs(""), "");
    cr_expect_str_eq(pairs("&"), "");
    cr_expect_str_eq(pairs("&&a&&&b=&"), "a=;b=;");
    cr_expect_str_eq(pairs("="), "=;");
    cr_expect_str_eq(pairs("=x"), "=x;");
}

Test(form, malformed_percent_is_an_error)
{
    static const char *const texts[] = {"%",     "%4",   "%g1", "%1g", "a%",
                                        "abc%2", "%%41", "%-1", "% 1"};
    char out[16];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_expect_eq(rh_form_decode(rh_slice_from(texts[i]), out), -1, "%s", texts[i]);
    }
}

Test(form, a_lone_percent_in_a_query_means_itself)
{
    static const struct {
        const char *raw;
        const char *wanted;
    } cases[] = {{"%", "%"},     {"%4", "%4"},       {"%g1", "%g1"},        {"%1g", "%1g"},
                 {"5%", "5%"},   {"abc%2", "abc%2"}, {"%%41", "%A"},        {"%-1", "%-1"},
                 {"%+1", "% 1"}, {"100%25", "100%"}, {"a+%zz+b", "a %zz b"}};
    char out[16];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = rh_form_decode_query(rh_slice_from(cases[i].raw), out);
        out[len] = '\0';
        cr_expect_str_eq(out, cases[i].wanted, "%s", cases[i].raw);
    }
}

Test(form, decodes_every_byte_and_in_place)
{
    for (int c = 0; c < 256; c++) {
        char text[8];
        snprintf(text, sizeof text, "%%%02x", c);
        cr_assert_eq(rh_form_decode(rh_slice_from(text), text), 1);
        cr_assert_eq((unsigned char)text[0], c);
    }
}
