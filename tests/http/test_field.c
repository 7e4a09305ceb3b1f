#include <criterion/criterion.h>

#include "http/field.h"
#include "http/head.h"
#include "util/ascii.h"

static struct rh_slice text(const char *bytes)
{
    return rh_slice_from(bytes);
}

Test(field, knows_its_names_in_any_case)
{
    for (int id = 1; id < RH_FIELD_IDS; id++) {
        char name[64];
        struct rh_slice lower = rh_field_name((enum rh_field_id)id);
        cr_assert_lt(lower.len, sizeof name);
        for (size_t i = 0; i < lower.len; i++) {
            bool letter = rh_ascii_is_alpha(lower.base[i]);
            name[i] = letter ? (char)(lower.base[i] & ~0x20) : lower.base[i];
        }
        cr_expect_eq(rh_field_classify(lower), (enum rh_field_id)id, "%s", lower.base);
        cr_expect_eq(rh_field_classify((struct rh_slice){name, lower.len}), (enum rh_field_id)id,
                     "%s", lower.base);
    }
}

/* Each known name with any one byte changed into any other is no known name. */
Test(field, takes_no_other_name_for_a_known_one)
{
    for (int id = 1; id < RH_FIELD_IDS; id++) {
        char name[64];
        struct rh_slice lower = rh_field_name((enum rh_field_id)id);
        memcpy(name, lower.base, lower.len);
        for (size_t i = 0; i < lower.len; i++) {
            for (int c = 0; c < 256; c++) {
                if (rh_ascii_lower((char)c) == lower.base[i]) {
                    continue;
                }
                name[i] = (char)c;
                cr_expect_eq(rh_field_classify((struct rh_slice){name, lower.len}),
                             RH_FIELD_OTHER, "%s with %d at %zu", lower.base, c, i);
            }
            name[i] = lower.base[i];
        }
        cr_expect_eq(rh_field_classify((struct rh_slice){name, lower.len - 1}), RH_FIELD_OTHER);
    }
}

Test(field, first_ids_are_those_of_the_parser)
{
    cr_expect_eq(RH_FIELD_HOST, 1);
    cr_expect_eq(RH_FIELD_UPGRADE, 6);
}

Test(field, name_to_send_is_a_token)
{
    cr_expect(rh_field_name_is_valid(text("X-Name")));
    cr_expect(rh_field_name_is_valid(text("!#$%&'*+-.^_`|~09azAZ")));
    cr_expect_not(rh_field_name_is_valid(text("")));
    cr_expect_not(rh_field_name_is_valid(text("X Name")));
    cr_expect_not(rh_field_name_is_valid(text("X:")));
    cr_expect_not(rh_field_name_is_valid(text("X\r\nY")));
    cr_expect_not(rh_field_name_is_valid((struct rh_slice){"X\0Y", 3}));
    cr_expect_not(rh_field_name_is_valid(text("\xc3\xa9")));
}

Test(field, value_to_send_can_not_break_the_framing)
{
    cr_expect(rh_field_value_is_valid(text("")));
    cr_expect(rh_field_value_is_valid(text("a b\tc")));
    cr_expect(rh_field_value_is_valid(text("caf\xc3\xa9")));
    cr_expect_not(rh_field_value_is_valid(text(" a")));
    cr_expect_not(rh_field_value_is_valid(text("a\t")));
    cr_expect_not(rh_field_value_is_valid(text("a\r\nSet-Cookie: b")));
    cr_expect_not(rh_field_value_is_valid(text("a\nb")));
    cr_expect_not(rh_field_value_is_valid(text("a\rb")));
    cr_expect_not(rh_field_value_is_valid((struct rh_slice){"a\0b", 3}));
    cr_expect_not(rh_field_value_is_valid(text("a long value with a bell at its very end\a")));
}
