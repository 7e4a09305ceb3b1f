/* From trees to units. The compiler walks a template as a browser would read what it writes:
 * partials, parents and blocks are followed where they are used, because only there it is known
 * where their values stand and which blocks are replaced. So one file may become several units:
 * one for each place (template_place.h) and set of replaced blocks that it is used with. A unit
 * that is asked for while it is being compiled is a recursion: it is called, and must end where it
 * began. */
#include "template/program.h"

#include <stdlib.h>

#include "template/place.h"
#include "util/assert.h"

enum {
    PARTIALS_DEPTH_MAX = 64, /* partials within each other, not counting recursion */
    BLOCKS_DEPTH_MAX = 32,   /* blocks that are expanded within each other */
    UNITS_MAX = 20000,
    OPS_MAX = 4000000,
};

/* A block that replaces those of its name; the oldest of a name counts. */
struct binding {
    const struct binding *older;
    const struct rh_node *block;
};

/* What a unit was compiled for. */
struct use {
    struct use *next;
    const struct rh_source *source;
    const struct binding *bindings;
    struct rh_place begin;
    struct rh_place end;
    size_t unit;
    bool is_open;      /* being compiled */
    bool is_recursive; /* called while it was */
};

struct compiler {
    struct rh_program *program;
    struct rh_pool scratch; /* bindings and uses: gone after compiling */
    struct use *uses;
    struct rh_source *blamed; /* whose template is compiled: errors in partials are also its own */
    bool missing_is_error;
    unsigned depth;
    unsigned block_depth;
    unsigned block_base; /* where those of the unit being compiled begin */
    const struct rh_node *blocks[BLOCKS_DEPTH_MAX]; /* being expanded */
    size_t op_count;
};

/* What is compiled now. */
struct frame {
    size_t unit;
    const struct binding *bindings;
    struct rh_place place;
};

/* The error stands in the file where the byte is; the template that was compiled gets the same. */
static bool fail(struct compiler *compiler, const struct rh_node *node, const char *at,
                 const char *reason)
{
    struct rh_source blame = *node->source;
    blame.error = NULL;
    rh_source_complain(&blame, &compiler->program->pool, at, "%s", reason);
    if (compiler->blamed->error == NULL) {
        compiler->blamed->error = blame.error;
    }
    return false;
}

/* --- units --- */

static struct rh_op *emit(struct compiler *compiler, struct frame *frame, enum rh_op_kind kind,
                          const struct rh_node *node)
{
    struct rh_unit *unit = &compiler->program->units[frame->unit];
    if (unit->count == unit->room) {
        size_t room = unit->room == 0 ? 16 : unit->room * 2;
        struct rh_op *ops =
            compiler->op_count > OPS_MAX ? NULL : realloc(unit->ops, room * sizeof(*ops));
        if (ops == NULL) {
            fail(compiler, node, node->at,
                 compiler->op_count > OPS_MAX ? "the compiled templates grow too large"
                                              : "out of memory");
            return NULL;
        }
        unit->ops = ops;
        unit->room = room;
    }
    compiler->op_count++;
    struct rh_op *op = &unit->ops[unit->count++];
    memset(op, 0, sizeof(*op));
    op->kind = (uint8_t)kind;
    op->path = node->path;
    return op;
}

static bool create_unit(struct compiler *compiler, const struct rh_node *node, size_t *ret_unit)
{
    struct rh_program *program = compiler->program;
    if (program->unit_count == program->unit_room) {
        size_t room = program->unit_room == 0 ? 16 : program->unit_room * 2;
        struct rh_unit *units =
            room > UNITS_MAX ? NULL : realloc(program->units, room * sizeof(*units));
        if (units == NULL) {
            return node != NULL &&
                   fail(compiler, node, node->at,
                        room > UNITS_MAX ? "too many uses of partials" : "out of memory");
        }
        program->units = units;
        program->unit_room = room;
    }
    program->units[program->unit_count] = (struct rh_unit){NULL, 0, 0};
    *ret_unit = program->unit_count++;
    return true;
}

