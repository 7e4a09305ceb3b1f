/* Static files behind a real server: names, folders, conditions, ranges, large files, and what must
 * never be served. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "app/files/listing.h"
#include "io/file.h"
#include "leaks.h"
#include "live.h"
#include "rawhttp/files.h"
#include "util/digest.h"

static char outside[64]; /* a folder that holds the served one */
static char root[80];
static struct live *live;

static void put(const char *name, const char *content, size_t len)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    fwrite(content, 1, len, file);
    fclose(file);
    /* A time in the past that repeats. */
    struct timeval times[2] = {{784111777, 0}, {784111777, 0}};
    utimes(path, times);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

static void make_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    cr_assert_eq(mkdir(path, 0755), 0);
}

static void make_link(const char *target, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    cr_assert_eq(symlink(target, path), 0);
}

static void setup(void)
{
    rh_file_set_openat2(getenv("WITHOUT_OPENAT2") == NULL);
    strcpy(outside, "/tmp/rh-files-XXXXXX");
    cr_assert_not_null(mkdtemp(outside));
    snprintf(root, sizeof root, "%s/www", outside);
    cr_assert_eq(mkdir(root, 0755), 0);
    put_text("../secret", "secret");
    put_text("index.html", "<h1>home</h1>");
    put_text("style.css", "body{}");
    put_text("with space.txt", "spaced");
    put_text("404.html", "<h1>lost</h1>");
    put_text(".hidden", "hidden");
    make_folder("sub");
    put_text("sub/index.html", "<h1>sub</h1>");
    make_folder("bare");
    put_text("bare/a.txt", "a");
    make_folder(".git");
    put_text(".git/config", "git");
    make_folder(".well-known");
    put_text(".well-known/x", "known");
}

static void teardown(void)
{
    char command[128];
    if (live != NULL) {
        live_close(live);
    }
    snprintf(command, sizeof command, "rm -rf '%s'", outside);
    cr_assert_eq(system(command), 0);
    live = NULL;
    assert_no_leaks();
}

TestSuite(files, .init = setup, .fini = teardown, .timeout = 30);

static void serve_with(const struct rh_files_options *options, const char *prefix)
{
    struct rh_app *app = rh_app_create();
    rh_app_files(app, prefix, rh_files_create(root, options));
    live = live_open(app);
}

static void serve(void)
{
    serve_with(NULL, "/");
}

static void ask(const char *target)
{
    live_ask(live, "GET", target, NULL);
}

#define GIVES(target, code, text)                                         \
    do {                                                                  \
        ask(target);                                                      \
        cr_assert_eq(live->status, code, "%s: %u", target, live->status); \
        cr_assert_str_eq(live->body, text, "%s: %s", target, live->body); \
    } while (0)

