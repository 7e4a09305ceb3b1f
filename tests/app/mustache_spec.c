/* Runs the official cases of the Mustache specification, where they are: RH_MUSTACHE_SPEC names the
 * folder with its .json files. Each case is tried as HTML; one that is no HTML that we compile is
 * tried as plain text, and counted. Without the folder it says "skipped" (exit code 77). */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rawhttp/template.h"
#include "rawhttp/value.h"

static unsigned passed, failed, as_text;

static char *read_whole(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(1 << 20);
    if (file == NULL || text == NULL) {
        fprintf(stderr, "%s: can not be read\n", path);
        exit(1);
    }
    *ret_len = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

/* Renders a case under names that end in `ending`: 0, or what went wrong in *ret_error. */
static int render(const struct rh_value *test, const char *ending, char *out, size_t size,
                  size_t *ret_len, char *ret_error)
{
    char name[128];
    struct rh_templates *set = rh_templates_create(NULL, 0);
    snprintf(name, sizeof(name), "main%s", ending);
    rh_templates_add(set, name, rh_value_text(rh_value_get(test, "template")));
    for (const struct rh_value *partial = rh_value_first(rh_value_get(test, "partials"));
         partial != NULL; partial = rh_value_next(partial)) {
        snprintf(name, sizeof(name), "%.*s%s", (int)rh_value_key(partial).len,
                 rh_value_key(partial).base, ending);
        rh_templates_add(set, name, rh_value_text(partial));
    }
    rh_templates_compile(set);
    int err = rh_templates_render_to(set, "main", rh_value_get(test, "data"), out, size, ret_len);
    const char *error = rh_templates_error_of(set, "main");
    snprintf(ret_error, 256, "%s", error != NULL ? error : "");
    rh_templates_destroy(set);
    return err;
}

static void run_case(const char *file, const struct rh_value *test)
{
    char out[65536];
    char error[256];
    size_t len = 0;
    struct rh_slice name = rh_value_text(rh_value_get(test, "name"));
    struct rh_slice expected = rh_value_text(rh_value_get(test, "expected"));
    int err = render(test, ".html", out, sizeof(out), &len, error);
    if (err != 0) {
        printf("%s: %.*s: as text, because %s\n", file, (int)name.len, name.base, error);
        as_text++;
        err = render(test, ".txt", out, sizeof(out), &len, error);
    }
    if (err == 0 && len == expected.len && memcmp(out, expected.base, len) == 0) {
        passed++;
        return;
    }
    failed++;
    printf("%s: %.*s: error %d %s\n--- expected\n%.*s\n--- rendered\n%.*s\n---\n", file,
           (int)name.len, name.base, err, error, (int)expected.len, expected.base, (int)len, out);
}

int main(void)
{
    const char *dir = getenv("RH_MUSTACHE_SPEC");
    DIR *folder = dir != NULL ? opendir(dir) : NULL;
    if (folder == NULL) {
        puts("skipped: RH_MUSTACHE_SPEC names no folder");
        return 77;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[4096];
        size_t len = 0;
        struct rh_json_error error;
        if (strstr(entry->d_name, ".json") == NULL) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        char *text = read_whole(path, &len);
        struct rh_value *root = rh_json_parse((struct rh_slice){text, len}, NULL, &error);
        if (root == NULL) {
            printf("%s:%d:%d: %s\n", path, error.line, error.column, error.text);
            return 1;
        }
        for (const struct rh_value *test = rh_value_first(rh_value_get(root, "tests"));
             test != NULL; test = rh_value_next(test)) {
            run_case(entry->d_name, test);
        }
        rh_value_destroy(root);
        free(text);
    }
    closedir(folder);
    printf("%u passed, %u failed, %u of them only as plain text\n", passed, failed, as_text);
    return failed > 0 || passed == 0;
}
