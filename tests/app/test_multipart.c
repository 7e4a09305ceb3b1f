/* Forms as they arrive: each case whole, byte by byte, and cut at every point, from memory that
 * ends where the piece does. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rawhttp/multipart.h"

static const char type[] = "multipart/form-data; boundary=XX";

struct log {
    char text[8192];
    size_t len;
};

static void note(struct log *log, const char *before, struct rh_slice text, const char *after)
{
    log->len += (size_t)snprintf(log->text + log->len, sizeof(log->text) - log->len, "%s%.*s%s",
                                 before, (int)text.len, text.base, after);
}

static struct rh_slice shown(struct rh_slice slice)
{
    return slice.base != NULL ? slice : rh_slice_from("-");
}

/* Feeds one piece from a copy of its own; false after an error. */
static bool feed(struct rh_multipart *form, const char *bytes, size_t len, struct log *log)
{
    char *copy = malloc(len + (len == 0));
    struct rh_slice piece = {copy, len};
    enum rh_multipart_event event = RH_MULTIPART_MORE;
    memcpy(copy, bytes, len);
    while (event != RH_MULTIPART_ERROR &&
           (event = rh_multipart_next(form, &piece)) != RH_MULTIPART_MORE) {
        switch (event) {
        case RH_MULTIPART_PART:
            note(log, "(", shown(form->name), "|");
            note(log, "", shown(form->filename), "|");
            note(log, "", shown(form->content_type), ")");
            break;
        case RH_MULTIPART_DATA:
            cr_assert_gt(form->data.len, 0u);
            note(log, "", form->data, "");
            break;
        case RH_MULTIPART_PART_END:
            note(log, ".", rh_slice_from(""), "");
            break;
        default:
            break;
        }
    }
    cr_expect(event == RH_MULTIPART_ERROR || piece.len == 0);
    free(copy);
    return event != RH_MULTIPART_ERROR;
}

static void finish(struct rh_multipart *form, struct log *log)
{
    if (rh_multipart_end(form) != 0) {
        log->len += (size_t)snprintf(log->text + log->len, sizeof(log->text) - log->len, "! %d %s",
                                     form->status, form->rule);
    }
}

/* The same events however the body is cut. */
static void reads_with(const char *content_type, const struct rh_multipart_limits *limits,
                       const char *body, size_t len, const char *expected)
{
    for (size_t cut = 0; cut <= len + 1; cut++) {
        struct rh_multipart form;
        struct log log = {"", 0};
        cr_assert_eq(rh_multipart_init(&form, rh_slice_from(content_type), limits), 0);
        bool goes_on = true;
        if (cut <= len) {
            goes_on = feed(&form, body, cut, &log) && feed(&form, body + cut, len - cut, &log);
        } else {
            for (size_t i = 0; i < len && goes_on; i++) {
                goes_on = feed(&form, body + i, 1, &log);
            }
        }
        finish(&form, &log);
        cr_assert_str_eq(log.text, expected, "cut at %zu of %zu: %s", cut, len, log.text);
    }
}

static void reads(const char *body, const char *expected)
{
    reads_with(type, NULL, body, strlen(body), expected);
}

#define FIELD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"

Test(multipart, reads_fields_and_files)
{
    reads("--XX\r\n" FIELD(
              "a") "\r\none\r\n--XX\r\n"
                   "Content-Disposition: form-data; name=f; filename=\"a b.txt\"\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n\r\nline\r\nline\r\n\r\n--XX--\r\n",
          "(a|-|-)one.(f|a b.txt|text/plain; charset=utf-8)line\r\nline\r\n.");
}

Test(multipart, reads_what_is_empty)
{
    reads("--XX\r\n" FIELD("") "\r\n\r\n--XX--", "(|-|-).");
    reads("--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n\r\n--XX--\r\n",
          "(f||-).");
    reads("--XX--\r\n", "");
}

Test(multipart, keeps_content_that_looks_like_a_boundary)
{
    reads("--XX\r\n" FIELD("a") "\r\n\r\r\n\r\n-\r\n--\r\n--X\r\n--x--XX\n--XX\r\r\n--XX--",
          "(a|-|-)\r\r\n\r\n-\r\n--\r\n--X\r\n--x--XX\n--XX\r.");
}

Test(multipart, ignores_what_stands_around)
{
    reads("pre\r\r\n--X\r\n--XX \t\r\n" FIELD("a") "X-Other: y\r\n\r\n1\r\n--XX  \r\n" FIELD(
              "b") "Content-Transfer-Encoding: 8BIT\r\n\r\n2\r\n--XX--epilogue\r\n--XX\r\n",
          "(a|-|-)1.(b|-|-)2.");
    reads("\r\n--XX\r\n" FIELD("a") "\r\n1\r\n--XX--", "(a|-|-)1.");
}

