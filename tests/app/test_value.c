/* Value trees and JSON text in and out. */
#include <criterion/criterion.h>
#include <locale.h>
#include <string.h>

#include "rawhttp/value.h"

static char out[4096];

static const char *json_of(const struct rh_value *value, unsigned flags)
{
    size_t len = rh_json_write_to(value, flags, out, sizeof(out) - 1);
    cr_assert_lt(len, sizeof(out));
    out[len] = '\0';
    return out;
}

static struct rh_value *parsed(const char *text)
{
    struct rh_json_error error = {0, 0, ""};
    struct rh_value *value = rh_json_parse(rh_slice_from(text), NULL, &error);
    cr_assert_not_null(value, "%s: %s", text, error.text);
    return value;
}

static void refused(const char *text, int line, int column, const char *reason)
{
    struct rh_json_error error = {0, 0, ""};
    struct rh_value *value = rh_json_parse(rh_slice_from(text), NULL, &error);
    cr_assert_null(value, "%s was accepted", text);
    cr_expect(strstr(error.text, reason) != NULL, "%s: %s", text, error.text);
    cr_expect(error.line == line && error.column == column, "%s: at %d:%d: %s", text, error.line,
              error.column, error.text);
}

Test(value, builds_a_tree_and_writes_it)
{
    struct rh_value *root = rh_value_create();
    rh_value_set_text(root, "name", "Ada");
    rh_value_set_int(root, "born", 1815);
    rh_value_set_double(root, "half", 0.5);
    rh_value_set_bool(root, "here", false);
    rh_value_set_null(root, "nothing");
    struct rh_value *list = rh_value_set_list(root, "list");
    rh_value_add_int(list, INT64_MIN);
    rh_value_add_text(rh_value_add_list(list), "deep");
    rh_value_set_text(rh_value_add_map(list), "k", "v");
    cr_assert(rh_value_is_whole(root));
    cr_expect_str_eq(json_of(root, 0),
                     "{\"name\":\"Ada\",\"born\":1815,\"half\":0.5,\"here\":false,\"nothing\":null,"
                     "\"list\":[-9223372036854775808,[\"deep\"],{\"k\":\"v\"}]}");
    rh_value_destroy(root);
}

Test(value, replaces_a_key_that_is_there)
{
    struct rh_value *root = rh_value_create();
    rh_value_set_text(root, "a", "old");
    rh_value_set_int(root, "b", 1);
    rh_value_set_list(root, "a");
    cr_expect_str_eq(json_of(root, 0), "{\"a\":[],\"b\":1}");
    cr_expect_eq(rh_value_count(root), 2u);
    rh_value_destroy(root);
}

Test(value, reads_through_what_is_not_there)
{
    struct rh_value *root = rh_value_create();
    const struct rh_value *missing = rh_value_get(rh_value_get(root, "a"), "b");
    cr_expect_null(missing);
    cr_expect_eq(rh_value_kind(missing), RH_VALUE_NULL);
    cr_expect_null(rh_value_text(missing).base);
    cr_expect_eq(rh_value_int(missing, 7), 7);
    cr_expect_null(rh_value_first(missing));
    rh_value_add_text(NULL, "into nothing");
    cr_expect_not(rh_value_is_whole(NULL));
    rh_value_destroy(root);
    rh_value_destroy(NULL);
}

Test(json, escapes_what_must_be)
{
    struct rh_value *root = rh_value_create_list();
    rh_value_add_bytes(root, (struct rh_slice){"\0\x1f\"\\\n\x7f", 6});
    rh_value_add_text(root, "</script>&'\xe2\x80\xa8");
    cr_expect_str_eq(json_of(root, 0), "[\"\\u0000\\u001f\\\"\\\\\\n\\u007f\","
                                       "\"</script>&'\xe2\x80\xa8\"]");
    cr_expect_str_eq(json_of(root, RH_JSON_HTML),
                     "[\"\\u0000\\u001f\\\"\\\\\\n\\u007f\","
                     "\"\\u003c/script\\u003e\\u0026\\u0027\\u2028\"]");
    rh_value_destroy(root);
}

