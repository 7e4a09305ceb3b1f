/* The list for programs: all of it, in the order that was asked for. */
#include "app/files/listing.h"
#include "util/utf8.h"

/* A string of JSON (RFC 8259 §7), which is UTF-8; other bytes become U+FFFD, and `href` still names
 * the file. */
static void put_string(FILE *out, struct rh_slice text)
{
    const char *at = text.base;
    const char *end = at + text.len;
    putc('"', out);
    while (at < end) {
        uint32_t point = 0;
        size_t len = rh_utf8_next(at, end, &point);
        if (len == 0) {
            fputs("\xef\xbf\xbd", out);
        } else if (point < 0x20 || point == '"' || point == '\\') {
            fprintf(out, "\\u%04x", (unsigned)point);
        } else {
            fwrite(at, 1, len, out);
        }
        at += len > 0 ? len : 1;
    }
    putc('"', out);
}

static void put_entry(FILE *out, const struct rh_listing_row *row)
{
    char time[32] = "";
    struct tm tm;
    fputs("{\"name\":", out);
    put_string(out, rh_slice_from(row->name));
    fputs(",\"href\":\"./", out);
    rh_listing_put_encoded(out, row->name);
    fprintf(out, "%s\",\"type\":\"%s\"", row->is_folder ? "/" : "",
            row->is_folder ? "folder" : "file");
    if (!row->is_folder) {
        fprintf(out, ",\"size\":%llu", (unsigned long long)row->size);
    }
    if (gmtime_r(&row->modified, &tm) != NULL) {
        strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    fprintf(out, ",\"modified\":\"%s\"}", time);
}

void rh_listing_put_json(FILE *out, const struct rh_listing *listing)
{
    fputs("{\"path\":", out);
    put_string(out, listing->url_path);
    fprintf(out, ",\"folders\":%zu,\"files\":%zu,\"bytes\":%llu,\"whole\":%s,\"entries\":[",
            listing->folders, listing->count - listing->folders, (unsigned long long)listing->bytes,
            listing->is_cut ? "false" : "true");
    for (size_t i = 0; i < listing->count; i++) {
        fputs(i > 0 ? ",\n" : "\n", out);
        put_entry(out, &listing->rows[i]);
    }
    fputs("\n]}\n", out);
}