Test(multipart, reads_names_as_browsers_write_them)
{
    reads("--XX\r\nContent-Disposition: form-data; name=\"a\\\"b\"; filename=\"C:\\dir\\x.txt\"\r\n"
          "\r\n1\r\n--XX--",
          "(a\"b|C:\\dir\\x.txt|-)1.");
    reads("--XX\r\ncontent-disposition:FORM-DATA;NAME=\"a;b\" ; other=x\r\n\r\n1\r\n--XX--",
          "(a;b|-|-)1.");
    reads("--XX\r\nContent-Disposition: form-data; name=a; filename*=UTF-8''e; filename=f\r\n"
          "\r\n1\r\n--XX--",
          "(a|f|-)1.");
}

Test(multipart, tells_when_it_was_cut_short)
{
    static const char body[] = "--XX\r\n" FIELD("a") "\r\none\r\n--XX--";
    for (size_t len = 0; len < sizeof(body) - 1; len++) {
        struct rh_multipart form;
        struct log log = {"", 0};
        cr_assert_eq(rh_multipart_init(&form, rh_slice_from(type), NULL), 0);
        cr_expect(feed(&form, body, len, &log));
        cr_expect_eq(rh_multipart_end(&form), RH_EFORM, "%zu bytes", len);
        cr_expect_eq(form.status, 400);
        cr_expect(strstr(form.rule, "before its last boundary") != NULL);
    }
}

Test(multipart, refuses_what_is_malformed)
{
    reads("--XX\r\n\r\nx\r\n--XX--", "! 400 RFC 7578 4.2: a part without Content-Disposition");
    reads("--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--",
          "! 400 RFC 7578 4.2: a part without Content-Disposition");
    reads("--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n",
          "! 400 RFC 7578 4.2: the disposition of a part is form-data");
    reads("--XX\r\nContent-Disposition: form-data\r\n\r\n",
          "! 400 RFC 7578 4.2: a part needs a name");
    reads("--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n",
          "! 400 RFC 2183 2: malformed parameter of Content-Disposition");
    reads("--XX\r\nContent-Disposition: form-data; name=\"a\" b\r\n\r\n",
          "! 400 RFC 2183 2: malformed parameter of Content-Disposition");
    reads("--XX\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n",
          "! 400 RFC 2183 2: a parameter of Content-Disposition given twice");
    reads("--XX\r\nContent-Disposition: form-data; name=a; filename*=UTF-8''e\r\n\r\n",
          "! 400 RFC 7578 4.2: filename* is not for forms: send filename");
    reads("--XX\r\n" FIELD("a") FIELD("b") "\r\n",
          "! 400 RFC 7578 4.2: Content-Disposition given twice");
    reads("--XX\r\n" FIELD("a") "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n",
          "! 400 RFC 7578 4.4: Content-Type given twice");
    reads("--XX\r\n" FIELD("a") "Content-Type: nonsense\r\n\r\n",
          "! 400 RFC 7578 4.4: malformed Content-Type");
    reads("--XX\r\n" FIELD("a") "Content-Transfer-Encoding: base64\r\n\r\n",
          "! 400 RFC 7578 4.7: content that is transfer-encoded");
    reads("--XX\r\n" FIELD("a") " folded\r\n\r\n", "! 400 RFC 7578 4.8: malformed field of a part");
    reads("--XX\r\nno colon\r\n\r\n", "! 400 RFC 7578 4.8: malformed field of a part");
    reads("--XX\r\nX: \x01\r\n\r\n", "! 400 RFC 7578 4.8: a control byte in a field of a part");
    reads("--XX\r\n"
          "X: y\n\r\n",
          "! 400 RFC 7578 4.8: a bare CR or LF between the fields of a part");
    reads("--XX\r\n"
          "X: y\rz\r\n",
          "! 400 RFC 7578 4.8: a bare CR or LF between the fields of a part");
    reads("--XXY\r\n", "! 400 RFC 2046 5.1.1: a boundary is followed by a line end or two dashes");
    reads("--XX-\r\n", "! 400 RFC 2046 5.1.1: a boundary is followed by a line end or two dashes");
    reads("--XX\n" FIELD("a"),
          "! 400 RFC 2046 5.1.1: a boundary is followed by a line end or two dashes");
}

