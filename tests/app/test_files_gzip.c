/* Files that the server compresses itself: what is sent, what the cache keeps, and that ranges,
 * conditions and HEAD are those of the compressed bytes. In memory, where the disk is asked at
 * once. */
#include "asked.h"

#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <zlib.h>

#include "rh-build.h"
#if RH_HAVE_BROTLI && TEST_HAS_BROTLI
#include <brotli/decode.h>
#endif
#if RH_HAVE_ZSTD
#include <zstd.h>
#endif

#include "rawhttp/compress.h"
#include "rawhttp/files.h"

static char folder[64];
static char text[2 << 20];

static void put(const char *name, const char *content, size_t len, long seconds)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    fwrite(content, 1, len, file);
    fclose(file);
    struct timeval times[2] = {{seconds, 0}, {seconds, 0}};
    utimes(path, times);
}

static void setup(void)
{
    asked_setup();
    strcpy(folder, "/tmp/rh-gzip-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = "a:0 { color: blue }\n"[(i * 7 + i / 97) % 20];
    }
}

static void teardown(void)
{
    char command[128];
    asked_teardown();
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(files_gzip, .init = setup, .fini = teardown);

static void serve(const struct rh_files_options *options)
{
    rh_app_files(app, "/", rh_files_create(folder, options));
}

static const char gzip[] = "Accept-Encoding: gzip\r\n";

/* The body decompresses to the first `len` bytes of the text. */
static void expect_packed(size_t len)
{
    static char plain[sizeof text];
    cr_assert_eq(status, 200);
    cr_assert(has("Content-Encoding: gzip"));
    cr_assert_eq((size_t)atol(value_of("Content-Length")), body_len);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)body,
                       .avail_in = (uInt)body_len,
                       .next_out = (Bytef *)plain,
                       .avail_out = sizeof plain};
    cr_assert_eq(inflateInit2(&stream, 31), Z_OK);
    cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    cr_assert_eq(stream.total_out, len);
    cr_assert_arr_eq(plain, text, len);
}

Test(files_gzip, packs_what_is_worth_it)
{
    static const size_t packed[] = {1024, 30000, 65537, 1 << 20};
    char name[32], line[64];
    serve(NULL);
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) {
        snprintf(name, sizeof name, "%zu.css", packed[i]);
        snprintf(line, sizeof line, "GET /%s", name);
        put(name, text, packed[i], 1000);
        for (int again = 0; again < 2; again++) { /* from the disk, then from the cache */
            ask(line, gzip);
            expect_packed(packed[i]);
            cr_expect(has("Vary: Accept-Encoding"));
            cr_expect(has("Content-Type: text/css; charset=utf-8"));
        }
        ask(line, "");
        cr_expect(body_len == packed[i] && value_of("Content-Encoding")[0] == '\0' &&
                  has("Vary: Accept-Encoding"));
    }
}

Test(files_gzip, leaves_small_large_dense_and_other_files_alone)
{
    serve(NULL);
    put("small.css", text, 1023, 1000);
    put("large.css", text, (1 << 20) + 1, 1000);
    put("photo.jpg", text, 5000, 1000);
    unsigned seed = 1;
    static char dense[30000];
    for (size_t i = 0; i < sizeof dense; i++) {
        seed = seed * 1103515245 + 12345;
        dense[i] = (char)(seed >> 16);
    }
    put("dense.css", dense, sizeof dense, 1000);
    static const char *const lines[] = {"GET /small.css", "HEAD /large.css", "GET /photo.jpg",
                                        "GET /dense.css"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        ask(lines[i], gzip);
        cr_expect(status == 200 && value_of("Content-Encoding")[0] == '\0', "%s", lines[i]);
    }
}

Test(files_gzip, has_ranges_and_conditions_of_the_packed_bytes)
{
    char tag[512], fields[2048], whole[4096], other[512];
    put("a.css", text, 30000, 1000);
    serve(NULL);
    ask("GET /a.css", "");
    snprintf(other, sizeof other, "%s", value_of("ETag"));
    ask("GET /a.css", gzip);
    size_t len = body_len;
    cr_assert_lt(len, sizeof whole);
    memcpy(whole, body, len);
    snprintf(tag, sizeof tag, "%s", value_of("ETag"));
    cr_expect(tag[0] == '"' && strcmp(tag, other) != 0, "%s %s", tag, other);

    snprintf(fields, sizeof fields, "%sRange: bytes=10-19\r\nIf-Range: %s\r\n", gzip, tag);
    ask("GET /a.css", fields);
    cr_expect(status == 206 && has("Content-Encoding: gzip") && body_len == 10);
    cr_expect_arr_eq(body, whole + 10, 10);
    snprintf(fields, sizeof fields, "bytes 10-19/%zu", len);
    cr_expect_str_eq(value_of("Content-Range"), fields);

    snprintf(fields, sizeof fields, "%sRange: bytes=10-19\r\nIf-Range: %s\r\n", gzip, other);
    ask("GET /a.css", fields); /* the part that it has is of the other bytes */
    expect_packed(30000);
    snprintf(fields, sizeof fields, "%sIf-None-Match: %s\r\n", gzip, tag);
    ask("GET /a.css", fields);
    cr_expect(status == 304 && has("Vary: Accept-Encoding"));
    snprintf(fields, sizeof fields, "%sRange: bytes=%zu-\r\n", gzip, len);
    ask("GET /a.css", fields);
    cr_expect_eq(status, 416);
    ask("HEAD /a.css", gzip);
    cr_expect(has("Content-Encoding: gzip") && (size_t)atol(value_of("Content-Length")) == len);
}

