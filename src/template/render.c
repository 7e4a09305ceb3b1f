/* Walks the steps of a unit. What it needs lives on the C stack: the values that sections opened,
 * the indentation in force, and a small buffer before the sink. All of it is bounded, so that no
 * data can make a template run away: depth, steps and bytes end it with an error. */
#include "template/program.h"

#include "value/value.h"
#include "rawhttp/error.h"

enum {
    CONTEXT_DEPTH_MAX = 256,
    INDENTS_MAX = 128,
    RECURSION_MAX = 512, /* of run(): sections and calls together */
};

struct render {
    const struct rh_program *program;
    rh_sink_fn sink;
    void *sink_data;
    size_t bytes_left;
    size_t steps_left;
    unsigned calls_left;
    unsigned recursion_left;
    int result; /* why it stopped */
    size_t context_depth;
    const struct rh_value *context[CONTEXT_DEPTH_MAX]; /* innermost last */
    size_t indent_base; /* those before it wait until a call returns */
    size_t indent_count;
    struct rh_slice indents[INDENTS_MAX];
    bool skips_indent; /* the next line begun is written behind what is there already */
    size_t used;       /* of `buffer` */
    char buffer[1024];
};

static void run(struct render *render, const struct rh_unit *unit, size_t from, size_t to);

/* --- output --- */

static int put(void *data, const char *bytes, size_t len)
{
    struct render *render = data;
    if (render->result != 0 || len == 0) {
        return render->result;
    }
    if (len > render->bytes_left) {
        render->result = RH_ENOROOM;
        return render->result;
    }
    render->bytes_left -= len;
    if (len > sizeof(render->buffer) - render->used) {
        render->result = render->sink(render->sink_data, render->buffer, render->used);
        render->used = 0;
        if (render->result == 0 && len > sizeof(render->buffer)) {
            render->result = render->sink(render->sink_data, bytes, len);
            return render->result;
        }
    }
    if (render->result == 0) {
        memcpy(render->buffer + render->used, bytes, len);
        render->used += len;
    }
    return render->result;
}

static void put_indent(struct render *render)
{
    if (render->skips_indent) {
        render->skips_indent = false;
        return;
    }
    for (size_t i = render->indent_base; i < render->indent_count; i++) {
        struct rh_slice indent = render->indents[i]; /* the first indent_count are set */
        put(render, indent.base, indent.len);        /* NOLINT(clang-analyzer-core.*) */
    }
}

/* Text that is indented goes line by line; the indentation of its first line is a step before it.
 */
static void put_text(struct render *render, struct rh_slice text)
{
    render->skips_indent = false;
    if (render->indent_count == render->indent_base) {
        put(render, text.base, text.len);
        return;
    }
    const char *end = text.base + text.len;
    while (text.base < end) {
        const char *line_end = memchr(text.base, '\n', (size_t)(end - text.base));
        const char *next = line_end != NULL ? line_end + 1 : end;
        put(render, text.base, (size_t)(next - text.base));
        if (line_end != NULL && next < end) {
            put_indent(render);
        }
        text.base = next;
    }
}

static void push_indent(struct render *render, struct rh_slice indent)
{
    if (render->indent_count == INDENTS_MAX) {
        render->result = RH_ETEMPLATE;
        return;
    }
    render->indents[render->indent_count++] = indent;
}

/* --- values --- */

/* The first part of a name is looked for from the inside out, the others within what it named: a
 * dotted name that breaks off does not look further out. */
static const struct rh_value *find(const struct render *render, const struct rh_path *path)
{
    const struct rh_value *value = NULL;
    if (path->count == 0) {
        return render->context[render->context_depth - 1];
    }
    for (size_t i = render->context_depth; i > 0 && value == NULL; i--) {
        value = rh_value_get_bytes(render->context[i - 1], path->parts[0]);
    }
    for (size_t i = 1; i < path->count && value != NULL; i++) {
        value = rh_value_get_bytes(value, path->parts[i]);
    }
    return value;
}

/* What a section takes for nothing; a list counts by its elements instead. */
static bool is_false(const struct rh_value *value)
{
    switch (rh_value_kind(value)) {
    case RH_VALUE_NULL:
        return true;
    case RH_VALUE_BOOL:
        return !value->as.boolean;
    case RH_VALUE_INT:
        return value->as.integer == 0;
    case RH_VALUE_DOUBLE:
        return !(value->as.number < 0 || value->as.number > 0);
    case RH_VALUE_STRING:
        return value->as.string.len == 0;
    case RH_VALUE_LIST:
        return value->as.members.count == 0;
    case RH_VALUE_MAP:
        return false;
    }
    return true;
}

