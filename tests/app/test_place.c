/* Escaping by place: what hostile values become where they may stand, and where they may not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "app/xss_corpus.h"
#include "rawhttp/template.h"

static char out[65536];

/* Renders `text` with x = `value`, or gives the error. */
static const char *rendered(const char *text, const char *value)
{
    size_t len = 0;
    struct rh_templates *set = rh_templates_create(NULL, 0);
    struct rh_value *data = rh_value_create();
    rh_value_set_text(data, "x", value);
    rh_templates_add(set, "t", rh_slice_from(text));
    rh_templates_compile(set);
    if (rh_templates_render_to(set, "t", data, out, sizeof(out) - 1, &len) == 0) {
        out[len] = '\0';
    } else {
        snprintf(out, sizeof(out), "%s", rh_templates_error(set));
    }
    rh_value_destroy(data);
    rh_templates_destroy(set);
    return out;
}

/* In every place, whatever the value: none of the bytes that would end the place may come through.
 * The template is `before` + value + `after`. */
static void contains_none(const char *before, const char *after, const char *forbidden)
{
    char text[512];
    snprintf(text, sizeof(text), "%s{{x}}%s", before, after);
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        const char *result = rendered(text, hostile[i]);
        size_t len = strlen(result);
        size_t before_len = strlen(before);
        size_t after_len = strlen(after);
        cr_assert(len >= before_len + after_len && strncmp(result, before, before_len) == 0 &&
                      strcmp(result + len - after_len, after) == 0,
                  "%s: %s", text, result);
        for (size_t k = before_len; k < len - after_len; k++) {
            cr_expect(strchr(forbidden, result[k]) == NULL, "%s with %s: %s", text, hostile[i],
                      result);
        }
    }
}

Test(place, keeps_hostile_values_in_text)
{
    contains_none("<p>", "</p>", "<>\"'`");
    contains_none("<title>", "</title>", "<>\"'`");
    contains_none("<textarea>", "</textarea>", "<>\"'`");
    contains_none("<svg><text>", "</text></svg>", "<>\"'`");
}

Test(place, keeps_hostile_values_in_quoted_attributes)
{
    contains_none("<p title=\"", "\">", "<>\"'`");
    contains_none("<p title='", "'>", "<>\"'`");
    contains_none("<p data-x = \"a ", " b\" class='c'>", "<>\"'`");
}

Test(place, takes_a_value_wherever_one_can_be_safe)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        for (size_t k = 0; k < sizeof(hostile) / sizeof(hostile[0]); k++) {
            const char *result = rendered(places[i], hostile[k]);
            cr_expect(strncmp(result, "t:1:", 4) != 0, "%s: %s", places[i], result);
            cr_expect(strstr(result, "onerror=alert") == NULL || strstr(result, "<img src=x") == NULL,
                      "%s", result);
        }
    }
}

