/* Writes the corpus as pages for a browser: in the folder that is its argument, N.html for every
 * place, with all hostile values in it one after the other, and control.html, in which nothing is
 * escaped: the browser must notice that one, or the test could not fail. Prints how many. */
#include <stdio.h>
#include <stdlib.h>

#include "app/xss_corpus.h"
#include "rawhttp/template.h"

static int write_piece(void *data, const char *bytes, size_t len)
{
    return fwrite(bytes, 1, len, data) == len ? 0 : -1;
}

static void write_page(const char *folder, const char *name, const char *template_text)
{
    char path[4096];
    char text[8192];
    snprintf(path, sizeof(path), "%s/%s.html", folder, name);
    snprintf(text, sizeof(text),
             "<!doctype html><meta charset=\"utf-8\"><title>%s</title>\n"
             "{{#values}}<div>%s</div>\n{{/values}}",
             name, template_text);
    FILE *file = fopen(path, "wb");
    struct rh_templates *set = rh_templates_create(NULL, 0);
    struct rh_value *data = rh_value_create();
    struct rh_value *values = rh_value_set_list(data, "values");
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        rh_value_set_text(rh_value_add_map(values), "x", hostile[i]);
    }
    rh_templates_add(set, "page", rh_slice_from(text));
    if (file == NULL || rh_templates_compile(set) != 0 ||
        rh_templates_render(set, "page", data, write_piece, file) != 0) {
        const char *error = rh_templates_error(set);
        fprintf(stderr, "%s: %s\n", path, error != NULL ? error : "can not be written");
        exit(1);
    }
    fclose(file);
    rh_value_destroy(data);
    rh_templates_destroy(set);
}

int main(int argc, char **argv)
{
    size_t count = sizeof(places) / sizeof(places[0]);
    char name[32];
    if (argc != 2) {
        fprintf(stderr, "usage: xss-pages FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%zu", i);
        write_page(argv[1], name, places[i]);
    }
    write_page(argv[1], "control", "<p>{{{x}}}</p>");
    printf("%zu\n", count);
    return 0;
}