Test(multipart, holds_its_limits)
{
    struct rh_multipart_limits limits = {2, 3, 5, 1000};
    static const char file[] = "--XX\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n";
    char body[4096];
    snprintf(body, sizeof(body), "%s12345\r\n--XX\r\n" FIELD("a") "\r\n123\r\n--XX--", file);
    reads_with(type, &limits, body, strlen(body), "(f|x|-)12345.(a|-|-)123.");
    struct rh_multipart form;
    struct log log = {"", 0};
    const struct {
        const char *body;
        const char *rule;
    } cases[] = {
        {"--XX\r\n" FIELD("a") "\r\n1234\r\n--XX--", "a field is too large"},
        {"--XX\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n12\r\n--X6\r\n--XX--",
         "a file is too large"},
        {"--XX\r\n" FIELD("a") "\r\n\r\n--XX\r\n" FIELD("b") "\r\n\r\n--XX\r\n" FIELD("c") "\r\n",
         "too many parts"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rh_multipart_init(&form, rh_slice_from(type), &limits);
        cr_expect_not(feed(&form, cases[i].body, strlen(cases[i].body), &log));
        cr_expect_str_eq(form.rule, cases[i].rule);
        cr_expect_eq(form.status, 413);
        cr_expect_not(feed(&form, "more", 4, &log), "an error stays");
    }
    limits.total_bytes_max = 20;
    rh_multipart_init(&form, rh_slice_from(type), &limits);
    cr_expect_not(feed(&form, body, strlen(body), &log));
    cr_expect_str_eq(form.rule, "the form is too large");
    memset(body, 'x', sizeof(body));
    memcpy(body, "--XX\r\nX:", 8);
    rh_multipart_init(&form, rh_slice_from(type), NULL);
    cr_expect_not(feed(&form, body, sizeof(body), &log));
    cr_expect_str_eq(form.rule, "the fields of a part are too long");
    rh_multipart_init(&form, rh_slice_from(type), NULL);
    cr_expect_not(feed(&form, body + 8, sizeof(body) - 8, &log));
    cr_expect(strstr(form.rule, "no boundary where the form should begin") != NULL);
}

#define TEN "0123456789"

Test(multipart, takes_every_boundary_that_is_one)
{
    static const char *const good[] = {
        "multipart/form-data; boundary=----WebKitFormBoundaryx7Yz0123456789ab",
        "Multipart/Form-Data;charset=utf-8; boundary=\"a b'()+_,-./:=?c\"",
        "multipart/form-data; boundary=" TEN TEN TEN TEN TEN TEN TEN,
    };
    static const char *const bad[] = {
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=\"a\\\"b\"",
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=" TEN TEN TEN TEN TEN TEN TEN "0",
    };
    struct rh_multipart form;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_expect_eq(rh_multipart_init(&form, rh_slice_from(good[i]), NULL), 0, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_lt(rh_multipart_init(&form, rh_slice_from(bad[i]), NULL), 0, "%s", bad[i]);
    }
    cr_expect_eq(rh_multipart_init(&form, rh_slice_from("text/plain"), NULL), RH_ETYPE);
    cr_expect_eq(rh_multipart_init(&form, (struct rh_slice){NULL, 0}, NULL), RH_ETYPE);
}

Test(multipart, makes_file_names_safe)
{
    static const char *const cases[][2] = {
        {"a.txt", "a.txt"},
        {"../../etc/passwd", "passwd"},
        {"C:\\Users\\me\\x.doc", "x.doc"},
        {"..", "file"},
        {".htaccess", "htaccess"},
        {"", "file"},
        {"dir/", "file"},
        {"a\x01"
         "b\x7f:c",
         "a_b__c"},
        {"\xc3\xa9t\xc3\xa9.txt", "\xc3\xa9t\xc3\xa9.txt"},
        {"a\xff\xc0\xaf.txt", "a___.txt"},
        {"exe\xe2\x80\xaetxt.js", "exe_txt.js"},
        {" . x . ", "x"},
    };
    char out[RH_MULTIPART_FILENAME_BYTES];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = rh_multipart_filename(rh_slice_from(cases[i][0]), out);
        cr_expect_str_eq(out, cases[i][1]);
        cr_expect_eq(len, strlen(out));
    }
    char many[300];
    memset(many, 'a', sizeof(many));
    memcpy(many + 198, "\xe2\x82\xac", 3);
    cr_expect_eq(rh_multipart_filename((struct rh_slice){many, sizeof(many)}, out), 198u);
    cr_expect_eq(rh_multipart_filename((struct rh_slice){NULL, 0}, out), 4u);
}