/* True for what a browser would resolve against the page, or a scheme that we allow. */
static bool is_harmless_url(const char *url)
{
    static const char *const starts[] = {"http:", "https:", "mailto:", "about:invalid"};
    for (size_t i = 0; i < 4; i++) {
        if (strncmp(url, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return strcspn(url, ":") >= strcspn(url, "/?#\"");
}

Test(place, keeps_hostile_values_in_urls)
{
    static const char *const befores[] = {
        "<a href=\"",          "<img src=\"",        "<form action=\"",
        "<button formaction=\"", "<video poster=\"",   "<img srcset=\"",
        "<a data-href=\"",     "<svg><a xlink:href=\"", "<iframe src=\"",
        "<blockquote cite=\"", "<a href=\"page",      "<a href=\"/p/",
        "<a href=\"?q=",       "<a href=\"https://example.org/",
    };
    for (size_t i = 0; i < sizeof(befores) / sizeof(befores[0]); i++) {
        bool is_iframe = strstr(befores[i], "iframe") != NULL;
        contains_none(befores[i], is_iframe ? "\"></iframe>" : "\">", "<>\"'` \t\n\x01");
        for (size_t k = 0; k < sizeof(hostile) / sizeof(hostile[0]); k++) {
            char text[256];
            snprintf(text, sizeof(text), "%s{{x}}\">%s", befores[i], is_iframe ? "</iframe>" : "");
            const char *url = strchr(rendered(text, hostile[k]), '"') + 1;
            cr_expect(is_harmless_url(url), "%s: %s", hostile[k], out);
        }
    }
}

Test(place, leaves_honest_urls_whole)
{
    static const char *const cases[][3] = {
        {"<a href=\"{{x}}\">", "https://a.example/p?q=1&r=[2]#f",
         "<a href=\"https://a.example/p?q=1&amp;r=[2]#f\">"},
        {"<a href='{{x}}'>", "mailto:me@a.example", "<a href='mailto:me@a.example'>"},
        {"<a href=\"{{x}}\">", "/a b/\xc3\xa9", "<a href=\"/a%20b/%C3%A9\">"},
        {"<a href=\"{{x}}\">", "a/b:c", "<a href=\"a/b:c\">"},
        {"<a href=\"{{x}}\">", "a:b", "<a href=\"about:invalid\">"},
        {"<a href=\"/u/{{x}}\">", "a/b?c#d:e%", "<a href=\"/u/a/b%3Fc%23d%3Ae%25\">"},
        {"<a href=\"/u?n={{x}}&amp;m=1\">", "a&b=c/d", "<a href=\"/u?n=a%26b%3Dc%2Fd&amp;m=1\">"},
        {"<a href=\"{{x}}{{x}}\">", "a:b", "<a href=\"about:invalida%3Ab\">"},
        {"<img srcset=\"{{x}} 1x, {{x}} 2x\">", "/a,b c.png",
         "<img srcset=\"/a%2Cb%20c.png 1x, /a%2Cb%20c.png 2x\">"},
        {"<script src=\"/app.js?v={{x}}\"></script>", "1&2", "<script src=\"/app.js?v=1%262\"></script>"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_str_eq(rendered(cases[i][0], cases[i][1]), cases[i][2]);
    }
}

Test(place, writes_json_where_a_script_takes_it)
{
    static const char *const cases[][2] = {
        {"<script>var a = {{json x}};</script>",
         "<script>var a = \"\\u003c/script\\u003e\\u0026\\u0027\\\"\";</script>"},
        {"<script type=module>f({{json x}}, '\\'', \"/\", {{json x}})</script>",
         "<script type=module>f(\"\\u003c/script\\u003e\\u0026\\u0027\\\"\", '\\'', \"/\", "
         "\"\\u003c/script\\u003e\\u0026\\u0027\\\"\")</script>"},
        {"<script type=\"application/json\">{{x}}</script>",
         "<script type=\"application/json\">\"\\u003c/script\\u003e\\u0026\\u0027\\\"\"</script>"},
        {"<script type='Application/LD+JSON'>{\"a\":{{x}}}</script>",
         "<script type='Application/LD+JSON'>{\"a\":\"\\u003c/script\\u003e\\u0026\\u0027\\\"\"}"
         "</script>"},
        {"<p data-x=\"{{json x}}\">",
         "<p data-x=\"&quot;&lt;/script&gt;&amp;&#39;\\&quot;&quot;\">"},
        {"<script>// it's\nf({{json none}})/* \" */</script>",
         "<script>// it's\nf( null )/* \" */</script>"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_str_eq(rendered(cases[i][0], "</script>&'\""), cases[i][1]);
    }
}

static void refuses(const char *text, int column, const char *reason)
{
    char start[32];
    const char *result = rendered(text, "v");
    snprintf(start, sizeof(start), "t:1:%d: ", column);
    cr_expect(strncmp(result, start, strlen(start)) == 0 && strstr(result, reason) != NULL,
              "%s: %s", text, result);
}

Test(place, refuses_values_that_no_escape_makes_safe)
{
    refuses("<script>{{x}}</script>", 9, "a bare value in a script");
    refuses("<script>var a = \"{{x}}\"</script>", 18, "a bare value in a script");
    refuses("<script>{{{x}}}</script>", 9, "a raw value in a script");
    refuses("<SCRIPT>{{x}}</SCRIPT>", 9, "a bare value in a script");
    refuses("<script>var a = \"{{json x}}\"</script>", 18, "inside a string");
    refuses("<script>var a = '\\'{{json x}}'</script>", 20, "inside a string");
    refuses("<script>// {{json x}}\n</script>", 12, "inside a string or comment");
    refuses("<script>/* {{json x}} */</script>", 12, "inside a string or comment");
    refuses("<script>a = /\"/; b = {{json x}}</script>", 22, "may be a regular expression");
    refuses("<script>a = `${{{json x}}}`</script>", 15, "");
    refuses("<script>a = `b {{json x}}`</script>", 16, "template literal");
    refuses("<script><!-- </script>", 12, "`<!--` inside a script");
    refuses("<script type=\"text/x-template\">{{x}}</script>", 32, "a script of this type");
    refuses("<script type=importmap>{{x}}</script>", 24, "a script of this type");
    refuses("<script type=\"{{x}}\"></script>", 15, "changes what others mean");
    refuses("<script type=\"application/json\">\"{{x}}\"</script>", 34, "inside a string");
    refuses("<style>a{color:{{x}}}</style>", 16, "in a style");
    refuses("<p style=\"color:{{x}}\">", 17, "a style attribute");
    refuses("<p onclick=\"f({{x}})\">", 15, "event handler");
    refuses("<p ONCLICK='{{json x}}'>", 13, "event handler");
    refuses("<p @click=\"{{x}}\">", 12, "event handler");
    refuses("<p v-html=\"{{x}}\">", 12, "event handler");
    refuses("<iframe srcdoc=\"{{x}}\"></iframe>", 17, "srcdoc");
    refuses("<iframe>{{x}}</iframe>", 9, "iframe");
    refuses("<p title={{x}}>", 10, "without quotes");
    refuses("<p title= a{{x}}>", 12, "without quotes");
    refuses("<p {{x}}>", 4, "name of an attribute");
    refuses("<p {{x}}=\"1\">", 4, "name of an attribute");
    refuses("<p data-{{x}}=\"1\">", 9, "name of an attribute");
    refuses("<{{x}}>", 2, "name of a tag");
    refuses("</{{x}}>", 3, "name of a tag");
    refuses("<h{{x}}>", 3, "name of a tag");
    refuses("<!-- {{x}} -->", 6, "comment");
    refuses("<!doctype {{x}}>", 11, "comment or doctype");
    refuses("<p title=\"{{{x}}}\">", 11, "raw value in an attribute");
    refuses("<title>{{{x}}}</title>", 8, "raw value in a title");
    refuses("<title></tit{{x}}</title>", 13, "may become an end tag");
}

Test(place, refuses_urls_that_load_or_run)
{
    refuses("<a href=\"javascript:{{x}}\">", 21, "scheme is not http");
    refuses("<a href=\" javascript:{{x}}\">", 22, "scheme is not http");
    refuses("<a href=\"&#106;avascript:{{x}}\">", 26, "scheme is not http");
    refuses("<a href=\"{{x}}:y\">", 15, "makes it a URL's scheme");
    refuses("<a href=\"java{{x}}:y\">", 19, "makes it a URL's scheme");
    refuses("<a href=\"{{json x}}\">", 10, "JSON in a URL");
    refuses("<script src=\"{{x}}\"></script>", 14, "code or style is loaded");
    refuses("<script src=\"/js/{{x}}\"></script>", 18, "code or style is loaded");
    refuses("<link rel=stylesheet href=\"{{x}}\">", 28, "code or style is loaded");
    refuses("<base href=\"{{x}}\">", 13, "code or style is loaded");
    refuses("<object data=\"{{x}}\"></object>", 15, "code or style is loaded");
    refuses("<svg><set to=\"{{x}}\">", 15, "changes what others mean");
    refuses("<meta http-equiv=refresh content=\"{{x}}\">", 35, "http-equiv");
    refuses("<meta content=\"{{x}}\" http-equiv=refresh>", 33, "http-equiv");
}

Test(place, refuses_markup_with_two_readings)
{
    refuses("<p title=\"a\"b\"{{x}}\">", 14, "a quote");
    refuses("<p \"{{x}}\">", 4, "a quote");
    refuses("<p title=>", 10, "is missing");
    refuses("<![CDATA[{{x}}]]>", 3, "two ways");
    refuses("<plaintext>", 11, "no end");
    refuses("<p title=\"x", 12, "ends inside a tag");
    refuses("<script>", 9, "no end tag");
    refuses("<!-- x", 7, "ends inside a comment");
}

Test(place, wants_sections_to_end_where_they_began)
{
    refuses("{{#x}}<p title=\"{{/x}}\">", 1, "must end in the same place");
    refuses("<p title=\"{{#x}}\">{{/x}}", 11, "must end in the same place");
    refuses("{{#x}}<script>{{/x}}</script>", 1, "must end in the same place");
    refuses("{{^x}}<!-- {{/x}} -->", 1, "must end in the same place");
    refuses("<p {{#x}}title{{/x}}=\"y\">", 21, "white space is missing");
    refuses("<p {{#x}}on{{/x}}click=\"y\">", 18, "white space is missing");
    refuses("<p {{#x}}click=\"{{x}}\" on{{/x}}>", 17, "event handler");
    refuses("<p title={{#x}}\"a\"{{/x}}>", 10, "must end in the same place");
    refuses("<{{#x}}b{{/x}}>", 2, "must end in the same place");
    refuses("<script>{{#x}}\"{{/x}}</script>", 9, "must end in the same place");
    refuses("<script>{{#x}}/a/;{{/x}} b = {{json x}}</script>", 30, "regular expression");
}

Test(place, takes_sections_around_attributes)
{
    static const char *const cases[][2] = {
        {"<option {{#x}}selected{{/x}}>", "<option selected>"},
        {"<input{{#x}} checked{{/x}}>", "<input checked>"},
        {"<p{{#x}} title=\"{{x}}\"{{/x}} id=a>", "<p title=\"v\" id=a>"},
        {"<p class=\"a{{#x}} {{x}}{{/x}}\">", "<p class=\"a v\">"},
        {"<a href=\"{{#x}}/{{x}}{{/x}}?q={{x}}\">", "<a href=\"/v?q=v\">"},
        {"<a href=\"a{{#x}}b{{/x}}\">", "<a href=\"ab\">"},
        {"<script>f([{{#x}}{{json .}},{{/x}}])</script>", "<script>f([\"v\",])</script>"},
        {"<script>{{#x}}a();{{/x}}</script>", "<script>a();</script>"},
        {"<!-- {{#x}}y{{/x}} --><b>{{x}}</b>", "<!-- y --><b>v</b>"},
        {"<!----><!-- a --!><!-->{{x}}", "<!----><!-- a --!><!-->v"},
        {"a < b {{x}} & c", "a < b v & c"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_str_eq(rendered(cases[i][0], "v"), cases[i][1]);
    }
}
