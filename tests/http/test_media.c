#include <criterion/criterion.h>

#include "http/media.h"

static bool parse(const char *text, struct rh_media *media)
{
    return rh_media_parse(rh_slice_from(text), media);
}

/* The value of a parameter, or NULL. */
static const char *parameter(const char *text, const char *name)
{
    static char out[80];
    struct rh_media media;
    cr_assert(parse(text, &media), "%s", text);
    ptrdiff_t n = rh_media_parameter(&media, name, out, sizeof out - 1);
    if (n < 0) {
        return NULL;
    }
    out[n] = '\0';
    return out;
}

Test(media, takes_types_apart)
{
    struct rh_media media;
    cr_assert(parse("text/html", &media));
    cr_expect(rh_slice_is(media.type, "text"));
    cr_expect(rh_slice_is(media.subtype, "html"));
    cr_expect_eq(media.parameters.len, 0);
    cr_assert(parse(" Application/JSON ; charset=utf-8 ", &media));
    cr_expect(rh_media_is(&media, "application/json"));
    cr_expect_not(rh_media_is(&media, "application/jso"));
    cr_expect_not(rh_media_is(&media, "application/json2"));
    cr_expect_not(rh_media_is(&media, "text/json"));
    cr_assert(parse("application/vnd.api+json", &media));
    cr_expect(rh_media_is(&media, "application/vnd.api+json"));
}

Test(media, reads_parameters)
{
    cr_expect_str_eq(parameter("text/html;charset=utf-8", "charset"), "utf-8");
    cr_expect_str_eq(parameter("text/html; Charset=\"utf-8\"", "charset"), "utf-8");
    cr_expect_str_eq(parameter("multipart/form-data; boundary=\"a b;\\\"c\"", "boundary"), "a b;\"c");
    cr_expect_str_eq(parameter("a/b ; x=1 ; boundary=----x--1 ", "boundary"), "----x--1");
    cr_expect_str_eq(parameter("a/b;; x=\"\";", "x"), "");
    cr_expect_null(parameter("a/b; x=1", "y"));
    cr_expect_null(parameter("a/b; xy=1", "x"));
    cr_expect_null(parameter("a/b; x=1; X=1", "x"), "given twice");
}

Test(media, parameter_longer_than_the_room_is_refused)
{
    struct rh_media media;
    char out[4];
    cr_assert(parse("a/b; x=12345; y=1234", &media));
    cr_expect_eq(rh_media_parameter(&media, "x", out, 4), -1);
    cr_expect_eq(rh_media_parameter(&media, "y", out, 4), 4);
}

Test(media, refuses_what_is_malformed)
{
    static const char *const texts[] = {
        "", "text", "text/", "/html", "text html", "text/html charset=x", "text /html",
        "text/html;charset", "text/html;charset=", "text/html;=x", "text/html;charset =x",
        "text/html;charset= x", "text/html;a=\"x", "text/html;a=\"x\"y", "text/html;a=\"\\",
        "text/html,text/plain", "te(xt/html", "text/html;a=b/c", "*", "text/html;a=\"\x01\""};
    struct rh_media media;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_expect_not(parse(texts[i], &media), "%s", texts[i]);
    }
}

static const char *choose(const char *accept)
{
    static const char *const offers[] = {"text/html", "application/json", "text/plain"};
    ptrdiff_t i = rh_media_choose(rh_slice_from(accept), offers, 3);
    return i < 0 ? "none" : offers[i];
}

Test(media, chooses_what_the_client_likes_most)
{
    cr_expect_str_eq(choose(""), "text/html");
    cr_expect_str_eq(choose("*/*"), "text/html");
    cr_expect_str_eq(choose("application/json"), "application/json");
    cr_expect_str_eq(choose("text/*"), "text/html");
    cr_expect_str_eq(choose("text/*;q=0.5, application/json"), "application/json");
    cr_expect_str_eq(choose("text/html;q=0.1, text/plain;q=0.2"), "text/plain");
    cr_expect_str_eq(choose("text/html;q=0.5, application/json;q=0.5"), "text/html");
    cr_expect_str_eq(choose("TEXT/PLAIN"), "text/plain");
    cr_expect_str_eq(choose("image/png, */*;q=0.1"), "text/html");
}

Test(media, specific_range_speaks_before_a_wide_one)
{
    cr_expect_str_eq(choose("text/html;q=0, */*"), "application/json");
    cr_expect_str_eq(choose("*/*, text/*;q=0.1"), "application/json");
    cr_expect_str_eq(choose("text/*;q=0, text/plain"), "text/plain");
    cr_expect_str_eq(choose("image/png"), "none");
    cr_expect_str_eq(choose("*/*;q=0"), "none");
    cr_expect_str_eq(choose("text/html;q=0.000"), "none");
}

Test(media, malformed_element_is_skipped)
{
    cr_expect_str_eq(choose("text/html;q=2, text/plain;q=0.1"), "text/plain");
    cr_expect_str_eq(choose("text/html;q=0.1234, text/plain;q=0.1"), "text/plain");
    cr_expect_str_eq(choose("text/html;q=-1, text/plain;q=.5, application/json"), "application/json");
    cr_expect_str_eq(choose(", , text/plain"), "text/plain");
    cr_expect_str_eq(choose("garbage"), "none");
    cr_expect_str_eq(choose("text/html;level=1, text/plain;q=0.3"), "text/plain");
}

Test(accept, gives_each_name_its_quality)
{
    struct rh_slice list = rh_slice_from("gzip, br;q=0.8, deflate;q=0, *;q=0.1");
    cr_expect_eq(rh_accept_quality(list, "gzip", 7), 1000);
    cr_expect_eq(rh_accept_quality(list, "br", 7), 800);
    cr_expect_eq(rh_accept_quality(list, "deflate", 7), 0);
    cr_expect_eq(rh_accept_quality(list, "zstd", 7), 100);
    cr_expect_eq(rh_accept_quality(rh_slice_from("gzip"), "br", 7), 7);
    cr_expect_eq(rh_accept_quality(rh_slice_from(""), "br", 7), 7);
    cr_expect_eq(rh_accept_quality(rh_slice_from("*, GZIP;q=0.25"), "gzip", 7), 250);
    cr_expect_eq(rh_accept_quality(rh_slice_from("gzip;q=1.001"), "gzip", 7), 7);
}
