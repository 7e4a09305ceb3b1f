/* A form and a page: fields of a body, whatever its type, and a template that escapes them for
 * where they stand. Try: curl -d 'name=<b>Ada' localhost:8080/ and curl -H 'Content-Type:
 * application/json' -d '{"name":"Ada"}' … */
#include <rawhttp.h>

static const char page[] =
    "<!doctype html><title>Hello</title>\n"
    "<p>Hello{{#name}}, {{name}}{{/name}}!</p>\n"
    "<form method=\"post\"><input name=\"name\" value=\"{{name}}\"><button>Greet</button></form>\n";

static struct rh_templates *templates;

static void show(struct rh_exchange *x, struct rh_slice name)
{
    char html[4096];
    size_t length;
    struct rh_value *values = rh_value_create();
    if (name.len > 0)
        rh_value_set_bytes(values, "name", name);
    int error = rh_templates_render_to(templates, "page", values, html, sizeof html, &length);
    rh_value_destroy(values);
    if (error == 0)
        rh_respond(x, 200, "text/html; charset=utf-8", html, length);
    else
        rh_respond_error(x, 500, rh_strerror(error));
}

static void empty(struct rh_exchange *x, void *data)
{
    (void)data;
    show(x, (struct rh_slice){NULL, 0});
}

/* On an error no answer is needed: the library gives the fitting one, 400, 413 or 415. */
static void on_fields(struct rh_exchange *x, int error, void *data)
{
    (void)data;
    if (error == 0)
        show(x, rh_form_field(x, "name"));
}

static void posted(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_form_read(x, on_fields, NULL);
}

int main(int argc, char **argv)
{
    templates = rh_templates_create(NULL, 0);
    if (templates == NULL || rh_templates_add(templates, "page", rh_slice_from(page)) != 0 ||
        rh_templates_compile(templates) != 0)
        return 1;
    struct rh_app *app = rh_app_create();
    rh_app_get(app, "/", empty, NULL);
    rh_app_post(app, "/", posted, NULL);
    int code = rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
    rh_templates_destroy(templates);
    return code;
}