static const struct binding *binding_of(const struct binding *bindings, struct rh_slice name)
{
    for (; bindings != NULL; bindings = bindings->older) {
        if (rh_slice_equal(bindings->block->text, name)) {
            return bindings;
        }
    }
    return NULL;
}

static bool bindings_equal(const struct binding *a, const struct binding *b)
{
    while (a != NULL && b != NULL && a->block == b->block) {
        a = a->older;
        b = b->older;
    }
    return a == b || (a == NULL && b == NULL);
}

static bool compile_list(struct compiler *compiler, struct frame *frame,
                         const struct rh_node *node);

static struct use *find_use(struct compiler *compiler, const struct rh_source *source,
                            const struct frame *frame)
{
    for (struct use *use = compiler->uses; use != NULL; use = use->next) {
        if (use->source == source && rh_place_equal(&use->begin, &frame->place) &&
            bindings_equal(use->bindings, frame->bindings)) {
            return use;
        }
    }
    return NULL;
}

/* Compiles `source` for the place and the bindings of *frame; `node` is where it is asked for. */
static struct use *compile_use(struct compiler *compiler, struct rh_source *source,
                               const struct frame *frame, const struct rh_node *node)
{
    struct use *use = rh_pool_alloc(&compiler->scratch, sizeof(*use));
    struct frame inner = *frame;
    if (use == NULL || !create_unit(compiler, node, &inner.unit)) {
        return NULL;
    }
    use->source = source;
    use->bindings = frame->bindings;
    use->begin = frame->place;
    use->unit = inner.unit;
    use->is_open = true;
    use->next = compiler->uses;
    compiler->uses = use;
    if (++compiler->depth > PARTIALS_DEPTH_MAX) {
        fail(compiler, node, node->at, "partials nest too deeply");
        return NULL;
    }
    unsigned block_base = compiler->block_base;
    compiler->block_base = compiler->block_depth;
    bool is_compiled = compile_list(compiler, &inner, source->tree);
    compiler->block_base = block_base;
    compiler->depth--;
    use->end = inner.place;
    use->is_open = false;
    if (is_compiled && use->is_recursive && !rh_place_equal(&use->begin, &use->end)) {
        fail(compiler, node, node->at,
             "a partial that contains itself must end in the same place of the document");
        return NULL;
    }
    return is_compiled ? use : NULL;
}

/* --- nodes --- */

static bool compile_text(struct compiler *compiler, struct frame *frame, const struct rh_node *node)
{
    size_t at = 0;
    const char *refused = rh_place_feed(&frame->place, node->text, &at);
    if (refused != NULL) {
        return fail(compiler, node, node->text.base + at, refused);
    }
    struct rh_op *op = emit(compiler, frame, RH_OP_TEXT, node);
    if (op != NULL) {
        op->text = node->text;
    }
    return op != NULL;
}

static bool compile_value(struct compiler *compiler, struct frame *frame,
                          const struct rh_node *node)
{
    enum rh_escape escape = RH_ESCAPE_HTML;
    enum rh_place_tag tag = node->kind == RH_NODE_RAW    ? RH_PLACE_VALUE_RAW
                            : node->kind == RH_NODE_JSON ? RH_PLACE_VALUE_JSON
                                                         : RH_PLACE_VALUE;
    const char *refused = rh_place_value(&frame->place, tag, &escape);
    if (refused != NULL) {
        return fail(compiler, node, node->at, refused);
    }
    struct rh_op *op = emit(compiler, frame, RH_OP_VALUE, node);
    if (op != NULL) {
        op->escape = (uint8_t)escape;
    }
    return op != NULL;
}

/* The escape of each value must be the same in every turn of a list: text and URL rules may not
 * mix, but how far into a URL a value stands may differ, because each of those escapes is safe
 * after the other. */
static bool escapes_agree(const struct rh_op *a, const struct rh_op *b)
{
    bool a_is_url = a->escape >= RH_ESCAPE_URL && a->escape <= RH_ESCAPE_SRCSET;
    bool b_is_url = b->escape >= RH_ESCAPE_URL && b->escape <= RH_ESCAPE_SRCSET;
    return a->kind == b->kind && (a->kind != RH_OP_CALL || a->index == b->index) &&
           (a->escape == b->escape || (a_is_url && b_is_url));
}