Test(files_gzip, notices_a_change)
{
    put("a.css", text, 5000, 1000);
    serve(NULL);
    ask("GET /a.css", gzip);
    expect_packed(5000);
    rh_driver_advance(driver, 2000);
    ask("GET /a.css", gzip); /* looked at again, and unchanged */
    expect_packed(5000);
    put("a.css", text, 6000, 2000);
    rh_driver_advance(driver, 2000);
    ask("GET /a.css", gzip);
    expect_packed(6000);
}

Test(files_gzip, prefers_a_sibling_and_can_be_switched_off)
{
    struct rh_files_options options;
    rh_files_options_init(&options);
    put("a.css", text, 5000, 1000);
    put("a.css.gz", "sibling", 7, 1000);
    serve(NULL);
    ask("GET /a.css", gzip);
    cr_expect_str_eq(body, "sibling");
    rh_driver_destroy(driver);
    driver = NULL;
    rh_app_unref(app);
    app = rh_app_create();
    options.compression = 0;
    serve(&options);
    ask("GET /a.css", gzip);
    cr_expect(body_len == 5000 && value_of("Vary")[0] == '\0');
}

Test(files_gzip, is_not_packed_twice)
{
    put("a.css", text, 5000, 1000);
    put("404.html", text, 3000, 1000);
    struct rh_files_options options;
    rh_files_options_init(&options);
    options.not_found = "404.html";
    rh_app_compress(app, NULL);
    serve(&options);
    ask("GET /a.css", gzip);
    expect_packed(5000);
    ask("GET /none", gzip);
    cr_expect(status == 404 && has("Content-Encoding: gzip"));
    ask("GET /a.css", "Accept-Encoding: gzip\r\nRange: bytes=0-2000\r\n");
    cr_expect(status == 206);
}

/* Descriptors of this process that lead to a file of the folder. */
static unsigned open_files(void)
{
    char path[300];
    char target[300];
    unsigned n = 0;
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(path, target, sizeof target - 1);
        if (len > 0) {
            target[len] = '\0';
            n += strstr(target, folder) != NULL && strstr(target, "large") != NULL;
        }
    }
    return n;
}

Test(files_gzip, keeps_large_files_open_for_a_while)
{
    char path[128];
    put("large.bin", text, 200000, 1000);
    serve(NULL);
    for (int i = 0; i < 3; i++) {
        ask("GET /large.bin", "");
        cr_assert_eq(body_len, 200000);
        cr_assert_eq(open_files(), 1);
    }
    snprintf(path, sizeof path, "%s/large.bin", folder);
    cr_assert_eq(unlink(path), 0);
    rh_driver_advance(driver, 6000);
    cr_assert_eq(open_files(), 0, "it could not be freed on the disk");
    ask("GET /large.bin", "");
    cr_assert_eq(status, 404);
    put("large.bin", text, 200001, 1000);
    ask("GET /large.bin", "");
    cr_assert_eq(body_len, 200001);
    put("large.bin", text, 200002, 1000);
    rh_driver_advance(driver, 1100);
    ask("GET /large.bin", "");
    cr_assert_eq(body_len, 200002, "a change is seen within a second");
    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof name, "large-%d.bin", i);
        put(name, text, 150000, 1000);
        snprintf(name, sizeof name, "GET /large-%d.bin", i);
        ask(name, "");
        cr_assert_eq(body_len, 150000);
    }
    cr_assert_leq(open_files(), 32, "bounded");
}

#if RH_HAVE_BROTLI && TEST_HAS_BROTLI
Test(files_gzip, packs_with_brotli)
{
    static const size_t sizes[] = {1024, 30000, 200000};
    static char plain[sizeof text];
    serve(NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put("a.css", text, sizes[i], 1000 + (long)i);
        if (i > 0) {
            rh_driver_advance(driver, 2000);
        }
        for (int again = 0; again < 2; again++) {
            size_t len = sizeof plain;
            ask("GET /a.css", "Accept-Encoding: gzip, br\r\n");
            cr_assert(has("Content-Encoding: br") && has("Vary: Accept-Encoding"));
            cr_assert_eq(BrotliDecoderDecompress(body_len, (const uint8_t *)body, &len,
                                                 (uint8_t *)plain),
                         BROTLI_DECODER_RESULT_SUCCESS);
            cr_assert_eq(len, sizes[i]);
            cr_assert_arr_eq(plain, text, len);
        }
    }
    ask("GET /a.css", "Accept-Encoding: gzip, br;q=0.9\r\n");
    expect_packed(200000);
}
#endif

#if RH_HAVE_ZSTD
Test(files_gzip, packs_with_zstd)
{
    static char plain[sizeof text];
    serve(NULL);
    put("a.css", text, 1 << 20, 1000);
    ask("GET /a.css", "Accept-Encoding: zstd\r\n");
    cr_assert(has("Content-Encoding: zstd"));
    cr_assert_eq(ZSTD_decompress(plain, sizeof plain, body, body_len), 1 << 20);
    cr_assert_arr_eq(plain, text, 1 << 20);
    put("a.css.zst", "sibling", 7, 2000);
    rh_driver_advance(driver, 2000);
    ask("GET /a.css", "Accept-Encoding: zstd\r\n");
    cr_assert_str_eq(body, "sibling");
}
#endif
