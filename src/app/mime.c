/* A table of what the web is made of. /etc/mime.types is not read: what a server says about a file
 * should not change with the machine, and a wrong guess there (text for code, HTML for data) is a
 * hole. */
#include "app/mime.h"

#include <stddef.h>
#include <string.h>

#include "util/ascii.h"

/* Sorted by extension: it is searched by halves. */
static const struct rh_mime types[] = {
    {"7z", "application/x-7z-compressed", false},
    {"aac", "audio/aac", false},
    {"apng", "image/apng", false},
    {"atom", "application/atom+xml; charset=utf-8", true},
    {"avif", "image/avif", false},
    {"bmp", "image/bmp", true},
    {"bz2", "application/x-bzip2", false},
    {"c", "text/plain; charset=utf-8", true},
    {"cjs", "text/javascript; charset=utf-8", true},
    {"conf", "text/plain; charset=utf-8", true},
    {"css", "text/css; charset=utf-8", true},
    {"csv", "text/csv; charset=utf-8", true},
    {"doc", "application/msword", false},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", false},
    {"eot", "application/vnd.ms-fontobject", true},
    {"epub", "application/epub+zip", false},
    {"flac", "audio/flac", false},
    {"geojson", "application/geo+json", true},
    {"gif", "image/gif", false},
    {"gz", "application/gzip", false},
    {"h", "text/plain; charset=utf-8", true},
    {"heic", "image/heic", false},
    {"htm", "text/html; charset=utf-8", true},
    {"html", "text/html; charset=utf-8", true},
    {"ico", "image/x-icon", true},
    {"ics", "text/calendar; charset=utf-8", true},
    {"jpeg", "image/jpeg", false},
    {"jpg", "image/jpeg", false},
    {"js", "text/javascript; charset=utf-8", true},
    {"json", "application/json", true},
    {"jsonld", "application/ld+json", true},
    {"jxl", "image/jxl", false},
    {"log", "text/plain; charset=utf-8", true},
    {"m4a", "audio/mp4", false},
    {"map", "application/json", true},
    {"md", "text/markdown; charset=utf-8", true},
    {"mid", "audio/midi", false},
    {"mjs", "text/javascript; charset=utf-8", true},
    {"mov", "video/quicktime", false},
    {"mp3", "audio/mpeg", false},
    {"mp4", "video/mp4", false},
    {"mpeg", "video/mpeg", false},
    {"odp", "application/vnd.oasis.opendocument.presentation", false},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet", false},
    {"odt", "application/vnd.oasis.opendocument.text", false},
    {"oga", "audio/ogg", false},
    {"ogg", "audio/ogg", false},
    {"ogv", "video/ogg", false},
    {"opus", "audio/ogg", false},
    {"otf", "font/otf", true},
    {"pdf", "application/pdf", false},
    {"png", "image/png", false},
    {"ppt", "application/vnd.ms-powerpoint", false},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", false},
    {"rss", "application/rss+xml; charset=utf-8", true},
    {"rtf", "application/rtf", true},
    {"sh", "text/plain; charset=utf-8", true},
    {"svg", "image/svg+xml", true},
    {"tar", "application/x-tar", false},
    {"tif", "image/tiff", false},
    {"tiff", "image/tiff", false},
    {"toml", "application/toml", true},
    {"ts", "video/mp2t", false},
    {"tsv", "text/tab-separated-values; charset=utf-8", true},
    {"ttf", "font/ttf", true},
    {"txt", "text/plain; charset=utf-8", true},
    {"vtt", "text/vtt; charset=utf-8", true},
    {"wasm", "application/wasm", true},
    {"wav", "audio/wav", false},
    {"webm", "video/webm", false},
    {"webmanifest", "application/manifest+json", true},
    {"webp", "image/webp", false},
    {"woff", "font/woff", false},
    {"woff2", "font/woff2", false},
    {"xhtml", "application/xhtml+xml; charset=utf-8", true},
    {"xls", "application/vnd.ms-excel", false},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", false},
    {"xml", "application/xml; charset=utf-8", true},
    {"xz", "application/x-xz", false},
    {"yaml", "application/yaml", true},
    {"yml", "application/yaml", true},
    {"zip", "application/zip", false},
    {"zst", "application/zstd", false},
};

static const struct rh_mime unknown = {"", "application/octet-stream", false};

const struct rh_mime *rh_mime_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *dot = strrchr(slash != NULL ? slash + 1 : name, '.');
    char extension[16];
    if (dot == NULL || strlen(dot + 1) >= sizeof extension) {
        return &unknown;
    }
    for (size_t i = 0;; i++) {
        extension[i] = rh_ascii_lower(dot[1 + i]);
        if (extension[i] == '\0') {
            break;
        }
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
