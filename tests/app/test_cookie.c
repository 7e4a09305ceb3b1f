/* Cookies as browsers send them, as we set them, and signed ones. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rawhttp/cookie.h"

static char out[8192];

static const char *listed(const char *field)
{
    struct rh_slice rest = rh_slice_from(field);
    struct rh_slice name;
    struct rh_slice value;
    size_t len = 0;
    out[0] = '\0';
    while (rh_cookie_next(&rest, &name, &value)) {
        len += (size_t)snprintf(out + len, sizeof(out) - len, "[%.*s|%.*s]", (int)name.len,
                                name.base, (int)value.len, value.base);
    }
    return out;
}

Test(cookie, reads_what_browsers_send)
{
    cr_expect_str_eq(listed("a=1; b=2"), "[a|1][b|2]");
    cr_expect_str_eq(listed("a=\"1 2\"; b=x=y;c=;  d = e "), "[a|1 2][b|x=y][c|][d|e]");
    cr_expect_str_eq(listed("a=\"; b=\"\""), "[a|\"][b|]");
    cr_expect_str_eq(listed(""), "");
    cr_expect_str_eq(listed(";;;"), "");
}

Test(cookie, skips_what_is_none)
{
    cr_expect_str_eq(listed("novalue; =x; a b=1; a\x01=1; a=\x01; good=1; (x)=2"), "[good|1]");
}

Test(cookie, finds_the_first_of_a_name)
{
    struct rh_slice field = rh_slice_from("A=0; ab=1; a=2; a=3");
    cr_expect(rh_slice_is(rh_cookie_find(field, "a"), "2"));
    cr_expect_null(rh_cookie_find(field, "b").base);
    cr_expect_null(rh_cookie_find((struct rh_slice){NULL, 0}, "b").base);
}

Test(cookie, writes_every_attribute)
{
    struct rh_cookie cookie;
    rh_cookie_init(&cookie, "id", rh_slice_from("42"));
    cr_expect_eq(rh_cookie_format(&cookie, out, sizeof(out)), 37);
    cr_expect_str_eq(out, "id=42; Path=/; HttpOnly; SameSite=Lax");
    cookie.path = "/a b";
    cookie.domain = "a.example";
    cookie.max_age_s = 0;
    cookie.secure = true;
    cookie.http_only = false;
    cookie.same_site = RH_SAME_SITE_NONE;
    cr_expect_gt(rh_cookie_format(&cookie, out, sizeof(out)), 0);
    cr_expect_str_eq(out,
                     "id=42; Path=/a b; Domain=a.example; Max-Age=0; Secure; SameSite=None");
}

static void refused(struct rh_cookie cookie, int code)
{
    cr_expect_eq(rh_cookie_format(&cookie, out, sizeof(out)), code, "%s=%.*s", cookie.name,
                 (int)cookie.value.len, cookie.value.base);
}

Test(cookie, refuses_bytes_that_would_say_more)
{
    static const char *const values[] = {"a;b", "a b", "a,b", "a\"b", "a\\b", "a\r\nX: y", "\x7f",
                                         "\xc3\xa9"};
    struct rh_cookie cookie;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        rh_cookie_init(&cookie, "n", rh_slice_from(values[i]));
        refused(cookie, RH_EFIELD);
    }
    rh_cookie_init(&cookie, "a=b", rh_slice_from("1"));
    refused(cookie, RH_EFIELD);
    rh_cookie_init(&cookie, "", rh_slice_from("1"));
    refused(cookie, RH_EFIELD);
    rh_cookie_init(&cookie, "n", rh_slice_from("1"));
    cookie.path = "/;Domain=x";
    refused(cookie, RH_EFIELD);
    cookie.path = "relative";
    refused(cookie, RH_EFIELD);
    cookie.path = "/";
    cookie.domain = "a;b";
    refused(cookie, RH_EFIELD);
}

Test(cookie, refuses_promises_that_browsers_would_drop)
{
    struct rh_cookie cookie;
    rh_cookie_init(&cookie, "n", rh_slice_from("1"));
    cookie.same_site = RH_SAME_SITE_NONE;
    refused(cookie, RH_EFIELD);
    rh_cookie_init(&cookie, "__Secure-n", rh_slice_from("1"));
    refused(cookie, RH_EFIELD);
    rh_cookie_init(&cookie, "__Host-n", rh_slice_from("1"));
    cookie.secure = true;
    cr_expect_gt(rh_cookie_format(&cookie, out, sizeof(out)), 0);
    cookie.path = "/sub";
    refused(cookie, RH_EFIELD);
    cookie.path = "/";
    cookie.domain = "a.example";
    refused(cookie, RH_EFIELD);
}

Test(cookie, tells_when_there_is_no_room)
{
    struct rh_cookie cookie;
    rh_cookie_init(&cookie, "n", rh_slice_from("12345"));
    cr_expect_eq(rh_cookie_format(&cookie, out, 10), RH_ENOROOM);
    char big[4101];
    memset(big, 'a', sizeof(big));
    cookie.value = (struct rh_slice){big, 4090};
    cr_expect_eq(rh_cookie_format(&cookie, out, sizeof(out)), RH_ENOROOM);
}

static const struct rh_cookie_keys keys = {
    {{"0123456789abcdef0123456789abcdef", 32}, {"ABCDEF0123456789ABCDEF0123456789", 32}}, 2};
static const struct rh_cookie_keys old_key = {{{"ABCDEF0123456789ABCDEF0123456789", 32}}, 1};
static const struct rh_cookie_keys other_key = {{{"00000000000000000000000000000000", 32}}, 1};

static enum rh_cookie_check verified(const struct rh_cookie_keys *with, const char *name,
                                     struct rh_slice text, int64_t now_s)
{
    char value[64];
    size_t len = 0;
    enum rh_cookie_check check =
        rh_cookie_verify(with, name, text, now_s, value, sizeof(value), &len);
    if (check == RH_COOKIE_GOOD) {
        cr_expect(rh_slice_is((struct rh_slice){value, len}, "user=admin;\n"));
    }
    return check;
}

Test(cookie, signs_so_that_nobody_can_change_it)
{
    struct rh_slice value = rh_slice_from("user=admin;\n");
    ptrdiff_t len = rh_cookie_sign(&keys, "login", value, 1000, out, sizeof(out));
    cr_assert_gt(len, 0);
    cr_assert_leq((size_t)len, RH_COOKIE_SIGNED_BYTES(value.len));
    struct rh_slice text = {out, (size_t)len};
    struct rh_cookie cookie;
    char line[512];
    rh_cookie_init(&cookie, "login", text);
    cr_expect_gt(rh_cookie_format(&cookie, line, sizeof(line)), 0);
    cr_expect_eq(verified(&keys, "login", text, 999), RH_COOKIE_GOOD);
    cr_expect_eq(verified(&keys, "login", text, 1000), RH_COOKIE_EXPIRED);
    cr_expect_eq(verified(&keys, "other", text, 999), RH_COOKIE_FORGED);
    cr_expect_eq(verified(&other_key, "login", text, 999), RH_COOKIE_FORGED);
    for (size_t i = 0; i < text.len; i++) {
        char was = out[i];
        out[i] = was == 'A' ? 'B' : 'A';
        cr_expect_neq(verified(&keys, "login", text, 999), RH_COOKIE_GOOD, "byte %zu", i);
        out[i] = was;
    }
    for (size_t cut = 0; cut < text.len; cut++) {
        cr_expect_neq(verified(&keys, "login", (struct rh_slice){out, cut}, 1), RH_COOKIE_GOOD);
    }
}

Test(cookie, rotates_keys)
{
    struct rh_slice value = rh_slice_from("user=admin;\n");
    ptrdiff_t len = rh_cookie_sign(&old_key, "login", value, 1000, out, sizeof(out));
    cr_expect_eq(verified(&keys, "login", (struct rh_slice){out, (size_t)len}, 1), RH_COOKIE_GOOD);
    len = rh_cookie_sign(&keys, "login", value, 1000, out, sizeof(out));
    cr_expect_eq(verified(&old_key, "login", (struct rh_slice){out, (size_t)len}, 1),
                 RH_COOKIE_FORGED);
}

Test(cookie, takes_no_weak_key)
{
    static const struct rh_cookie_keys none = {{{NULL, 0}}, 0};
    static const struct rh_cookie_keys weak = {{{"short", 5}}, 1};
    struct rh_slice value = rh_slice_from("v");
    cr_expect_eq(rh_cookie_sign(&none, "n", value, 1, out, sizeof(out)), RH_ECONFIG);
    cr_expect_eq(rh_cookie_sign(&weak, "n", value, 1, out, sizeof(out)), RH_ECONFIG);
    cr_expect_eq(rh_cookie_sign(&keys, "n", value, 1, out, 10), RH_ENOROOM);
    cr_expect_eq(verified(&weak, "n", value, 1), RH_COOKIE_FAILED);
}
