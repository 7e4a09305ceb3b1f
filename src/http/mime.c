/* A table of what the web is made of. /etc/mime.types is not read unless somebody asks for it: what
 * a server says about a file should not change with the machine, and a wrong guess there (text for
 * code, HTML for data) is a hole. Files that are not in the table are text if they begin as text
 * does, and never anything that a browser would run. */
#include "http/mime.h"

#include <stddef.h>
#include <string.h>

#include "util/utf8.h"
#include "http/media.h"
#include "util/ascii.h"

/* Bytes that repeat themselves are worth compressing. */
#define LOOSE(extension, type)             \
    {                                      \
        extension, type, true, false, NULL \
    }
#define DENSE(extension, type)              \
    {                                       \
        extension, type, false, false, NULL \
    }

/* Sorted by extension: it is searched by halves. */
static const struct rh_mime types[] = {
    DENSE("7z", "application/x-7z-compressed"),
    DENSE("aac", "audio/aac"),
    DENSE("apk", "application/vnd.android.package-archive"),
    DENSE("apng", "image/apng"),
    LOOSE("atom", "application/atom+xml; charset=utf-8"),
    DENSE("avi", "video/x-msvideo"),
    DENSE("avif", "image/avif"),
    DENSE("bin", "application/octet-stream"),
    LOOSE("bmp", "image/bmp"),
    DENSE("bz2", "application/x-bzip2"),
    LOOSE("c", "text/plain; charset=utf-8"),
    LOOSE("cc", "text/plain; charset=utf-8"),
    LOOSE("cfg", "text/plain; charset=utf-8"),
    LOOSE("cjs", "text/javascript; charset=utf-8"),
    LOOSE("conf", "text/plain; charset=utf-8"),
    LOOSE("cpp", "text/plain; charset=utf-8"),
    LOOSE("cs", "text/plain; charset=utf-8"),
    LOOSE("css", "text/css; charset=utf-8"),
    LOOSE("csv", "text/csv; charset=utf-8"),
    LOOSE("cts", "text/plain; charset=utf-8"),
    LOOSE("cur", "image/x-icon"),
    DENSE("deb", "application/vnd.debian.binary-package"),
    LOOSE("diff", "text/plain; charset=utf-8"),
    DENSE("dmg", "application/x-apple-diskimage"),
    DENSE("doc", "application/msword"),
    DENSE("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    LOOSE("eot", "application/vnd.ms-fontobject"),
    DENSE("epub", "application/epub+zip"),
    DENSE("exe", "application/octet-stream"),
    DENSE("flac", "audio/flac"),
    LOOSE("geojson", "application/geo+json"),
    DENSE("gif", "image/gif"),
    LOOSE("glb", "model/gltf-binary"),
    LOOSE("gltf", "model/gltf+json"),
    LOOSE("go", "text/plain; charset=utf-8"),
    LOOSE("gpx", "application/gpx+xml"),
    DENSE("gz", "application/gzip"),
    LOOSE("h", "text/plain; charset=utf-8"),
    DENSE("heic", "image/heic"),
    DENSE("heif", "image/heif"),
    LOOSE("hpp", "text/plain; charset=utf-8"),
    LOOSE("htm", "text/html; charset=utf-8"),
    LOOSE("html", "text/html; charset=utf-8"),
    LOOSE("ico", "image/x-icon"),
    LOOSE("ics", "text/calendar; charset=utf-8"),
    LOOSE("ini", "text/plain; charset=utf-8"),
    DENSE("iso", "application/vnd.efi.iso"),
    DENSE("jar", "application/java-archive"),
    LOOSE("java", "text/plain; charset=utf-8"),
    DENSE("jfif", "image/jpeg"),
    DENSE("jpeg", "image/jpeg"),
    DENSE("jpg", "image/jpeg"),
    LOOSE("js", "text/javascript; charset=utf-8"),
    LOOSE("json", "application/json"),
    LOOSE("jsonld", "application/ld+json"),
    LOOSE("jsx", "text/plain; charset=utf-8"),
    DENSE("jxl", "image/jxl"),
    LOOSE("kml", "application/vnd.google-earth.kml+xml"),
    DENSE("kmz", "application/vnd.google-earth.kmz"),
    LOOSE("kt", "text/plain; charset=utf-8"),
    LOOSE("log", "text/plain; charset=utf-8"),
    LOOSE("lua", "text/plain; charset=utf-8"),
    LOOSE("m3u8", "application/vnd.apple.mpegurl"),
    DENSE("m4a", "audio/mp4"),
    DENSE("m4v", "video/mp4"),
    LOOSE("map", "application/json"),
    LOOSE("markdown", "text/markdown; charset=utf-8"),
    LOOSE("md", "text/markdown; charset=utf-8"),
    DENSE("mid", "audio/midi"),
    LOOSE("mjs", "text/javascript; charset=utf-8"),
    DENSE("mkv", "video/matroska"),
    DENSE("mov", "video/quicktime"),
    DENSE("mp3", "audio/mpeg"),
    DENSE("mp4", "video/mp4"),
    LOOSE("mpd", "application/dash+xml"),
    DENSE("mpeg", "video/mpeg"),
    LOOSE("mts", "text/plain; charset=utf-8"),
    LOOSE("ndjson", "application/x-ndjson"),
    LOOSE("obj", "model/obj"),
    DENSE("odp", "application/vnd.oasis.opendocument.presentation"),
    DENSE("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    DENSE("odt", "application/vnd.oasis.opendocument.text"),
    DENSE("oga", "audio/ogg"),
    DENSE("ogg", "audio/ogg"),
    DENSE("ogv", "video/ogg"),
    DENSE("opus", "audio/ogg"),
    LOOSE("otf", "font/otf"),
    LOOSE("patch", "text/plain; charset=utf-8"),
    DENSE("pdf", "application/pdf"),
    LOOSE("php", "text/plain; charset=utf-8"),
    LOOSE("pl", "text/plain; charset=utf-8"),
    DENSE("png", "image/png"),
    DENSE("ppt", "application/vnd.ms-powerpoint"),
    DENSE("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    LOOSE("properties", "text/plain; charset=utf-8"),
    LOOSE("py", "text/plain; charset=utf-8"),
    DENSE("rar", "application/vnd.rar"),
    LOOSE("rb", "text/plain; charset=utf-8"),
    DENSE("rpm", "application/x-rpm"),
    LOOSE("rs", "text/plain; charset=utf-8"),
    LOOSE("rss", "application/rss+xml; charset=utf-8"),
    LOOSE("rst", "text/plain; charset=utf-8"),
    LOOSE("rtf", "application/rtf"),
    LOOSE("scss", "text/plain; charset=utf-8"),
    LOOSE("sh", "text/plain; charset=utf-8"),
    LOOSE("sql", "text/plain; charset=utf-8"),
    LOOSE("srt", "text/plain; charset=utf-8"),
    LOOSE("stl", "model/stl"),
    LOOSE("svg", "image/svg+xml"),
    {"svgz", "image/svg+xml", false, false, "gzip"},
    LOOSE("swift", "text/plain; charset=utf-8"),
    DENSE("tar", "application/x-tar"),
    DENSE("tif", "image/tiff"),
    DENSE("tiff", "image/tiff"),
    LOOSE("toml", "application/toml"),
    {"ts", "video/mp2t", false, true, NULL},
    LOOSE("tsv", "text/tab-separated-values; charset=utf-8"),
    LOOSE("tsx", "text/plain; charset=utf-8"),
    LOOSE("ttf", "font/ttf"),
    LOOSE("txt", "text/plain; charset=utf-8"),
    LOOSE("vcf", "text/vcard; charset=utf-8"),
    LOOSE("vtt", "text/vtt; charset=utf-8"),
    LOOSE("vue", "text/plain; charset=utf-8"),
    LOOSE("wasm", "application/wasm"),
    DENSE("wav", "audio/wav"),
    DENSE("weba", "audio/webm"),
    DENSE("webm", "video/webm"),
    LOOSE("webmanifest", "application/manifest+json"),
    DENSE("webp", "image/webp"),
    LOOSE("wgsl", "text/wgsl"),
    DENSE("woff", "font/woff"),
    DENSE("woff2", "font/woff2"),
    LOOSE("xhtml", "application/xhtml+xml; charset=utf-8"),
    DENSE("xls", "application/vnd.ms-excel"),
    DENSE("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    LOOSE("xml", "application/xml; charset=utf-8"),
    DENSE("xz", "application/x-xz"),
    LOOSE("yaml", "application/yaml"),
    LOOSE("yml", "application/yaml"),
    DENSE("zip", "application/zip"),
    DENSE("zst", "application/zstd"),
};

static const struct rh_mime unknown = {"", "application/octet-stream", false, true, NULL};
static const struct rh_mime plain_text = LOOSE("", "text/plain; charset=utf-8");

bool rh_mime_extension(const char *name, char ret_extension[16])
{
    const char *slash = strrchr(name, '/');
    const char *dot = strrchr(slash != NULL ? slash + 1 : name, '.');
    if (dot == NULL || strlen(dot + 1) >= 16) {
        return false;
    }
    for (size_t i = 0;; i++) {
        ret_extension[i] = rh_ascii_lower(dot[1 + i]);
        if (ret_extension[i] == '\0') {
            return true;
        }
    }
}

const struct rh_mime *rh_mime_of(const char *name)
{
    char extension[16];
    if (!rh_mime_extension(name, extension)) {
        return &unknown;
    }
    size_t low = 0;
    size_t high = sizeof types / sizeof *types;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(extension, types[middle].extension);
        if (order == 0) {
            return &types[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return &unknown;
}

/* Returns true for the beginning of a character whose end was not read. */
static bool goes_on(const char *at, const char *end)
{
    unsigned char first = (unsigned char)*at;
    ptrdiff_t len = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    bool is_short = end - at < len;
    for (at++; is_short && at < end; at++) {
        is_short = ((unsigned char)*at & 0xc0) == 0x80;
    }
    return is_short;
}

bool rh_mime_is_text(struct rh_slice beginning, bool is_whole)
{
    const char *at = beginning.base;
    const char *end = at + beginning.len;
    while (at < end) {
        uint32_t point;
        size_t len = rh_utf8_next(at, end, &point);
        if (len == 0) {
            return !is_whole && goes_on(at, end);
        }
        bool is_control =
            (point < 0x20 && (point < '\t' || point > '\r') && point != 0x1b) || point == 0x7f;
        if (is_control) {
            return false;
        }
        at += len;
    }
    return true;
}

const struct rh_mime *rh_mime_judge(const struct rh_mime *mime, struct rh_slice beginning,
                                    bool is_whole)
{
    return mime->is_doubtful && rh_mime_is_text(beginning, is_whole) ? &plain_text : mime;
}

static bool ends_with(struct rh_slice text, const char *lower)
{
    size_t len = strlen(lower);
    return text.len > len && rh_ascii_is((struct rh_slice){text.base + text.len - len, len}, lower);
}

bool rh_mime_is_compressible(struct rh_slice type)
{
    static const char *const known[] = {"json",     "javascript", "xml", "wasm",
                                        "x-ndjson", "yaml",       "toml"};
    struct rh_media media;
    if (type.base == NULL || !rh_media_parse(type, &media)) {
        return false;
    }
    if (ends_with(media.subtype, "+json") || ends_with(media.subtype, "+xml")) {
        return true;
    }
    if (rh_ascii_is(media.type, "text")) {
        return !rh_ascii_is(media.subtype, "event-stream");
    }
    for (size_t i = 0; i < sizeof known / sizeof *known && rh_ascii_is(media.type, "application");
         i++) {
        if (rh_ascii_is(media.subtype, known[i])) {
            return true;
        }
    }
    return false;
}