/* Where a section ends elsewhere than it began, its second turn begins where the first ended:
 * compiles it again from there, only to see that it means the same. */
static bool check_second_turn(struct compiler *compiler, struct frame *frame,
                              const struct rh_node *node, size_t from)
{
    struct rh_place end = frame->place;
    size_t count = compiler->program->units[frame->unit].count;
    if (!compile_list(compiler, frame, node->children)) {
        return false;
    }
    struct rh_unit *unit = &compiler->program->units[frame->unit];
    bool agrees = unit->count - count == count - from;
    for (size_t i = from; agrees && i < count; i++) {
        agrees = escapes_agree(&unit->ops[i], &unit->ops[i + (count - from)]);
    }
    unit->count = count;
    if (!agrees) {
        return fail(compiler, node, node->at,
                    "the second turn of this section would stand in another place than the first");
    }
    if (rh_place_join(&end, &frame->place) != NULL) {
        return fail(compiler, node, node->at, "each turn of this section ends in another place");
    }
    frame->place = end;
    return true;
}

static bool compile_section(struct compiler *compiler, struct frame *frame,
                            const struct rh_node *node)
{
    bool is_inverted = node->kind == RH_NODE_INVERTED;
    size_t at = compiler->program->units[frame->unit].count;
    if (emit(compiler, frame, is_inverted ? RH_OP_INVERTED : RH_OP_SECTION, node) == NULL) {
        return false;
    }
    rh_place_enter(&frame->place);
    struct rh_place begin = frame->place;
    if (!compile_list(compiler, frame, node->children)) {
        return false;
    }
    struct rh_place joined = begin;
    const char *refused = rh_place_join(&joined, &frame->place);
    if (refused != NULL) {
        return fail(compiler, node, node->at, refused);
    }
    if (!is_inverted && !rh_place_equal(&begin, &frame->place)) {
        if (!check_second_turn(compiler, frame, node, at + 1)) {
            return false;
        }
        refused = rh_place_join(&joined, &frame->place);
    }
    if (refused != NULL) {
        return fail(compiler, node, node->at, refused);
    }
    frame->place = joined;
    struct rh_unit *unit = &compiler->program->units[frame->unit];
    unit->ops[at].index = (uint32_t)unit->count;
    return true;
}

static bool compile_call(struct compiler *compiler, struct frame *frame, const struct rh_node *node,
                         const struct binding *bindings)
{
    struct rh_source *source = rh_program_find(compiler->program, node->text);
    if (source == NULL) {
        return !compiler->missing_is_error ||
               fail(compiler, node, node->at, "there is no template of this name");
    }
    if (source->tree == NULL && source->error != NULL) {
        compiler->blamed->error = source->error;
        return false;
    }
    struct frame called = *frame;
    called.bindings = bindings;
    struct use *use = find_use(compiler, source, &called);
    if (use == NULL) {
        use = compile_use(compiler, source, &called, node);
        if (use == NULL) {
            return false;
        }
    }
    use->is_recursive = use->is_recursive || use->is_open;
    frame->place = use->is_open ? use->begin : use->end;
    struct rh_op *op = emit(compiler, frame, RH_OP_CALL, node);
    if (op != NULL) {
        op->index = (uint32_t)use->unit;
        op->is_indented = node->is_alone;
        op->text = node->indent;
    }
    return op != NULL;
}

/* What the parent is given joins what is bound already; that came from further outside and wins. */
static bool compile_parent(struct compiler *compiler, struct frame *frame,
                           const struct rh_node *node)
{
    const struct binding *bindings = frame->bindings;
    for (const struct rh_node *block = node->children; block != NULL; block = block->next) {
        if (binding_of(bindings, block->text) != NULL) {
            continue;
        }
        struct binding *binding = rh_pool_alloc(&compiler->scratch, sizeof(*binding));
        if (binding == NULL) {
            return fail(compiler, node, node->at, "out of memory");
        }
        binding->older = bindings;
        binding->block = block;
        bindings = binding;
    }
    return compile_call(compiler, frame, node, bindings);
}

