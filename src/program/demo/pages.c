/* Pages: two fixed ones, every other file of the folder by its name, and the page for what is not
 * there. */
#include "program/demo/demo.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program/kit/locate.h"

static void home(struct rh_exchange *x, void *data)
{
    struct demo *demo = data;
    rh_files_send(x, demo->pages, "index.html", 200);
}

static void hello(struct rh_exchange *x, void *data)
{
    struct demo *demo = data;
    rh_files_send(x, demo->pages, "hello.html", 200);
}

/* What browsers ask for without having read a page. */
static void favicon(struct rh_exchange *x, void *data)
{
    struct demo *demo = data;
    rh_files_send(x, demo->pages, "favicon.svg", 200);
}

/* Without a folder the server still says what it is. */
static void bare(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "rawhttp-uv is running; its pages were not found. Try /ping.\n");
}

static void not_found(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 404, "Route Not Found");
}

/* Every other path. This is no route of its own: a route for all paths would answer a GET of /echo
 * with 404, where the app knows that the path takes another method. */
static void file(struct rh_exchange *x, void *data)
{
    struct demo *demo = data;
    if (rh_request_method(x) == RH_OPTIONS) {
        rh_response_set(x, "Allow", "GET, HEAD, OPTIONS");
        rh_respond_empty(x, 204);
        return;
    }
    rh_files_serve(x, demo->pages, 0);
}

static void free_pages(void *data)
{
    rh_files_unref(data);
}

static void free_templates(void *data)
{
    rh_templates_destroy(data);
}

/* A template that does not compile is told with its file and line, and the others are served. */
static void load_templates(struct rh_app *app, struct demo *demo)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/templates", demo->folder);
    if (access(path, R_OK) != 0)
        return;
    demo->templates = rh_templates_create(path, RH_TEMPLATES_REFRESH);
    if (demo->templates == NULL)
        return;
    if (rh_templates_error(demo->templates) != NULL)
        notes_warn(demo->notes, "%s", rh_templates_error(demo->templates));
    rh_app_own(app, free_templates, demo->templates);
}

static bool has_page(const struct demo *demo, const char *name)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", demo->folder, name);
    return access(path, R_OK) == 0;
}

/* The page for what fails, where there is one; the app keeps a copy. */
static void add_failure_page(struct rh_app *app, const struct demo *demo)
{
    char path[PATH_MAX + 32], page[16384];
    snprintf(path, sizeof path, "%s/500.html", demo->folder);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    size_t length = fread(page, 1, sizeof page, file);
    if (length > 0 && length < sizeof page)
        rh_app_error_page(app, 500, page, length);
    fclose(file);
}

/* The pages, but for the templates, which are no pages yet. */
static struct rh_files *open_pages(const struct demo *demo, const struct rh_files_options *options)
{
    struct rh_files_options pages = *options;
    const char *hidden[RH_FILES_HIDDEN_MAX + 1];
    char templates[PATH_MAX + 32];
    size_t count = 0;
    snprintf(templates, sizeof templates, "%s/templates", demo->folder);
    for (size_t i = 0; options->hidden != NULL && options->hidden[i] != NULL; i++) {
        if (count < RH_FILES_HIDDEN_MAX)
            hidden[count++] = options->hidden[i];
    }
    if (count == RH_FILES_HIDDEN_MAX)
        return NULL;
    hidden[count++] = templates;
    hidden[count] = NULL;
    pages.hidden = hidden;
    pages.not_found = has_page(demo, "404.html") ? "404.html" : NULL;
    return rh_files_create(demo->folder, &pages);
}

void demo_pages_add(struct rh_app *app, struct demo *demo, const struct rh_files_options *options)
{
    if (locate_folder("pages", demo->folder) == 0)
        demo->pages = open_pages(demo, options);
    if (demo->pages == NULL) {
        demo->folder[0] = '\0';
        rh_app_get(app, "/", bare, NULL);
        rh_app_get(app, "/hello", bare, NULL);
        rh_app_not_found(app, not_found, NULL);
        return;
    }
    rh_app_get(app, "/", home, demo);
    rh_app_get(app, "/hello", hello, demo);
    rh_app_get(app, "/favicon.ico", favicon, demo);
    rh_app_not_found(app, file, demo);
    rh_app_own(app, free_pages, demo->pages);
    add_failure_page(app, demo);
    load_templates(app, demo);
}
