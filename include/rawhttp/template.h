/* Templates: Mustache by its specification, with escaping by place. The compiler follows the HTML
 * that a template writes, so that each value is escaped for where it stands: text, an attribute, a
 * URL, a script's JSON; what can not be made safe does not compile. docs/templates.md tells the
 * whole language.
 *
 *     struct rh_templates *pages = rh_templates_create("pages", RH_TEMPLATES_RELOAD);
 *     if (rh_templates_error(pages) != NULL) { ... "pages/home.html:3:14: a value can not ..." }
 *     struct rh_value *data = rh_value_create();
 *     rh_value_set_text(data, "name", name);
 *     rh_templates_render(pages, "home", data, sink, sink_data);
 *
 * A set that is compiled does not change: any thread may render from it at any time. */
#ifndef RAWHTTP_TEMPLATE_H
#define RAWHTTP_TEMPLATE_H

#include <stddef.h>

#include <rawhttp/error.h>
#include <rawhttp/export.h>
#include <rawhttp/slice.h>
#include <rawhttp/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_templates;

enum {
    RH_TEMPLATES_RELOAD = 1,  /* for development: read the folder again when a file in it changed */
    RH_TEMPLATES_REFRESH = 4, /* rh_templates_refresh may be called while others render */
    RH_TEMPLATES_MISSING = 2, /* naming a partial that does not exist is an error, not emptiness */
};

/* The templates of a folder and the folders in it: every *.html, *.mustache and *.txt file. A
 * template's name is its path in the folder, with or without the ending. What ends in .txt is
 * plain text (nothing is escaped), everything else is HTML. A file whose name begins with `_` is a
 * partial only: it is compiled where it is used. With `dir` NULL the set is empty: add, then
 * compile. NULL when memory ran out; all other failures are in rh_templates_error. Reads files:
 * call it before the loop runs. */
RH_API struct rh_templates *rh_templates_create(const char *dir, unsigned flags);

/* NULL is accepted. Nobody may be rendering. */
RH_API void rh_templates_destroy(struct rh_templates *templates);

/* Adds a template from memory; name and text are copied. RH_ESTATE once compiled, RH_ENOROOM. */
RH_API int rh_templates_add(struct rh_templates *templates, const char *name, struct rh_slice text);

/* Compiles what was added. 0, or RH_ETEMPLATE with the first reason in rh_templates_error; the
 * templates that did compile can be rendered even so. */
RH_API int rh_templates_compile(struct rh_templates *templates);

/* The first error, as `file:line:column: what and why`, or NULL: of loading and compiling, or of
 * the last reload (whose failure keeps what was there). Valid until the next reload. */
RH_API const char *rh_templates_error(const struct rh_templates *templates);

/* The error of one template; NULL when it compiled or does not exist. */
RH_API const char *rh_templates_error_of(const struct rh_templates *templates, const char *name);

/* Reads the folder again, found by its path, if a file in it changed: whole, or not at all. For a timer
 * and the thread pool: any thread, while others render; blocks on the disk. Returns 1 if what is
 * rendered from now on is new; 0 if nothing changed; RH_ETEMPLATE with the reason in
 * rh_templates_error, and then what was there stays; RH_ESTATE without a folder or without
 * RH_TEMPLATES_REFRESH. */
RH_API int rh_templates_refresh(struct rh_templates *templates);

/* Bounds of one rendering; the defaults are 16 MiB of output, partials 64 deep and ten million
 * steps. Set them before others render. */
RH_API void rh_templates_limit(struct rh_templates *templates, size_t output_bytes_max,
                               unsigned depth_max, size_t steps_max);

/* Writes a template, filled from `data` (NULL: nothing), into the sink piece by piece.
 * 0; RH_ENOTFOUND: no such template; RH_ETEMPLATE: it did not compile, or partials nest too
 * deeply; RH_ENOROOM: one of the bounds; or what the sink returned to stop. After an error the
 * output so far is incomplete. */
RH_API int rh_templates_render(struct rh_templates *templates, const char *name,
                               const struct rh_value *data, rh_sink_fn sink, void *sink_data);

/* As render, into a buffer; RH_ENOROOM when it does not fit. No NUL is added. */
RH_API int rh_templates_render_to(struct rh_templates *templates, const char *name,
                                  const struct rh_value *data, char *out, size_t size,
                                  size_t *ret_len);

#ifdef __cplusplus
}
#endif
#endif