Test(files, serves_names_below_the_folder)
{
    serve();
    GIVES("/", 200, "<h1>home</h1>");
    cr_assert(live_has(live, "Content-Type: text/html; charset=utf-8"));
    GIVES("/index.html", 200, "<h1>home</h1>");
    GIVES("/style.css", 200, "body{}");
    cr_assert(live_has(live, "Content-Type: text/css; charset=utf-8"));
    cr_assert(live_has(live, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"));
    cr_assert(live_has(live, "Accept-Ranges: bytes"));
    GIVES("/with%20space.txt", 200, "spaced");
    GIVES("/sub/", 200, "<h1>sub</h1>");
    GIVES("/sub/../style.css", 200, "body{}");
    GIVES("/.well-known/x", 200, "known");
    GIVES("/style.css?v=2", 200, "body{}");
}

Test(files, serves_nothing_else)
{
    serve();
    static const char *const targets[] = {
        "/nothing",
        "/.hidden",
        "/.git/config",
        "/.git/",
        "/%2egit/config",
        "/sub//index.html",
        "//style.css",
        "/style.css/",
        "/sub%2Findex.html",
        "/..%2Fsecret",
        "/%2e%2e%2fsecret",
        "/sub/..%2f..%2f..%2fsecret",
        "/bare/",
        "/index.html/x",
        "/%5c..%5csecret",
        "/...",
        "/~",
        "/sub/.",
        "/sub/%2e%2e%2findex.html",
    };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        ask(targets[i]);
        if (strcmp(targets[i], "/sub/.") == 0) { /* resolved to /sub/ */
            cr_assert_eq(live->status, 200);
            continue;
        }
        cr_assert_eq(live->status, 404, "%s: %u", targets[i], live->status);
        cr_assert_null(strstr(live->body, "secret"));
    }
    ask("/../secret");
    cr_assert_eq(live->status, 400, "above the root");
    char deep[3000] = "/";
    memset(deep + 1, 'a', sizeof deep - 2);
    ask(deep);
    cr_assert_eq(live->status, 404);
}

Test(files, follows_no_link_out_of_the_folder)
{
    char absolute[128];
    make_link("../secret", "up");
    snprintf(absolute, sizeof absolute, "%s/style.css", root);
    make_link(absolute, "absolute");
    make_link("../www/sub/../style.css", "around");
    snprintf(absolute, sizeof absolute, "%s/sub", root);
    make_link(absolute, "folder");
    snprintf(absolute, sizeof absolute, "%s/secret", outside);
    make_link(absolute, "away");
    snprintf(absolute, sizeof absolute, "%s/wwwx", outside);
    cr_assert_eq(mkdir(absolute, 0755), 0);
    put_text("../wwwx/style.css", "secret");
    make_link("../wwwx", "neighbour");
    make_link(outside, "above");
    make_link("/", "top");
    make_link("..", "parent");
    make_link("/proc/self/cwd", "magic");
    make_link("style.css", "inside");
    make_link("loop", "loop");
    serve();
    if (getenv("WITHOUT_OPENAT2") == NULL) {
        GIVES("/inside", 200, "body{}");
        GIVES("/absolute", 200, "body{}"); /* where it leads decides, not how it is spelled */
        GIVES("/around", 200, "body{}");
        GIVES("/folder/", 200, "<h1>sub</h1>");
        GIVES("/folder/index.html", 200, "<h1>sub</h1>");
    } else {
        ask("/inside");
        cr_assert_eq(live->status, 404, "no link at all is followed");
    }
    static const char *const targets[] = {"/up",
                                          "/away",
                                          "/parent/secret",
                                          "/magic/x",
                                          "/loop",
                                          "/above/secret",
                                          "/above/www/../secret",
                                          "/neighbour/style.css",
                                          "/top/etc/passwd"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        ask(targets[i]);
        cr_assert_eq(live->status, 404, "%s: %u", targets[i], live->status);
    }
}

Test(files, follows_its_path_to_another_folder)
{
    char link[96];
    char path[256];
    snprintf(link, sizeof link, "%s/current", outside);
    cr_assert_eq(symlink("www", link), 0);
    struct rh_app *app = rh_app_create();
    rh_app_files(app, "/", rh_files_create(link, NULL));
    live = live_open(app);
    GIVES("/style.css", 200, "body{}");
    /* A release: the link is switched. */
    snprintf(path, sizeof path, "%s/v2", outside);
    cr_assert_eq(mkdir(path, 0755), 0);
    put_text("../v2/style.css", "v2{}");
    cr_assert_eq(unlink(link), 0);
    cr_assert_eq(symlink("v2", link), 0);
    usleep(2100000);
    uv_update_time(&live->loop);
    GIVES("/style.css", 200, "v2{}");
    ask("/index.html");
    cr_assert_eq(live->status, 404);
    /* A build: the folder is gone for a moment, and made anew. */
    snprintf(path, sizeof path, "%s/v2/style.css", outside);
    unlink(path);
    snprintf(path, sizeof path, "%s/v2", outside);
    cr_assert_eq(rmdir(path), 0);
    ask("/new.css");
    cr_assert_eq(live->status, 404);
    cr_assert_eq(mkdir(path, 0755), 0);
    put_text("../v2/new.css", "new");
    usleep(1100000);
    GIVES("/new.css", 200, "new");
}

Test(files, never_says_that_a_file_is_of_the_future)
{
    char path[128];
    char fields[128];
    serve();
    snprintf(path, sizeof path, "%s/style.css", root);
    struct timeval times[2] = {{4102444800, 0}, {4102444800, 0}}; /* 2100 */
    cr_assert_eq(utimes(path, times), 0);
    ask("/style.css");
    const char *date = strstr(live->raw, "Date: ");
    const char *modified = strstr(live->raw, "Last-Modified: ");
    cr_assert(date != NULL && modified != NULL);
    cr_assert_eq(strncmp(date + 6, modified + 15, 29), 0, "%s", live->raw);
    snprintf(fields, sizeof fields, "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT\r\n");
    live_ask(live, "GET", "/style.css", fields);
    cr_assert_eq(live->status, 304);
}

static void tag_of(const char *target, char ret_tag[128])
{
    ask(target);
    const char *tag = strstr(live->raw, "ETag: ");
    cr_assert_not_null(tag);
    snprintf(ret_tag, 128, "%.*s", (int)strcspn(tag + 6, "\r"), tag + 6);
}

Test(files, tells_versions_of_one_size_and_second_apart)
{
    enum { LARGE_BYTES = 200000 };
    char *bytes = calloc(1, LARGE_BYTES);
    char tags[4][128];
    serve();
    put_text("a.txt", "one");
    tag_of("/a.txt", tags[0]);
    put("large.bin", bytes, LARGE_BYTES);
    tag_of("/large.bin", tags[2]);
    cr_assert_eq(strncmp(tags[2], "W/\"", 3), 0, "young: %s", tags[2]);
    put_text("a.txt", "two"); /* the same time, by `put` */
    usleep(2100000);
    uv_update_time(&live->loop);
    tag_of("/a.txt", tags[1]);
    cr_assert_str_neq(tags[0], tags[1]);
    cr_assert_str_eq(live->body, "two");
    tag_of("/large.bin", tags[2]);
    cr_assert_eq(tags[2][0], '"', "%s", tags[2]);
    bytes[5] = 'x';
    put("large.bin", bytes, LARGE_BYTES);
    tag_of("/large.bin", tags[3]);
    cr_assert_str_neq(tags[2], tags[3] + 2);
    free(bytes);
}

Test(files, serves_paths_of_almost_any_length)
{
    char path[4096] = "/";
    char name[256];
    int at = open(root, O_RDONLY | O_DIRECTORY);
    memset(name, 'n', 250);
    name[250] = '\0';
    for (int i = 0; i < 14; i++) {
        cr_assert_eq(mkdirat(at, name, 0755), 0);
        int next = openat(at, name, O_RDONLY | O_DIRECTORY);
        close(at);
        at = next;
        strcat(path, name);
        strcat(path, "/");
    }
    int file = openat(at, "f.txt", O_WRONLY | O_CREAT, 0644);
    cr_assert_eq(write(file, "deep", 4), 4);
    close(file);
    close(at);
    strcat(path, "f.txt");
    serve();
    GIVES(path, 200, "deep");
    *(strrchr(path, '/')) = '\0';
    ask(path);
    cr_assert_eq(live->status, 301, "a folder without its slash");
}

Test(files, serves_only_regular_files)
{
    char path[128];
    snprintf(path, sizeof path, "%s/fifo", root);
    cr_assert_eq(mkfifo(path, 0644), 0);
    serve();
    ask("/fifo");
    cr_assert_eq(live->status, 404);
}

Test(files, says_what_may_not_be_read)
{
    char path[128];
    if (geteuid() == 0) {
        cr_skip_test("root may read everything");
    }
    snprintf(path, sizeof path, "%s/style.css", root);
    chmod(path, 0);
    serve();
    ask("/style.css");
    cr_assert_eq(live->status, 403);
}

Test(files, gives_folders_their_slash)
{
    make_folder("a b%");
    make_folder("sub/evil.com");
    serve();
    ask("/sub");
    cr_assert_eq(live->status, 301);
    cr_assert(live_has(live, "Location: /sub/"), "%s", live->raw);
    ask("/sub?q=1&r=//x");
    cr_assert(live_has(live, "Location: /sub/?q=1&r=//x"), "%s", live->raw);
    ask("/a%20b%25");
    cr_assert(live_has(live, "Location: /a%20b%25/"), "%s", live->raw);
    ask("//sub");
    cr_assert_eq(live->status, 404);
    ask("//sub/evil.com");
    cr_assert_eq(live->status, 404);
}

Test(files, is_mounted_under_a_prefix)
{
    serve_with(NULL, "/assets/v1");
    GIVES("/assets/v1/style.css", 200, "body{}");
    GIVES("/assets/v1/", 200, "<h1>home</h1>");
    ask("/assets/v1");
    cr_assert_eq(live->status, 301);
    cr_assert(live_has(live, "Location: /assets/v1/"));
    ask("/style.css");
    cr_assert_eq(live->status, 404);
}

Test(files, answers_head_without_a_body)
{
    serve();
    live_ask(live, "HEAD", "/style.css", NULL);
    cr_assert_eq(live->status, 200);
    cr_assert(live_has(live, "Content-Length: 6"), "%s", live->raw);
    cr_assert_eq(live->body_len, 0);
    live_ask(live, "POST", "/style.css", "Content-Length: 0\r\n");
    cr_assert_eq(live->status, 405);
    cr_assert(live_has(live, "Allow: GET, HEAD, OPTIONS"), "%s", live->raw);
}

Test(files, sends_nothing_again_that_the_peer_has)
{
    serve();
    live_ask(live, "GET", "/style.css", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    cr_assert_eq(live->status, 304);
    cr_assert_eq(live->body_len, 0);
    const char *tag = strstr(live->raw, "ETag: ");
    cr_assert_not_null(tag);
    char fields[200];
    snprintf(fields, sizeof fields, "If-None-Match: %.*s\r\n", (int)strcspn(tag + 6, "\r"),
             tag + 6);
    live_ask(live, "GET", "/style.css", fields);
    cr_assert_eq(live->status, 304);
    cr_assert(live_has(live, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"));
    live_ask(live, "GET", "/style.css", "If-None-Match: \"other\"\r\n");
    cr_assert_eq(live->status, 200);
    live_ask(live, "GET", "/style.css", "If-Match: \"other\"\r\n");
    cr_assert_eq(live->status, 412);
}

/* RFC 9110 §5.3: a list may span several lines. */
Test(files, reads_tags_from_all_lines)
{
    char fields[300];
    char tag[100];
    serve();
    live_ask(live, "GET", "/style.css", NULL);
    const char *found = strstr(live->raw, "ETag: ");
    cr_assert_not_null(found);
    snprintf(tag, sizeof tag, "%.*s", (int)strcspn(found + 6, "\r"), found + 6);
    snprintf(fields, sizeof fields, "If-None-Match: \"a\"\r\nX: y\r\nIf-None-Match: %s\r\n", tag);
    live_ask(live, "GET", "/style.css", fields);
    cr_assert_eq(live->status, 304);
    snprintf(fields, sizeof fields, "If-Match: \"a\"\r\nIf-Match: \"b\", %s\r\n", tag);
    live_ask(live, "GET", "/style.css", fields);
    cr_assert_eq(live->status, 200);
}

Test(files, cuts_ranges)
{
    serve();
    live_ask(live, "GET", "/style.css", "Range: bytes=1-3\r\n");
    cr_assert_eq(live->status, 206);
    cr_assert_str_eq(live->body, "ody");
    cr_assert(live_has(live, "Content-Range: bytes 1-3/6"));
    cr_assert(live_has(live, "Content-Length: 3"));
    live_ask(live, "GET", "/style.css", "Range: bytes=6-\r\n");
    cr_assert_eq(live->status, 416);
    cr_assert(live_has(live, "Content-Range: bytes */6"));
}

Test(files, shows_a_page_of_its_own_for_what_is_missing)
{
    struct rh_files_options options;
    rh_files_options_init(&options);
    options.not_found = "404.html";
    serve_with(&options, "/");
    GIVES("/nothing", 404, "<h1>lost</h1>");
    GIVES("/.hidden", 404, "<h1>lost</h1>");
    GIVES("/nothing", 404, "<h1>lost</h1>"); /* from memory */
    cr_assert_null(strstr(live->raw, "ETag"));
}

Test(files, survives_a_missing_page_for_what_is_missing)
{
    struct rh_files_options options;
    rh_files_options_init(&options);
    options.not_found = "no-such-page.html";
    serve_with(&options, "/");
    GIVES("/nothing", 404, "Not Found");
}

Test(files, gives_the_pages_of_a_script_its_index)
{
    struct rh_files_options options;
    rh_files_options_init(&options);
    options.spa = 1;
    serve_with(&options, "/");
    GIVES("/users/7", 200, "<h1>home</h1>");
    ask("/app.js");
    cr_assert_eq(live->status, 404, "a missing script is not a page");
}

static int is_secret(void *data, uint64_t device, uint64_t inode)
{
    const struct stat *stat = data;
    return stat->st_dev == device && stat->st_ino == inode;
}

Test(files, lists_folders_escaped)
{
    struct rh_files_options options;
    struct stat stat_of_key;
    char path[128];
    put_text("bare/<b>&\"x", "x");
    put_text("bare/javascript:alert(1)", "x");
    put_text("bare/.dot", "x");
    put_text("bare/key.pem", "key");
    make_folder("bare/folder");
    make_link("../../secret", "bare/out");
    make_link("key.pem", "bare/other-name");
    snprintf(path, sizeof path, "%s/bare/key.pem", root);
    cr_assert_eq(stat(path, &stat_of_key), 0);
    rh_files_options_init(&options);
    options.listing = 1;
    options.is_private = is_secret;
    options.data = &stat_of_key;
    serve_with(&options, "/");
    ask("/bare/");
    cr_assert_eq(live->status, 200);
    cr_assert_not_null(strstr(live->body, "href=\"./%3Cb%3E%26%22x\">&#60;b&#62;&#38;&#34;x</a>"),
                       "%s", live->body);
    cr_assert_not_null(strstr(live->body, "href=\"./javascript%3Aalert%281%29\""));
    cr_assert_not_null(strstr(live->body, "class=\"d\" href=\"./folder/\">folder/</a>"));
    cr_assert_not_null(strstr(live->body, ">a.txt<"));
    cr_assert_not_null(strstr(live->body, "href=\"../\""));
    static const char *const absent[] = {".dot", "key.pem", "other-name", "out", "secret"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        char text[64];
        snprintf(text, sizeof text, ">%s<", absent[i]);
        cr_assert_null(strstr(live->body, text), "%s is shown", absent[i]);
    }
    ask("/bare/key.pem");
    cr_assert_eq(live->status, 404, "private by whatever name");
    ask("/bare/other-name");
    cr_assert_eq(live->status, 404);
    ask("/");
    cr_assert_str_eq(live->body, "<h1>home</h1>", "an index is better than a listing");
}

Test(files, hides_what_is_at_a_path_now)
{
    char key[128];
    char folder[128];
    char none[128];
    struct rh_files_options options;
    snprintf(key, sizeof key, "%s/bare/key.pem", root);
    snprintf(folder, sizeof folder, "%s/inbox", root);
    snprintf(none, sizeof none, "%s/no/such/key", root);
    const char *const hidden[] = {key, folder, none, NULL};
    make_folder("inbox");
    make_folder("inbox/1");
    put_text("inbox/1/part", "secret");
    make_link("inbox/1", "way");
    put_text("bare/keys.txt", "not that one");
    rh_files_options_init(&options);
    options.listing = 1;
    options.hidden = hidden;
    serve_with(&options, "/");
    GIVES("/bare/a.txt", 200, "a");
    put_text("bare/new.pem", "secret");
    GIVES("/bare/new.pem", 200, "secret"); /* and is in memory now */
    char new[128];
    snprintf(new, sizeof new, "%s/bare/new.pem", root);
    make_link("key.pem", "bare/alias");
    put_text("bare/key.pem.old", "secret");
    put_text("bare/KEY.PEM~", "secret");
    cr_assert_eq(rename(new, key), 0);
    static const char *const targets[] = {"/bare/key.pem",  "/bare/alias", "/bare/key.pem.old",
                                          "/bare/KEY.PEM~", "/inbox",      "/inbox/",
                                          "/inbox/1/",      "/inbox/1",    "/inbox/1/part",
                                          "/inbox/none",    "/way/",       "/way/part"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        ask(targets[i]);
        cr_assert_eq(live->status, 404, "%s: %u", targets[i], live->status);
        cr_assert_null(strstr(live->body, "secret"), "%s", targets[i]);
    }
    ask("/bare/");
    cr_assert_not_null(strstr(live->body, ">keys.txt<"), "%s", live->body);
    cr_assert_null(strstr(live->body, "key.pem"), "%s", live->body);
    cr_assert_null(strstr(live->body, "KEY"), "%s", live->body);
    cr_assert_null(strstr(live->body, "alias"), "%s", live->body);
}

Test(files, refuses_more_hidden_paths_than_it_compares)
{
    const char *hidden[RH_FILES_HIDDEN_MAX + 2];
    struct rh_files_options options;
    for (size_t i = 0; i <= RH_FILES_HIDDEN_MAX; i++) {
        hidden[i] = "x";
    }
    hidden[RH_FILES_HIDDEN_MAX + 1] = NULL;
    rh_files_options_init(&options);
    options.hidden = hidden;
    cr_assert_null(rh_files_create(root, &options));
    cr_assert_eq(errno, E2BIG);
    hidden[RH_FILES_HIDDEN_MAX] = NULL;
    struct rh_files *files = rh_files_create(root, &options);
    cr_assert_not_null(files);
    rh_files_unref(files);
}

Test(files, is_served_as_its_options_say)
{
    static const char *const indexes[] = {"start.htm", "index.html", NULL};
    static const char *const headers[] = {"*.css: Cache-Control: max-age=60",
                                          "/sub/*: Cache-Control: no-store", "/sub/*: X-Sub: a: b",
                                          NULL};
    static const char *const types[] = {"css=text/x-mine", ".FOO=application/foo", NULL};
    char list[128];
    struct rh_files_options options;
    put_text("../mime.types",
             "# a comment\ntext/html bar css\napplication/bar bar baz # more\n\nnone\n");
    snprintf(list, sizeof list, "%s/mime.types", outside);
    put_text("about.html", "about");
    put_text("sub/start.htm", "started");
    put_text("a.foo", "foo");
    put_text("a.baz", "baz");
    put_text("a.BAR", "bar");
    make_folder("both");
    put_text("both.html", "both");
    rh_files_options_init(&options);
    options.clean_urls = 1;
    options.indexes = indexes;
    options.headers = headers;
    options.types = types;
    options.types_file = list;
    serve_with(&options, "/at");
    GIVES("/at/about", 200, "about");
    cr_assert(live_has(live, "Content-Type: text/html; charset=utf-8"));
    GIVES("/at/about", 200, "about"); /* from memory */
    GIVES("/at/sub/", 200, "started");
    cr_assert(live_has(live, "Cache-Control: no-store") && live_has(live, "X-Sub: a: b"));
    GIVES("/at/", 200, "<h1>home</h1>");
    cr_assert_null(strstr(live->raw, "Cache-Control"));
    ask("/at/both");
    cr_assert_eq(live->status, 301, "a folder is what it is");
    ask("/at/none");
    cr_assert_eq(live->status, 404);
    live_ask(live, "GET", "/at/style.css", "Range: bytes=1-2\r\n");
    cr_assert_eq(live->status, 206);
    cr_assert(live_has(live, "Cache-Control: max-age=60"));
    cr_assert(live_has(live, "Content-Type: text/x-mine"));
    ask("/at/sub/none.css");
    cr_assert_eq(live->status, 404);
    cr_assert(live_has(live, "Cache-Control: no-store"), "the last rule: %s", live->raw);
    ask("/at/a.foo");
    cr_assert(live_has(live, "Content-Type: application/foo"));
    ask("/at/a.baz");
    cr_assert(live_has(live, "Content-Type: application/bar"));
}

Test(files, refuses_options_that_say_nothing)
{
    static const char *const bad_rule[] = {"*.css Cache-Control", NULL};
    static const char *const bad_field[] = {"*: Bad Name: x", NULL};
    static const char *const bad_type[] = {"css", NULL};
    static const char *const bad_index[] = {"a/b", NULL};
    for (int i = 0; i < 5; i++) {
        struct rh_files_options options;
        rh_files_options_init(&options);
        options.headers = i == 0 ? bad_rule : i == 1 ? bad_field : NULL;
        options.types = i == 2 ? bad_type : NULL;
        options.indexes = i == 3 ? bad_index : NULL;
        options.types_file = i == 4 ? "/no/such/file" : NULL;
        cr_assert_null(rh_files_create(root, &options), "%d", i);
        cr_assert_eq(errno, i == 4 ? ENOENT : EINVAL, "%d: %d", i, errno);
    }
}

Test(files, lists_in_natural_order)
{
    static const char *const names[] = {"",
                                        "01",
                                        "1",
                                        "2",
                                        "10",
                                        "a",
                                        "A1",
                                        "a2",
                                        "a2b",
                                        "a02c",
                                        "A10",
                                        "b",
                                        "file",
                                        "fil\xc3\xa9",
                                        "z99999999999999999999",
                                        "z100000000000000000000"};
    enum { N = sizeof names / sizeof *names };
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            int order = rh_listing_compare(names[i], names[j]);
            cr_assert((order > 0) - (order < 0) == (i > j) - (i < j), "%s and %s: %d", names[i],
                      names[j], order);
        }
    }
}

Test(files, writes_sizes_for_people)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {{0, "0 B"},
                {1023, "1023 B"},
                {1024, "1.00 KiB"},
                {10240, "10.0 KiB"},
                {102400, "100 KiB"},
                {1048575, "1.00 MiB"},
                {5368709120, "5.00 GiB"},
                {UINT64_MAX, "16.0 EiB"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[32];
        rh_listing_size(rows[i].bytes, text);
        cr_assert_str_eq(text, rows[i].text);
    }
}

/* Another script under the same policy would not run, and only a browser would say so. */
Test(files, names_the_script_of_a_listing_by_its_digest)
{
    unsigned char digest[RH_SHA256_BYTES];
    char text[64] = "";
    struct rh_sha256 sha;
    cr_assert_eq(rh_sha256_init(&sha), 0);
    rh_sha256_update(&sha, rh_slice_from(rh_listing_script));
    rh_sha256_finish(&sha, digest);
    rh_sha256_fini(&sha);
    rh_base64url_encode((struct rh_slice){(const char *)digest, sizeof digest}, text);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    }
    cr_assert_not_null(strstr(rh_listing_policy, text), "sha256-%s=", text);
}

Test(files, prefers_compressed_siblings)
{
    put_text("style.css.gz", "GZ");
    put_text("style.css.br", "BR");
    serve();
    live_ask(live, "GET", "/style.css", "Accept-Encoding: gzip\r\n");
    cr_assert_str_eq(live->body, "GZ");
    cr_assert(live_has(live, "Content-Encoding: gzip"));
    cr_assert(live_has(live, "Content-Type: text/css; charset=utf-8"));
    cr_assert(live_has(live, "Vary: Accept-Encoding"));
    live_ask(live, "GET", "/style.css", "Accept-Encoding: gzip, br\r\n");
    cr_assert_str_eq(live->body, "BR");
    live_ask(live, "GET", "/style.css", "Accept-Encoding: br;q=0.5, gzip;q=0.8\r\n");
    cr_assert_str_eq(live->body, "GZ", "what the peer likes best");
    live_ask(live, "GET", "/style.css", "Accept-Encoding: br;q=0.5, gzip;q=0.8, identity\r\n");
    cr_assert_str_eq(live->body, "body{}");
    live_ask(live, "GET", "/style.css", "Accept-Encoding: br;q=0.5, gzip;q=0, *;q=0.1\r\n");
    cr_assert_str_eq(live->body, "BR");
    live_ask(live, "GET", "/style.css", "Accept-Encoding: gzip;q=0\r\n");
    cr_assert_str_eq(live->body, "body{}");
    cr_assert(live_has(live, "Vary: Accept-Encoding"));
    ask("/style.css");
    cr_assert_str_eq(live->body, "body{}");
}

/* --- Large files
 * -------------------------------------------------------------------------------------- */

static char *large;
enum { LARGE = 900000 };

static void put_large(void)
{
    large = malloc(LARGE + 1);
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (char)(' ' + (i * 7 + i / 251) % 90);
    }
    large[LARGE] = '\0';
    put("large.txt", large, LARGE);
}

