/* A compiled set of templates: units of steps that a renderer walks. Nothing in it changes once it
 * is compiled, so any number of threads may walk it. */
#ifndef RH_TEMPLATE_PROGRAM_H
#define RH_TEMPLATE_PROGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#include "template/escape.h"
#include "template/source.h"
#include "template/tree.h"

enum rh_op_kind {
    RH_OP_TEXT,     /* writes `text`; indentation after each line end within it */
    RH_OP_INDENT,   /* a line begins: writes the indentation in force */
    RH_OP_VALUE,    /* writes the value at `path` by `escape` */
    RH_OP_SECTION,  /* the steps up to `index` once for each element of the value at `path` */
    RH_OP_INVERTED, /* or once when it has none */
    RH_OP_CALL,     /* the unit `index`, its lines indented by `text` where `is_indented` */
    RH_OP_PUSH, /* `text` is added to the indentation; `skips`: but not on the next line begun */
    RH_OP_POP,
};

struct rh_op {
    uint8_t kind;   /* enum rh_op_kind */
    uint8_t escape; /* enum rh_escape */
    bool is_indented;
    bool skips;
    uint32_t index;
    struct rh_slice text;
    const struct rh_path *path;
};

/* One template, as used in one place of a document with one set of blocks. */
struct rh_unit {
    struct rh_op *ops; /* malloc */
    size_t count;
    size_t room;
};

struct rh_program {
    struct rh_pool pool;       /* sources, trees, errors */
    struct rh_source *sources; /* malloc'd texts are not needed: they are in the pool */
    struct rh_unit *units;     /* malloc */
    size_t unit_count;
    size_t unit_room;
    const char *error;      /* the first, or NULL */
    atomic_uint references; /* the set, and each rendering */
};

struct rh_program *rh_program_create(void);
struct rh_program *rh_program_ref(struct rh_program *program);
void rh_program_unref(struct rh_program *program);

/* A new source with copies of name, file and text; NULL when memory ran out. */
struct rh_source *rh_program_add(struct rh_program *program, struct rh_slice name,
                                 struct rh_slice file, struct rh_slice text);

/* The source called `name`, with or without its ending; NULL if there is none. */
struct rh_source *rh_program_find(const struct rh_program *program, struct rh_slice name);

/* Notes that the whole can not be used. */
void rh_program_fail(struct rh_program *program, const char *error);

/* Parses and compiles every source; errors stay in them, the first in the program. */
void rh_program_compile(struct rh_program *program, bool missing_is_error);

struct rh_render_limits {
    size_t output_bytes_max;
    unsigned depth_max;
    size_t steps_max;
};

int rh_program_render(const struct rh_program *program, const struct rh_source *source,
                      const struct rh_value *data, const struct rh_render_limits *limits,
                      rh_sink_fn sink, void *sink_data);

#endif
