/* The template language: what is written, and what does not compile, with where and why. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rawhttp/template.h"

static char out[65536];

static struct rh_value *data_of(const char *json)
{
    struct rh_json_error error = {0, 0, ""};
    struct rh_value *data = rh_json_parse(rh_slice_from(json), NULL, &error);
    cr_assert_not_null(data, "%s: %s", json, error.text);
    return data;
}

static const char *rendered(struct rh_templates *set, const char *name, const char *json)
{
    size_t len = 0;
    struct rh_value *data = data_of(json);
    int err = rh_templates_render_to(set, name, data, out, sizeof(out) - 1, &len);
    rh_value_destroy(data);
    if (err != 0) {
        const char *error = rh_templates_error_of(set, name);
        snprintf(out, sizeof(out), "error %d: %s", err, error != NULL ? error : "");
        return out;
    }
    out[len] = '\0';
    return out;
}

/* A set of pairs of name and text, up to NULL. */
static struct rh_templates *set_of(const char *const *pairs)
{
    struct rh_templates *set = rh_templates_create(NULL, 0);
    for (; pairs[0] != NULL; pairs += 2) {
        cr_assert_eq(rh_templates_add(set, pairs[0], rh_slice_from(pairs[1])), 0);
    }
    rh_templates_compile(set); /* whether it did is for each test to see */
    return set;
}

#define SET(...) set_of((const char *const[]){__VA_ARGS__, NULL})

static void renders(const char *text, const char *json, const char *expected)
{
    struct rh_templates *set = SET("t", text);
    cr_expect_str_eq(rendered(set, "t", json), expected);
    rh_templates_destroy(set);
}

Test(template, writes_values_escaped)
{
    renders("Hi {{name}}!", "{\"name\":\"<b>&\\\"'`\"}", "Hi &lt;b&gt;&amp;&quot;&#39;&#96;!");
    renders("{{{name}}}{{&name}}", "{\"name\":\"<b>\"}", "<b><b>");
    renders("{{a.b}}{{c.d}}{{e}}", "{\"a\":{\"b\":1},\"c\":2}", "1");
    renders("{{b}} {{i}} {{d}} {{n}}{{l}}{{m}}",
            "{\"b\":true,\"i\":-3,\"d\":1.21,\"n\":null,\"l\":[1],\"m\":{}}", "true -3 1.21 ");
}