Test(json, replaces_bytes_that_are_not_utf8)
{
    struct rh_value *root = rh_value_create_list();
    rh_value_add_text(root, "a\xc0\xaf" "b\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82");
    cr_expect_str_eq(json_of(root, 0), "[\"a\xef\xbf\xbd\xef\xbf\xbd"
                                       "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                       "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                       "\xef\xbf\xbd\xef\xbf\xbd\"]");
    rh_value_destroy(root);
}

Test(json, writes_numbers_that_read_back)
{
    struct rh_value *root = rh_value_create_list();
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where it exists: its decimal point is a comma */
    rh_value_add_double(root, 0.1);
    rh_value_add_double(root, 1.0 / 3.0);
    rh_value_add_double(root, 1e300);
    rh_value_add_double(root, -0.0);
    rh_value_add_double(root, 1.0 / (double)(rh_value_count(NULL))); /* infinite */
    cr_expect_str_eq(json_of(root, 0), "[0.1,0.3333333333333333,1e+300,-0,null]");
    rh_value_destroy(root);
}

Test(json, is_cut_but_measured_in_a_small_buffer)
{
    struct rh_value *root = rh_value_create_list();
    rh_value_add_text(root, "twelve bytes");
    char small[4];
    cr_expect_eq(rh_json_write_to(root, 0, small, sizeof(small)), 16u);
    cr_expect(memcmp(small, "[\"tw", 4) == 0);
    rh_value_destroy(root);
}

Test(json, reads_every_kind)
{
    static const char text[] = "{\"a\":[1,-2.5,true,false,null,\"x\\u00e9\\ud83d\\ude00\"],\"b\":{}}";
    struct rh_value *root = parsed(text);
    cr_expect_str_eq(json_of(root, 0),
                     "{\"a\":[1,-2.5,true,false,null,\"x\xc3\xa9\xf0\x9f\x98\x80\"],\"b\":{}}");
    rh_value_destroy(root);
    root = parsed(" \"text\" ");
    cr_expect_eq(rh_value_kind(root), RH_VALUE_STRING);
    rh_value_destroy(root);
}

Test(json, tells_where_text_is_broken)
{
    refused("{\"a\":1,}", 1, 8, "string or '}' expected");
    refused("{\n \"a\": x}", 2, 7, "invalid token");
    refused("", 1, 1, "empty");
    refused("[1,2] 3", 1, 7, "end of file expected");
    refused("{\"a\":1,\"a\":2}", 1, 10, "duplicate");
    refused("[01]", 1, 2, "");
    refused("[\"\\u0000\"]", 1, 9, "\\u0000");
    refused("[\"\xff\"]", 1, 2, "unable to decode");
    refused("[1", 1, 2, "");
    refused("// no\n1", 1, 1, "");
    refused("[NaN]", 1, 4, "");
}

Test(json, holds_its_limits)
{
    struct rh_json_limits limits;
    struct rh_json_error error;
    rh_json_limits_init(&limits);
    limits.depth_max = 2;
    limits.values_max = 4;
    limits.members_max = 2;
    limits.text_bytes_max = 30;
    cr_expect_null(rh_json_parse(rh_slice_from("[[\n[1]]]"), &limits, &error));
    cr_expect(error.line == 2 && error.column == 1);
    cr_expect_null(rh_json_parse(rh_slice_from("[1,2,3,4,5]"), &limits, &error));
    cr_expect_str_eq(error.text, "too many values");
    cr_expect_null(rh_json_parse(rh_slice_from("{\"a\":1,\"b\":2,\"c\":3}"), &limits, &error));
    cr_expect_str_eq(error.text, "too many members in a map");
    cr_expect_null(
        rh_json_parse(rh_slice_from("\"0123456789012345678901234567890\""), &limits, &error));
    cr_expect_str_eq(error.text, "text too long");
    struct rh_value *root = rh_json_parse(rh_slice_from("[[\"],[\"]]"), &limits, &error);
    cr_expect_not_null(root, "brackets in a string do not nest");
    rh_value_destroy(root);
}