static bool is_expanding(const struct compiler *compiler, const struct rh_node *block)
{
    for (unsigned i = compiler->block_base; i < compiler->block_depth; i++) {
        if (compiler->blocks[i] == block) {
            return true;
        }
    }
    return false;
}

/* The block's own content, or what it is replaced with; a replacement that holds a block of its
 * own name means the content there. */
static bool compile_block(struct compiler *compiler, struct frame *frame,
                          const struct rh_node *node)
{
    const struct binding *binding = binding_of(frame->bindings, node->text);
    if (binding == NULL || is_expanding(compiler, binding->block)) {
        return compile_list(compiler, frame, node->children);
    }
    const struct rh_node *block = binding->block;
    if (compiler->block_depth == BLOCKS_DEPTH_MAX) {
        return fail(compiler, node, node->at, "blocks nest too deeply");
    }
    struct rh_op *op = emit(compiler, frame, RH_OP_PUSH, node);
    if (op == NULL) {
        return false;
    }
    op->text = node->indent;
    op->skips = !node->is_alone && block->begins_on_line;
    if (node->is_alone && !block->begins_on_line &&
        emit(compiler, frame, RH_OP_INDENT, node) == NULL) {
        return false;
    }
    compiler->blocks[compiler->block_depth++] = block;
    bool is_compiled = compile_list(compiler, frame, block->children);
    compiler->block_depth--;
    return is_compiled && emit(compiler, frame, RH_OP_POP, node) != NULL;
}

static bool compile_node(struct compiler *compiler, struct frame *frame, const struct rh_node *node)
{
    switch ((enum rh_node_kind)node->kind) {
    case RH_NODE_TEXT:
        return compile_text(compiler, frame, node);
    case RH_NODE_INDENT:
        return emit(compiler, frame, RH_OP_INDENT, node) != NULL;
    case RH_NODE_VALUE:
    case RH_NODE_RAW:
    case RH_NODE_JSON:
        return compile_value(compiler, frame, node);
    case RH_NODE_SECTION:
    case RH_NODE_INVERTED:
        return compile_section(compiler, frame, node);
    case RH_NODE_PARTIAL:
        return compile_call(compiler, frame, node, frame->bindings);
    case RH_NODE_PARENT:
        return compile_parent(compiler, frame, node);
    case RH_NODE_BLOCK:
        return compile_block(compiler, frame, node);
    }
    return false;
}

static bool compile_list(struct compiler *compiler, struct frame *frame, const struct rh_node *node)
{
    for (; node != NULL; node = node->next) {
        if (!compile_node(compiler, frame, node)) {
            return false;
        }
    }
    return true;
}

/* --- sources --- */

static void compile_source(struct compiler *compiler, struct rh_source *source)
{
    struct rh_node anchor = {.source = source, .at = source->text.base};
    struct frame frame = {0, NULL, {0}};
    rh_place_init(&frame.place, source->is_html);
    compiler->blamed = source;
    compiler->depth = 0;
    compiler->block_depth = 0;
    compiler->block_base = 0;
    struct use *known = compiler->uses;
    struct use *use = find_use(compiler, source, &frame);
    if (use == NULL) {
        use = compile_use(compiler, source, &frame, &anchor);
    }
    if (use == NULL) {
        if (source->error == NULL) {
            source->error = "out of memory";
        }
        compiler->uses = known; /* what was begun is not whole, and what calls it neither */
        return;
    }
    source->unit = use->unit;
    const char *open = rh_place_finish(&use->end);
    if (open != NULL) {
        fail(compiler, &anchor, source->text.base + source->text.len, open);
    }
}

void rh_program_compile(struct rh_program *program, bool missing_is_error)
{
    struct compiler compiler = {.program = program, .missing_is_error = missing_is_error};
    rh_pool_init(&compiler.scratch);
    for (struct rh_source *source = program->sources; source != NULL; source = source->next) {
        rh_tree_parse(source, &program->pool);
    }
    for (struct rh_source *source = program->sources; source != NULL; source = source->next) {
        if (source->error == NULL && !source->is_partial_only) {
            compile_source(&compiler, source);
        }
        if (source->error != NULL) {
            rh_program_fail(program, source->error);
        }
    }
    rh_pool_fini(&compiler.scratch);
}