/* A page says that it is UTF-8; what a peer sent need not be. */
Test(template, writes_bytes_that_are_no_character_as_one)
{
    static const struct {
        const char *bytes;
        const char *wanted;
    } cases[] = {{"a\xff!", "a\xef\xbf\xbd!"},
                 {"\xc3", "\xef\xbf\xbd"},
                 {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
                 {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
                 {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x89", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x89"}};
    struct rh_templates *set =
        SET("html", "{{v}}", "raw", "<p>{{{v}}}</p>", "url", "<a href=\"/{{v}}\">x</a>");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = 0;
        char wanted[64];
        struct rh_value *data = rh_value_create();
        rh_value_set_text(data, "v", cases[i].bytes);
        cr_assert_eq(rh_templates_render_to(set, "html", data, out, sizeof(out) - 1, &len), 0);
        out[len] = '\0';
        cr_expect_str_eq(out, cases[i].wanted);
        snprintf(wanted, sizeof wanted, "<p>%s</p>", cases[i].wanted);
        cr_assert_eq(rh_templates_render_to(set, "raw", data, out, sizeof(out) - 1, &len), 0);
        out[len] = '\0';
        cr_expect_str_eq(out, wanted);
        cr_assert_eq(rh_templates_render_to(set, "url", data, out, sizeof(out) - 1, &len), 0);
        for (size_t k = 0; k < len; k++) {
            cr_assert_lt((unsigned char)out[k], 0x80);
        }
        rh_value_destroy(data);
    }
    rh_templates_destroy(set);
}

Test(template, repeats_skips_and_inverts_sections)
{
    renders("{{#l}}<{{.}}>{{/l}}{{^l}}none{{/l}}", "{\"l\":[1,2]}",
            "error -20018: t:1:8: a value as the name of a tag");
    renders("{{#l}}({{.}}){{/l}}{{^l}}none{{/l}}", "{\"l\":[1,2]}", "(1)(2)");
    renders("{{#l}}({{.}}){{/l}}{{^l}}none{{/l}}", "{\"l\":[]}", "none");
    renders("{{#a}}{{x}}{{y}}{{/a}}", "{\"x\":\"out\",\"a\":{\"y\":\"in\"}}", "outin");
    renders("{{#a}}1{{/a}}{{#b}}2{{/b}}{{#c}}3{{/c}}{{#d}}4{{/d}}",
            "{\"a\":\"\",\"b\":0,\"c\":\"0\",\"d\":{}}", "34");
}

Test(template, does_not_write_lines_of_lone_tags)
{
    renders("a\n  {{#x}}  \n{{.}}\n  {{/x}}\nb\n{{! no }}\nc", "{\"x\":[1,2]}", "a\n1\n2\nb\nc");
    renders("a\r\n{{#x}}\r\nb\r\n{{/x}}\r\nc", "{\"x\":true}", "a\r\nb\r\nc");
    renders("{{=<% %>=}}\n<%x%>{{x}}<%={{ }}=%>{{x}}", "{\"x\":1}", "1{{x}}1");
}

Test(template, indents_partials_that_stand_alone)
{
    struct rh_templates *set = SET("t", "list:\n  {{>item}}\nend {{>item}}", "item",
                                   "one\n{{x}}\n\n  {{>sub}}\n", "sub", "s1\ns2\n");
    cr_expect_str_eq(rendered(set, "t", "{\"x\":\"a\\nb\"}"),
                     "list:\n  one\n  a\nb\n  \n    s1\n    s2\nend one\na\nb\n\n  s1\n  s2\n");
    rh_templates_destroy(set);
}

Test(template, replaces_blocks_of_parents)
{
    struct rh_templates *set =
        SET("page", "{{<layout}}{{$title}}Mine {{n}}{{/title}}{{/layout}}", "layout",
            "<title>{{$title}}Default{{/title}}</title>\n<main>{{$body}}-{{/body}}</main>\n", "sub",
            "{{<page}}{{$title}}wins{{/title}}{{$body}}\n    b1\n    b2\n{{/body}}{{/page}}");
    cr_expect_str_eq(rendered(set, "page", "{\"n\":\"<1>\"}"),
                     "<title>Mine &lt;1&gt;</title>\n<main>-</main>\n");
    cr_expect_str_eq(rendered(set, "layout", "{}"), "<title>Default</title>\n<main>-</main>\n");
    cr_expect_str_eq(rendered(set, "sub", "{}"), "<title>wins</title>\n<main>b1\nb2\n</main>\n");
    rh_templates_destroy(set);
}

Test(template, escapes_a_block_for_where_its_parent_puts_it)
{
    struct rh_templates *set =
        SET("page", "{{<link}}{{$to}}{{u}}{{/to}}{{$text}}{{u}}{{/text}}{{/link}}", "link",
            "<a href=\"{{$to}}/{{/to}}\">{{$text}}here{{/text}}</a>", "bad",
            "{{<link}}{{$to}}\" onclick=\"{{u}}{{/to}}{{/link}}");
    cr_expect_str_eq(rendered(set, "page", "{\"u\":\"javascript:x()\"}"),
                     "<a href=\"about:invalid\">javascript:x()</a>");
    cr_expect_str_eq(rendered(set, "page", "{\"u\":\"/a?b=c&d\"}"),
                     "<a href=\"/a?b=c&amp;d\">/a?b=c&amp;d</a>");
    cr_expect(strstr(rendered(set, "bad", "{}"), "bad:1:28: a value in an event handler") != NULL,
              "%s", out);
    rh_templates_destroy(set);
}

Test(template, follows_a_partial_where_it_is_used)
{
    struct rh_templates *set = SET("t", "{{>v}}<p title=\"{{>v}}\"><a href='{{>v}}'>", "_v", "",
                                   "v", "{{x}}", "s", "<script>{{>v}}</script>");
    cr_expect_str_eq(rendered(set, "t", "{\"x\":\"data:x\"}"),
                     "data:x<p title=\"data:x\"><a href='about:invalid'>");
    cr_expect(strstr(rendered(set, "s", "{}"), "v:1:1: a bare value in a script") != NULL, "%s",
              out);
    rh_templates_destroy(set);
}

Test(template, renders_a_partial_that_contains_itself)
{
    struct rh_templates *set =
        SET("tree", "<li>{{n}}<ul>{{#kids}}{{>tree}}{{/kids}}</ul></li>", "loop", "x{{>loop}}");
    cr_expect_str_eq(rendered(set, "tree", "{\"n\":1,\"kids\":[{\"n\":2,\"kids\":[]}]}"),
                     "<li>1<ul><li>2<ul></ul></li></ul></li>");
    cr_expect_str_eq(rendered(set, "loop", "{}"), "error -20018: ");
    rh_templates_destroy(set);
}

Test(template, tells_what_is_not_well_formed)
{
    static const char *const cases[][2] = {
        {"a\nb {{#x}}", "t:2:3: `x` is never closed"},
        {"{{#x}}{{/y}}", "t:1:7: `y` is closed, but `x` is open"},
        {"{{/y}}", "t:1:1: `y` is closed, but `nothing` is open"},
        {"{{x", "t:1:1: a tag that does not end: `}}` is missing"},
        {"{{{x}}", "t:1:1: a tag that does not end: `}}}` is missing"},
        {"{{}}", "t:1:1: a tag needs a name"},
        {"{{a b}}", "t:1:1: white space in the name of a tag"},
        {"{{a..b}}", "t:1:1: an empty part in a dotted name"},
        {"{{=a=}}", "t:1:1: delimiters are two short runs"},
        {"{{", "t:1:1: a tag that does not end"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rh_templates *set = SET("t", cases[i][0]);
        const char *error = rh_templates_error(set);
        cr_expect(error != NULL && strncmp(error, cases[i][1], strlen(cases[i][1])) == 0, "%s: %s",
                  cases[i][0], error != NULL ? error : "compiled");
        rh_templates_destroy(set);
    }
}

Test(template, tells_the_whole_of_a_long_name_and_the_reason)
{
    char name[1000];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    struct rh_templates *set = SET(name, "{{}}");
    const char *error = rh_templates_error(set);
    cr_assert_not_null(error);
    cr_expect_eq(strncmp(error, name, strlen(name)), 0, "%s", error);
    cr_expect_str_eq(error + strlen(name), ":1:1: a tag needs a name of 1 to 200 bytes");
    rh_templates_destroy(set);
}

Test(template, keeps_the_good_when_one_is_bad)
{
    struct rh_templates *set =
        SET("bad", "<script>{{x}}</script>", "good", "{{x}}", "uses", "{{>bad}}");
    cr_expect_eq(rh_templates_compile(set), RH_ETEMPLATE);
    cr_expect_str_eq(rendered(set, "good", "{\"x\":1}"), "1");
    cr_expect_eq(strncmp(rendered(set, "uses", "{}"), "error -20018: bad:1:9", 21), 0, "%s", out);
    cr_expect_str_eq(rendered(set, "none", "{}"), "error -20019: ");
    cr_expect_eq(rh_templates_add(set, "late", rh_slice_from("")), RH_ESTATE);
    rh_templates_destroy(set);
}

Test(template, takes_missing_partials_as_it_is_told)
{
    struct rh_templates *set = SET("t", "a{{>none}}b");
    cr_expect_str_eq(rendered(set, "t", "{}"), "ab");
    rh_templates_destroy(set);
    set = rh_templates_create(NULL, RH_TEMPLATES_MISSING);
    rh_templates_add(set, "t", rh_slice_from("a{{>none}}b"));
    cr_expect_eq(rh_templates_compile(set), RH_ETEMPLATE);
    cr_expect_str_eq(rh_templates_error(set), "t:1:2: there is no template of this name");
    rh_templates_destroy(set);
}

Test(template, ends_what_would_run_away)
{
    struct rh_templates *set = SET("t", "{{#l}}{{#l}}{{#l}}..........{{/l}}{{/l}}{{/l}}");
    rh_templates_limit(set, 1000, 64, 1000000);
    cr_expect_str_eq(rendered(set, "t", "{\"l\":[1,2,3,4,5,6,7,8,9]}"), "error -20009: ");
    rh_templates_limit(set, 1000000, 64, 100);
    cr_expect_str_eq(rendered(set, "t", "{\"l\":[1,2,3,4,5,6,7,8,9]}"), "error -20009: ");
    rh_templates_limit(set, 7290, 64, 1000000);
    cr_expect_eq(strlen(rendered(set, "t", "{\"l\":[1,2,3,4,5,6,7,8,9]}")), 7290u);
    rh_templates_destroy(set);
}

static int stop_at_once(void *data, const char *bytes, size_t len)
{
    (void)bytes;
    *(size_t *)data += len;
    return 42;
}

Test(template, stops_when_the_sink_says_so)
{
    struct rh_templates *set = SET("t", "{{#l}}text{{/l}}");
    struct rh_value *data = data_of("{\"l\":[1,2]}");
    size_t len = 0;
    cr_expect_eq(rh_templates_render(set, "t", data, stop_at_once, &len), 42);
    cr_expect_eq(len, 8u);
    cr_expect_eq(rh_templates_render(set, "t", NULL, stop_at_once, &len), 0);
    rh_value_destroy(data);
    rh_templates_destroy(set);
}

Test(template, leaves_plain_text_alone)
{
    struct rh_templates *set = SET("t.txt", "<{{x}} {{json x}}>{{>p}}", "p.txt", "{{x}}");
    cr_expect_str_eq(rendered(set, "t", "{\"x\":\"<&\"}"), "<<& \"\\u003c\\u0026\"><&");
    rh_templates_destroy(set);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static void remove_folder(const char *dir)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}

Test(template, loads_a_folder_and_reloads_what_changed)
{
    char dir[] = "/tmp/rh-template-XXXXXX";
    char sub[64];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(sub, sizeof(sub), "%s/parts", dir);
    cr_assert_eq(mkdir(sub, 0700), 0);
    write_file(dir, "home.html", "Hi {{>parts/_name}}");
    write_file(sub, "_name.html", "{{name}}");
    write_file(dir, "ignored.c", "{{#");
    struct rh_templates *set = rh_templates_create(dir, RH_TEMPLATES_RELOAD);
    cr_assert_null(rh_templates_error(set), "%s", rh_templates_error(set));
    cr_expect_str_eq(rendered(set, "home", "{\"name\":\"A\"}"), "Hi A");
    cr_expect_str_eq(rendered(set, "parts/_name", "{}"), "error -20018: ");
    write_file(sub, "_name.html", "Dr {{name}}");
    cr_expect_str_eq(rendered(set, "home.html", "{\"name\":\"A\"}"), "Hi Dr A");
    write_file(dir, "home.html", "broken {{#x}}");
    cr_expect_str_eq(rendered(set, "home", "{\"name\":\"A\"}"), "Hi Dr A");
    cr_expect(strstr(rh_templates_error(set), "/home.html:1:8: `x` is never closed") != NULL);
    write_file(dir, "home.html", "whole again");
    cr_expect_str_eq(rendered(set, "home", "{}"), "whole again");
    cr_expect_null(rh_templates_error(set));
    rh_templates_destroy(set);
    set = rh_templates_create(dir, 0);
    cr_expect_eq(rh_templates_refresh(set), RH_ESTATE);
    rh_templates_destroy(set);
    set = rh_templates_create(dir, RH_TEMPLATES_REFRESH);
    cr_expect_eq(rh_templates_refresh(set), 0);
    write_file(dir, "home.html", "refreshed");
    cr_expect_str_eq(rendered(set, "home", "{}"), "whole again", "only when it is asked for");
    cr_expect_eq(rh_templates_refresh(set), 1);
    cr_expect_str_eq(rendered(set, "home", "{}"), "refreshed");
    write_file(dir, "home.html", "{{#x}}");
    cr_expect_eq(rh_templates_refresh(set), RH_ETEMPLATE);
    cr_expect_not_null(rh_templates_error(set));
    cr_expect_str_eq(rendered(set, "home", "{}"), "refreshed");
    rh_templates_destroy(set);
    remove_folder(dir);
    set = rh_templates_create("/nonexistent", 0);
    cr_expect_str_eq(rh_templates_error(set), "/nonexistent: No such file or directory");
    rh_templates_destroy(set);
}

/* Folders of 250 bytes within each other, so that the next name goes past `bytes` within the
 * outermost. */
static void make_deep(char *path, size_t room, const char *dir, size_t bytes)
{
    size_t len = (size_t)snprintf(path, room, "%s", dir);
    for (size_t deep = 0; deep + 251 < bytes; deep += 251) {
        cr_assert_lt(len + 252, room);
        path[len] = '/';
        memset(path + len + 1, 'd', 250);
        path[len += 251] = '\0';
        cr_assert_eq(mkdir(path, 0700), 0);
    }
}

Test(template, whose_name_is_too_long_is_refused_and_not_left_out)
{
    char dir[] = "/tmp/rh-template-XXXXXX";
    char deep[2048];
    char file[2304];
    cr_assert_not_null(mkdtemp(dir));
    write_file(dir, "home.html", "home");
    make_deep(deep, sizeof(deep), dir, 1024);
    struct rh_templates *set = rh_templates_create(dir, RH_TEMPLATES_RELOAD);
    cr_assert_null(rh_templates_error(set), "%s", rh_templates_error(set));

    snprintf(file, sizeof(file), "%s/a-name-of-more-than-nineteen-bytes.html", deep);
    FILE *stream = fopen(file, "w");
    cr_assert_not_null(stream);
    fclose(stream);
    cr_expect_str_eq(rendered(set, "home", "{}"), "home",
                     "a reload that fails keeps what was there");
    cr_assert_not_null(rh_templates_error(set), "a reload sees it");
    rh_templates_destroy(set);

    set = rh_templates_create(dir, 0);
    const char *error = rh_templates_error(set);
    cr_assert_not_null(error);
    cr_expect_eq(strncmp(error, file, strlen(file)), 0, "the whole path: %s", error);
    cr_expect_str_eq(error + strlen(file),
                     ": its name within the folder is longer than 1023 bytes");
    rh_templates_destroy(set);
    remove_folder(dir);
}
