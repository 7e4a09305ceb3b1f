#include <criterion/criterion.h>
#include <string.h>

#include "util/ascii.h"
#include "util/list.h"

static struct rh_slice of(const char *text)
{
    return rh_slice_from(text);
}

Test(ascii, compares_without_case)
{
    cr_expect(rh_ascii_equal(of("Content-Type"), of("cONTENT-tYPE")));
    cr_expect_not(rh_ascii_equal(of("a"), of("ab")));
    cr_expect_not(rh_ascii_equal(of("@"), of("`")), "only letters have case");
    cr_expect_not(rh_ascii_equal(of("["), of("{")));
    cr_expect(rh_ascii_is(of("CLOSE"), "close"));
    cr_expect_not(rh_ascii_is(of("clos"), "close"));
    cr_expect_not(rh_ascii_is(of("closed"), "close"));
}

Test(ascii, reads_numbers_without_overflow)
{
    uint64_t value = 7;
    cr_expect(rh_ascii_to_u64(of("18446744073709551615"), &value));
    cr_expect_eq(value, UINT64_MAX);
    cr_expect(rh_ascii_to_u64(of("00000000000000000042"), &value));
    cr_expect_eq(value, 42);
    value = 7;
    static const char *const wrong[] = {"",   "18446744073709551616", "99999999999999999999", "1a", "-1", "+1",
                                        " 1", "000000000000000000001"};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_not(rh_ascii_to_u64(of(wrong[i]), &value), "%s", wrong[i]);
    }
    cr_expect_eq(value, 7, "outputs stay untouched");
}

Test(ascii, writes_what_it_reads)
{
    static const uint64_t values[] = {0, 9, 10, 99, 100, 12345, 4294967296, UINT64_MAX};
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[20];
        uint64_t back;
        size_t len = rh_ascii_from_u64(text, values[i]);
        cr_expect(rh_ascii_to_u64((struct rh_slice){text, len}, &back));
        cr_expect_eq(back, values[i]);
    }
}

Test(ascii, reads_hexadecimal_digits)
{
    for (int c = 0; c < 256; c++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *at = c != 0 ? strchr(digits, c) : NULL;
        cr_expect_eq(rh_ascii_hex((char)c), at != NULL ? (int)(at - digits) % 16 : -1, "%d", c);
    }
}

Test(ascii, trims_spaces_and_tabs_only)
{
    cr_expect(rh_slice_is(rh_ascii_trim(of(" \t a b\t ")), "a b"));
    cr_expect(rh_slice_is(rh_ascii_trim(of("\r\na")), "\r\na"));
    cr_expect_eq(rh_ascii_trim(of(" \t")).len, 0);
}

Test(ascii, walks_lists)
{
    struct rh_slice list = of(" a , ,\"b, c\" ;q=1,d,");
    struct rh_slice element;
    static const char *const elements[] = {"a", "\"b, c\" ;q=1", "d"};
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(rh_ascii_list_next(&list, &element));
        cr_expect(rh_slice_is(element, elements[i]), "%.*s", (int)element.len, element.base);
    }
    cr_expect_not(rh_ascii_list_next(&list, &element));
}

Test(list, keeps_order_and_lets_go)
{
    struct rh_link head;
    struct rh_link links[3];
    rh_list_init(&head);
    cr_expect(rh_list_is_empty(&head));
    for (unsigned i = 0; i < 3; i++) {
        rh_list_push_back(&head, &links[i]);
    }
    cr_expect_eq(head.next, &links[0]);
    cr_expect_eq(head.prev, &links[2]);
    rh_list_remove(&links[1]);
    rh_list_remove(&links[1]); /* a link that stands alone may be removed again */
    cr_expect_eq(links[0].next, &links[2]);
    rh_list_remove(&links[0]);
    rh_list_remove(&links[2]);
    cr_expect(rh_list_is_empty(&head));
}
