#include <criterion/criterion.h>

#include "http/reference.h"

static const char *encoded(const char *text)
{
    static char out[400];
    out[rh_reference_encode(out, rh_slice_from(text))] = '\0';
    return out;
}

Test(reference, what_may_stand_in_a_uri_stays)
{
    static const char *const texts[] = {
        "",   "/",  "/a/b?c=d&e=f#g",       "https://example.com:8443/x", "//example.com/", "../up",
        "?q", "#f", "mailto:a@example.com", "/-._~:@!$&'()*+,;=",         "/%41%7e%20"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_expect_str_eq(encoded(texts[i]), texts[i]);
    }
}

Test(reference, what_a_browser_sends_raw_is_encoded)
{
    cr_expect_str_eq(encoded("/a[]{}|^\\`?b[]{}|^\\`"),
                     "/a%5B%5D%7B%7D%7C%5E%5C%60?b%5B%5D%7B%7D%7C%5E%5C%60");
    cr_expect_str_eq(encoded("/?ids[]=1"), "/?ids%5B%5D=1");
    cr_expect_str_eq(encoded("/a b\"<>\xc3\xa9"), "/a%20b%22%3C%3E%C3%A9");
}

Test(reference, a_lone_percent_is_encoded)
{
    cr_expect_str_eq(encoded("/?a=5%"), "/?a=5%25");
    cr_expect_str_eq(encoded("/?a=%4"), "/?a=%254");
    cr_expect_str_eq(encoded("/?a=%zz%41"), "/?a=%25zz%41");
    cr_expect_str_eq(encoded("%%41"), "%25%41");
}

Test(reference, brackets_stand_in_an_authority_only)
{
    cr_expect_str_eq(encoded("https://[::1]:8443/a[0]?b[1]"),
                     "https://[::1]:8443/a%5B0%5D?b%5B1%5D");
    cr_expect_str_eq(encoded("//[::1]?[x]"), "//[::1]?%5Bx%5D");
    cr_expect_str_eq(encoded("/x//[::1]/"), "/x//%5B::1%5D/");
    cr_expect_str_eq(encoded("https:[::1]"), "https:%5B::1%5D");
}

/* Browsers read a backslash as a slash: "/\host" would lead elsewhere. */
Test(reference, a_backslash_names_no_host)
{
    cr_expect_str_eq(encoded("/\\evil.example/"), "/%5Cevil.example/");
    cr_expect_str_eq(encoded("\\\\evil.example"), "%5C%5Cevil.example");
    cr_expect_str_eq(encoded("https://a\\[x]"), "https://a%5C%5Bx%5D");
}

Test(reference, control_bytes_are_left_to_be_refused)
{
    cr_expect_str_eq(encoded("/a\r\nb\x7f"), "/a\r\nb\x7f");
}
