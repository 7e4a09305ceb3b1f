/* Life and contents of a program; its compiler and its renderer have files of their own. */
#include "template/program.h"

#include <stdlib.h>

static const struct rh_slice endings[] = {
    {".html", 5},
    {".mustache", 9},
    {".txt", 4},
};

struct rh_program *rh_program_create(void)
{
    struct rh_program *program = calloc(1, sizeof(*program));
    if (program != NULL) {
        rh_pool_init(&program->pool);
        atomic_init(&program->references, 1);
    }
    return program;
}

struct rh_program *rh_program_ref(struct rh_program *program)
{
    atomic_fetch_add_explicit(&program->references, 1, memory_order_relaxed);
    return program;
}

void rh_program_unref(struct rh_program *program)
{
    if (program == NULL ||
        atomic_fetch_sub_explicit(&program->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; i < program->unit_count; i++) {
        free(program->units[i].ops);
    }
    free(program->units);
    rh_pool_fini(&program->pool);
    free(program);
}

void rh_program_fail(struct rh_program *program, const char *error)
{
    if (program->error == NULL) {
        program->error = error;
    }
}

/* The name without an ending that we know; *ret_ending is absent without one. */
static struct rh_slice without_ending(struct rh_slice name, struct rh_slice *ret_ending)
{
    *ret_ending = (struct rh_slice){NULL, 0};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t len = endings[i].len;
        if (name.len > len && memcmp(name.base + name.len - len, endings[i].base, len) == 0) {
            *ret_ending = endings[i];
            name.len -= len;
            break;
        }
    }
    return name;
}

struct rh_source *rh_program_add(struct rh_program *program, struct rh_slice name,
                                 struct rh_slice file, struct rh_slice text)
{
    struct rh_source *source = rh_pool_alloc(&program->pool, sizeof(*source));
    if (source == NULL) {
        return NULL;
    }
    struct rh_slice ending;
    source->name = rh_pool_copy(&program->pool, name);
    source->file = rh_pool_copy(&program->pool, file);
    source->text = rh_pool_copy(&program->pool, text);
    if (source->name.base == NULL || source->file.base == NULL || source->text.base == NULL) {
        return NULL;
    }
    (void)without_ending(name, &ending);
    source->is_html = !rh_slice_is(ending, ".txt");
    const char *slash = memrchr(source->name.base, '/', source->name.len);
    source->is_partial_only = *(slash != NULL ? slash + 1 : source->name.base) == '_';
    source->next = program->sources;
    program->sources = source;
    return source;
}

/* An exact name wins over one without its ending. A few dozen templates are looked through faster
 * than a table would be hashed; a partial's name is looked up once, when it is compiled. */
struct rh_source *rh_program_find(const struct rh_program *program, struct rh_slice name)
{
    struct rh_source *found = NULL;
    for (struct rh_source *source = program->sources; source != NULL; source = source->next) {
        struct rh_slice ending;
        if (rh_slice_equal(source->name, name)) {
            return source;
        }
        if (rh_slice_equal(without_ending(source->name, &ending), name)) {
            found = source;
        }
    }
    return found;
}
