/* A folder as a page: names sorted, folders first, sizes and times, and nothing that could not also
 * be served: no dot names, nothing private, no link that leads out. Names are bytes of whoever can
 * write there: escaped in text, percent-encoded in links, which begin with "./" so that
 * "javascript:x" is a name and not a scheme. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/files.h"
#include "io/file.h"

enum { NAMES_MAX = 2000 };

struct row {
    char *name;
    bool is_folder;
    uint64_t size;
    time_t modified;
};

static int row_order(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    return a->is_folder != b->is_folder ? (a->is_folder ? -1 : 1) : strcmp(a->name, b->name);
}

/* `text` for HTML text and attributes; a decoded slash is shown as one. */
static void put_escaped(FILE *out, struct rh_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.base[i];
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' || c < 0x20) {
            fprintf(out, "&#%u;", c < 0x20 ? 0xfffdu : (unsigned)c);
        } else {
            putc(c, out);
        }
    }
}

static void put_encoded(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
            (c != 0 && strchr("-._~", c))) {
            putc(c, out);
        } else {
            fprintf(out, "%%%02X", c);
        }
    }
}

static void put_page(FILE *out, const struct row *rows, size_t count, bool is_cut, const char *name,
                     struct rh_slice url_path)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
          out);
    put_escaped(out, url_path);
    fputs("</title>\n<style>body{font:1rem/1.6 system-ui,sans-serif;max-width:60rem;margin:1rem "
          "auto;padding:0 1rem}"
          "table{width:100%;border-collapse:collapse}td{padding:.4rem .5rem;border-top:1px solid "
          "#8884}"
          "td:first-child{overflow-wrap:anywhere}td+td{text-align:right;white-space:nowrap;color:#"
          "777}"
          "@media(max-width:36rem){td:last-child{display:none}}</style>\n<h1>",
          out);
    put_escaped(out, url_path);
    fputs("</h1>\n<table>\n", out);
    if (*name != '\0') {
        fputs("<tr><td><a href=\"../\">../</a><td><td>\n", out);
    }
    for (size_t i = 0; i < count; i++) {
        char when[32] = "";
        struct tm tm;
        if (gmtime_r(&rows[i].modified, &tm) != NULL) {
            strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
        }
        const char *slash = rows[i].is_folder ? "/" : "";
        fputs("<tr><td><a href=\"./", out);
        put_encoded(out, rows[i].name);
        fprintf(out, "%s\">", slash);
        put_escaped(out, rh_slice_from(rows[i].name));
        fprintf(out, "%s</a><td>", slash);
        if (!rows[i].is_folder) {
            fprintf(out, "%llu", (unsigned long long)rows[i].size);
        }
        fprintf(out, "<td>%s\n", when);
    }
    fputs("</table>\n", out);
    if (is_cut) {
        fprintf(out, "<p>Only the first %d names that were found are shown.</p>\n", NAMES_MAX);
    }
}

/* True where the name may be shown, with its row. What is not below the folder is not there. */
static bool look_at(const struct rh_files *files, const struct rh_root *root,
                    const struct rh_hidden_look *hidden, const char *folder, const char *name,
                    struct row *ret_row)
{
    char path[RH_FILES_NAME_MAX + 256 + 2];
    struct stat stat;
    if (name[0] == '.' && strcmp(name, ".well-known") != 0) {
        return false;
    }
    snprintf(path, sizeof path, "%s%s", folder, name);
    if (rh_file_stat_below(root->fd, path, &stat) != 0) {
        return false;
    }
    if ((!S_ISDIR(stat.st_mode) && !S_ISREG(stat.st_mode)) || rh_hidden_has(hidden, name, &stat)) {
        return false;
    }
    if (files->options.is_private != NULL &&
        files->options.is_private(files->options.data, stat.st_dev, stat.st_ino)) {
        return false;
    }
    *ret_row = (struct row){NULL, S_ISDIR(stat.st_mode), (uint64_t)stat.st_size, stat.st_mtime};
    return true;
}

int rh_listing_make(const struct rh_files *files, const struct rh_root *root, int fd,
                    const char *name, struct rh_slice url_path, char **ret_text, size_t *ret_len)
{
    struct rh_hidden_look hidden;
    rh_hidden_look(&hidden, files->hidden, root, name);
    if (hidden.is_hidden) {
        rh_file_close(fd);
        return -ENOENT;
    }
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        int err = -errno;
        rh_file_close(fd);
        return err;
    }
    int err = -ENOMEM;
    size_t count = 0;
    bool is_cut = false;
    struct row *rows = calloc(NAMES_MAX, sizeof *rows);
    for (const struct dirent *found; rows != NULL && !is_cut && (found = readdir(dir)) != NULL;) {
        if (count == NAMES_MAX) {
            is_cut = true;
        } else if (look_at(files, root, &hidden, name, found->d_name, &rows[count])) {
            rows[count].name = strdup(found->d_name);
            count += rows[count].name != NULL;
        }
    }
    closedir(dir);
    if (rows != NULL) {
        char *text = NULL;
        size_t len = 0;
        qsort(rows, count, sizeof *rows, row_order);
        FILE *out = open_memstream(&text, &len);
        if (out != NULL) {
            put_page(out, rows, count, is_cut, name, url_path);
            bool is_whole = !ferror(out);
            if (fclose(out) == 0 && is_whole) {
                *ret_text = text;
                *ret_len = len;
                err = 0;
            } else {
                free(text);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(rows[i].name);
    }
    free(rows);
    return err;
}