/* --- steps --- */

static void run_with(struct render *render, const struct rh_value *value,
                     const struct rh_unit *unit, size_t from, size_t to)
{
    if (render->context_depth == CONTEXT_DEPTH_MAX) {
        render->result = RH_ETEMPLATE;
        return;
    }
    render->context[render->context_depth++] = value;
    run(render, unit, from, to);
    render->context_depth--;
}

static void run_section(struct render *render, const struct rh_unit *unit, size_t at)
{
    const struct rh_op *op = &unit->ops[at];
    const struct rh_value *value = find(render, op->path);
    if (op->kind == RH_OP_INVERTED) {
        if (is_false(value)) {
            run(render, unit, at + 1, op->index);
        }
    } else if (rh_value_kind(value) != RH_VALUE_LIST) {
        if (!is_false(value)) {
            run_with(render, value, unit, at + 1, op->index);
        }
    } else {
        for (const struct rh_value *item = rh_value_first(value);
             item != NULL && render->result == 0; item = rh_value_next(item)) {
            run_with(render, item, unit, at + 1, op->index);
        }
    }
}

/* A partial alone on its line is indented further; one within a line is written as it is. */
static void run_call(struct render *render, const struct rh_op *op)
{
    size_t base = render->indent_base;
    size_t count = render->indent_count;
    if (render->calls_left == 0) {
        render->result = RH_ETEMPLATE;
        return;
    }
    render->calls_left--;
    if (op->is_indented) {
        if (op->text.len > 0) {
            push_indent(render, op->text);
        }
    } else {
        render->indent_base = count;
        render->skips_indent = true;
    }
    const struct rh_unit *unit = &render->program->units[op->index];
    run(render, unit, 0, unit->count);
    render->skips_indent = false;
    render->indent_base = base;
    render->indent_count = count;
    render->calls_left++;
}

static void run_op(struct render *render, const struct rh_unit *unit, size_t at)
{
    const struct rh_op *op = &unit->ops[at];
    switch ((enum rh_op_kind)op->kind) {
    case RH_OP_TEXT:
        put_text(render, op->text);
        break;
    case RH_OP_INDENT:
        put_indent(render);
        break;
    case RH_OP_VALUE:
        render->skips_indent = false;
        rh_escape_write((enum rh_escape)op->escape, find(render, op->path), put, render);
        break;
    case RH_OP_SECTION:
    case RH_OP_INVERTED:
        run_section(render, unit, at);
        break;
    case RH_OP_CALL:
        run_call(render, op);
        break;
    case RH_OP_PUSH:
        push_indent(render, op->text);
        render->skips_indent = op->skips;
        break;
    case RH_OP_POP:
        render->indent_count--;
        render->skips_indent = false;
        break;
    }
}

static void run(struct render *render, const struct rh_unit *unit, size_t from, size_t to)
{
    if (render->recursion_left == 0) {
        render->result = RH_ETEMPLATE;
        return;
    }
    render->recursion_left--;
    size_t at = from;
    while (at < to && render->result == 0) {
        const struct rh_op *op = &unit->ops[at];
        if (render->steps_left == 0) {
            render->result = RH_ENOROOM;
            break;
        }
        render->steps_left--;
        run_op(render, unit, at);
        bool is_section = op->kind == RH_OP_SECTION || op->kind == RH_OP_INVERTED;
        at = is_section ? op->index : at + 1;
    }
    render->recursion_left++;
}

int rh_program_render(const struct rh_program *program, const struct rh_source *source,
                      const struct rh_value *data, const struct rh_render_limits *limits,
                      rh_sink_fn sink, void *sink_data)
{
    struct render render;
    const struct rh_unit *unit = &program->units[source->unit];
    render.program = program;
    render.sink = sink;
    render.sink_data = sink_data;
    render.bytes_left = limits->output_bytes_max;
    render.steps_left = limits->steps_max;
    render.calls_left = limits->depth_max;
    render.recursion_left = RECURSION_MAX;
    render.result = 0;
    render.context_depth = 0;
    render.indent_base = 0;
    render.indent_count = 0;
    render.skips_indent = false;
    render.used = 0;
    run_with(&render, data, unit, 0, unit->count);
    if (render.result == 0 && render.used > 0) {
        render.result = sink(sink_data, render.buffer, render.used);
    }
    return render.result;
}