static void drop_from_page_cache(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    int fd = open(path, O_RDONLY);
    fsync(fd);
    cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    close(fd);
}

Test(files, streams_large_files_cached_or_not)
{
    put_large();
    serve();
    for (int i = 0; i < 4; i++) {
        if (i % 2 == 0) {
            drop_from_page_cache("large.txt");
        }
        ask("/large.txt");
        cr_assert_eq(live->status, 200);
        cr_assert(live_has(live, "Content-Length: 900000"));
        cr_assert_eq(live->body_len, LARGE);
        cr_assert_eq(memcmp(live->body, large, LARGE), 0);
    }
    live_ask(live, "GET", "/large.txt", "Range: bytes=100000-699999\r\n");
    cr_assert_eq(live->status, 206);
    cr_assert_eq(live->body_len, 600000);
    cr_assert_eq(memcmp(live->body, large + 100000, 600000), 0);
    live_ask(live, "HEAD", "/large.txt", NULL);
    cr_assert(live_has(live, "Content-Length: 900000"));
    cr_assert_eq(live->body_len, 0);
    free(large);
}

Test(files, sends_middling_files_without_copying)
{
    put_large();
    put("middle.txt", large, 60000);
    put("edge.txt", large, 131072);
    put("beyond.txt", large, 131073);
    serve();
    for (int i = 0; i < 3; i++) {
        ask("/middle.txt");
        cr_assert_eq(live->body_len, 60000);
        cr_assert_eq(memcmp(live->body, large, 60000), 0);
        ask("/edge.txt");
        cr_assert_eq(live->body_len, 131072);
        cr_assert_eq(memcmp(live->body, large, 131072), 0);
        ask("/beyond.txt");
        cr_assert_eq(live->body_len, 131073);
        cr_assert_eq(memcmp(live->body, large, 131073), 0);
    }
    free(large);
}

Test(files, shows_a_change_within_a_second_or_so)
{
    serve();
    GIVES("/style.css", 200, "body{}");
    put_text("style.css", "p{}");
    usleep(1100000);
    uv_update_time(&live->loop);
    GIVES("/style.css", 200, "p{}");
    GIVES("/style.css", 200, "p{}");
    char path[128];
    snprintf(path, sizeof path, "%s/style.css", root);
    unlink(path);
    usleep(1100000);
    uv_update_time(&live->loop);
    ask("/style.css");
    cr_assert_eq(live->status, 404);
}

static void sleep_in_pool(uv_work_t *work)
{
    (void)work;
    usleep(1500000);
}

static void on_slept(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

Test(files, does_not_wait_for_a_pool_that_is_busy)
{
    static uv_work_t works[8];
    serve();
    GIVES("/style.css", 200, "body{}");
    put_text("style.css", "new");
    usleep(1100000);
    uv_update_time(&live->loop);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(uv_queue_work(&live->loop, &works[i], sleep_in_pool, on_slept), 0);
    }
    uint64_t started = uv_hrtime();
    GIVES("/style.css", 200, "body{}");
    uint64_t ms = (uv_hrtime() - started) / 1000000;
    cr_assert_lt(ms, 1000, "%lu ms", (unsigned long)ms);
    GIVES("/style.css", 200, "body{}"); /* while another looks */
    ask("/index.html"); /* is nowhere but on the disk: this waits, and the look comes before it */
    GIVES("/style.css", 200, "new");
}

Test(files, ends_while_a_look_is_under_way)
{
    static uv_work_t works[4];
    serve();
    GIVES("/style.css", 200, "body{}");
    usleep(1100000);
    uv_update_time(&live->loop);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(uv_queue_work(&live->loop, &works[i], sleep_in_pool, on_slept), 0);
    }
    GIVES("/style.css", 200, "body{}"); /* and its look waits behind the others */
}

Test(files, keeps_what_did_not_change)
{
    serve();
    for (int i = 0; i < 2; i++) {
        GIVES("/style.css", 200, "body{}");
        usleep(1100000);
        uv_update_time(&live->loop);
    }
    GIVES("/style.css", 200, "body{}");
}

Test(files, is_an_error_of_the_app_where_the_folder_is_missing)
{
    cr_assert_null(rh_files_create("/no/such/folder", NULL));
    cr_assert_eq(errno, ENOENT);
    struct rh_app *app = rh_app_create();
    rh_app_files(app, "/", rh_files_create("/no/such/folder", NULL));
    cr_assert_eq(rh_app_status(app), RH_ENOTFOUND);
    rh_app_unref(app);
    rh_app_files(NULL, "/", rh_files_create(root, NULL));
    rh_files_unref(NULL);
}
